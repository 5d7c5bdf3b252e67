// What CREATE INDEX learns of a table before it reads it: from random pages.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/tableam.h"
#include "nodes/execnodes.h"
}

namespace quiver::pg {

// Rows that the heap has at most, all but certainly: from the line pointers of a sample of its pages.
double estimate_rows(Relation heap);

// Gives `row` all rows of as many random pages as should hold `wanted` of them, as the build of an index would. May be
// more, or fewer.
void scan_sample(Relation heap, Relation index, IndexInfo *info, size_t wanted, IndexBuildCallback row, void *state);

}  // namespace quiver::pg
