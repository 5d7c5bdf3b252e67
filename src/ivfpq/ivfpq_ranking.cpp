// Ranking of lists.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_ranking.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quiver::ivfpq {

namespace {

// Room for so many lists at first.
constexpr size_t kUsualLooks = 512;
// Standard errors of a distance by small integers that none is off by, all but surely: it costs hardly more than one.
constexpr float kRoughErrors = 3.5f;

}  // namespace

// With short codes only the lists that may be among those that are asked for are looked at.
void ListRanking::rank(const core::VectorQuery &query) {
  query_ = &query;
  lists_.clear();
  ordered_ = 0;
  // Products have no zero to measure from: they count from the largest that the lengths allow.
  const bool by_product = index_.meta.metric == core::Metric::inner_product;
  shift_ = by_product ? query.norm() * index_.cache->longest_centroid : 0.0f;
  if (const core::CentroidCodes *codes = short_centroids(index_)) {
    lists_.reserve(std::min(size(), kUsualLooks));
    near_.aim(*codes, query.rotated(), by_product, kSearchedErrors);
  } else {
    near_.clear();
    lists_.reserve(size());
    for (uint32 list = 0; list < size(); ++list) measure(list);
  }
  order(std::min(kBaseRank, size()));
  base_ = lists_.empty() ? 0.0f : lists_[ordered_ - 1].distance;
}

void ListRanking::measure(uint32 list) {
  const IndexCache::List &cached = index_.cache->lists[list];
  const float distance = query_->rough_distance(cached.centroid, index_.centroid_codes(list)) + shift_;
  const float largest = std::numeric_limits<float>::max();
  lists_.push_back({std::isfinite(distance) ? std::max(0.0f, distance) : largest, list, cached.head});
}

void ListRanking::measure_within(float limit) {
  near_.take_within(limit, [this](size_t list) { measure(static_cast<uint32>(list)); });
}

// Those that may be as near as the last of enough others, are among the nearest or let nothing be nearer.
void ListRanking::order(size_t wanted) {
  if (wanted <= ordered_) return;
  if (lists_.size() < wanted) measure_within(near_.limit_for(wanted - lists_.size()));
  const auto place = [this](size_t rank) { return lists_.begin() + static_cast<std::ptrdiff_t>(rank); };
  std::nth_element(place(ordered_), place(wanted - 1), lists_.end());
  measure_within(lists_[wanted - 1].distance - shift_);
  std::nth_element(place(ordered_), place(wanted - 1), lists_.end());
  std::sort(place(ordered_), place(wanted));
  ordered_ = wanted;
}

size_t ListRanking::order_within(float gamma) {
  const float farthest = (1.0f + gamma) * base_;
  measure_within(farthest - shift_);
  const auto first = lists_.begin() + static_cast<std::ptrdiff_t>(ordered_);
  const auto end =
      std::partition(first, lists_.end(), [=](const RankedList &list) { return list.distance <= farthest; });
  std::sort(first, end);
  ordered_ = static_cast<size_t>(end - lists_.begin());
  return ordered_;
}

float ListRanking::gamma_of(float distance) const {
  if (distance <= base_) return 0.0f;
  return base_ > 0.0f ? distance / base_ - 1.0f : std::numeric_limits<float>::max();
}

CentroidDistance centroid_distance(const OpenIndex &index, const core::VectorQuery &query, uint32 list) {
  const core::ScalarCode &centroid = index.cache->lists[list].centroid;
  const float own = query.distance(centroid, index.centroid_codes(list));
  const float squared = index.meta.metric == core::Metric::inner_product
                            ? query.squared_norm() + centroid.squared_norm + 2.0f * own
                            : own;
  return {own, std::sqrt(std::max(0.0f, squared))};
}

void estimate_rows(const ListShape &shape, const core::PreparedListQuery &tables, const core::VectorQuery &query,
                   Page page, uint32 first, float own, float width, uint8_t *scratch, float *lows) {
  if (shape.has_codes()) {
    tables.estimate(code_block(page, shape, first / simd::kBlockLanes), own, width, lows);
    return;
  }
  const uint32 end = std::min<uint32>(simd::kBlockLanes, page_info(page)->used - first);
  for (uint32 i = 0; i < end; ++i) {
    if (!rows_of(page, shape)[first + i].is_valid()) {
      lows[i] = std::numeric_limits<float>::infinity();
      continue;
    }
    core::ScalarCode *vector = vector_at(page, shape, first + i);
    lows[i] = query.rough_distance(*vector, unpacked_codes(shape, vector, scratch)) -
              kRoughErrors * query.rough_error(*vector);
  }
  std::fill(lows + end, lows + simd::kBlockLanes, std::numeric_limits<float>::infinity());
}

float doubt_of(const ListShape &shape, const core::VectorQuery &query, Page page, uint32 lane, float width) {
  if (!shape.has_codes()) return 2.0f * kRoughErrors * query.rough_error(*vector_at(page, shape, lane));
  return 2.0f * width * code_block(page, shape, lane / simd::kBlockLanes).error[lane % simd::kBlockLanes];
}

}  // namespace quiver::ivfpq
