// What is settled when an index is created: its shape and meta page.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "hnsw/hnsw_index.hpp"

namespace quiver::hnsw {

// The meta page by the column's type and the options. Raises where they contradict each other or a limit.
MetaPage make_meta(Relation index, size_t sparse_elements);

// Block 0, not logged yet: the whole file is, at the end.
void write_first_meta_page(Relation index, const MetaPage &meta);

}  // namespace quiver::hnsw
