// Values of heap rows as vectors.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_heap.hpp"

#include "pg/test_points.hpp"

extern "C" {
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

}  // namespace quiver::ivfpq
