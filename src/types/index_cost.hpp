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

// Whether the path could give the query what it wants: there is an ordering operator, and rows that are locked keep
// their addresses in the executor's queue for rows whose order is rechecked.
bool is_usable(const PlannerInfo *root, const IndexPath *path);

}  // namespace quiver::types
