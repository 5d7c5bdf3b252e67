// What CREATE INDEX asks of the rows before it builds.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "hnsw/hnsw_index.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace quiver::hnsw {

// An index that starts empty is made for this many.
inline constexpr size_t kDefaultSparseElements = 256;

// How many elements a sparse own vector should hold, from the rows that there are: one more pass over the heap. 0 for
// other types.
size_t survey_elements(Relation heap, Relation index, IndexInfo *info);

// Whether the index orders by inner product and the vectors of a sample of rows are of one length, as embeddings often
// are.
bool survey_lengths(Relation heap, Relation index, IndexInfo *info, const MetaPage &meta);

}  // namespace quiver::hnsw
