// Rows of one node, measured.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_found.hpp"

#include <limits>

extern "C" {
#include "miscadmin.h"
}

namespace quiver::hnsw {

bool measure_rows(types::HeapDistances *heap, FoundNode *node) {
  CHECK_FOR_INTERRUPTS();
  if (node->has_chain()) return true;
  double least = std::numeric_limits<double>::infinity();
  bool is_seen = false;
  for (RowId &row : node->payload.rows) {
    core::Reading reading;
    if (row.is_valid() && heap->read(row, &reading)) {
      least = Min(least, reading.bound);
      is_seen = true;
    } else {
      row = RowId{};
    }
  }
  node->bound = least;
  return is_seen;
}

}  // namespace quiver::hnsw
