// The access methods' callbacks, one file each.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/amapi.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
}

namespace quiver::ivfpq {

// ivfpq_build.cpp
IndexBuildResult *build(Relation heap, Relation index, IndexInfo *info);
const char *build_phase_name(int64 phase);

// ivfpq_new_index.cpp
void build_empty(Relation index);

// ivfpq_insert.cpp
bool insert_row(Relation index, Datum *values, bool *nulls, ItemPointer tid, IndexInfo *info);

// ivfpq_scan.cpp
IndexScanDesc begin_scan(Relation index, int nkeys, int norderbys);
void rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
bool get_tuple(IndexScanDesc scan, ScanDirection direction);
void end_scan(IndexScanDesc scan);

// ivfpq_vacuum.cpp
IndexBulkDeleteResult *bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
                                   IndexBulkDeleteCallback callback, void *callback_state);
IndexBulkDeleteResult *vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);

// ivfpq_cost.cpp
void estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
                   Selectivity *selectivity, double *correlation, double *pages);

}  // namespace quiver::ivfpq
