// What the planner is told: the centroids, the probed lists, then the others as far as the query will want.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cmath>

#include "ivfpq/ivfpq_index.hpp"
#include "ivfpq/ivfpq_internal.hpp"
#include "ivfpq/ivfpq_options.hpp"
#include "ivfpq/ivfpq_ranking.hpp"
#include "types/index_cost.hpp"

extern "C" {
#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
}

namespace quiver::ivfpq {

namespace {

// Operators' worth of arithmetic: a distance to a centroid, an estimate of one row or by a centroid's short code, a row
// whose own vector is read, or its heap row.
constexpr double kPerCentroid = 1.0, kPerEstimate = 0.05, kPerVector = 10.0, kPerHeapRow = 60.0;
// Own vectors that are read in full go by so many bytes to an estimate's worth, at least one.
constexpr double kBytesPerEstimate = 64.0;
constexpr double kFixedOperators = 1000.0;
// Own vectors read for each row handed out, and pages of codes that are not cached.
constexpr double kVectorsPerRow = 5.0, kColdShare = 0.2;
// Pages of vectors that a row costs; each heap row lies on a page of its own.
constexpr double kPagesPerVector = 0.1, kPagesPerHeapRow = 1.0;
constexpr double kFirstRows = 14.0;

struct Outlook {
  double rows, code_pages, lists;
  double share;     // of the rows that the first round reads
  double estimate;  // operators' worth of one row
  double centroid;  // and of one centroid
  bool by_heap;     // rows are measured by heap rows
};

double first_share(const Settings &settings, const core::RecallCurve &curve, double lists) {
  if (settings.probes == 0 && curve.is_measured()) {
    const double all = curve.visits[core::kCalibrationPoints - 1];
    const double share = curve.visits_at(curve.reachable_gamma_for(settings.target_recall)) / std::max(1.0, all);
    if (share > 0.0) return std::min(share, 1.0);  // false for what is not a number, too
  }
  const auto whole = static_cast<uint32>(std::min(lists, static_cast<double>(kMaxLists)));
  const double probes = settings.probes > 0 ? settings.probes : cautious_probes(settings.target_recall, whole);
  return std::min(1.0, probes / lists);
}

Outlook look(const IndexOptInfo *info) {
  Outlook outlook{
      std::max(1.0, info->tuples), std::max(1.0, 0.25 * info->pages), 0.0, 0.0, kPerEstimate, kPerCentroid, false};
  outlook.lists = std::max(1.0, outlook.rows / 256.0);
  Settings settings{0, 0, kMaxLists, kDefaultTargetRecall};
  MetaPage meta{};
  if (!info->hypothetical) {
    const Relation index = index_open(info->indexoid, NoLock);
    settings = settings_of(index);
    if (peek_meta(index, &meta)) {
      outlook.lists = meta.lists;
      const ListShape shape = shape_of(meta);
      outlook.by_heap = !shape.has_vectors();
      if (has_short_centroids(shape, meta.lists)) outlook.centroid = kPerEstimate;
      if (shape.vector_pages() == 0) outlook.code_pages = std::max(1.0, static_cast<double>(info->pages));
      if (!shape.has_codes()) {
        outlook.estimate *= std::max(1.0, static_cast<double>(shape.vector_bytes()) / kBytesPerEstimate);
      }
    } else {
      meta.curve = {};
    }
    index_close(index, NoLock);
  }
  outlook.share = first_share(settings, meta.curve, outlook.lists);
  return outlook;
}

double list_cost(const Outlook &outlook, double share) {
  return share *
         (outlook.rows * outlook.estimate * cpu_operator_cost + outlook.code_pages * kColdShare * seq_page_cost);
}

double rows_cost(const Outlook &outlook, double rows) {
  const double operators = outlook.by_heap ? kPerHeapRow : kPerVector;
  const double pages = outlook.by_heap ? kPagesPerHeapRow : kPagesPerVector;
  return rows * kVectorsPerRow * (operators * cpu_operator_cost + pages * kColdShare * random_page_cost);
}

}  // namespace

void estimate_cost(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
                   Selectivity *selectivity, double *correlation, double *pages) {
  if (!types::begin_estimate(root, path, loop_count, startup_cost, total_cost, selectivity, correlation, pages)) return;
  const Outlook outlook = look(path->indexinfo);
  const double fixed = (kFixedOperators + outlook.lists * outlook.centroid) * cpu_operator_cost;
  *startup_cost += fixed + list_cost(outlook, outlook.share) + rows_cost(outlook, std::min(kFirstRows, outlook.rows));
  // The planner takes cost to grow evenly from start to total; it is right at the rows that this query wants.
  const double wanted = types::rows_wanted(root, path->indexinfo->rel, outlook.rows);
  const double rounds = std::sqrt(std::max(1.0, wanted / kFirstRows)) - 1.0;
  const double more = std::clamp(outlook.share * rounds, 0.0, 1.0 - outlook.share);
  const double run = list_cost(outlook, more) + rows_cost(outlook, std::max(0.0, wanted - kFirstRows));
  *total_cost = *startup_cost + run * outlook.rows / wanted;
}

}  // namespace quiver::ivfpq
