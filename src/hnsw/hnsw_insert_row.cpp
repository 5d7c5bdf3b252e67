// The access method's insert callback.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_insert.hpp"
#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_options.hpp"
#include "types/index_ops.hpp"

namespace quiver::hnsw {

namespace {

// Kept in indexInfo for the statement.
struct InsertState {
  Inserter *inserter;
  types::IndexOps ops;
  MemoryContext row_context;
};

InsertState *insert_state(Relation index, IndexInfo *info) {
  if (info->ii_AmCache != nullptr) return static_cast<InsertState *>(info->ii_AmCache);
  auto *state = static_cast<InsertState *>(MemoryContextAllocZero(info->ii_Context, sizeof(InsertState)));
  state->ops = types::index_ops_for(index);
  state->row_context = AllocSetContextCreate(info->ii_Context, "hnsw insert", ALLOCSET_DEFAULT_SIZES);
  OpenIndex opened;
  open_index(index, true, &opened);
  state->inserter = pg::make<Inserter>(info->ii_Context, opened, option_ef_construction(index),
                                       pg::Logging::each_change, info->ii_Context);
  info->ii_AmCache = state;
  return state;
}

}  // namespace

bool insert_row(Relation index, Datum *values, bool *nulls, ItemPointer tid, IndexInfo *info) {
  if (nulls[0]) return false;
  InsertState *state = insert_state(index, info);
  const MemoryContext caller = MemoryContextSwitchTo(state->row_context);
  state->inserter->insert(state->ops.type->view(values[0]), row_id(*tid));
  MemoryContextSwitchTo(caller);
  MemoryContextReset(state->row_context);
  return false;
}

}  // namespace quiver::hnsw
