// The registry of access methods.
// SPDX-License-Identifier: PostgreSQL
#include "types/index_methods.hpp"

extern "C" {
#include "commands/defrem.h"
}

namespace quiver::types {

namespace {

constexpr int kMaxMethods = 4;
IndexMethod methods[kMaxMethods];
int method_count = 0;

}  // namespace

void register_index_method(const IndexMethod &method) {
  Assert(method_count < kMaxMethods);
  methods[method_count++] = method;
}

const IndexMethod *index_method(Oid access_method) {
  for (int i = 0; i < method_count; ++i)
    if (access_method == get_am_oid(methods[i].name, true)) return &methods[i];
  return nullptr;
}

}  // namespace quiver::types
