// What the planner is told: the centroids, the probed lists, then the others as far as the query will want.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cmath>

#include "ivfpq/ivfpq_index.hpp"
#include "ivfpq/ivfpq_internal.hpp"
#include "ivfpq/ivfpq_options.hpp"
#include "types/index_cost.hpp"

extern "C" {
#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
}

namespace quiver::ivfpq {

namespace {

// Operators' worth of arithmetic: a distance to a centroid, an estimate of one row, a row whose own vector is read.
constexpr double kPerCentroid = 1.0, kPerEstimate = 0.05, kPerVector = 10.0;
constexpr double kFixedOperators = 1000.0;
// Own vectors read for each row handed out, and pages of codes that are not cached.
constexpr double kVectorsPerRow = 5.0, kColdShare = 0.2;
constexpr double kFirstRows = 14.0;

struct Outlook {
  double rows, code_pages, lists, probes;
};

Outlook look(const IndexOptInfo *info) {
  Outlook outlook{std::max(1.0, info->tuples), std::max(1.0, 0.25 * info->pages), 0.0, 0.0};
  outlook.lists = std::max(1.0, outlook.rows / 256.0);
  const Settings *settings = nullptr;
  if (!info->hypothetical) {
    const Relation index = index_open(info->indexoid, NoLock);
    MetaPage meta;
    settings = &settings_of(index);
    if (peek_meta(index, &meta)) outlook.lists = meta.lists;
    index_close(index, NoLock);
  }
  const auto lists = static_cast<uint32>(std::min(outlook.lists, static_cast<double>(kMaxLists)));
  outlook.probes = settings != nullptr ? probes_for(*settings, lists) : probes_for(Settings{}, lists);
  return outlook;
}

double list_cost(const Outlook &outlook, double lists) {
  const double share = lists / outlook.lists;
  return share * (outlook.rows * kPerEstimate * cpu_operator_cost + outlook.code_pages * kColdShare * seq_page_cost);
}

double rows_cost(double rows) {
  return rows * kVectorsPerRow * (kPerVector * cpu_operator_cost + 0.1 * kColdShare * random_page_cost);
}

}  // namespace

void estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
                   Selectivity *selectivity, double *correlation, double *pages) {
  if (!types::begin_estimate(root, path, loop_count, startup_cost, total_cost, selectivity, correlation, pages)) return;
  const Outlook outlook = look(path->indexinfo);
  const double fixed = (kFixedOperators + outlook.lists * kPerCentroid) * cpu_operator_cost;
  *startup_cost += fixed + list_cost(outlook, outlook.probes) + rows_cost(std::min(kFirstRows, outlook.rows));
  // The planner takes cost to grow evenly from start to total; it is right at the rows that this query wants.
  const double wanted = types::rows_wanted(root, path->indexinfo->rel, outlook.rows);
  const double rounds = std::sqrt(std::max(1.0, wanted / kFirstRows)) - 1.0;
  const double more = std::clamp(outlook.probes * rounds, 0.0, outlook.lists - outlook.probes);
  const double run = list_cost(outlook, more) + rows_cost(std::max(0.0, wanted - kFirstRows));
  *total_cost = *startup_cost + run * outlook.rows / wanted;
}

}  // namespace quiver::ivfpq
