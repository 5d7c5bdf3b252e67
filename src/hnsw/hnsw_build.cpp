// CREATE INDEX: the graph in memory while it fits maintenance_work_mem, then its pages; further rows go to the pages.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

#include "core/build_graph.hpp"
#include "core/row_encoder.hpp"
#include "hnsw/hnsw_insert.hpp"
#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_options.hpp"
#include "hnsw/hnsw_write_graph.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "storage/bufmgr.h"
#include "utils/backend_progress.h"
}

namespace quiver::hnsw {

namespace {

// After the phase that core itself reports as 1, "initializing".
enum BuildPhase : int64 { kLoadingTuples = 2, kBuildingGraph = 3, kWritingPages = 4 };

// Memory that a build needs besides the graph.
constexpr Size kFixedBytes = 512 * 1024;

// The graph with the context that holds it, so that its memory can be given back before the build ends.
struct GraphMemory {
  GraphMemory(MemoryContext context, const core::NodeShape &shape, const core::BuildOptions &options)
      : memory(context), graph(shape, options, &memory) {}
  pg::ContextResource memory;
  core::BuildGraph graph;
};

GraphMemory *make_graph(MemoryContext parent, const core::NodeShape &shape, const core::BuildOptions &options) {
  const MemoryContext context = AllocSetContextCreate(parent, "hnsw build graph", ALLOCSET_DEFAULT_SIZES);
  return pg::make<GraphMemory>(context, context, shape, options);
}

// Everything of one CREATE INDEX. Lives in a context of its own.
struct BuildState {
  BuildState(Relation index_relation, const MetaPage &meta_page, const core::BuildOptions &options,
             MemoryContext context)
      : memory(context),
        index(index_relation),
        meta(meta_page),
        ops(types::index_ops_for(index_relation)),
        rotation(shape_of(meta).has_codes() ? meta.dimensions : 1, meta.rotation_seed, &memory),
        encoder(shape_of(meta), meta.metric, rotation, &memory),
        graph_memory(make_graph(context, shape_of(meta), options)),
        row_context(AllocSetContextCreate(context, "hnsw build row", ALLOCSET_DEFAULT_SIZES)) {}

  pg::ContextResource memory;
  Relation index;
  MetaPage meta;
  types::IndexOps ops;
  core::Rotation rotation;
  core::RowEncoder encoder;
  GraphMemory *graph_memory;     // null once the graph has been written
  Inserter *inserter = nullptr;  // for rows after that
  MemoryContext row_context;
  double rows = 0.0;
};

void report_phase(BuildPhase phase) { pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase); }

// Shows how many nodes were inserted; in the phase before, how many rows were read.
class BuildInterrupt final : public pg::ServerInterrupt {
 public:
  void report(uint64_t done) override {
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64_t>(done));
  }
};

// Builds the graph, writes its pages and gives its memory back.
void write_out(BuildState *state) {
  report_phase(kBuildingGraph);
  BuildInterrupt interrupt;
  core::BuildGraph &graph = state->graph_memory->graph;
  graph.finish(interrupt);
  report_phase(kWritingPages);
  write_graph(state->index, &state->meta, graph);
  const MemoryContext context = state->graph_memory->memory.context();
  state->graph_memory = nullptr;
  MemoryContextDelete(context);
}

// Writes the graph so far and goes on by inserting into its pages.
void continue_on_pages(BuildState *state) {
  ereport(NOTICE, (errmsg("hnsw graph no longer fits into maintenance_work_mem after %.0f tuples", state->rows),
                   errdetail("Building will take significantly more time."),
                   errhint("Increase maintenance_work_mem to speed up builds.")));
  write_out(state);
  report_phase(kLoadingTuples);
  OpenIndex opened;
  open_index(state->index, true, &opened);
  const MemoryContext context = state->memory.context();
  state->inserter =
      pg::make<Inserter>(context, opened, option_ef_construction(state->index), pg::Logging::at_end_of_build, context);
}

void add_row_of_heap(BuildState *state, ItemPointer tid, Datum value) {
  const MemoryContext caller = MemoryContextSwitchTo(state->row_context);
  const core::VectorView vector = state->ops.type->view(value);
  const RowId row = row_id(*tid);
  if (state->inserter == nullptr && state->encoder.encode(vector) &&
      !state->graph_memory->graph.add(state->encoder.code(), state->encoder.codes(), row))
    continue_on_pages(state);
  if (state->inserter != nullptr) state->inserter->insert(vector, row);
  state->rows += 1.0;
  MemoryContextSwitchTo(caller);
  MemoryContextReset(state->row_context);
  pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, static_cast<int64>(state->rows));
}

void heap_row(Relation, ItemPointer tid, Datum *values, bool *nulls, bool, void *state) {
  if (nulls[0]) return;
  pg::enter([=] { add_row_of_heap(static_cast<BuildState *>(state), tid, values[0]); });
}

// `sparse_elements`: how many a sparse own vector should hold.
core::NodeShape choose_shape(const types::IndexOps &ops, int dimensions, int m, size_t sparse_elements) {
  const auto d = static_cast<size_t>(dimensions), half_lanes = static_cast<size_t>(m);
  switch (ops.type->kind) {
    case core::ElementKind::bits:
      return core::choose_plain_shape(core::OwnKind::bits, d, half_lanes, 0);
    case core::ElementKind::sparse:
      return core::choose_plain_shape(core::OwnKind::sparse, d, half_lanes, sparse_elements);
    case core::ElementKind::dense:
      break;
  }
  if (ops.metric == core::Metric::l1) return core::choose_plain_shape(core::OwnKind::scalar, d, half_lanes, 0);
  return core::choose_node_shape(d, half_lanes);
}

MetaPage make_meta(Relation index, size_t sparse_elements) {
  const types::IndexOps ops = types::index_ops_for(index);
  const int dimensions = types::indexed_dimensions(index, *ops.type);
  const int m = option_m(index);
  if (option_ef_construction(index) < 2 * m)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("ef_construction must be greater than or equal to 2 * m")));
  const core::NodeShape shape = choose_shape(ops, dimensions, m, sparse_elements);
  MetaPage meta{};
  meta.magic = kIndexMagic;
  meta.format_version = kFormatVersion;
  meta.metric = ops.metric;
  meta.dimensions = shape.dimensions;
  meta.m = static_cast<uint16>(m);
  meta.ef_construction = static_cast<uint16>(option_ef_construction(index));
  meta.own = shape.own;
  meta.own_bits = static_cast<uint16>(shape.own_bits);
  meta.capacity = shape.capacity;
  meta.code_bits = static_cast<uint16>(shape.code.bits);
  meta.code_axes = static_cast<uint32>(shape.code.axes);
  meta.lanes = static_cast<uint16>(shape.lanes);
  meta.slots_per_page = static_cast<uint16>(shape.slots_per_page);
  meta.slot_bytes = shape.slot_bytes;
  meta.rotation_seed = pg_prng_uint64(&pg_global_prng_state);
  meta.rows_block = InvalidBlockNumber;
  if (shape.slots_per_page == 1 && shape.lanes < static_cast<uint32>(2 * m))
    ereport(NOTICE, (errmsg("a page has room for %u neighbours, not for 2 * m = %d", shape.lanes, 2 * m),
                     errdetail("The index is built with %u neighbours for each node.", shape.lanes)));
  return meta;
}

// How many elements the rows of a sparse column have: own vectors are made to hold those of all but the longest.
struct ElementSurvey {
  static constexpr size_t kMost = 2048;  // no page holds so many
  const types::IndexType *type;
  MemoryContext row_context;
  uint64 rows;
  uint64 by_count[kMost + 1];
};

void survey_row(Relation, ItemPointer, Datum *values, bool *nulls, bool, void *state) {
  if (nulls[0]) return;
  auto *survey = static_cast<ElementSurvey *>(state);
  const MemoryContext caller = MemoryContextSwitchTo(survey->row_context);
  const size_t count = survey->type->view(values[0]).terms.count;
  MemoryContextSwitchTo(caller);
  MemoryContextReset(survey->row_context);
  survey->by_count[Min(count, ElementSurvey::kMost)]++;
  survey->rows++;
}

// An index that starts empty is made for this many.
constexpr size_t kDefaultElements = 256;
constexpr double kCoveredShare = 0.99;

size_t survey_elements(Relation heap, Relation index, IndexInfo *info) {
  const types::IndexType *type = types::index_ops_for(index).type;
  if (type->kind != core::ElementKind::sparse) return 0;
  auto *survey = static_cast<ElementSurvey *>(palloc0(sizeof(ElementSurvey)));
  survey->type = type;
  survey->row_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw survey row", ALLOCSET_DEFAULT_SIZES);
  table_index_build_scan(heap, index, info, true, false, survey_row, survey, nullptr);
  const auto wanted = static_cast<uint64>(static_cast<double>(survey->rows) * kCoveredShare);
  size_t count = 0;
  for (uint64 covered = 0; count < ElementSurvey::kMost; ++count)
    if ((covered += survey->by_count[count]) > wanted) break;
  MemoryContextDelete(survey->row_context);
  return survey->rows == 0 ? kDefaultElements : Max(count, size_t{1});
}

core::BuildOptions build_options(Relation heap, Relation index, core::Metric metric) {
  const Size budget = static_cast<Size>(maintenance_work_mem) * 1024;
  core::BuildOptions options;
  options.metric = metric;
  options.beam = beam_for(option_ef_construction(index));
  // No page holds more rows; memory that no row takes is never touched.
  options.capacity = static_cast<size_t>(RelationGetNumberOfBlocks(heap)) * MaxHeapTuplesPerPage + 1;
  options.budget = budget > 2 * kFixedBytes ? budget - kFixedBytes : budget / 2;
  return options;
}

// Block 0, not logged yet: the whole file is, at the end.
void write_first_meta_page(Relation index, const MetaPage &meta) {
  const Buffer buffer = pg::extend(index);
  initialize_meta_page(BufferGetPage(buffer), meta);
  MarkBufferDirty(buffer);
  UnlockReleaseBuffer(buffer);
}

}  // namespace

IndexBuildResult *build(Relation heap, Relation index, IndexInfo *info) {
  if (RelationGetNumberOfBlocks(index) != 0)
    elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
  const MetaPage meta = make_meta(index, survey_elements(heap, index, info));
  write_first_meta_page(index, meta);
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw build", ALLOCSET_DEFAULT_SIZES);
  auto *state = pg::make<BuildState>(context, index, meta, build_options(heap, index, meta.metric), context);
  report_phase(kLoadingTuples);
  const double heap_rows = table_index_build_scan(heap, index, info, true, true, heap_row, state, nullptr);
  if (state->graph_memory != nullptr) write_out(state);
  if (RelationNeedsWAL(index)) log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
  auto *result = static_cast<IndexBuildResult *>(palloc(sizeof(IndexBuildResult)));
  result->heap_tuples = heap_rows;
  result->index_tuples = state->rows;
  MemoryContextDelete(context);
  return result;
}

// The init fork of an unlogged index is WAL-logged although the index is not: recovery may drop and recreate the files
// around it.
void build_empty(Relation index) {
  const MetaPage meta = make_meta(index, kDefaultElements);
  const Buffer buffer = compat::extend_locked(index, INIT_FORKNUM);
  START_CRIT_SECTION();
  initialize_meta_page(BufferGetPage(buffer), meta);
  MarkBufferDirty(buffer);
  log_newpage_buffer(buffer, true);
  END_CRIT_SECTION();
  UnlockReleaseBuffer(buffer);
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
    default:
      return nullptr;
  }
}

}  // namespace quiver::hnsw
