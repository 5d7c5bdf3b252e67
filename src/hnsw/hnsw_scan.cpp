// The phases of a scan, and the access method's scan callbacks.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_scan.hpp"

#include <algorithm>
#include <limits>

#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_rows.hpp"
#include "pg/compat.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "pgstat.h"
#include "utils/float.h"
#include "utils/snapmgr.h"
}

namespace quiver::hnsw {

namespace {

// The executor asks for two or three rows more than it needs before it is sure of the order of the last.
constexpr size_t kReadAheadRows = 4;

// Sparse vectors that share nothing are all at one distance: a visit in the plain format reads up to 2 m pages, so the
// search is held to this multiple of HNSW's.
constexpr size_t kWideVisits = 8;

size_t scan_memory() { return static_cast<size_t>(work_mem * 1024.0 * settings.scan_mem_multiplier); }

core::BrowseOptions browse_options(const OpenIndex &index) {
  const core::NodeShape &shape = index.shape();
  core::BrowseOptions options;
  options.read_ahead = kReadAheadRows;
  options.gamma = search_gamma(index.meta);
  if (!shape.has_codes() && settings.target_recall == 0.0)
    options.wide_visits = kWideVisits * static_cast<size_t>(settings.ef_search);
  options.keep_smaller_estimate = shape.code.bits == 1;
  options.max_lanes = shape.lanes;
  options.max_visits = static_cast<size_t>(settings.max_scan_tuples);
  options.max_bytes = scan_memory();
  return options;
}

OpenIndex opened(Relation relation) {
  OpenIndex index;
  open_index(relation, true, &index);
  return index;
}

}  // namespace

ScanRun::ScanRun(Relation relation, MemoryContext context)
    : memory_(context),
      index_(opened(relation)),
      query_(index_.shape(), index_.meta.metric, index_.cache->rotation, &memory_),
      graph_(index_, query_, nullptr, &memory_),
      browser_(graph_, browse_options(index_), &memory_),
      sweep_(index_, query_, scan_memory(), &memory_),
      rows_(&memory_),
      browsed_(&memory_),
      last_bound_(-std::numeric_limits<double>::infinity()),
      mode_(static_cast<IterativeScan>(settings.iterative_scan)),
      ef_search_(static_cast<size_t>(settings.ef_search)) {}

void ScanRun::start(const core::VectorView &query) {
  has_direction_ = query_.aim(query);
  if (has_direction_)
    browser_.start();
  else
    begin_sweep();  // every distance is NaN: any order will do
}

bool ScanRun::next(Row *row) {
  while (row_position_ == rows_.size())
    if (!next_node()) return false;
  *row = {rows_[row_position_++], bound_, !has_direction_};
  return true;
}

bool ScanRun::next_node() {
  for (;;) {
    if (mode_ == IterativeScan::off && nodes_ >= ef_search_) phase_ = Phase::done;
    switch (phase_) {
      case Phase::browse:
        if (next_browsed()) return true;
        break;
      case Phase::sweep:
        if (next_swept()) return true;
        break;
      case Phase::late:
        if (next_late()) return true;
        break;
      case Phase::done:
        return false;
    }
  }
}

// Makes the rows of a node the present ones.
bool ScanRun::take(NodeId id, double bound, const PageGraph::Payload &payload) {
  rows_.clear();
  row_position_ = 0;
  bound_ = bound;
  ++nodes_;
  for (const RowId &row : payload.rows)
    if (row.is_valid()) rows_.push_back(row);
  if (payload.overflow != kNullNode) collect_chained_rows(index_, id, payload.overflow, &rows_);
  return true;
}

// Rows that come after a larger bound would break the order. Under strict_order they wait until everything else has
// been handed out; relaxed_order and off give them at once.
bool ScanRun::is_late(double bound) const { return mode_ == IterativeScan::strict_order && bound < last_bound_; }

bool ScanRun::next_browsed() {
  for (const auto *found = browser_.next(); found != nullptr; found = browser_.next()) {
    if (is_late(found->bound)) continue;
    browsed_.push_back(found->id);
    last_bound_ = std::max(last_bound_, found->bound);
    return take(found->id, found->bound, found->payload);
  }
  finish_browsing();
  if (mode_ == IterativeScan::off)
    phase_ = Phase::done;
  else
    begin_sweep();
  return false;
}

void ScanRun::finish_browsing() {
  pg::call([this] { graph_.finish(); });
}

// Nodes found and not handed out are left to the sweep, which meets them again.
void ScanRun::begin_sweep() {
  std::sort(browsed_.begin(), browsed_.end());
  late_limit_ = last_bound_;
  phase_ = Phase::sweep;
  const double infinity = std::numeric_limits<double>::infinity();
  const bool ordered = mode_ == IterativeScan::strict_order && nodes_ > 0;
  sweep_.restart(ordered ? late_limit_ : -infinity, infinity);
}

// A row of a node that was not handed out while browsing.
const Sweep::Row *ScanRun::next_of_sweep() {
  return sweep_.next([this](NodeId id) { return std::binary_search(browsed_.begin(), browsed_.end(), id); });
}

bool ScanRun::next_swept() {
  const Sweep::Row *row = next_of_sweep();
  if (row != nullptr) return take(row->id, row->bound, row->payload);
  const bool some_late = mode_ == IterativeScan::strict_order && late_limit_ > -std::numeric_limits<double>::infinity();
  phase_ = some_late ? Phase::late : Phase::done;
  if (some_late) sweep_.restart(-std::numeric_limits<double>::infinity(), late_limit_);
  return false;
}

bool ScanRun::next_late() {
  const Sweep::Row *row = next_of_sweep();
  if (row != nullptr) return take(row->id, row->bound, row->payload);
  phase_ = Phase::done;
  return false;
}

namespace {

// What hangs off the scan descriptor. Plain data; the run lives in `context` and goes with it.
struct ScanState {
  MemoryContext context;
  ScanRun *run;
  bool query_is_null;
};

// A query that is NULL at run time orders nothing: every row is as good. Zero serves as the vector.
core::VectorView zero_query(const types::IndexType &type, const core::NodeShape &shape) {
  core::VectorView view{type.kind, shape.dimensions, nullptr, nullptr, {}};
  if (type.kind == core::ElementKind::dense)
    view.values = static_cast<float *>(palloc0(shape.dimensions * sizeof(float)));
  if (type.kind == core::ElementKind::bits) view.bits = static_cast<uint8_t *>(palloc0((shape.dimensions + 7) / 8));
  return view;
}

core::VectorView query_of(IndexScanDesc scan, ScanState *state) {
  const ScanKey key = &scan->orderByData[0];
  const types::IndexType &type = *types::index_ops_for(scan->indexRelation).type;
  const core::NodeShape &shape = state->run->shape();
  state->query_is_null = (key->sk_flags & SK_ISNULL) != 0;
  const core::VectorView view = state->query_is_null ? zero_query(type, shape) : type.view(key->sk_argument);
  check_kind(state->run->index(), view);
  if (view.dimensions != shape.dimensions)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    type.kind == core::ElementKind::bits
                        ? errmsg("different bit lengths %zu and %u", view.dimensions, shape.dimensions)
                        : errmsg("different %s dimensions %zu and %u", type.name, view.dimensions, shape.dimensions)));
  return view;
}

void begin_run(IndexScanDesc scan, ScanState *state) {
  if (scan->numberOfOrderBys != 1) elog(ERROR, "cannot scan hnsw index without order");
  if (!IsMVCCSnapshot(scan->xs_snapshot)) elog(ERROR, "non-MVCC snapshots are not supported with hnsw");
  pgstat_count_index_scan(scan->indexRelation);
  compat::count_index_search(scan);
  const MemoryContext caller = MemoryContextSwitchTo(state->context);
  state->run = pg::make<ScanRun>(state->context, scan->indexRelation, state->context);
  state->run->start(query_of(scan, state));
  MemoryContextSwitchTo(caller);
}

}  // namespace

IndexScanDesc begin_scan(Relation index, int nkeys, int norderbys) {
  IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
  auto *state = static_cast<ScanState *>(palloc0(sizeof(ScanState)));
  state->context = AllocSetContextCreate(CurrentMemoryContext, "hnsw scan", ALLOCSET_DEFAULT_SIZES);
  scan->opaque = state;
  if (norderbys > 0) {
    scan->xs_orderbyvals = static_cast<Datum *>(palloc0(sizeof(Datum) * static_cast<Size>(norderbys)));
    scan->xs_orderbynulls = static_cast<bool *>(palloc0(sizeof(bool) * static_cast<Size>(norderbys)));
  }
  return scan;
}

void rescan(IndexScanDesc scan, ScanKey keys, int, ScanKey orderbys, int) {
  auto *state = static_cast<ScanState *>(scan->opaque);
  if (state->run != nullptr) state->run->release_pin();
  state->run = nullptr;
  MemoryContextReset(state->context);
  if (keys != nullptr && scan->numberOfKeys > 0)
    memmove(scan->keyData, keys, static_cast<Size>(scan->numberOfKeys) * sizeof(ScanKeyData));
  if (orderbys != nullptr && scan->numberOfOrderBys > 0)
    memmove(scan->orderByData, orderbys, static_cast<Size>(scan->numberOfOrderBys) * sizeof(ScanKeyData));
}

bool get_tuple(IndexScanDesc scan, ScanDirection direction) {
  auto *state = static_cast<ScanState *>(scan->opaque);
  Assert(ScanDirectionIsForward(direction));
  (void)direction;
  if (state->run == nullptr) begin_run(scan, state);
  ScanRun::Row row;
  if (!state->run->next(&row)) return false;
  scan->xs_heaptid = item_pointer(row.row);
  scan->xs_recheck = false;
  scan->xs_recheckorderby = !row.is_exact && !state->query_is_null;
  scan->xs_orderbyvals[0] = Float8GetDatum(row.is_exact ? get_float8_nan() : row.bound);
  scan->xs_orderbynulls[0] = state->query_is_null;
  return true;
}

void end_scan(IndexScanDesc scan) {
  auto *state = static_cast<ScanState *>(scan->opaque);
  if (state->run != nullptr) state->run->release_pin();
  MemoryContextDelete(state->context);
  pfree(state);
  scan->opaque = nullptr;
}

}  // namespace quiver::hnsw
