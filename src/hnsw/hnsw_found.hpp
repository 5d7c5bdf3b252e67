// A node that a scan has found, and what the table says of its rows.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "hnsw/hnsw_page_graph.hpp"
#include "types/index_rows.hpp"

namespace quiver::hnsw {

struct FoundNode {
  double bound;  // never above the operator's value for any of the rows
  NodeId id;
  PageGraph::Payload payload;

  bool operator<(const FoundNode &other) const {
    return bound < other.bound || (bound == other.bound && id < other.id);
  }
  bool operator>(const FoundNode &other) const { return other < *this; }
  bool has_chain() const { return payload.overflow != kNullNode; }
};

// Raises the bound to the least of the operator's values for the rows that the scan sees, and leaves the others out.
// Nodes with a chain of further rows keep theirs. False when no row is left. Raises server errors.
bool measure_rows(types::HeapDistances *heap, FoundNode *node);

}  // namespace quiver::hnsw
