// CREATE INDEX: centroids from a sample, then every row to its list, by the leader alone or with workers.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cmath>

#include "core/own_vector.hpp"
#include "ivfpq/ivfpq_builder.hpp"
#include "ivfpq/ivfpq_calibrate.hpp"
#include "ivfpq/ivfpq_codebook.hpp"
#include "ivfpq/ivfpq_internal.hpp"
#include "ivfpq/ivfpq_new_index.hpp"
#include "ivfpq/ivfpq_options.hpp"
#include "pg/boundary.hpp"
#include "pg/heap_sample.hpp"
#include "pg/parallel_build.hpp"
#include "pg/test_points.hpp"

extern "C" {
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
}

namespace quiver::ivfpq {

namespace {

// Rows that a centroid learns from, and the fewest that it should.
constexpr size_t kSampleRows = 64, kLeastSampleRows = 8;

class LeaderInterrupt final : public pg::ServerInterrupt {
 public:
  void report(uint64_t done) override {
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(done));
  }
};

// Rows to sample for so many lists, and words. Raises 54000 when there is no memory for a useful number.
size_t sample_rows(size_t lists, const MetaPage &meta) {
  const uint32 dimensions = meta.dimensions;
  const Size budget = static_cast<Size>(maintenance_work_mem) * 1024, row = Size{dimensions} * sizeof(float);
  const auto bytes = [&](size_t rows) { return core::KMeans::bytes(lists, dimensions, rows) + 2 * rows * row; };
  size_t rows = std::max(lists * kSampleRows, codebook_sample_rows(meta));
  while (rows > lists * kLeastSampleRows && bytes(rows) > budget) rows -= std::max<size_t>(1, rows / 8);
  if (lists > 1 && bytes(rows) > budget)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("memory required is %zu MB, maintenance_work_mem is %d MB", bytes(rows) / 1024 / 1024 + 1,
                           maintenance_work_mem / 1024),
                    errhint("Increase maintenance_work_mem, or choose fewer lists.")));
  return rows;
}

void tell_of_few_rows(Relation index, size_t rows, size_t lists) {
  if (rows >= lists) return;
  ereport(NOTICE, (errmsg("%s index created with little data", types::method_name(index)),
                   errdetail("This will cause low recall."), errhint("Drop the index until the table has more data.")));
}

// Centroids as lists will have them where that is less than they are.
core::CentroidTree rounded(const MetaPage &meta, core::CentroidTree tree, MemoryContext context) {
  const core::NodeShape own = shape_of(meta).own;
  if (own.is_scalar()) return tree;
  auto *memory = pg::make<pg::ContextResource>(context, context);
  auto *values = pg::make<std::pmr::vector<float>>(context, tree.count * tree.dimensions, memory);
  std::pmr::vector<uint8_t> codes(own.unpacked_bytes(), memory);
  for (size_t i = 0; i < tree.count; ++i) {
    const core::ScalarCode code = core::encode_own(own, tree.centroids + i * tree.dimensions, codes.data());
    core::decode_own(own, code, codes.data(), values->data() + i * tree.dimensions);
  }
  tree.centroids = values->data();
  return tree;
}

// Centroids of a sample; of one row that is zero when there are none.
core::CentroidTree choose_centroids(Relation heap, Relation index, IndexInfo *info, const MetaPage &meta, size_t lists,
                                    Sampler *sampler, MemoryContext context) {
  report_phase(kPerformingKMeans, lists);
  sampler->run(heap, info);
  if (meta.wanted_lists > 0) tell_of_few_rows(index, sampler->rows(), lists);
  auto *memory = pg::make<pg::ContextResource>(context, context);
  const core::KMeansOptions options{lists, meta.metric == core::Metric::cosine, 10,
                                    pg_prng_uint64(&pg_global_prng_state)};
  auto *kmeans = pg::make<core::KMeans>(context, meta.dimensions, options, memory);
  auto *interrupt = pg::make<LeaderInterrupt>(context);
  const auto *zero = static_cast<float *>(MemoryContextAllocZero(context, meta.dimensions * sizeof(float)));
  if (sampler->rows() > 0)
    kmeans->run(sampler->values().data(), sampler->rows(), *interrupt);
  else
    kmeans->run(zero, 1, *interrupt);
  return rounded(meta, kmeans->tree(), context);
}

// The words of the sample's residuals, as pages will hold them; of no use without pq. Overwrites the sample.
std::span<const float> choose_words(const MetaPage &meta, const core::CentroidTree &tree, Sampler *sampler,
                                    MemoryContext context) {
  if (meta.quantizer != Quantizer::pq) return {};
  auto *memory = pg::make<pg::ContextResource>(context, context);
  auto *book = pg::make<core::ProductBook>(context, product_shape(meta), memory);
  auto *interrupt = pg::make<pg::ServerInterrupt>(context);
  core::learn_words(book, tree, sampler->values().data(), sampler->rows(), *interrupt, memory);
  return *pg::make<std::pmr::vector<float>>(context, stored_codebook(*book, memory));
}

void load_alone(Relation heap, Relation index, IndexInfo *info, const core::CentroidTree &tree, LoadShared *shared,
                MemoryContext context) {
  pg::make<Loader>(context, index, shared, tree, true, context)->run(heap, info, nullptr);
}

// With workers. False, and nothing done, when none are to be had.
bool load_together(Relation heap, Relation index, IndexInfo *info, const core::CentroidTree &tree, LoadShared *shared,
                   MemoryContext context) {
  const int workers = compat::build_workers(heap, index, info);
  if (workers <= 0) return false;
  const auto lists = static_cast<uint32>(tree.count), groups = static_cast<uint32>(tree.groups);
  const Size bytes = tree_bytes(lists, groups, static_cast<uint32>(tree.dimensions));
  pg::Team *team = pg::make_team({heap, index, info, "ivfpq_build_worker", workers, sizeof(LoadShared), bytes});
  if (team == nullptr) return false;
  auto *common = static_cast<LoadShared *>(team->payload);
  common->lists = lists;
  common->groups = groups;
  copy_tree(tree, team->block);
  pg::launch_team(team);
  pg::make<Loader>(context, index, common, tree, true, context)->run(heap, info, pg::begin_team_scan(*team));
  pg::wait_for_team(team);
  shared->rows.store(common->rows.load());
  shared->heap_rows.store(common->heap_rows.load());
  pg::disband_team(team);
  return true;
}

void work(dsm_segment *segment, shm_toc *toc) {
  pg::Team *team = pg::join_team(segment, toc);
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ivfpq build", ALLOCSET_DEFAULT_SIZES);
  auto *shared = static_cast<LoadShared *>(team->payload);
  MetaPage meta;
  read_meta(team->index, &meta);
  const core::CentroidTree tree = tree_in(team->block, shared->lists, shared->groups, meta.dimensions);
  pg::make<Loader>(context, team->index, shared, tree, false, context)
      ->run(team->heap, team->info, pg::begin_team_scan(*team));
  MemoryContextDelete(context);
  pg::leave_team(team);
}

void record_rows(Relation index, uint64 rows) {
  const Buffer buffer = ReadBuffer(index, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index, buffer, pg::Logging::at_end_of_build);
  meta_of(change.page)->rows = rows;
  pg::finish_change(change);
}

}  // namespace

IndexBuildResult *build(Relation heap, Relation index, IndexInfo *info) {
  if (RelationGetNumberOfBlocks(index) != 0)
    elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
  MetaPage meta = make_meta(index);
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ivfpq build", ALLOCSET_DEFAULT_SIZES);
  const size_t lists = lists_for(meta, pg::estimate_rows(heap));
  auto *sampler = pg::make<Sampler>(context, index, meta, sample_rows(lists, meta), context);
  const core::CentroidTree tree = choose_centroids(heap, index, info, meta, lists, sampler, context);
  const std::span<const float> codebook = choose_words(meta, tree, sampler, context);
  meta.lists = static_cast<uint32>(tree.count);
  pg::test_point("lists_centroids_chosen");
  write_empty_lists(index, meta, tree.centroids, codebook);
  pg::test_point("lists_empty_written");
  report_phase(kAssigningTuples, 0);
  auto *shared = static_cast<LoadShared *>(MemoryContextAllocZero(context, sizeof(LoadShared)));
  if (!load_together(heap, index, info, tree, shared, context)) load_alone(heap, index, info, tree, shared, context);
  record_rows(index, shared->rows.load());
  pg::test_point("lists_loaded");
  calibrate(index, heap, pg::Logging::at_end_of_build);
  pg::test_point("lists_calibrated");
  if (RelationNeedsWAL(index)) log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
  pg::test_point("lists_logged");
  auto *result = static_cast<IndexBuildResult *>(palloc(sizeof(IndexBuildResult)));
  result->heap_tuples = static_cast<double>(shared->heap_rows.load());
  result->index_tuples = static_cast<double>(shared->rows.load());
  MemoryContextDelete(context);
  return result;
}

const char *build_phase_name(int64 phase) {
  switch (phase) {
    case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
      return "initializing";
    case kPerformingKMeans:
      return "performing k-means";
    case kAssigningTuples:
      return "assigning tuples";
    default:
      return nullptr;
  }
}

}  // namespace quiver::ivfpq

QUIVER_WORKER(ivfpq_build_worker) { quiver::ivfpq::work(segment, toc); }
