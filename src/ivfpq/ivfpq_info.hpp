// What quiver_index_info() says of an index of ivfpq and ivfflat.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "types/index_info.hpp"

namespace quiver::ivfpq {

// The types::SummaryFunction.
void summarize(Relation index, types::IndexSummary *summary);

}  // namespace quiver::ivfpq
