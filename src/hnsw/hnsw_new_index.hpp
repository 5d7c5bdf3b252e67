// What is settled when an index is created: its shape and meta page.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "hnsw/hnsw_index.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace quiver::hnsw {

// How many elements a sparse own vector should hold, from the rows that there are: one more pass over the heap. 0 for
// other types.
size_t survey_elements(Relation heap, Relation index, IndexInfo *info);

// The meta page by the column's type and the options. Raises where they contradict each other or a limit.
MetaPage make_meta(Relation index, size_t sparse_elements);

// Block 0, not logged yet: the whole file is, at the end.
void write_first_meta_page(Relation index, const MetaPage &meta);

}  // namespace quiver::hnsw
