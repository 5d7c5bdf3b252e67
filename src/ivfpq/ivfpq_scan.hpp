// An index scan: lists in order of their centroids, rows in ascending order of a guaranteed bound.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <limits>
#include <memory_resource>
#include <optional>
#include <vector>

#include "core/least_items.hpp"
#include "core/list_code.hpp"
#include "core/ordered_passes.hpp"
#include "ivfpq/ivfpq_index.hpp"
#include "ivfpq/ivfpq_options.hpp"
#include "ivfpq/ivfpq_ranking.hpp"
#include "types/index_rows.hpp"
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
  void release_pin() {
    if (heap_) heap_->close();
  }

 private:
  enum class Phase { probe, sweep, late, done };

  // A row whose code, or without codes own vector, lets it be near: at least so far away, all but surely.
  struct Candidate {
    float low = -std::numeric_limits<float>::infinity();
    BlockNumber codes = kMetaBlock, vectors = kMetaBlock;  // its pages, see vectors_block
    uint32 lane = 0;
    bool operator<(const Candidate &other) const {
      return low != other.low ? low < other.low : lane_key(codes, lane) < lane_key(other.codes, other.lane);
    }
  };
  // A row that was measured.
  struct Found {
    double bound;
    float distance;
    BlockNumber codes;
    uint32 lane;
    bool operator<(const Found &other) const {  // a min-heap
      return bound != other.bound ? bound > other.bound : lane_key(codes, lane) > lane_key(other.codes, other.lane);
    }
  };
  struct SweptRow {
    double bound;
    RowId row;
    bool operator<(const SweptRow &other) const {
      return bound != other.bound ? bound < other.bound : row_key(row) < row_key(other.row);
    }
  };
  // What estimating the rows of a list takes.
  struct ListScan {
    uint32 list;
    BlockNumber after;  // first page of the list that comes next
    float own, width;   // see simd::Kernels::estimate_block
    Candidate passed;   // rows up to it were candidates in an earlier round
  };
  // The lists that one round was the first to read, up to this rank; their rows up to `taken` have been measured.
  struct RoundLists {
    size_t end;
    Candidate taken;
  };

  bool next_probed(types::OrderedRow *row);
  bool next_swept(types::OrderedRow *row);
  bool next_late(types::OrderedRow *row);
  bool hand_out(const Found &found, types::OrderedRow *row);
  bool look_further();
  size_t choose_first_lists();
  void scan_lists(size_t lists, size_t rows, size_t candidates);
  void scan_list(size_t rank, const Candidate &passed);
  void note_taken();
  BlockNumber scan_page(const ListScan &list, BlockNumber block);
  void collect(Page page, BlockNumber block, uint32 first, const float *lows, const ListScan &list);
  void read_candidate(const Candidate &candidate);
  bool measure_stored(const Candidate &candidate, core::Reading *reading);
  bool measure_in_heap(const Candidate &candidate, core::Reading *reading);
  void expect_vector(const Candidate &candidate) const;
  void fetch_early();
  RowId stored_row(BlockNumber codes, uint32 lane) const;
  void note_farthest(float high);
  bool memory_is_used_up() const;
  void begin_sweep();
  void sweep_index();
  BlockNumber sweep_page(BlockNumber block, uint32 list);
  bool sweep_row(Page vectors, uint32 lane, SweptRow *swept);
  bool was_handed_out(RowId row) const;

  pg::ContextResource memory_;
  OpenIndex index_;
  CacheHold hold_;  // lists stay as they were when the scan began
  const Settings &settings_;
  std::optional<types::HeapDistances> heap_;  // where the index keeps no vectors
  core::VectorQuery query_;
  core::PreparedListQuery tables_;
  std::pmr::vector<uint8_t> unpacked_;
  ListRanking ranking_;
  size_t first_lists_ = 0, probed_ = 0;
  core::LeastItems<Candidate> candidates_;
  size_t wanted_ = 0;              // rows that the round is made for
  std::pmr::vector<float> highs_;  // of those it met, the nearest at most so far away, all but surely; a heap
  Candidate passed_;               // the largest that a round let pass, if rows beyond it were left for later ones
  bool has_left_ = false;          // some were
  Candidate taken_;                // the last that was measured since then
  std::pmr::vector<RoundLists> rounds_;
  std::pmr::vector<Found> found_;  // a heap
  std::pmr::vector<Found> late_;
  std::pmr::vector<uint64> handed_out_;  // keys of rows; sorted once the sweep begins
  core::OrderedPasses<SweptRow> passes_;
  double last_bound_;
  double late_limit_;
  size_t round_ = 0;
  size_t fetched_ = 0;  // candidates that follow the present one and were asked for early
  size_t late_position_ = 0;
  IterativeScan mode_;
  Phase phase_ = Phase::probe;
  bool has_direction_ = true;
};

}  // namespace quiver::ivfpq
