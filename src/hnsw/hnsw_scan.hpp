// An index scan: ORDER BY column <operator> query, one row at a time.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>

#include "hnsw/hnsw_options.hpp"
#include "hnsw/hnsw_sweep.hpp"
#include "types/index_scan.hpp"

namespace quiver::hnsw {

// One execution of a scan, from the first row wanted to the rescan or end. Lives in a context of its own.
//
// Phases: browse the graph while it pays; sweep the rest in physical order; then hand out the rows that were found too
// late for their place. So every row of the index comes exactly once, in ascending order of bound but for those last.
class ScanRun {
 public:
  ScanRun(Relation relation, MemoryContext context);

  const core::NodeShape &shape() const { return index_.shape(); }
  // Begins with a query of as many dimensions.
  void start(const core::VectorView &query);

  // The same with what the server asks; tells whether that is NULL.
  void start(IndexScanDesc scan, bool *query_is_null);

  bool next(types::OrderedRow *row);

  // Lets go of the page read ahead. Call it before the run is dropped.
  void release_pin() {
    graph_.finish();
    if (heap_) heap_->close();
  }

 private:
  enum class Phase { browse, sweep, late, done };

  struct Expected {
    float reach;
    uint32 index;  // in what the browser found
    bool operator>(const Expected &other) const { return reach > other.reach; }
  };

  bool next_node();
  bool next_browsed();
  bool next_by_bound();
  bool next_measured();
  void expect(size_t rows);
  void measure_nearest();
  bool next_swept();
  bool next_late();
  void take(const FoundNode &node);
  bool is_certain(const core::Browser<PageGraph>::Found &found) const;
  bool is_late(double bound) const;
  void begin_sweep();
  const FoundNode *next_of_sweep();
  void finish_browsing();

  pg::ContextResource memory_;
  OpenIndex index_;
  core::NodeQuery query_;
  PageGraph graph_;
  core::Browser<PageGraph> browser_;
  Sweep sweep_;
  std::optional<types::HeapDistances> heap_;  // where own vectors are coarse: rows are measured before they go out
  // While browsing, heaps of what was found and not handed out: not measured yet, by reach, and measured.
  std::pmr::vector<Expected> expected_;
  std::pmr::vector<FoundNode> measured_;
  size_t expected_count_ = 0;         // of the browser's found nodes
  size_t unseen_ = 0;                 // measured, without a row that the scan sees
  std::pmr::vector<RowId> rows_;      // of the present node
  std::pmr::vector<NodeId> browsed_;  // nodes handed out while browsing; sorted when the sweep begins
  size_t row_position_ = 0;
  double bound_ = 0.0;       // of the present node
  bool is_certain_ = false;  // of the present node: the order of its row
  double last_bound_;        // largest handed out; of a row in certain order its ceiling
  double last_ceiling_;      // largest handed out
  double late_limit_ = 0.0;  // rows below it that the sweep passed over come at the end
  size_t nodes_ = 0;         // handed out
  IterativeScan mode_;
  size_t ef_search_;
  Phase phase_ = Phase::browse;
  bool has_direction_ = true;
};

}  // namespace quiver::hnsw
