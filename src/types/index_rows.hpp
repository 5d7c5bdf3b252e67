// The indexed values of rows, read from the table by their addresses.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "core/node_format.hpp"

extern "C" {
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

}  // namespace quiver::types
