// An index scan: lists in order of their centroids, rows in ascending order of a guaranteed bound.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <limits>
#include <memory_resource>
#include <vector>

#include "core/list_code.hpp"
#include "core/ordered_passes.hpp"
#include "ivfpq/ivfpq_index.hpp"
#include "ivfpq/ivfpq_options.hpp"
#include "types/index_scan.hpp"

namespace quiver::ivfpq {

// One execution of a scan. Lives in a context of its own.
//
// Phases: probe lists, more of them each time the executor has used up what they gave; when memory is used up, sweep
// the whole index for the rest in order; then hand out the rows that were found too late for their place. So every row
// of the index comes exactly once, in ascending order of bound but for those last.
class ScanRun {
 public:
  ScanRun(Relation relation, MemoryContext context);

  void start(IndexScanDesc scan, bool *query_is_null);
  bool next(types::OrderedRow *row);
  void release_pin() {}

 private:
  enum class Phase { probe, sweep, late, done };

  // A page of codes that was read. Its lanes' estimates stand in lows_ from `first`.
  struct PageSpan {
    BlockNumber block;
    uint32 first;
    uint32 vectors;  // in vector_blocks_
  };
  struct Candidate {
    float low;     // least distance that its code allows, all but surely
    uint32 place;  // in lows_
  };
  // A row whose own vector was read.
  struct Found {
    double bound;
    float distance;
    uint32 place;
    bool operator<(const Found &other) const {
      return bound > other.bound || (bound == other.bound && place > other.place);  // a min-heap
    }
  };
  struct SweptRow {
    double bound;
    BlockNumber block;
    uint32 lane;
    RowId row;
    bool operator<(const SweptRow &other) const {
      return bound != other.bound   ? bound < other.bound
             : block != other.block ? block < other.block
                                    : lane < other.lane;
    }
  };

  bool next_probed(types::OrderedRow *row);
  bool next_swept(types::OrderedRow *row);
  bool next_late(types::OrderedRow *row);
  bool hand_out(uint32 place, double bound, types::OrderedRow *row);
  bool look_further();
  void order_lists(size_t wanted);
  void scan_list(uint32 list);
  BlockNumber scan_page(BlockNumber block, uint32 list, float own, float width);
  void choose_candidates(size_t wanted);
  void read_candidate(const Candidate &candidate);
  const PageSpan &span_of(uint32 place) const;
  bool memory_is_used_up() const;
  void begin_sweep();
  void sweep_index();
  BlockNumber sweep_page(BlockNumber block, uint32 list);
  bool was_handed_out(BlockNumber block, uint32 lane) const;
  core::Reading read_vector(core::ScalarCode *vector);

  pg::ContextResource memory_;
  OpenIndex index_;
  CacheHold hold_;  // lists stay as they were when the scan began
  const Settings &settings_;
  const simd::Kernels &kernels_;
  core::OwnQuery query_;
  core::PreparedListQuery tables_;
  std::pmr::vector<uint8_t> unpacked_;
  struct RankedList {
    float distance;
    uint32 list;
    bool operator<(const RankedList &other) const {
      return distance != other.distance ? distance < other.distance : list < other.list;
    }
  };
  std::pmr::vector<RankedList> lists_;  // the first ordered_ in order
  size_t ordered_ = 0, probed_ = 0;
  std::pmr::vector<float> lows_;  // of every lane of the pages read; infinite once its vector was read
  std::pmr::vector<PageSpan> pages_;
  std::pmr::vector<BlockNumber> vector_blocks_;
  std::pmr::vector<Candidate> candidates_;  // in ascending order from next_candidate_
  size_t next_candidate_ = 0;
  float candidates_limit_ = -std::numeric_limits<float>::infinity();  // lows beyond it were left for later rounds
  std::pmr::vector<Found> found_;                                     // a heap
  std::pmr::vector<Found> late_;
  std::pmr::vector<uint64> handed_out_;  // block and lane; sorted once the sweep begins
  core::OrderedPasses<SweptRow> passes_;
  double last_bound_;
  double late_limit_;
  size_t round_ = 0;
  size_t late_position_ = 0;
  IterativeScan mode_;
  Phase phase_ = Phase::probe;
  bool has_direction_ = true;
};

}  // namespace quiver::ivfpq
