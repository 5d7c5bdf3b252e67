// Rows of an index that keeps no own vectors: what their heap rows say.
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

// For a scan: distances as its operator says them. Its functions raise server errors.
class HeapDistances {
 public:
  HeapDistances(IndexScanDesc scan, core::Metric metric, MemoryContext context);
  void close() { rows_.close(); }

  // `reading`: exact, but for what is not a number, which counts as farthest. False when the scan's snapshot does not
  // see the row.
  bool read(RowId row, core::Reading *reading);

  // See types::IndexedRows.
  bool is_cold() const { return rows_.is_cold(); }
  void fetch_early(RowId row) { rows_.fetch_early(row); }

 private:
  types::IndexedRows rows_;
  ScanKey order_;
  core::Metric metric_;
  MemoryContext row_context_;
};

}  // namespace quiver::ivfpq
