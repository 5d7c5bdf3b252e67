// Short codes of centroids: what they hand out holds what looking at every centroid finds.
// SPDX-License-Identifier: PostgreSQL
#include "core/centroid_codes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "simd/dispatch.hpp"

namespace quiver::core {
namespace {

using Vectors = std::vector<std::vector<float>>;

// Around a few middles far from zero, as centroids of real rows are.
Vectors clustered(size_t count, size_t dimensions, std::mt19937 *random) {
  std::normal_distribution<float> normal;
  Vectors middles(std::max<size_t>(1, count / 40), std::vector<float>(dimensions));
  for (auto &middle : middles)
    for (auto &value : middle) value = 3.0f + normal(*random);
  Vectors all(count, std::vector<float>(dimensions));
  for (auto &vector : all) {
    const auto &middle = middles[(*random)() % middles.size()];
    for (size_t i = 0; i < dimensions; ++i) vector[i] = middle[i] + 0.5f * normal(*random);
  }
  return all;
}

class Centroids {
 public:
  Centroids(Vectors vectors, unsigned bits, bool by_product) : vectors_(std::move(vectors)), by_product_(by_product) {
    const size_t dimensions = vectors_.front().size();
    codes_.assign({dimensions, dimensions, bits}, by_product, vectors_.size(),
                  [&](size_t i, float *values) { std::copy(vectors_[i].begin(), vectors_[i].end(), values); });
  }

  const CentroidCodes &codes() const { return codes_; }
  size_t size() const { return vectors_.size(); }
  float distance(size_t i, const std::vector<float> &query) const {
    const auto *a = vectors_[i].data(), *b = query.data();
    return by_product_ ? -simd::kernels().inner_product(a, b, query.size())
                       : simd::kernels().squared_l2(a, b, query.size());
  }

  // As a writer looks for the nearest; counts those it looks at.
  size_t nearest(const std::vector<float> &query, size_t *looks) const {
    NearCentroids near(memory());
    near.aim(codes_, query.data(), by_product_, 3.5f);
    float least = std::numeric_limits<float>::infinity();
    size_t best = 0;
    const auto compare = [&](size_t i) {
      ++*looks;
      const float found = distance(i, query);
      if (found < least || (found == least && i < best)) {
        least = found;
        best = i;
      }
    };
    near.take_within(near.limit_for(1), compare);
    near.take_within(least, compare);
    return best;
  }

  size_t nearest_of_all(const std::vector<float> &query) const {
    size_t best = 0;
    for (size_t i = 1; i < size(); ++i)
      if (distance(i, query) < distance(best, query)) best = i;
    return best;
  }

  // Those within a distance that are not handed out.
  size_t missing_within(const std::vector<float> &query, float limit) const {
    NearCentroids near(memory());
    near.aim(codes_, query.data(), by_product_, 3.5f);
    std::vector<bool> taken(size());
    near.take_within(limit, [&](size_t i) { taken[i] = true; });
    size_t missing = 0;
    for (size_t i = 0; i < size(); ++i) missing += distance(i, query) <= limit && !taken[i];
    return missing;
  }

 private:
  static std::pmr::memory_resource *memory() { return std::pmr::new_delete_resource(); }
  Vectors vectors_;
  bool by_product_;
  CentroidCodes codes_{memory()};
};

TEST(CentroidCodesTest, TheNearestIsThatOfAll) {
  std::mt19937 random(1);
  for (const size_t dimensions : {1, 2, 3, 8, 64, 100, 128, 300})
    for (const bool by_product : {false, true}) {
      const Vectors all = clustered(1500, dimensions, &random);
      const Centroids centroids(all, dimensions < 200 ? 2 : 1, by_product);
      const Vectors queries = clustered(100, dimensions, &random);
      size_t looks = 0, wrong = 0;
      for (size_t q = 0; q < queries.size(); ++q) {
        std::vector<float> query = q % 2 == 0 ? queries[q] : all[random() % all.size()];
        if (q % 2 == 1)
          for (auto &value : query) value += 0.01f * static_cast<float>(random() % 50);
        wrong += centroids.nearest(query, &looks) != centroids.nearest_of_all(query);
      }
      EXPECT_EQ(wrong, 0u) << dimensions << by_product;
      if (dimensions >= 64 && !by_product) {
        EXPECT_LT(looks, 100u * 1500u / 4u) << dimensions;
      }
    }
}

TEST(CentroidCodesTest, HardlyAnyWithinReachIsMissing) {
  std::mt19937 random(2);
  for (const bool by_product : {false, true}) {
    const Vectors all = clustered(2000, 96, &random), queries = clustered(100, 96, &random);
    const Centroids centroids(all, 2, by_product);
    size_t missing = 0;
    for (const auto &query : queries) {
      std::vector<float> distances;
      for (size_t i = 0; i < all.size(); ++i) distances.push_back(centroids.distance(i, query));
      std::sort(distances.begin(), distances.end());
      missing += centroids.missing_within(query, distances[200]);
    }
    EXPECT_LE(missing, 3u);  // of 20,100
  }
}

TEST(CentroidCodesTest, AllAreHandedOutOnce) {
  std::mt19937 random(3);
  for (const size_t count : {1, 31, 32, 33, 500, 1025}) {
    const Vectors all = clustered(count, 20, &random);
    const Centroids centroids(all, 2, false);
    NearCentroids near(std::pmr::new_delete_resource());
    near.aim(centroids.codes(), all[0].data(), false, 3.5f);
    std::vector<int> taken(count);
    size_t known = 0;
    const auto take = [&](size_t i) {
      ++taken[i];
      ++known;
    };
    for (size_t wanted = 1; known < count; wanted *= 2) {
      const size_t before = known;
      near.take_within(near.limit_for(wanted), take);
      EXPECT_GE(known, std::min(count, before + wanted));
    }
    EXPECT_EQ(std::count(taken.begin(), taken.end(), 1), static_cast<std::ptrdiff_t>(count));
  }
}

TEST(CentroidCodesTest, EqualAndEnormousCentroids) {
  std::mt19937 random(4);
  size_t looks = 0;
  const std::vector<float> query(10, 1.0f);
  EXPECT_EQ(Centroids(Vectors(300, query), 2, false).nearest(query, &looks), 0u);
  EXPECT_EQ(Centroids(Vectors(1, query), 2, false).nearest(query, &looks), 0u);
  for (const float enormous : {1e18f, 1e25f, 3e38f}) {
    Vectors all = clustered(400, 10, &random);
    all[7].assign(10, enormous);
    all[8].assign(10, -enormous);
    const Centroids centroids(all, 2, false);
    for (const size_t i : {0, 7, 8, 399})
      EXPECT_EQ(centroids.nearest(all[i], &looks), centroids.nearest_of_all(all[i])) << enormous << " " << i;
  }
}

}  // namespace
}  // namespace quiver::core
