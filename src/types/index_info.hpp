// quiver_index_info: which access method describes an index, and what it says.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "core/calibration.hpp"
#include "core/metric.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace quiver::types {

// A row of the function. Negative: the access method knows no such thing.
struct IndexSummary {
  core::Metric metric;
  int64 dimensions;
  int64 m, ef_construction, lanes, nodes_per_page;
  int64 nodes, tombstones;
  int64 lists, code_bits;
  core::RecallCurve curve;
};

using SummaryFunction = void (*)(Relation index, IndexSummary *summary);

}  // namespace quiver::types
