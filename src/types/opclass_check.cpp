// amvalidate: whether an operator class fits its access method.
// SPDX-License-Identifier: PostgreSQL
#include "types/index_ops.hpp"

extern "C" {
#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
}

namespace quiver::types {

namespace {

struct Checked {
  const OpclassRules &rules;
  const char *family;
  Oid type;

  // Tells what is wrong, in the words of core's own validators. Always false.
  bool report(const char *finding, const char *object) const {
    ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                   errmsg("operator family \"%s\" of access method %s %s %s", family, rules.method, finding, object)));
    return false;
  }
};

bool signature_fits(const Checked &checked, Form_pg_amproc proc) {
  const Oid type = checked.type;
  if (proc->amprocnum < 1 || proc->amprocnum > checked.rules.count) return false;
  switch (checked.rules.support[proc->amprocnum - 1]) {
    case Support::distance:
      return check_amproc_signature(proc->amproc, FLOAT8OID, true, 2, 2, type, type);
    case Support::norm:
      return check_amproc_signature(proc->amproc, FLOAT8OID, true, 1, 1, type);
    case Support::type:
      return check_amproc_signature(proc->amproc, INTERNALOID, true, 1, 1, INTERNALOID);
  }
  return false;
}

bool validate_functions(const Checked &checked, CatCList *list) {
  bool valid = true, has_distance = false;
  for (int i = 0; i < list->n_members; ++i) {
    const auto proc = reinterpret_cast<Form_pg_amproc>(GETSTRUCT(&list->members[i]->tuple));
    if (proc->amproclefttype != checked.type) continue;
    has_distance |= proc->amprocnum == kDistanceProc;
    if (!signature_fits(checked, proc))
      valid = checked.report("contains a support function with wrong signature:", format_procedure(proc->amproc));
  }
  return has_distance ? valid : checked.report("is missing support function", "1");
}

bool validate_operators(const Checked &checked, CatCList *list) {
  const Oid type = checked.type;
  bool valid = true, has_order = false;
  for (int i = 0; i < list->n_members; ++i) {
    const auto op = reinterpret_cast<Form_pg_amop>(GETSTRUCT(&list->members[i]->tuple));
    if (op->amoplefttype != type) continue;
    has_order |= op->amopstrategy == 1;
    const bool fits = op->amopstrategy == 1 && op->amoppurpose == AMOP_ORDER &&
                      opfamily_can_sort_type(op->amopsortfamily, FLOAT8OID) &&
                      check_amop_signature(op->amopopr, FLOAT8OID, type, type);
    if (!fits) valid = checked.report("contains an operator that orders nothing:", format_operator(op->amopopr));
  }
  return has_order ? valid : checked.report("is missing operator", "1");
}

}  // namespace

bool validate_opclass(Oid opclass, const OpclassRules &rules) {
  HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator class %u", opclass);
  const auto form = reinterpret_cast<Form_pg_opclass>(GETSTRUCT(tuple));
  const Oid type = form->opcintype, family = form->opcfamily;
  ReleaseSysCache(tuple);
  tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(family));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator family %u", family);
  const char *name = pstrdup(NameStr(reinterpret_cast<Form_pg_opfamily>(GETSTRUCT(tuple))->opfname));
  ReleaseSysCache(tuple);
  CatCList *operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family));
  CatCList *functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(family));
  const Checked checked{rules, name, type};
  const bool functions_valid = validate_functions(checked, functions);
  const bool operators_valid = validate_operators(checked, operators);
  ReleaseCatCacheList(functions);
  ReleaseCatCacheList(operators);
  return functions_valid && operators_valid;
}

}  // namespace quiver::types
