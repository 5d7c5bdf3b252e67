// Writes a graph built in memory onto the pages of a new index.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/build_graph.hpp"
#include "hnsw/hnsw_index.hpp"

namespace quiver::hnsw {

// Appends all node pages, then the pages of further rows, and writes entries and counts into the meta page and `meta`.
// Nothing is logged here. Cancellable between pages.
void write_graph(Relation index, MetaPage *meta, const core::BuildGraph &graph);

}  // namespace quiver::hnsw
