// Sampling and loading.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_builder.hpp"

#include <algorithm>
#include <cmath>

#include "pg/boundary.hpp"
#include "pg/heap_sample.hpp"

extern "C" {
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "utils/backend_progress.h"
}

namespace quiver::ivfpq {

void report_phase(BuildPhase phase, uint64 total) {
  const int parameters[] = {PROGRESS_CREATEIDX_SUBPHASE, PROGRESS_CREATEIDX_TUPLES_TOTAL,
                            PROGRESS_CREATEIDX_TUPLES_DONE};
  const int64 values[] = {phase, static_cast<int64>(total), 0};
  pgstat_progress_update_multi_param(lengthof(parameters), parameters, values);
}

Sampler::Sampler(Relation index, const MetaPage &meta, size_t rows, MemoryContext context)
    : memory_(context),
      index_(index),
      dimensions_(meta.dimensions),
      wanted_(rows),
      ops_(types::index_ops_for(index)),
      rotation_(rotated_dimensions(meta), meta.rotation_seed, &memory_),
      own_(shape_of(meta).own),
      encoder_(own_, meta.metric, rotation_, &memory_),
      random_(pg_prng_uint64(&pg_global_prng_state)),
      values_(&memory_),
      row_(meta.dimensions, &memory_),
      row_context_(AllocSetContextCreate(context, "ivfpq sample row", ALLOCSET_DEFAULT_SIZES)) {}

// All rows of as many random blocks as should be enough; of more rows than wanted a fair choice.
void Sampler::run(Relation heap, IndexInfo *info) { pg::scan_sample(heap, index_, info, wanted_, heap_row, this); }

void Sampler::heap_row(Relation, ItemPointer, Datum *values, bool *nulls, bool, void *sampler) {
  if (nulls[0]) return;
  pg::enter([=] { static_cast<Sampler *>(sampler)->add(values[0]); });
}

void Sampler::add(Datum value) {
  const MemoryContext caller = MemoryContextSwitchTo(row_context_);
  const bool usable = encoder_.encode(ops_.type->view(value)) && std::isfinite(encoder_.code().error);
  MemoryContextSwitchTo(caller);
  MemoryContextReset(row_context_);
  if (!usable) return;
  if (seen_++ == 0) values_.reserve(wanted_ * dimensions_);
  size_t place = rows();
  if (place == wanted_ && (place = static_cast<size_t>(random_.below(seen_))) >= wanted_) return;
  encoder_.copy_values(row_.data());
  if (place == rows())
    values_.insert(values_.end(), row_.begin(), row_.end());
  else
    std::copy(row_.begin(), row_.end(), &values_[place * dimensions_]);
}

Size tree_bytes(uint32 lists, uint32 groups, uint32 dimensions) {
  const Size vectors = Size{lists} + groups;
  return vectors * dimensions * sizeof(float) + (Size{groups} + 1) * sizeof(uint32);
}

void copy_tree(const core::CentroidTree &tree, void *block) {
  auto *values = static_cast<float *>(block);
  const Size upper = tree.groups > 1 ? tree.groups : 0;
  std::copy_n(tree.centroids, tree.count * tree.dimensions, values);
  if (upper > 0) std::copy_n(tree.upper, upper * tree.dimensions, values + tree.count * tree.dimensions);
  memcpy(values + (tree.count + tree.groups) * tree.dimensions, tree.starts, (tree.groups + 1) * sizeof(uint32));
}

core::CentroidTree tree_in(const void *block, uint32 lists, uint32 groups, uint32 dimensions) {
  const auto *values = static_cast<const float *>(block);
  const float *upper = values + Size{lists} * dimensions;
  return {dimensions, lists, groups,
          values,     upper, reinterpret_cast<const uint32_t *>(upper + Size{groups} * dimensions)};
}

namespace {

constexpr size_t kBatchMemory = size_t{4} << 20;

OpenIndex opened(Relation index) {
  OpenIndex open;
  open_index(index, &open);
  return open;
}

size_t batch_rows(const MetaPage &meta) {
  return std::clamp<size_t>(kBatchMemory / (5 * size_t{meta.dimensions}), 32, core::NearestCentroids::kBatch);
}

}  // namespace

Loader::Loader(Relation index, LoadShared *shared, const core::CentroidTree &tree, bool leads, MemoryContext context)
    : memory_(context),
      index_(opened(index)),
      shared_(shared),
      leads_(leads),
      ops_(types::index_ops_for(index)),
      encoder_(index_.shape().own, index_.meta.metric, index_.cache->rotation, &memory_),
      nearest_(tree, &memory_),
      appender_(index_, pg::Logging::at_end_of_build, context),
      capacity_(batch_rows(index_.meta)),
      kept_(&memory_),
      values_(&memory_),
      codes_(&memory_),
      labels_(capacity_, &memory_),
      row_context_(AllocSetContextCreate(context, "ivfpq build row", ALLOCSET_DEFAULT_SIZES)) {
  kept_.reserve(capacity_);
  values_.reserve(capacity_ * index_.meta.dimensions);
  codes_.reserve(capacity_ * index_.shape().own.unpacked_bytes());
}

void Loader::run(Relation heap, IndexInfo *info, TableScanDesc scan) {
  const double rows = table_index_build_scan(heap, index_.relation, info, true, leads_, heap_row, this, scan);
  flush();
  shared_->heap_rows.fetch_add(static_cast<uint64>(rows));
}

void Loader::heap_row(Relation, ItemPointer tid, Datum *values, bool *nulls, bool, void *loader) {
  if (nulls[0]) return;
  pg::enter([=] { static_cast<Loader *>(loader)->add(tid, values[0]); });
}

void Loader::add(ItemPointer tid, Datum value) {
  const MemoryContext caller = MemoryContextSwitchTo(row_context_);
  const bool indexed = encoder_.encode(ops_.type->view(value));
  MemoryContextSwitchTo(caller);
  MemoryContextReset(row_context_);
  if (!indexed) return;
  const core::NodeShape &own = index_.shape().own;
  kept_.push_back({row_id(*tid), encoder_.code()});
  values_.resize(values_.size() + own.dimensions);
  encoder_.copy_values(&values_[values_.size() - own.dimensions]);
  codes_.insert(codes_.end(), encoder_.codes(), encoder_.codes() + own.unpacked_bytes());
  if (kept_.size() == capacity_) flush();
}

void Loader::flush() {
  const size_t d = index_.meta.dimensions, bytes = index_.shape().own.unpacked_bytes();
  nearest_.find(values_.data(), kept_.size(), labels_.data());
  for (size_t i = 0; i < kept_.size(); ++i)
    (void)appender_.append(labels_[i], {kept_[i].row, &values_[i * d], kept_[i].code, &codes_[i * bytes]});
  const uint64 rows = shared_->rows.fetch_add(kept_.size()) + kept_.size();
  if (leads_) pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(rows));
  kept_.clear();
  values_.clear();
  codes_.clear();
}

}  // namespace quiver::ivfpq
