// What the cost estimates of every access method ask of a plan and of the server.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace quiver::types {

// Rows that the index will hand out: those that a LIMIT wants, and with a filter as many more as it rejects.
double rows_wanted(const PlannerInfo *root, const RelOptInfo *table, double rows);

// What every estimate begins with: all results set, the startup cost to what the server's own estimate says of the
// query's expressions. False, and the path priced out, when it could not give the query what it wants: an ordering
// operator is there to serve, and rows that are locked keep their addresses in the executor's queue for rows whose
// order is rechecked.
bool begin_estimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
                    Selectivity *selectivity, double *correlation, double *pages);

}  // namespace quiver::types
