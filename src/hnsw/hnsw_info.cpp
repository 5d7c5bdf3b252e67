// The summary from the meta page.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_info.hpp"

#include "hnsw/hnsw_index.hpp"

namespace quiver::hnsw {

void summarize(Relation index, types::IndexSummary *summary) {
  MetaPage meta;
  read_meta(index, &meta);
  *summary = {meta.metric,
              meta.dimensions,
              meta.m,
              meta.ef_construction,
              meta.lanes,
              meta.slots_per_page,
              static_cast<int64>(meta.nodes),
              static_cast<int64>(meta.tombstones),
              -1,
              meta.code_bits,
              meta.curve};
}

}  // namespace quiver::hnsw
