// What a new index starts with: meta page, directory, and the first page of each list.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <span>

#include "ivfpq/ivfpq_index.hpp"

namespace quiver::ivfpq {

// A list of so many rows costs about what its centroid does.
inline constexpr double kRowsPerList = 256.0;

// How many lists an index of so many rows should have, by its option.
size_t lists_for(const MetaPage &meta, double rows);

// The meta page by the column's type and the options; lists are still 0. Raises where a limit is passed.
MetaPage make_meta(Relation index);

// Writes everything that precedes the first row, not logged yet: the whole file is, at the end. `centroids`:
// [meta.lists][dimensions], rotated. `codebook`: empty without pq.
void write_empty_lists(Relation index, const MetaPage &meta, const float *centroids, std::span<const float> codebook);

}  // namespace quiver::ivfpq
