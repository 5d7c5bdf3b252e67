// The handler: what ivfpq and ivfflat can do, and the doors from the server to each callback.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_internal.hpp"
#include "ivfpq/ivfpq_options.hpp"
#include "pg/boundary.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "utils/index_selfuncs.h"
}

namespace quiver::ivfpq {

namespace {

using pg::enter;

// types::kDistanceProc, kNormProc, then what pgvector's k-means asks for, and the type.
constexpr types::Support kSupport[] = {types::Support::distance, types::Support::norm, types::Support::distance,
                                       types::Support::norm, types::Support::type};
constexpr types::OpclassRules kIvfpqRules = {"ivfpq", kSupport, lengthof(kSupport)};
constexpr types::OpclassRules kIvfflatRules = {"ivfflat", kSupport, lengthof(kSupport)};

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
char *am_build_phase_name(int64 phase) {
  return enter([=] { return const_cast<char *>(build_phase_name(phase)); });
}
bool validate_ivfpq(Oid opclass) {
  return enter([=] { return types::validate_opclass(opclass, kIvfpqRules); });
}
bool validate_ivfflat(Oid opclass) {
  return enter([=] { return types::validate_opclass(opclass, kIvfflatRules); });
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
  routine->amproperty = am_property;
  routine->ambuildphasename = am_build_phase_name;
  routine->ambeginscan = am_begin_scan;
  routine->amrescan = am_rescan;
  routine->amgettuple = am_get_tuple;
  routine->amendscan = am_end_scan;
  return routine;
}

IndexAmRoutine *make_ivfpq() {
  IndexAmRoutine *routine = make_routine();
  routine->amoptions = parse_ivfpq_options;
  routine->amvalidate = validate_ivfpq;
  return routine;
}

IndexAmRoutine *make_ivfflat() {
  IndexAmRoutine *routine = make_routine();
  routine->amoptions = parse_ivfflat_options;
  routine->amvalidate = validate_ivfflat;
  return routine;
}

}  // namespace

}  // namespace quiver::ivfpq

QUIVER_FUNCTION(ivfpqhandler) { PG_RETURN_POINTER(quiver::ivfpq::make_ivfpq()); }
QUIVER_FUNCTION(ivfflathandler) { PG_RETURN_POINTER(quiver::ivfpq::make_ivfflat()); }
