// What an index says of itself, and who may ask.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "storage/lockdefs.h"
#include "utils/rel.h"
}

namespace quiver::hnsw {

// Raises unless `index` is an index that the user owns. Before it is opened.
void require_own_index(Oid index);

// Opens it; raises unless it is an hnsw index that this session can read.
Relation open_own_index(Oid index, LOCKMODE lock);

}  // namespace quiver::hnsw
