// k-means in two levels, by products of matrices: centroids for lists, and the way of many rows to their nearest ones.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/interrupt.hpp"
#include "core/random.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

// Centroids in groups: group g has its own centroid and those of [starts[g], starts[g + 1]).
struct CentroidTree {
  size_t dimensions;
  size_t count;            // of centroids
  size_t groups;           // 1: no upper level
  const float *centroids;  // [count][dimensions]
  const float *upper;      // [groups][dimensions]
  const uint32_t *starts;  // [groups + 1]
};

// Finds the nearest centroid of many rows at a time. Above one group a row is compared with those of the groups nearest
// to it, which finds all but a few hundredths of the nearest and the next best for the others.
class NearestCentroids {
 public:
  NearestCentroids(const CentroidTree &tree, std::pmr::memory_resource *memory);

  static constexpr size_t kBatch = 1024;  // rows that find() likes to get

  // labels[i] for each of n rows. Rows with values that are not finite get some label.
  void find(const float *rows, size_t n, uint32_t *labels);

 private:
  struct Block;
  void find_batch(const float *rows, size_t n, uint32_t *labels);
  void compare(const float *rows, size_t n, size_t first, size_t last, const uint32_t *places, uint32_t *labels);
  void choose_groups(const float *rows, size_t n);

  CentroidTree tree_;
  const simd::Kernels &kernels_;
  std::pmr::vector<float> halves_;  // half the squared length of each centroid, then of each group's
  std::pmr::vector<float> products_, best_, gathered_;
  std::pmr::vector<uint32_t> chosen_, places_, counts_;  // row and group pairs, sorted by group
};

struct KMeansOptions {
  size_t clusters;
  bool spherical;  // centroids have length 1
  unsigned rounds = 10;
  uint64_t seed = 1;
};

// Clusters, at most as many as asked for and as there are distinct rows among the sample. Lloyd's rounds from k-means++
// seeds (Arthur and Vassilvitskii 2007) over samples; a cluster that loses its last row gets one of the largest's.
class KMeans {
 public:
  KMeans(size_t dimensions, const KMeansOptions &options, std::pmr::memory_resource *memory);

  // REQUIRES: n >= 1 rows of finite values. `interrupt` is polled and told of centroids that are done.
  void run(const float *rows, size_t n, Interrupt &interrupt);

  const CentroidTree &tree() const { return tree_; }

  // Memory of run() beside the rows, about.
  static size_t bytes(size_t clusters, size_t dimensions, size_t n);

 private:
  using Floats = std::pmr::vector<float>;
  size_t cluster(const float *rows, size_t n, size_t wanted, float *centroids, Interrupt &interrupt);
  size_t seed(const float *rows, size_t n, size_t wanted, float *centroids, Interrupt &interrupt);
  bool improve(const float *rows, size_t n, size_t count, float *centroids, Interrupt &interrupt);
  void split(const float *rows, size_t n, size_t groups, Interrupt &interrupt);
  void normalize(float *centroid) const;

  size_t dimensions_;
  KMeansOptions options_;
  std::pmr::memory_resource *memory_;
  const simd::Kernels &kernels_;
  Random random_;
  Floats centroids_, upper_;
  std::pmr::vector<uint32_t> starts_, labels_;
  CentroidTree tree_{};
};

}  // namespace quiver::core
