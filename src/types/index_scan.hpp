// The scan callbacks of an access method that serves ORDER BY column <operator> query.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/memory.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "pgstat.h"
#include "utils/snapmgr.h"
}

namespace quiver::types {

// A row on its way to the executor, which puts rows in exact order by their heap rows, but for those that are in order.
struct OrderedRow {
  core::RowId row;
  double bound;      // never above the operator's value
  bool is_in_order;  // before all rows that follow and after all that went: the executor need not ask for the value
};

// Run is one execution, from the first row wanted to the rescan or end, in a context of its own:
//   Run(Relation, MemoryContext); void start(IndexScanDesc, bool *query_is_null); bool next(OrderedRow *);
//   void release_pin(), before it is dropped.
template <class Run>
class OrderedScan {
 public:
  static IndexScanDesc begin(Relation index, int nkeys, int norderbys) {
    IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
    auto *state = static_cast<State *>(palloc0(sizeof(State)));
    state->context = AllocSetContextCreate(CurrentMemoryContext, "quiver index scan", ALLOCSET_DEFAULT_SIZES);
    scan->opaque = state;
    if (norderbys > 0) {
      scan->xs_orderbyvals = static_cast<Datum *>(palloc0(sizeof(Datum) * static_cast<Size>(norderbys)));
      scan->xs_orderbynulls = static_cast<bool *>(palloc0(sizeof(bool) * static_cast<Size>(norderbys)));
    }
    return scan;
  }

  static void rescan(IndexScanDesc scan, ScanKey keys, ScanKey orderbys) {
    State *state = state_of(scan);
    if (state->run != nullptr) state->run->release_pin();
    state->run = nullptr;
    MemoryContextReset(state->context);
    if (keys != nullptr && scan->numberOfKeys > 0)
      memmove(scan->keyData, keys, static_cast<Size>(scan->numberOfKeys) * sizeof(ScanKeyData));
    if (orderbys != nullptr && scan->numberOfOrderBys > 0)
      memmove(scan->orderByData, orderbys, static_cast<Size>(scan->numberOfOrderBys) * sizeof(ScanKeyData));
  }

  static bool get_tuple(IndexScanDesc scan) {
    State *state = state_of(scan);
    if (state->run == nullptr) start(scan, state);
    OrderedRow row;
    if (!state->run->next(&row)) return false;
    scan->xs_heaptid = item_pointer(row.row);
    scan->xs_recheck = false;
    scan->xs_recheckorderby = !row.is_in_order && !state->query_is_null;
    scan->xs_orderbyvals[0] = Float8GetDatum(row.bound);
    scan->xs_orderbynulls[0] = state->query_is_null;
    return true;
  }

  static void end(IndexScanDesc scan) {
    State *state = state_of(scan);
    if (state->run != nullptr) state->run->release_pin();
    MemoryContextDelete(state->context);
    pfree(state);
    scan->opaque = nullptr;
  }

 private:
  // What hangs off the scan descriptor. Plain data; the run lives in `context` and goes with it.
  struct State {
    MemoryContext context;
    Run *run;
    bool query_is_null;
  };

  static State *state_of(IndexScanDesc scan) { return static_cast<State *>(scan->opaque); }

  static void start(IndexScanDesc scan, State *state) {
    const char *method = method_name(scan->indexRelation);
    if (scan->numberOfOrderBys != 1) elog(ERROR, "cannot scan %s index without order", method);
    if (!IsMVCCSnapshot(scan->xs_snapshot)) elog(ERROR, "non-MVCC snapshots are not supported with %s", method);
    pgstat_count_index_scan(scan->indexRelation);
    compat::count_index_search(scan);
    const MemoryContext caller = MemoryContextSwitchTo(state->context);
    state->run = pg::make<Run>(state->context, scan->indexRelation, state->context);
    state->run->start(scan, &state->query_is_null);
    MemoryContextSwitchTo(caller);
  }
};

}  // namespace quiver::types
