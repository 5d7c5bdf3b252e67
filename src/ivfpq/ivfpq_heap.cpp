// Values of heap rows as vectors and as distances.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_heap.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pg/test_points.hpp"

extern "C" {
#include "access/relscan.h"
#include "utils/memutils.h"
}

namespace quiver::ivfpq {

HeapVectors::HeapVectors(const OpenIndex &index, Relation heap, MemoryContext context)
    : memory_(context),
      ops_(types::index_ops_for(index.relation)),
      rows_(heap, index.relation, nullptr, context),
      encoder_(index.shape().own, index.meta.metric, index.cache->rotation, &memory_),
      row_context_(AllocSetContextCreate(context, "ivfpq heap row", ALLOCSET_DEFAULT_SIZES)) {}

bool HeapVectors::read(RowId row) {
  const MemoryContext caller = MemoryContextSwitchTo(row_context_);
  MemoryContextReset(row_context_);
  Datum value;
  const bool is_seen = rows_.read(row, &value) && encoder_.encode(ops_.type->view(value));
  MemoryContextSwitchTo(caller);
  pg::test_point("heap_row_read");
  return is_seen;
}

HeapVectors *open_heap_vectors(const OpenIndex &index, Relation heap, MemoryContext context) {
  return index.shape().has_vectors() ? nullptr : pg::make<HeapVectors>(context, index, heap, context);
}

HeapDistances::HeapDistances(IndexScanDesc scan, core::Metric metric, MemoryContext context)
    : rows_(scan->heapRelation, scan->indexRelation, scan->xs_snapshot, context),
      order_(&scan->orderByData[0]),
      metric_(metric),
      row_context_(AllocSetContextCreate(context, "ivfpq heap row", ALLOCSET_DEFAULT_SIZES)) {}

bool HeapDistances::read(RowId row, core::Reading *reading) {
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
  reading->bound = distance;
  const double largest = std::numeric_limits<float>::max();
  reading->distance = static_cast<float>(std::min(core::ordering_distance(metric_, distance), largest));
  return is_seen;
}

}  // namespace quiver::ivfpq
