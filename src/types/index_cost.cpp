// Rows wanted, what FOR UPDATE needs, and the outset of an estimate.
// SPDX-License-Identifier: PostgreSQL
#include "types/index_cost.hpp"

#include <algorithm>

#include "pg/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "executor/tuptable.h"
#include "utils/float.h"
#include "utils/selfuncs.h"
}

namespace quiver::types {

double rows_wanted(const PlannerInfo *root, const RelOptInfo *table, double rows) {
  if (root->limit_tuples <= 0.0 || table->rows <= 0.0 || table->tuples <= 0.0) return rows;
  return std::clamp(root->limit_tuples * std::max(1.0, table->tuples / table->rows), 1.0, rows);
}

namespace {

// Whether a row keeps its address in the executor's queue for rows whose order is rechecked. 15.18 and others before
// 2026's last releases lose it there, and FOR UPDATE would lock a row that does not exist.
bool asks_whether_addresses_are_kept() {
  const TupleDesc nothing = CreateTemplateTupleDesc(0);
  const HeapTuple tuple = heap_form_tuple(nothing, nullptr, nullptr);
  ItemPointerSet(&tuple->t_self, 1, 1);
  TupleTableSlot *slot = MakeSingleTupleTableSlot(nothing, &TTSOpsBufferHeapTuple);
  ExecForceStoreHeapTuple(tuple, slot, false);
  const bool kept = ItemPointerIsValid(&slot->tts_tid) && ItemPointerEquals(&slot->tts_tid, &tuple->t_self);
  ExecDropSingleTupleTableSlot(slot);
  heap_freetuple(tuple);
  FreeTupleDesc(nothing);
  return kept;
}

bool keeps_row_addresses() {
  static constinit int kept = -1;
  if (kept < 0) kept = asks_whether_addresses_are_kept() ? 1 : 0;
  return kept == 1;
}

bool is_usable(const PlannerInfo *root, const IndexPath *path) {
  return path->indexorderbys != NIL && (root->rowMarks == NIL || keeps_row_addresses());
}

}  // namespace

bool begin_estimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
                    Selectivity *selectivity, double *correlation, double *pages) {
  *correlation = 0.0;
  *pages = path->indexinfo->pages;
  if (!is_usable(root, path)) {
    *startup_cost = *total_cost = get_float8_infinity();
    *selectivity = 0.0;
    compat::disable_path(path);
    return false;
  }
  GenericCosts costs;
  MemSet(&costs, 0, sizeof costs);
  genericcostestimate(root, path, loop_count, &costs);
  *startup_cost = *total_cost = costs.indexStartupCost;
  *selectivity = costs.indexSelectivity;
  return true;
}

}  // namespace quiver::types
