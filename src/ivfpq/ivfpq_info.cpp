// The summary from the meta page.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_info.hpp"

#include "ivfpq/ivfpq_index.hpp"

namespace quiver::ivfpq {

void summarize(Relation index, types::IndexSummary *summary) {
  MetaPage meta;
  read_meta(index, &meta);
  const ListShape shape = shape_of(meta);
  const int64 lanes = shape.lanes();
  *summary = {meta.metric,
              meta.dimensions,
              -1,
              -1,
              -1,
              lanes,
              static_cast<int64>(meta.rows),
              -1,
              meta.lists,
              shape.has_codes() ? meta.code_bits : -1,
              meta.curve};
}

}  // namespace quiver::ivfpq
