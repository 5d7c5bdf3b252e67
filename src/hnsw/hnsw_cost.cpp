// What the planner is told: the visits up to the rows that the query will want, then a line through both.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cmath>

#include "hnsw/hnsw_index.hpp"
#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_options.hpp"
#include "types/index_cost.hpp"

extern "C" {
#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
}

namespace quiver::hnsw {

namespace {

// Units of the planner: one random page read of 4.0 stands for a cold page. The pages around the entries, which every
// search reads, are warm; those that only a long scan gets to are less so. The plans it competes with are priced cold.
constexpr double kFirstPage = 0.1, kFurtherPage = 0.25;
// Operators' worth of arithmetic in one visit: an own distance and 32 estimates.
constexpr double kOperatorsPerVisit = 50.0;
// Comparisons with the entries and the rotation of the query, in operators.
constexpr double kFixedOperators = 1000.0;
// In the plain format a visit reads the neighbours that were not met before: about this share of the lanes.
constexpr double kFreshShare = 0.25;
constexpr double kFirstRows = 10.0;

// What a plan depends on: from the meta page, or guessed for an index that does not exist.
struct Outlook {
  double rows;
  double pages;
  double first_visits;   // until the first ten rows are certain enough
  double visited_pages;  // of one visit

  double visit_cost(double page) const {
    return visited_pages * page * random_page_cost + kOperatorsPerVisit * cpu_operator_cost;
  }
};

// Without a measured curve: grows with the logarithm of the rows and about linearly with hnsw.ef_search.
double guessed_visits(double rows) {
  const int ef_search = settings.target_recall > 0.0 ? cautious_ef_search(settings.target_recall) : settings.ef_search;
  return 8.0 * std::log(rows + 2.0) * (0.5 + 0.5 * ef_search / kDefaultEfSearch);
}

Outlook look(const IndexOptInfo *info) {
  Outlook outlook{std::max(1.0, info->tuples), static_cast<double>(info->pages), 0.0, 1.0};
  outlook.first_visits = guessed_visits(outlook.rows);
  if (!info->hypothetical) {
    const Relation index = index_open(info->indexoid, NoLock);
    MetaPage meta;
    if (peek_meta(index, &meta)) {
      if (meta.code_bits == 0) outlook.visited_pages = 1.0 + kFreshShare * meta.lanes;
      const double measured = meta.curve.is_measured() ? meta.curve.visits_at(search_gamma(meta)) : 0.0;
      if (measured >= 1.0) outlook.first_visits = measured;  // false for what is not a number, too
    }
    index_close(index, NoLock);
  }
  outlook.first_visits = std::min(outlook.first_visits, outlook.rows);
  return outlook;
}

// Cost of handing out so many rows beyond the start: browsing, and where that is limited one pass over the index.
double run_cost(const Outlook &outlook, double wanted) {
  // A further row takes as many visits as one of the first, as measured on words up to a thousand rows.
  const double visits = std::max(0.0, wanted - kFirstRows) * outlook.first_visits / kFirstRows;
  const double browsed = std::min(visits, static_cast<double>(settings.max_scan_tuples));
  const double swept = visits > browsed ? outlook.pages * seq_page_cost + outlook.rows * 10.0 * cpu_operator_cost : 0.0;
  return std::min(browsed, outlook.rows) * outlook.visit_cost(kFurtherPage) + swept;
}

}  // namespace

void estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
                   Selectivity *selectivity, double *correlation, double *pages) {
  if (!types::begin_estimate(root, path, loop_count, startup_cost, total_cost, selectivity, correlation, pages)) return;
  const Outlook outlook = look(path->indexinfo);
  *startup_cost += kFixedOperators * cpu_operator_cost + outlook.first_visits * outlook.visit_cost(kFirstPage);
  // The planner takes cost to grow evenly from start to total; it is right at the rows that this query wants.
  const double wanted = types::rows_wanted(root, path->indexinfo->rel, outlook.rows);
  *total_cost = *startup_cost + run_cost(outlook, wanted) * outlook.rows / wanted;
}

}  // namespace quiver::hnsw
