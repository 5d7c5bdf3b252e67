// Heap rows of a node: two in its slot, the rest in chunks on pages of their own.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "hnsw/hnsw_index.hpp"

namespace quiver::hnsw {

// Appends all rows of the chain that starts at `first` and belongs to `node`. A chunk that changed hands meanwhile
// makes it start again at the node. Takes one share lock at a time. May allocate, so not under pg::call.
void collect_chained_rows(const OpenIndex &index, NodeId node, NodeId first, std::pmr::vector<RowId> *rows);

// Adds a row to a live node whose decoded vector is within `error` of the row's. False when the node is no longer live
// or no longer has this own code; nothing is changed then. A crash in between leaves a chunk in
// no chain, whose row never committed.
bool add_row(const OpenIndex &index, pg::Logging logging, NodeId node, const core::ScalarCode &code,
             const uint8_t *codes, float error, RowId row);

// Makes a chunk of a page that is being changed free.
void clear_chunk(Page page, uint32 position);

// Gives a chunk that no chain holds back to its page.
void free_chunk(const OpenIndex &index, pg::Logging logging, NodeId chunk_id);

}  // namespace quiver::hnsw
