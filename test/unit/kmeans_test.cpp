// k-means: clusters that are there are found, in one level and in two; few, equal and empty inputs end well.
// SPDX-License-Identifier: PostgreSQL
#include "core/kmeans.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "simd/dispatch.hpp"

namespace quiver::core {
namespace {

auto *memory() { return std::pmr::new_delete_resource(); }

std::vector<float> clustered_rows(size_t clusters, size_t each, size_t d, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> centres(clusters * d), rows;
  for (float &value : centres) value = 20.0f * normal(random);
  for (size_t i = 0; i < clusters * each; ++i)
    for (size_t axis = 0; axis < d; ++axis) rows.push_back(centres[(i % clusters) * d + axis] + normal(random));
  return rows;
}

double mean_distance(const CentroidTree &tree, const std::vector<float> &rows, const std::vector<uint32_t> &labels) {
  const size_t d = tree.dimensions;
  double total = 0.0;
  for (size_t i = 0; i < labels.size(); ++i)
    total += simd::kernels().squared_l2(&rows[i * d], tree.centroids + labels[i] * d, d);
  return total / static_cast<double>(labels.size());
}

TEST(KMeansTest, FindsClustersThatAreThere) {
  const size_t d = 16, n = 40 * 50;
  const std::vector<float> rows = clustered_rows(40, 50, d, 1);
  NoInterrupt interrupt;
  KMeans kmeans(d, {40, false}, memory());
  kmeans.run(rows.data(), n, interrupt);
  ASSERT_EQ(kmeans.tree().count, 40u);
  std::vector<uint32_t> labels(n);
  NearestCentroids(kmeans.tree(), memory()).find(rows.data(), n, labels.data());
  // Rows are one unit an axis from their centre; two centres that share a centroid would cost hundreds.
  EXPECT_LT(mean_distance(kmeans.tree(), rows, labels), 3.0 * d);
  EXPECT_GT(std::set<uint32_t>(labels.begin(), labels.end()).size(), 35u);
}

TEST(KMeansTest, TwoLevelsAreNearlyAsGoodAsOneComparison) {
  const size_t d = 24, n = 12000, wanted = 600;
  const std::vector<float> rows = clustered_rows(300, 40, d, 2);
  NoInterrupt interrupt;
  KMeans kmeans(d, {wanted, false}, memory());
  kmeans.run(rows.data(), n, interrupt);
  const CentroidTree tree = kmeans.tree();
  ASSERT_GT(tree.groups, 10u);
  EXPECT_GE(tree.count, wanted * 9 / 10);
  EXPECT_LE(tree.count, wanted + tree.groups);
  EXPECT_EQ(tree.starts[tree.groups], tree.count);
  std::vector<uint32_t> quick(n), exact(n);
  NearestCentroids(tree, memory()).find(rows.data(), n, quick.data());
  NearestCentroids({d, tree.count, 1, tree.centroids, nullptr, nullptr}, memory()).find(rows.data(), n, exact.data());
  size_t equal = 0;
  for (size_t i = 0; i < n; ++i) equal += quick[i] == exact[i];
  EXPECT_GT(equal, n * 95 / 100);
  EXPECT_LT(mean_distance(tree, rows, quick), 1.05 * mean_distance(tree, rows, exact));
}

TEST(KMeansTest, SphericalCentroidsHaveLengthOne) {
  const size_t d = 8, n = 500;
  std::vector<float> rows = clustered_rows(10, 50, d, 3);
  for (size_t i = 0; i < n; ++i) {
    const double norm = std::sqrt(simd::kernels().squared_norm(&rows[i * d], d));
    for (size_t axis = 0; axis < d; ++axis) rows[i * d + axis] = static_cast<float>(rows[i * d + axis] / norm);
  }
  NoInterrupt interrupt;
  KMeans kmeans(d, {10, true}, memory());
  kmeans.run(rows.data(), n, interrupt);
  for (size_t c = 0; c < kmeans.tree().count; ++c)
    EXPECT_NEAR(simd::kernels().squared_norm(kmeans.tree().centroids + c * d, d), 1.0, 1e-5);
}

TEST(KMeansTest, FewDistinctRowsMakeFewCentroids) {
  NoInterrupt interrupt;
  const std::vector<float> equal(100 * 3, 1.5f);
  KMeans constant(3, {10, false}, memory());
  constant.run(equal.data(), 100, interrupt);
  EXPECT_EQ(constant.tree().count, 1u);
  std::vector<float> two(600 * 3, 1.0f);
  for (size_t i = 0; i < 300 * 3; ++i) two[i] = -1.0f;
  KMeans pair(3, {300, false}, memory());
  pair.run(two.data(), 600, interrupt);
  EXPECT_LE(pair.tree().count, 20u);
  EXPECT_GE(pair.tree().count, 2u);
  KMeans single(3, {1, false}, memory());
  single.run(two.data(), 1, interrupt);
  EXPECT_EQ(single.tree().count, 1u);
}

TEST(KMeansTest, CanBeCancelled) {
  struct Stop : Interrupt {
    int polls = 0;
    void poll() override {
      if (++polls > 20) throw 1;
    }
  } stop;
  const std::vector<float> rows = clustered_rows(40, 100, 16, 4);
  KMeans kmeans(16, {400, false}, memory());
  EXPECT_THROW(kmeans.run(rows.data(), 4000, stop), int);
}

}  // namespace
}  // namespace quiver::core
