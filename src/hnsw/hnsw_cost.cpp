// What the planner is told: a fixed start, then a price for each further node.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cmath>

#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_options.hpp"

extern "C" {
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/selfuncs.h"
}

namespace quiver::hnsw {

namespace {

// Units of the planner: one random page read of 4.0 stands for a cold page; most pages of a graph are warm.
constexpr double kWarmShare = 0.1;
// Operators' worth of arithmetic in one visit: an own distance and 32 estimates.
constexpr double kOperatorsPerVisit = 50.0;
// Comparisons with the entries and the rotation of the query, in operators.
constexpr double kFixedOperators = 1000.0;

double visit_cost() { return kWarmShare * random_page_cost + kOperatorsPerVisit * cpu_operator_cost; }

// Nodes visited before the first row is certain enough: grows with the logarithm of the rows and about linearly with
// hnsw.ef_search, as measured on words and patches.
double visits_to_first_row(double rows) {
  const double thoroughness = 0.5 + 0.5 * settings.ef_search / kDefaultEfSearch;
  return std::min(rows, 8.0 * std::log(rows + 2.0) * thoroughness);
}

// All further rows: one visit each while browsing, then one pass over the index.
double run_cost(double rows, double pages) {
  const double browsed = std::min(rows, static_cast<double>(settings.max_scan_tuples));
  const double swept = rows > browsed ? pages * seq_page_cost + rows * 10.0 * cpu_operator_cost : 0.0;
  return browsed * visit_cost() + swept;
}

}  // namespace

void estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
                   Selectivity *selectivity, double *correlation, double *pages) {
  *correlation = 0.0;
  *selectivity = 1.0;
  *pages = path->indexinfo->pages;
  // Without an ordering operator there is nothing this index could do.
  if (path->indexorderbys == NIL) {
    *startup_cost = *total_cost = get_float8_infinity();
    *selectivity = 0.0;
    compat::disable_path(path);
    return;
  }
  GenericCosts costs;
  MemSet(&costs, 0, sizeof costs);
  genericcostestimate(root, path, loop_count, &costs);
  const double rows = std::max(1.0, path->indexinfo->tuples);
  *startup_cost =
      costs.indexStartupCost + kFixedOperators * cpu_operator_cost + visits_to_first_row(rows) * visit_cost();
  *total_cost = *startup_cost + run_cost(rows, path->indexinfo->pages);
  *selectivity = costs.indexSelectivity;
}

}  // namespace quiver::hnsw
