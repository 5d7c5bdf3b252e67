// quiver_verify: which access method checks an index, and what its check reports.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "storage/block.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"
#include "utils/snapshot.h"
}

namespace quiver::types {

// Collects findings as rows of the set-returning function.
class Findings {
 public:
  explicit Findings(ReturnSetInfo *result) : result_(result) {}
  // `invariant`: its number in the access method's README. `is_damage`: false for what only costs recall or space until
  // the next vacuum. `item`: slot or the like, -1 for none.
  void add(int invariant, bool is_damage, BlockNumber block, int item, const char *format, ...)
      pg_attribute_printf(6, 7);

 private:
  ReturnSetInfo *result_;
};

// Checks an index, and against its table as `snapshot` sees it unless `heap` is null. Vacuum is locked out.
using CheckFunction = void (*)(Relation index, Relation heap, Snapshot snapshot, Findings *findings);

// Raises unless `index` is an index that the user owns. Before it is opened. `kind`, for the message: "an hnsw".
void require_own_index(Oid index, const char *kind);

// The same for whoever may REINDEX it: from 17 on the MAINTAIN privilege of its table is enough.
void require_maintained_index(Oid index, const char *kind);

// Opens it; raises unless it is an index of that access method, or when `method` is null of any that is registered, and
// this session can read it.
Relation open_own_index(Oid index, LOCKMODE lock, const char *method, const char *kind);

// Whoever reads a table evaluates expressions of its indexes, which are its owner's code: it shall not run with the
// rights of a superuser who checks the table. Between the two calls the session acts as the owner, as in VACUUM; an
// error ends that, too.
struct OwnerRights {
  Oid user;
  int security;
  int setting_level;
};
OwnerRights assume_owner(Relation heap);
void resume_user(const OwnerRights &rights);

// The rows that the snapshot sees, by the addresses of their HOT chains' roots, as the index stores them.
void read_indexed_rows(Relation index, Relation heap, Snapshot snapshot, IndexBuildCallback callback, void *state);

}  // namespace quiver::types
