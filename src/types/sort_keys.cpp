// A planner hook that looks for LIMIT over an ordered index scan.
// SPDX-License-Identifier: PostgreSQL
#include "types/sort_keys.hpp"

#include "pg/boundary.hpp"
#include "types/index_methods.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/planner.h"
#include "utils/syscache.h"
}

namespace quiver::types {

namespace {

planner_hook_type next_planner = nullptr;

bool is_quivers(Oid index) {
  const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple)) return false;
  const Oid method = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relam;
  ReleaseSysCache(tuple);
  return index_method(method) != nullptr;
}

// REQUIRES: whatever reads the scan's output reads no junk.
void leave_out(IndexScan *scan) {
  if (scan->indexorderbyorig == NIL || !is_quivers(scan->indexid)) return;
  ListCell *cell;
  foreach (cell, scan->scan.plan.targetlist) {
    auto *entry = lfirst_node(TargetEntry, cell);
    if (!entry->resjunk || !list_member(scan->indexorderbyorig, entry->expr)) continue;
    const Node *key = reinterpret_cast<Node *>(entry->expr);
    entry->expr = reinterpret_cast<Expr *>(makeNullConst(exprType(key), exprTypmod(key), exprCollation(key)));
  }
}

void visit(Plan *plan);

void visit_all(List *plans) {
  ListCell *cell;
  foreach (cell, plans) visit(static_cast<Plan *>(lfirst(cell)));
}

// LIMIT is the last step of its query: above it junk is dropped. WITH TIES compares the keys.
void visit(Plan *plan) {
  if (plan == nullptr) return;
  check_stack_depth();
  if (IsA(plan, Limit) && reinterpret_cast<Limit *>(plan)->limitOption != LIMIT_OPTION_WITH_TIES &&
      plan->lefttree != nullptr && IsA(plan->lefttree, IndexScan))
    leave_out(reinterpret_cast<IndexScan *>(plan->lefttree));
  visit(plan->lefttree);
  visit(plan->righttree);
  if (IsA(plan, Append)) visit_all(reinterpret_cast<Append *>(plan)->appendplans);
  if (IsA(plan, MergeAppend)) visit_all(reinterpret_cast<MergeAppend *>(plan)->mergeplans);
  if (IsA(plan, SubqueryScan)) visit(reinterpret_cast<SubqueryScan *>(plan)->subplan);
}

void visit_statement(PlannedStmt *statement) {
  visit(statement->planTree);
  visit_all(statement->subplans);
  // A cursor, perhaps: nothing at all stands above the scan.
  if (statement->commandType == CMD_SELECT && IsA(statement->planTree, IndexScan))
    leave_out(reinterpret_cast<IndexScan *>(statement->planTree));
}

PlannedStmt *plan_statement(Query *query, const char *text, int cursor_options, ParamListInfo parameters) {
  return pg::enter([=] {
    PlannedStmt *statement = next_planner != nullptr ? next_planner(query, text, cursor_options, parameters)
                                                     : standard_planner(query, text, cursor_options, parameters);
    visit_statement(statement);
    return statement;
  });
}

}  // namespace

void leave_out_unread_sort_keys() {
  next_planner = planner_hook;
  planner_hook = plan_statement;
}

}  // namespace quiver::types
