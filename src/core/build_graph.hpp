// The graph while CREATE INDEX runs: vectors in 8 bits, neighbours as 32-bit ids, no pointers.
// SPDX-License-Identifier: PostgreSQL
//
// Invariants:
//  1. Ids are dense, in order of insertion; a list holds ids of other nodes, none twice.
//  2. A list never exceeds kSlack times the lanes of the final node; finish() brings it down to the lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/graph_browser.hpp"
#include "core/interrupt.hpp"
#include "core/node_format.hpp"
#include "core/random.hpp"
#include "core/robust_prune.hpp"

namespace quiver::core {

struct BuildOptions {
  size_t beam;      // candidates that an insertion visits at least
  size_t capacity;  // rows that will be offered at most
  size_t budget;    // bytes that the graph may take
};

// Incremental insertion: search, prune, reverse edges. One thread.
class BuildGraph {
 public:
  BuildGraph(const NodeShape &shape, const BuildOptions &options, std::pmr::memory_resource *memory);

  // Inserts a row by its own code, `codes` one byte per axis. False, and nothing is changed, when the budget is spent.
  bool add(const ScalarCode &code, const uint8_t *codes, RowId row);

  // Prunes and fills every list to at most shape.lanes neighbours and links what no entry reaches.
  void finish(Interrupt &interrupt);

  size_t size() const { return size_; }
  const NodeShape &shape() const { return shape_; }
  const ScalarCode &scalar_code(NodeId id) const { return *reinterpret_cast<const ScalarCode *>(record(id)); }
  const uint8_t *codes(NodeId id) const { return record(id) + sizeof(ScalarCode); }  // one byte per axis
  std::span<const NodeId> neighbours(NodeId id) const { return {&lists_[id * list_capacity_], counts_[id]}; }
  RowId row(NodeId id) const { return rows_[id]; }
  std::span<const NodeId> entries() const { return entries_; }

  // Rows whose own code equals that of an earlier node, in ascending order of node after finish().
  struct ExtraRow {
    NodeId node;
    RowId row;
  };
  std::span<const ExtraRow> extra_rows() const { return extra_rows_; }

  // The Graph that insertion browses; see graph_browser.hpp.
  class View {
   public:
    struct Payload {};
    explicit View(const BuildGraph &graph) : graph_(graph) {}
    void aim(const ScalarCode *code, const uint8_t *codes) {
      code_ = code;
      codes_ = codes;
    }
    template <class Sink>
    void entries(Sink &sink) const;
    template <class Sink>
    Visit expand(NodeId id, float estimate, Sink &sink, Payload *payload) const;
    float horizon_shift() const { return 0.0f; }
    float distance_to(NodeId id) const;

   private:
    const BuildGraph &graph_;
    const ScalarCode *code_ = nullptr;
    const uint8_t *codes_ = nullptr;
  };

 private:
  static constexpr size_t kSlackPercent = 130;  // a list is pruned only when this much too long
  static constexpr size_t kBestEntries = 4;

  const uint8_t *record(NodeId id) const { return &records_[id * record_bytes_]; }
  float distance(NodeId a, NodeId b) const;
  void prefetch_record(NodeId id) const;
  bool merge_duplicate(NodeId id, RowId row);
  void link(NodeId id);
  void add_reverse_edge(NodeId from, NodeId to);
  void prune_list(NodeId id, size_t wanted);
  void fill_list(NodeId id);
  void sample_entry(NodeId id);
  void link_unreachable(Interrupt &interrupt);
  void mark_reachable(std::pmr::vector<uint8_t> &reached, std::pmr::vector<NodeId> &queue, Interrupt &interrupt);

  NodeShape shape_;
  size_t beam_;
  size_t capacity_;
  size_t list_capacity_;
  size_t record_bytes_;
  size_t size_ = 0;
  std::pmr::vector<uint8_t> records_;  // ScalarCode, then codes, per node
  std::pmr::vector<NodeId> lists_;
  std::pmr::vector<uint16_t> counts_;
  std::pmr::vector<RowId> rows_;
  std::pmr::vector<ExtraRow> extra_rows_;
  std::pmr::vector<NodeId> entries_;
  std::pmr::vector<PruneCandidate> candidates_;
  std::pmr::vector<NodeId> ids_;
  Random random_{0x71756976u};
  View view_;
  Browser<View> browser_;
};

}  // namespace quiver::core
