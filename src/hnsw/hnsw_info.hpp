// What quiver_index_info() says of an index of hnsw.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "types/index_info.hpp"

namespace quiver::hnsw {

// The types::SummaryFunction.
void summarize(Relation index, types::IndexSummary *summary);

}  // namespace quiver::hnsw
