// What VACUUM and quiver_maintain do to keep lists at a size that is worth a centroid.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace quiver::ivfpq {

struct MaintenanceReport {
  uint64 lists_before, lists_after;
  uint64 split, merged, rewritten;  // lists
  uint64 freed_pages;
};

// REQUIRES: the lock on the table that VACUUM takes.
MaintenanceReport maintain(Relation index, Relation heap);

}  // namespace quiver::ivfpq
