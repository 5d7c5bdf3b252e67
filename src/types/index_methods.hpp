// The access methods of this library: how each checks and describes its indexes.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "types/index_check.hpp"
#include "types/index_info.hpp"

namespace quiver::types {

struct IndexMethod {
  const char *name;
  CheckFunction check;
  SummaryFunction summarize;
};

// Called for each access method when the library is loaded.
void register_index_method(const IndexMethod &method);

// Null for the access methods of others.
const IndexMethod *index_method(Oid access_method);

}  // namespace quiver::types
