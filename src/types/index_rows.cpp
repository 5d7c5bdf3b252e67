// Fetching rows as an index scan does.
// SPDX-License-Identifier: PostgreSQL
#include "types/index_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "types/index_ops.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace quiver::types {

IndexedRows::IndexedRows(Relation heap, Relation index, Snapshot snapshot, MemoryContext context)
    : heap_(heap), snapshot_(snapshot), non_vacuumable_{}, executor_(nullptr) {
  const MemoryContext caller = MemoryContextSwitchTo(context);
  if (snapshot_ == nullptr) {
    // A dead row's TOAST may be gone already: nobody looks at it.
    InitNonVacuumableSnapshot(non_vacuumable_, GlobalVisTestFor(heap));
    snapshot_ = &non_vacuumable_;
  }
  info_ = BuildIndexInfo(index);
  fetch_ = table_index_fetch_begin(heap);
  slot_ = table_slot_create(heap, nullptr);
  if (info_->ii_Expressions != NIL) executor_ = CreateExecutorState();
  MemoryContextSwitchTo(caller);
}

void IndexedRows::close() {
  ExecDropSingleTupleTableSlot(slot_);
  table_index_fetch_end(fetch_);
  if (executor_ != nullptr) FreeExecutorState(executor_);
}

bool IndexedRows::read(core::RowId row, Datum *value) {
  ItemPointerData address = item_pointer(row);
  bool is_more = false;
  const int64 reads = pgBufferUsage.shared_blks_read;
  const bool is_seen = table_index_fetch_tuple(fetch_, &address, snapshot_, slot_, &is_more, nullptr);
  is_cold_ = pgBufferUsage.shared_blks_read != reads;
  if (!is_seen) return false;
  bool is_null;
  if (executor_ == nullptr) {
    *value = slot_getattr(slot_, info_->ii_IndexAttrNumbers[0], &is_null);
    return !is_null;
  }
  ExprContext *expressions = GetPerTupleExprContext(executor_);
  ResetExprContext(expressions);
  expressions->ecxt_scantuple = slot_;
  Datum values[INDEX_MAX_KEYS];
  bool nulls[INDEX_MAX_KEYS];
  FormIndexDatum(info_, slot_, executor_, values, nulls);
  *value = values[0];
  return !nulls[0];
}

// Only of a heap it is known that a row's address names a block of the table's file.
void IndexedRows::fetch_early(core::RowId row) {
  const ItemPointerData address = item_pointer(row);
  if (heap_->rd_tableam == GetHeapamTableAmRoutine())
    PrefetchBuffer(heap_, MAIN_FORKNUM, ItemPointerGetBlockNumber(&address));
}

HeapDistances::HeapDistances(IndexScanDesc scan, core::Metric metric, MemoryContext context)
    : rows_(scan->heapRelation, scan->indexRelation, scan->xs_snapshot, context),
      order_(&scan->orderByData[0]),
      metric_(metric),
      row_context_(AllocSetContextCreate(context, "quiver heap row", ALLOCSET_DEFAULT_SIZES)) {}

bool HeapDistances::read(core::RowId row, core::Reading *reading) {
  const MemoryContext caller = MemoryContextSwitchTo(row_context_);
  MemoryContextReset(row_context_);
  Datum value;
  const bool is_seen = rows_.read(row, &value);
  double distance = 0.0;
  // A query that is NULL orders nothing.
  if (is_seen && (order_->sk_flags & SK_ISNULL) == 0)
    distance = DatumGetFloat8(FunctionCall2Coll(&order_->sk_func, order_->sk_collation, value, order_->sk_argument));
  MemoryContextSwitchTo(caller);
  if (std::isnan(distance)) distance = std::numeric_limits<double>::infinity();
  reading->bound = reading->ceiling = distance;
  const double largest = std::numeric_limits<float>::max();
  reading->distance = static_cast<float>(std::min(core::ordering_distance(metric_, distance), largest));
  return is_seen;
}

}  // namespace quiver::types
