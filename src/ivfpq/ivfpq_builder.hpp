// The parts of CREATE INDEX: a sample of the heap, and each participant's share of the rows.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <atomic>
#include <memory_resource>
#include <vector>

#include "core/kmeans.hpp"
#include "core/random.hpp"
#include "core/row_encoder.hpp"
#include "ivfpq/ivfpq_append.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "access/tableam.h"
#include "nodes/execnodes.h"
}

namespace quiver::ivfpq {

// Phases after the one that the server itself reports as 1, "initializing".
enum BuildPhase : int64 { kPerformingKMeans = 2, kAssigningTuples = 3 };
void report_phase(BuildPhase phase, uint64 total);

// Rows of random blocks of the heap, as lists compare them.
class Sampler {
 public:
  // At most so many rows.
  Sampler(Relation index, const MetaPage &meta, size_t rows, MemoryContext context);
  void run(Relation heap, IndexInfo *info);
  std::pmr::vector<float> &values() { return values_; }
  size_t rows() const { return values_.size() / dimensions_; }

 private:
  static void heap_row(Relation, ItemPointer, Datum *values, bool *nulls, bool, void *sampler);
  void add(Datum value);

  pg::ContextResource memory_;
  Relation index_;
  size_t dimensions_, wanted_, seen_ = 0;
  types::IndexOps ops_;
  core::Rotation rotation_;
  core::NodeShape own_;
  core::RowEncoder encoder_;
  core::Random random_;
  std::pmr::vector<float> values_, row_;
  MemoryContext row_context_;
};

// What participants share. Zero bytes, but for what the leader sets first.
struct LoadShared {
  uint32 lists, groups;
  std::atomic<uint64> rows;  // with a vector
  std::atomic<uint64> heap_rows;
};

// The centroids in memory that participants share: floats of the lists, of the groups, then where groups start.
Size tree_bytes(uint32 lists, uint32 groups, uint32 dimensions);
void copy_tree(const core::CentroidTree &tree, void *block);
core::CentroidTree tree_in(const void *block, uint32 lists, uint32 groups, uint32 dimensions);

// Reads its share of the heap, finds each row's list, a batch at a time, and appends it there.
class Loader {
 public:
  Loader(Relation index, LoadShared *shared, const core::CentroidTree &tree, bool leads, MemoryContext context);
  // All of the heap, or with `scan` this participant's share.
  void run(Relation heap, IndexInfo *info, TableScanDesc scan);

 private:
  struct Kept {
    RowId row;
    core::ScalarCode code;
  };
  static void heap_row(Relation, ItemPointer tid, Datum *values, bool *nulls, bool, void *loader);
  void add(ItemPointer tid, Datum value);
  void flush();

  pg::ContextResource memory_;
  OpenIndex index_;
  LoadShared *shared_;
  bool leads_;
  types::IndexOps ops_;
  core::RowEncoder encoder_;
  core::NearestCentroids nearest_;
  Appender appender_;
  size_t capacity_;  // of a batch
  std::pmr::vector<Kept> kept_;
  std::pmr::vector<float> values_;
  std::pmr::vector<uint8_t> codes_;
  std::pmr::vector<uint32> labels_;
  MemoryContext row_context_;
};

}  // namespace quiver::ivfpq
