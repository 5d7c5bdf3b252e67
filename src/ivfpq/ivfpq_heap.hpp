// Vectors of an index that keeps no own ones, from its heap rows.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/row_encoder.hpp"
#include "ivfpq/ivfpq_index.hpp"
#include "types/index_rows.hpp"

namespace quiver::ivfpq {

// For those who work on lists as a whole: own vectors, made anew. Its functions raise server errors.
class HeapVectors {
 public:
  // `index`: stays where it is.
  HeapVectors(const OpenIndex &index, Relation heap, MemoryContext context);
  void close() { rows_.close(); }

  // Encodes the row as its insertion did. False when no transaction can see the row any more.
  bool read(RowId row);
  // The row read last.
  const core::RowEncoder &row() const { return encoder_; }

 private:
  pg::ContextResource memory_;
  types::IndexOps ops_;
  types::IndexedRows rows_;
  core::RowEncoder encoder_;
  MemoryContext row_context_;
};

// In `context`; null where the index keeps own vectors.
HeapVectors *open_heap_vectors(const OpenIndex &index, Relation heap, MemoryContext context);

}  // namespace quiver::ivfpq
