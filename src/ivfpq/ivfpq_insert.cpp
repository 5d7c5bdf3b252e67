// The access methods' insert callback.
// SPDX-License-Identifier: PostgreSQL
#include "core/row_encoder.hpp"
#include "ivfpq/ivfpq_append.hpp"
#include "ivfpq/ivfpq_internal.hpp"
#include "types/index_ops.hpp"

namespace quiver::ivfpq {

namespace {

// Kept in indexInfo for the statement.
struct InsertState {
  pg::ContextResource *memory;
  core::RowEncoder *encoder;
  Appender *appender;
  types::IndexOps ops;
  MemoryContext row_context;
};

InsertState *insert_state(Relation index, IndexInfo *info) {
  if (info->ii_AmCache != nullptr) return static_cast<InsertState *>(info->ii_AmCache);
  auto *state = static_cast<InsertState *>(MemoryContextAllocZero(info->ii_Context, sizeof(InsertState)));
  state->ops = types::index_ops_for(index);
  state->row_context = AllocSetContextCreate(info->ii_Context, "ivfpq insert", ALLOCSET_DEFAULT_SIZES);
  OpenIndex opened;
  open_index(index, &opened);
  state->memory = pg::make<pg::ContextResource>(info->ii_Context, info->ii_Context);
  state->encoder = pg::make<core::RowEncoder>(info->ii_Context, opened.shape().own, opened.meta.metric,
                                              opened.cache->rotation, state->memory);
  state->appender = pg::make<Appender>(info->ii_Context, opened, pg::Logging::each_change, info->ii_Context);
  info->ii_AmCache = state;
  return state;
}

}  // namespace

bool insert_row(Relation index, Datum *values, bool *nulls, ItemPointer tid, IndexInfo *info) {
  if (nulls[0]) return false;
  InsertState *state = insert_state(index, info);
  const MemoryContext caller = MemoryContextSwitchTo(state->row_context);
  const core::VectorView vector = state->ops.type->view(values[0]);
  const core::RowEncoder &encoder = *state->encoder;
  if (state->encoder->encode(vector)) {
    const CodedRow row{row_id(*tid), encoder.rotated(), encoder.code(), encoder.codes()};
    state->appender->insert(row);
  }
  MemoryContextSwitchTo(caller);
  MemoryContextReset(state->row_context);
  return false;
}

}  // namespace quiver::ivfpq
