// The handler: what hnsw can do, and the doors from the server to each callback.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_options.hpp"
#include "pg/boundary.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "utils/index_selfuncs.h"
}

namespace quiver::hnsw {

namespace {

using pg::enter;

// types::kDistanceProc, kNormProc, and what is_type_support() knows.
constexpr types::Support kSupport[] = {types::Support::distance, types::Support::norm, types::Support::type};
constexpr types::OpclassRules kOpclassRules = {"hnsw", kSupport, lengthof(kSupport)};

IndexBuildResult *am_build(Relation heap, Relation index, IndexInfo *info) {
  return enter([=] { return build(heap, index, info); });
}
void am_build_empty(Relation index) {
  enter([=] { build_empty(index); });
}
bool am_insert(Relation index, Datum *values, bool *nulls, ItemPointer tid, Relation, IndexUniqueCheck, bool,
               IndexInfo *info) {
  return enter([=] { return insert_row(index, values, nulls, tid, info); });
}
IndexBulkDeleteResult *am_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
                                      IndexBulkDeleteCallback callback, void *state) {
  return enter([=] { return bulk_delete(info, stats, callback, state); });
}
IndexBulkDeleteResult *am_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats) {
  return enter([=] { return vacuum_cleanup(info, stats); });
}
void am_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, Cost *total,
                      Selectivity *selectivity, double *correlation, double *pages) {
  enter([=] { estimate_cost(root, path, loop_count, startup, total, selectivity, correlation, pages); });
}
bytea *am_options(Datum reloptions, bool validate) {
  return enter([=] { return parse_options(reloptions, validate); });
}
char *am_build_phase_name(int64 phase) {
  return enter([=] { return const_cast<char *>(build_phase_name(phase)); });
}
bool am_validate(Oid opclass) {
  return enter([=] { return types::validate_opclass(opclass, kOpclassRules); });
}
IndexScanDesc am_begin_scan(Relation index, int nkeys, int norderbys) {
  return enter([=] { return begin_scan(index, nkeys, norderbys); });
}
void am_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys) {
  enter([=] { rescan(scan, keys, nkeys, orderbys, norderbys); });
}
bool am_get_tuple(IndexScanDesc scan, ScanDirection direction) {
  return enter([=] { return get_tuple(scan, direction); });
}
void am_end_scan(IndexScanDesc scan) {
  enter([=] { end_scan(scan); });
}

// Core cannot tell by itself that rows come ordered by distance.
bool am_property(Oid, int column, IndexAMProperty property, const char *, bool *result, bool *is_null) {
  if (property != AMPROP_DISTANCE_ORDERABLE || column == 0) return false;
  *result = true;
  *is_null = false;
  return true;
}

IndexAmRoutine *make_routine() {
  IndexAmRoutine *routine = makeNode(IndexAmRoutine);
  compat::fill_common(*routine);
  routine->amsupport = lengthof(kSupport);
  routine->amkeytype = InvalidOid;
  routine->ambuild = am_build;
  routine->ambuildempty = am_build_empty;
  routine->aminsert = am_insert;
  routine->ambulkdelete = am_bulk_delete;
  routine->amvacuumcleanup = am_vacuum_cleanup;
  routine->amcostestimate = am_cost_estimate;
  routine->amoptions = am_options;
  routine->amproperty = am_property;
  routine->ambuildphasename = am_build_phase_name;
  routine->amvalidate = am_validate;
  routine->ambeginscan = am_begin_scan;
  routine->amrescan = am_rescan;
  routine->amgettuple = am_get_tuple;
  routine->amendscan = am_end_scan;
  return routine;
}

}  // namespace

}  // namespace quiver::hnsw

QUIVER_FUNCTION(hnswhandler) { PG_RETURN_POINTER(quiver::hnsw::make_routine()); }
