// How a build uses the memory that it is given.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/build_block.hpp"

namespace quiver::core {

struct BuildDemand {
  double rows;       // to be expected
  double most_rows;  // to make room for, where that costs nothing
  size_t beam;       // of an insertion
  size_t budget;     // bytes for the block and the participants' own memory
  size_t participants;
};

// Everything in memory if the rows fit; else the plan that spills. Where rows must be inserted one by one, as many as
// fit.
BuildPlan plan_build(const NodeShape &shape, Metric metric, const BuildDemand &demand);

// The memory that such rows need to be built without files.
size_t bytes_without_files(const NodeShape &shape, Metric metric, const BuildDemand &demand);

}  // namespace quiver::core
