// The indexed values of rows, read from the table by their addresses, and their distances from a query.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "core/node_format.hpp"
#include "core/plain_distance.hpp"

extern "C" {
#include "access/relscan.h"
#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"
#include "utils/snapshot.h"
}

namespace quiver::types {

// One reader of a table beside an index of it. Its functions raise server errors. It keeps pins until close(); after an
// error the server lets them go.
class IndexedRows {
 public:
  // Sees what `snapshot` sees; without one every row that some transaction may still see, by any of its versions, whose
  // indexed values are the same. What it needs lives in `context`.
  IndexedRows(Relation heap, Relation index, Snapshot snapshot, MemoryContext context);
  IndexedRows(const IndexedRows &) = delete;
  IndexedRows &operator=(const IndexedRows &) = delete;
  void close();

  // The value of the index's first column for a row of its HOT chain that is seen. False when there is none, or NULL.
  // Stays until the next call.
  bool read(core::RowId row, Datum *value);

  // Whether the last row came from outside the server's memory; and asks the operating system for the page of one that
  // will be read soon.
  bool is_cold() const { return is_cold_; }
  void fetch_early(core::RowId row);

 private:
  Relation heap_;
  IndexInfo *info_;
  Snapshot snapshot_;
  SnapshotData non_vacuumable_;
  IndexFetchTableData *fetch_;
  TupleTableSlot *slot_;
  EState *executor_;  // for an index over an expression; else null
  bool is_cold_ = false;
};

// Distances as the operator of a scan says them, for rows of which its index knows too little. Its functions raise
// server errors.
class HeapDistances {
 public:
  HeapDistances(IndexScanDesc scan, core::Metric metric, MemoryContext context);
  void close() { rows_.close(); }

  // `reading`: exact, but for what is not a number, which counts as farthest. False when the scan's snapshot does not
  // see the row.
  bool read(core::RowId row, core::Reading *reading);

  // See IndexedRows.
  bool is_cold() const { return rows_.is_cold(); }
  void fetch_early(core::RowId row) { rows_.fetch_early(row); }

 private:
  IndexedRows rows_;
  ScanKey order_;
  core::Metric metric_;
  MemoryContext row_context_;
};

}  // namespace quiver::types
