// CREATE INDEX: who takes part, with how much memory, and where it ends in the log.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

#include "core/build_plan.hpp"
#include "hnsw/hnsw_builder.hpp"
#include "hnsw/hnsw_calibrate.hpp"
#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_new_index.hpp"
#include "hnsw/hnsw_options.hpp"
#include "hnsw/hnsw_survey.hpp"
#include "pg/boundary.hpp"
#include "pg/heap_sample.hpp"
#include "pg/parallel_build.hpp"
#include "pg/temp_files.hpp"
#include "pg/test_points.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xloginsert.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
}

namespace quiver::hnsw {

namespace {

// Memory that a participant needs besides the block.
constexpr Size kFixedBytes = 512 * 1024;

Size block_budget(int participants) {
  const Size budget = static_cast<Size>(maintenance_work_mem) * 1024;
  const Size fixed = kFixedBytes * static_cast<Size>(participants);
  return budget > 2 * fixed ? budget - fixed : budget / 2;
}

// Settles who builds with what. `most_rows`: to make room for, `rows`: to be expected.
void plan(BuildShared *shared, double rows, double most_rows, int participants) {
  const core::BuildDemand demand = {rows, most_rows, beam_for(shared->ef_construction), block_budget(participants),
                                    static_cast<size_t>(participants)};
  shared->participants = participants;
  shared->plan = core::plan_build(shape_of(shared->meta), ordering_metric(shared->meta), demand);
}

// What the leader owes to the others.
void hand_over(const BuildShared &from, BuildShared *to) {
  to->meta = from.meta;
  to->ef_construction = from.ef_construction;
  to->participants = from.participants;
  to->plan = from.plan;
}

void take_part(const Builder::Place &place, Relation heap, IndexInfo *info, TableScanDesc scan) {
  pg::make<Builder>(place.context, place)->run(heap, info, scan);
}

// By the leader alone. Memory that no row takes is never touched, so that the block may be as large as the heap's pages
// could need.
void build_alone(Relation heap, Relation index, IndexInfo *info, BuildShared *shared, MemoryContext context) {
  const double most_rows = static_cast<double>(RelationGetNumberOfBlocks(heap)) * MaxHeapTuplesPerPage;
  plan(shared, pg::estimate_rows(heap), most_rows, 1);
  // The block goes with the context, so what it came from has to last as long.
  auto *memory = pg::make<pg::ContextResource>(context, context);
  const core::BuildLayout layout = layout_of(*shared);
  auto *block = pg::make<core::PrivateBlock>(context, layout, memory);
  auto *crew = pg::make<core::SoloCrew>(context, &static_cast<core::BuildHeader *>(block->get())->work);
  auto *files = pg::make<pg::TempFiles>(context);
  take_part({index, shared, block->get(), files, crew, true, context}, heap, info, nullptr);
}

// With workers. False, and nothing done, when none are to be had.
bool build_together(Relation heap, Relation index, IndexInfo *info, BuildShared *shared, MemoryContext context) {
  const int workers = compat::build_workers(heap, index, info);
  if (workers <= 0) return false;
  const double rows = pg::estimate_rows(heap);
  plan(shared, rows, rows, workers + 1);
  const Size bytes = layout_of(*shared).bytes();
  pg::Team *team = pg::make_team({heap, index, info, "hnsw_build_worker", workers, sizeof(BuildShared), bytes});
  if (team == nullptr) return false;
  auto *common = static_cast<BuildShared *>(team->payload);
  hand_over(*shared, common);
  auto *header = static_cast<core::BuildHeader *>(team->block);
  memset(team->block, 0, sizeof *header);
  auto *files =
      common->plan.spills ? pg::make<pg::TempFiles>(context, team->files, pg::TempFiles::Role::makes) : nullptr;
  pg::launch_team(team);
  pg::test_point("build_team_launched");
  auto *crew = pg::make<pg::TeamCrew>(context, &header->work, team->changed);
  take_part({index, common, team->block, files, crew, true, context}, heap, info, pg::begin_team_scan(*team));
  pg::wait_for_team(team);
  shared->rows.store(common->rows.load());
  shared->heap_rows.store(common->heap_rows.load());
  pg::disband_team(team);
  return true;
}

void work(dsm_segment *segment, shm_toc *toc) {
  pg::Team *team = pg::join_team(segment, toc);
  pg::test_point("build_team_joined");
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build", ALLOCSET_DEFAULT_SIZES);
  auto *header = static_cast<core::BuildHeader *>(team->block);
  auto *crew = pg::make<pg::TeamCrew>(context, &header->work, team->changed);
  auto *shared = static_cast<BuildShared *>(team->payload);
  auto *files =
      shared->plan.spills ? pg::make<pg::TempFiles>(context, team->files, pg::TempFiles::Role::joins) : nullptr;
  take_part({team->index, shared, team->block, files, crew, false, context}, team->heap, team->info,
            pg::begin_team_scan(*team));
  MemoryContextDelete(context);
  pg::test_point("build_worker_done");
  pg::leave_team(team);
}

}  // namespace

IndexBuildResult *build(Relation heap, Relation index, IndexInfo *info) {
  if (RelationGetNumberOfBlocks(index) != 0)
    elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
  MetaPage meta = make_meta(index, survey_elements(heap, index, info));
  meta.one_length = survey_lengths(heap, index, info, meta);
  write_first_meta_page(index, meta);
  pg::test_point("build_meta_written");
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build", ALLOCSET_DEFAULT_SIZES);
  auto *shared = static_cast<BuildShared *>(MemoryContextAllocZero(context, sizeof(BuildShared)));
  shared->meta = meta;
  shared->ef_construction = meta.ef_construction;
  if (!build_together(heap, index, info, shared, context)) build_alone(heap, index, info, shared, context);
  report_phase(kMeasuringRecall, 0);
  calibrate(index, pg::Logging::at_end_of_build);
  pg::test_point("build_complete");
  if (RelationNeedsWAL(index)) log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
  pg::test_point("build_logged");
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
    case kLoadingTuples:
      return "loading tuples";
    case kBuildingGraph:
      return "building graph";
    case kWritingPages:
      return "writing pages";
    case kMeasuringRecall:
      return "measuring recall";
    default:
      return nullptr;
  }
}

}  // namespace quiver::hnsw

QUIVER_WORKER(hnsw_build_worker) { quiver::hnsw::work(segment, toc); }
