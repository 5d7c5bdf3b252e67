// The SQL function, and what the checks of all access methods need.
// SPDX-License-Identifier: PostgreSQL
#include "types/index_check.hpp"

#include <cstdarg>

#include "pg/boundary.hpp"
#include "types/index_methods.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
}

namespace quiver::types {

namespace {

[[noreturn]] void raise_wrong_object(Oid index, const char *kind, const char *hint) {
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("relation %u is not %s index", index, kind),
                  hint != nullptr ? errhint("%s", hint) : 0));
  pg_unreachable();
}

}  // namespace

void Findings::add(int invariant, bool is_damage, BlockNumber block, int item, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  pg_vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  Datum values[5] = {Int32GetDatum(invariant), BoolGetDatum(is_damage), Int64GetDatum(block), Int32GetDatum(item),
                     CStringGetTextDatum(text)};
  bool nulls[5] = {false, false, false, item < 0, false};
  tuplestore_putvalues(result_->setResult, result_->setDesc, values, nulls);
}

namespace {

void require_index(Oid index, const char *kind) {
  const char relkind = get_rel_relkind(index);
  if (relkind == RELKIND_PARTITIONED_INDEX) raise_wrong_object(index, kind, "Name the index of one partition.");
  if (relkind != RELKIND_INDEX) raise_wrong_object(index, kind, nullptr);
}

}  // namespace

void require_own_index(Oid index, const char *kind) {
  require_index(index, kind);
  if (!compat::owns_relation(index)) aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(index));
}

void require_maintained_index(Oid index, const char *kind) {
  require_index(index, kind);
  if (!compat::owns_relation(index) && !compat::may_maintain(IndexGetRelation(index, false)))
    aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, get_rel_name(index));
}

Relation open_own_index(Oid index, LOCKMODE lock, const char *method, const char *kind) {
  const Relation relation = index_open(index, lock);
  const Oid am = relation->rd_rel->relam;
  if (method != nullptr ? am != get_am_oid(method, true) : index_method(am) == nullptr)
    raise_wrong_object(index, kind, nullptr);
  if (RELATION_IS_OTHER_TEMP(relation))
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cannot access temporary tables of other sessions")));
  return relation;
}

OwnerRights assume_owner(Relation heap) {
  OwnerRights rights;
  GetUserIdAndSecContext(&rights.user, &rights.security);
  SetUserIdAndSecContext(heap->rd_rel->relowner, rights.security | SECURITY_RESTRICTED_OPERATION);
  rights.setting_level = NewGUCNestLevel();
  compat::restrict_search_path();
  return rights;
}

void resume_user(const OwnerRights &rights) {
  AtEOXact_GUC(false, rights.setting_level);
  SetUserIdAndSecContext(rights.user, rights.security);
}

void read_indexed_rows(Relation index, Relation heap, Snapshot snapshot, IndexBuildCallback callback, void *state) {
  if (index->rd_index->indcheckxmin &&
      !TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), snapshot->xmin))
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("index \"%s\" cannot be compared with the table as this transaction sees it",
                           RelationGetRelationName(index))));
  IndexInfo *info = BuildIndexInfo(index);
  info->ii_Concurrent = true;  // heed the snapshot
  info->ii_Unique = false;
  const TableScanDesc scan = table_beginscan_strat(heap, snapshot, 0, nullptr, true, true);
  table_index_build_scan(heap, index, info, true, false, callback, state, scan);
}

namespace {

// Vacuum would take rows away while they are compared; writers may go on. A standby allows no such lock, and needs none
// as long as nothing is replayed.
LOCKMODE check_lock() { return RecoveryInProgress() ? AccessShareLock : ShareUpdateExclusiveLock; }

}  // namespace

}  // namespace quiver::types

QUIVER_FUNCTION(quiver_verify) {
  using namespace quiver::types;
  const Oid index_oid = PG_GETARG_OID(0);
  const bool with_heap = PG_GETARG_BOOL(1);
  require_own_index(index_oid, "a quiver");
  const LOCKMODE lock = check_lock();
  const Relation heap = table_open(IndexGetRelation(index_oid, false), lock);
  const Relation index = open_own_index(index_oid, lock, nullptr, "a quiver");
  InitMaterializedSRF(fcinfo, 0);
  Findings findings(reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo));
  const Snapshot snapshot = with_heap ? RegisterSnapshot(GetTransactionSnapshot()) : nullptr;
  const OwnerRights rights = assume_owner(heap);
  index_method(index->rd_rel->relam)->check(index, with_heap ? heap : nullptr, snapshot, &findings);
  resume_user(rights);
  if (with_heap) UnregisterSnapshot(snapshot);
  index_close(index, lock);
  table_close(heap, lock);
  return static_cast<Datum>(0);
}
