// Loading, building, writing: the order of a build, for the leader and for those who follow.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_builder.hpp"

#include "core/build_plan.hpp"
#include "hnsw/hnsw_options.hpp"
#include "hnsw/hnsw_write_graph.hpp"
#include "pg/boundary.hpp"
#include "pg/test_points.hpp"

extern "C" {
#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
}

namespace quiver::hnsw {

namespace {

constexpr uint32_t kWritePages = core::kFirstOtherStep, kPagesWritten = kWritePages + 1;
constexpr uint64 kReportEvery = 64;  // rows read

// Shows how many nodes were inserted, or written; in the phase before, how many rows were read.
class LeaderInterrupt final : public pg::ServerInterrupt {
 public:
  void report(uint64_t done) override {
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(done));
  }
};

}  // namespace

void report_phase(BuildPhase phase, uint64 total) {
  const int parameters[] = {PROGRESS_CREATEIDX_SUBPHASE, PROGRESS_CREATEIDX_TUPLES_TOTAL,
                            PROGRESS_CREATEIDX_TUPLES_DONE};
  const int64 values[] = {phase, static_cast<int64>(total), 0};
  pgstat_progress_update_multi_param(lengthof(parameters), parameters, values);
}

core::BuildLayout layout_of(const BuildShared &shared) { return {shape_of(shared.meta), shared.plan}; }

struct Builder::GraphMemory {
  GraphMemory(MemoryContext context, const BuildShared &shared, void *block, core::SpillFiles *files)
      : memory(context),
        layout(layout_of(shared)),
        graph(shape_of(shared.meta), {ordering_metric(shared.meta), beam_for(shared.ef_construction)}, layout, block,
              &memory, files) {}
  pg::ContextResource memory;
  core::BuildLayout layout;
  core::BuildGraph graph;
};

Builder::Builder(const Place &place)
    : place_(place),
      memory_(place.context),
      ops_(types::index_ops_for(place.index)),
      rotation_(shape_of(place.shared->meta).has_codes() ? place.shared->meta.dimensions : 1,
                place.shared->meta.rotation_seed, &memory_),
      encoder_(shape_of(place.shared->meta), place.shared->meta.metric, rotation_, &memory_),
      row_context_(AllocSetContextCreate(place.context, "hnsw build row", ALLOCSET_DEFAULT_SIZES)) {
  const MemoryContext context = AllocSetContextCreate(place.context, "hnsw build graph", ALLOCSET_DEFAULT_SIZES);
  graph_memory_ = pg::make<GraphMemory>(context, context, *place.shared, place.block, place.files);
}

void Builder::run(Relation heap, IndexInfo *info, TableScanDesc scan) {
  if (place_.leads) report_phase(kLoadingTuples, 0);
  // Before the first block is taken: from then on the leader waits for this participant's rows.
  place_.shared->loading.fetch_add(1);
  const double rows = table_index_build_scan(heap, place_.index, info, true, place_.leads, heap_row, this, scan);
  place_.shared->heap_rows.fetch_add(static_cast<uint64>(rows));
  if (graph_memory_ != nullptr) complete_graph();
}

void Builder::heap_row(Relation, ItemPointer tid, Datum *values, bool *nulls, bool, void *builder) {
  if (nulls[0]) return;
  pg::enter([=] { static_cast<Builder *>(builder)->add_row(tid, values[0]); });
}

void Builder::add_row(ItemPointer tid, Datum value) {
  const MemoryContext caller = MemoryContextSwitchTo(row_context_);
  const core::VectorView vector = ops_.type->view(value);
  const RowId row = row_id(*tid);
  if (graph_memory_ != nullptr && encoder_.encode(vector) &&
      !graph_memory_->graph.add(encoder_.code(), encoder_.codes(), row)) {
    place_.shared->is_full.store(1);
    complete_graph();
    start_inserting();
  }
  if (inserter_ != nullptr) inserter_->insert(vector, row);
  const uint64 rows = place_.shared->rows.fetch_add(1) + 1;
  pg::test_point("build_row_loaded");
  if (place_.leads && rows % kReportEvery == 0)
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(rows));
  MemoryContextSwitchTo(caller);
  MemoryContextReset(row_context_);
}

// Makes the graph of what was collected and writes it, together with the others, and gives its memory back.
void Builder::complete_graph() {
  graph_memory_->graph.end_adding();
  place_.shared->loading.fetch_sub(1);
  place_.crew->wake_all();
  if (place_.leads)
    lead();
  else
    follow();
  const MemoryContext context = graph_memory_->memory.context();
  graph_memory_ = nullptr;
  MemoryContextDelete(context);
  if (place_.files != nullptr) place_.files->close();
}

void Builder::lead() {
  place_.crew->wait_until([this] { return place_.shared->loading.load() == 0; });
  const uint64 rows = place_.shared->rows.load();
  if (place_.shared->is_full.load() != 0)
    tell_of_full_block(rows);
  else if (place_.shared->plan.spills)
    tell_of_files(rows);
  core::BuildGraph &graph = graph_memory_->graph;
  LeaderInterrupt interrupt;
  report_phase(kBuildingGraph, place_.shared->plan.spills ? rows : Min(rows, place_.shared->plan.capacity));
  graph.finish(*place_.crew, interrupt);
  pg::guarded_test_point("build_graph_made");
  report_phase(kWritingPages, graph.size());
  write_pages(interrupt);
  pg::guarded_test_point("build_pages_written");
  place_.crew->announce(kPagesWritten);
}

// Windows begin where pages do.
void Builder::write_pages(core::Interrupt &interrupt) {
  core::BuildGraph &graph = graph_memory_->graph;
  GraphPages pages(place_.index, place_.shared->meta, graph, &memory_);
  pages.extend();
  for (size_t window = 0; window < graph.windows(); ++window) {
    graph.open_window(window, interrupt);
    const size_t before = pages.first_of_window();
    place_.crew->lead(kWritePages, pages.count_of_window(), GraphPages::kPagesPerRange, [&](size_t first, size_t last) {
      pages.write_nodes(before + first, before + last);
      interrupt.report(Min((before + graph.work()->done.load()) * graph.shape().slots_per_page, graph.size()));
    });
  }
  pages.write_rest(&place_.shared->meta);
}

void Builder::follow() {
  pg::ServerInterrupt interrupt;
  core::BuildGraph &graph = graph_memory_->graph;
  for (uint32_t step = place_.crew->follow(); step != kPagesWritten; step = place_.crew->follow()) {
    if (step != kWritePages) {
      graph.take_part(*place_.crew, static_cast<core::BuildStep>(step), interrupt);
      continue;
    }
    graph.begin_step();
    GraphPages pages(place_.index, place_.shared->meta, graph, &memory_);
    place_.crew->take_part(GraphPages::kPagesPerRange, [&](size_t first, size_t last) {
      pages.write_nodes(pages.first_of_window() + first, pages.first_of_window() + last);
    });
  }
}

void Builder::tell_of_full_block(uint64 rows) {
  pg::call([=] {
    ereport(NOTICE, (errmsg("hnsw graph no longer fits into maintenance_work_mem after " UINT64_FORMAT " tuples", rows),
                     errdetail("Building will take significantly more time."),
                     errhint("Increase maintenance_work_mem to speed up builds.")));
  });
}

// There may be fewer rows than were expected, in a partial index for instance.
void Builder::tell_of_files(uint64 rows) {
  const BuildShared &shared = *place_.shared;
  const core::NodeShape shape = shape_of(shared.meta);
  const auto participants = static_cast<size_t>(shared.participants);
  const core::BuildDemand demand = {static_cast<double>(rows), 0, beam_for(shared.ef_construction), 0, participants};
  const uint64 wanted = core::bytes_without_files(shape, ordering_metric(shared.meta), demand);
  const uint64 given = static_cast<uint64>(maintenance_work_mem) * 1024;
  if (wanted <= given || rows == 0) return;
  const uint64 fitting =
      static_cast<uint64>(static_cast<double>(rows) * static_cast<double>(given) / static_cast<double>(wanted));
  pg::call([=] {
    ereport(NOTICE,
            (errmsg("hnsw graph no longer fits into maintenance_work_mem after " UINT64_FORMAT " tuples", fitting),
             errdetail("Building goes on with temporary files and will take more time."),
             errhint("Increase maintenance_work_mem to " UINT64_FORMAT " MB to speed up builds.",
                     wanted / 1024 / 1024 + 1 + participants)));
  });
}

void Builder::start_inserting() {
  if (place_.leads) report_phase(kLoadingTuples, 0);
  OpenIndex opened;
  open_index(place_.index, true, &opened);
  inserter_ = pg::make<Inserter>(place_.context, opened, place_.shared->ef_construction, pg::Logging::at_end_of_build,
                                 place_.context);
}

}  // namespace quiver::hnsw
