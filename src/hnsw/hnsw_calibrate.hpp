// The recall curve of an index, measured on its pages and kept in the meta page.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <vector>

#include "core/calibration.hpp"
#include "core/random.hpp"
#include "hnsw/hnsw_page_graph.hpp"
#include "pg/page_stream.hpp"

namespace quiver::hnsw {

// Searches for a sample of the index's own rows, each as if it were not there, beside the truth from one pass over all
// pages. Lives in a context; no lock is held for longer than a page takes to copy.
class Calibrator {
 public:
  Calibrator(const OpenIndex &index, MemoryContext context);

  // Understates recall a little, because what led to the row now leads nowhere. Not measured when the index is too
  // small to tell.
  core::RecallCurve measure();

 private:
  struct Sample {
    NodeId id;
    uint32 known;  // of `nearest`, ascending
    float nearest[core::kCalibratedRows];
  };

  void choose_samples();
  void find_truth();
  bool copy_page(Buffer buffer);
  BlockNumber copy_next(pg::PageStream *pages);
  bool copy_slot(BlockNumber block, uint32 place, core::ScalarCode *code);
  void compare(NodeId id, const core::ScalarCode &code);
  void follow(const Sample &sample, core::CurveMeasurement *measurement);

  pg::ContextResource memory_;
  const OpenIndex &index_;
  core::Random random_;
  BlockNumber blocks_;
  PGAlignedBlock page_;
  std::pmr::vector<uint8_t> codes_;  // of one slot, unpacked
  std::pmr::vector<Sample> samples_;
  std::pmr::vector<core::NodeQuery> queries_;  // one for each sample
  uint64 live_nodes_ = 0;
};

// Whether the index has changed so much since its curve was measured that vacuum should measure it again.
bool is_curve_stale(const OpenIndex &index);

// Measures the curve and writes it into the meta page.
void calibrate(Relation index, pg::Logging logging);

}  // namespace quiver::hnsw
