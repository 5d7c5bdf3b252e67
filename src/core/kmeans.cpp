// Seeding, Lloyd's rounds, the two levels.
// SPDX-License-Identifier: PostgreSQL
#include "core/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// Up to so many centroids one level costs less than two.
constexpr size_t kOneLevel = 256;
// Rows of a sample that the upper level learns from, for each of its clusters.
constexpr size_t kRowsPerGroup = 256;
constexpr size_t kGroupsTried = 8;
// With more clusters than this, seeds are drawn from a sample of so many rows for each.
constexpr size_t kSeedRows = 16;
constexpr size_t kPollRows = 256;

}  // namespace

NearestCentroids::NearestCentroids(const CentroidTree &tree, std::pmr::memory_resource *memory)
    : tree_(tree),
      kernels_(simd::kernels()),
      halves_(tree.count + tree.groups, memory),
      products_(memory),
      best_(memory),
      gathered_(memory),
      chosen_(memory),
      places_(memory),
      counts_(memory) {
  const size_t d = tree.dimensions;
  for (size_t i = 0; i < tree.count; ++i)
    halves_[i] = 0.5f * static_cast<float>(kernels_.squared_norm(tree.centroids + i * d, d));
  for (size_t g = 0; tree.groups > 1 && g < tree.groups; ++g)
    halves_[tree.count + g] = 0.5f * static_cast<float>(kernels_.squared_norm(tree.upper + g * d, d));
}

void NearestCentroids::find(const float *rows, size_t n, uint32_t *labels) {
  for (size_t done = 0; done < n; done += kBatch)
    find_batch(rows + done * tree_.dimensions, std::min(kBatch, n - done), labels + done);
}

void NearestCentroids::find_batch(const float *rows, size_t n, uint32_t *labels) {
  const size_t d = tree_.dimensions;
  best_.assign(n, -std::numeric_limits<float>::infinity());
  std::fill_n(labels, n, 0u);
  if (tree_.groups <= 1) {
    compare(rows, n, 0, tree_.count, nullptr, labels);
    return;
  }
  choose_groups(rows, n);
  size_t at = 0;
  for (size_t g = 0; g < tree_.groups; ++g) {
    const size_t count = counts_[g];
    gathered_.resize(count * d);
    for (size_t i = 0; i < count; ++i) std::copy_n(rows + places_[at + i] * d, d, &gathered_[i * d]);
    if (count > 0) compare(gathered_.data(), count, tree_.starts[g], tree_.starts[g + 1], &places_[at], labels);
    at += count;
  }
}

// Compares rows with a range of centroids; row i is the batch's `places[i]`. The nearest has the largest product less
// half its squared length.
void NearestCentroids::compare(const float *rows, size_t n, size_t first, size_t last, const uint32_t *places,
                               uint32_t *labels) {
  constexpr size_t kTile = 512;  // centroids at a time: the products stay in the cache
  const size_t d = tree_.dimensions;
  for (size_t start = first; start < last; start += kTile) {
    const size_t count = std::min(kTile, last - start);
    products_.resize(n * count);
    kernels_.inner_products(rows, n, tree_.centroids + start * d, count, d, products_.data());
    for (size_t i = 0; i < n; ++i) {
      const float *products = &products_[i * count], *halves = &halves_[start];
      float best = -std::numeric_limits<float>::infinity();
      for (size_t j = 0; j < count; ++j) best = std::max(best, products[j] - halves[j]);
      const size_t row = places != nullptr ? places[i] : i;
      if (!(best > best_[row])) continue;
      best_[row] = best;
      for (size_t j = 0; j < count; ++j)
        if (products[j] - halves[j] == best) {
          labels[row] = static_cast<uint32_t>(start + j);
          break;
        }
    }
  }
}

// Fills places_ with the batch's rows, group by group, and counts_ with how many each has.
void NearestCentroids::choose_groups(const float *rows, size_t n) {
  const size_t groups = tree_.groups, tried = std::min(kGroupsTried, groups);
  products_.resize(n * groups);
  kernels_.inner_products(rows, n, tree_.upper, groups, tree_.dimensions, products_.data());
  chosen_.resize(n * tried);
  counts_.assign(groups, 0);
  const float *halves = &halves_[tree_.count];
  for (size_t i = 0; i < n; ++i) {
    const float *products = &products_[i * groups];
    uint32_t *best = &chosen_[i * tried];
    size_t known = 0;
    for (size_t g = 0; g < groups; ++g) {
      const float value = products[g] - halves[g];
      const auto better = [&](uint32_t other) { return value > products[other] - halves[other]; };
      if (known == tried && !better(best[known - 1])) continue;
      size_t place = known < tried ? known++ : known - 1;
      for (; place > 0 && better(best[place - 1]); --place) best[place] = best[place - 1];
      best[place] = static_cast<uint32_t>(g);
    }
    for (size_t k = 0; k < known; ++k) ++counts_[best[k]];
  }
  std::pmr::vector<uint32_t> next(groups, places_.get_allocator().resource());
  std::exclusive_scan(counts_.begin(), counts_.end(), next.begin(), 0u);
  places_.resize(n * tried);
  for (size_t i = 0; i < n * tried; ++i) places_[next[chosen_[i]]++] = static_cast<uint32_t>(i / tried);
}

KMeans::KMeans(size_t dimensions, const KMeansOptions &options, std::pmr::memory_resource *memory)
    : dimensions_(dimensions),
      options_(options),
      memory_(memory),
      kernels_(simd::kernels()),
      random_(options.seed),
      centroids_(memory),
      upper_(memory),
      starts_(memory),
      labels_(memory) {}

size_t KMeans::bytes(size_t clusters, size_t dimensions, size_t n) {
  const size_t gathered = clusters > kOneLevel ? dimensions : 0;
  const size_t batch = std::min(n, NearestCentroids::kBatch) * (gathered + 512) * sizeof(float);
  return (2 * clusters * (dimensions + 4) + 4 * n) * sizeof(float) + batch;
}

void KMeans::run(const float *rows, size_t n, Interrupt &interrupt) {
  const size_t wanted = std::min(options_.clusters, n);
  starts_.assign(1, 0);
  if (wanted <= kOneLevel) {
    centroids_.resize(wanted * dimensions_);
    starts_.push_back(static_cast<uint32_t>(cluster(rows, n, wanted, centroids_.data(), interrupt)));
  } else {
    split(rows, n, static_cast<size_t>(std::lround(std::sqrt(static_cast<double>(wanted)))), interrupt);
  }
  centroids_.resize(starts_.back() * dimensions_);
  tree_ = {dimensions_, starts_.back(), starts_.size() - 1, centroids_.data(), upper_.data(), starts_.data()};
}

// Two levels: groups first, then in each as many centroids as its share of the rows.
void KMeans::split(const float *rows, size_t n, size_t groups, Interrupt &interrupt) {
  const size_t learned = std::min(n, groups * kRowsPerGroup);
  upper_.resize(groups * dimensions_);
  std::pmr::vector<float> sample(memory_);
  sample.reserve(learned * dimensions_);
  for (size_t i = 0; i < learned; ++i) {
    const float *row = rows + i * n / learned * dimensions_;
    sample.insert(sample.end(), row, row + dimensions_);
  }
  groups = cluster(sample.data(), learned, groups, upper_.data(), interrupt);
  upper_.resize(groups * dimensions_);
  const uint32_t whole[] = {0, static_cast<uint32_t>(groups)};
  std::pmr::vector<uint32_t> labels(n, memory_);
  NearestCentroids nearest({dimensions_, groups, 1, upper_.data(), nullptr, whole}, memory_);
  for (size_t i = 0; i < n; i += NearestCentroids::kBatch) {
    interrupt.poll();
    nearest.find(rows + i * dimensions_, std::min(NearestCentroids::kBatch, n - i), &labels[i]);
  }
  const size_t wanted = std::min(options_.clusters, n);
  size_t rows_left = n, wanted_left = wanted;
  centroids_.resize((wanted + groups) * dimensions_);
  for (size_t g = 0; g < groups; ++g) {
    sample.clear();
    for (size_t i = 0; i < n; ++i)
      if (labels[i] == g) sample.insert(sample.end(), rows + i * dimensions_, rows + (i + 1) * dimensions_);
    const size_t members = sample.size() / dimensions_, done = starts_.back();
    size_t share = 0;
    if (members > 0) {
      share = static_cast<size_t>(std::llround(static_cast<double>(wanted_left) * static_cast<double>(members) /
                                               static_cast<double>(rows_left)));
      share = std::clamp<size_t>(share, 1, members);
      wanted_left -= std::min(share, wanted_left);
      rows_left -= members;
      share = cluster(sample.data(), members, share, &centroids_[done * dimensions_], interrupt);
    }
    starts_.push_back(static_cast<uint32_t>(done + share));
    interrupt.report(starts_.back());
  }
}

// Writes at most `wanted` centroids of these rows; returns how many.
size_t KMeans::cluster(const float *rows, size_t n, size_t wanted, float *centroids, Interrupt &interrupt) {
  const size_t count = seed(rows, n, std::min(wanted, n), centroids, interrupt);
  labels_.assign(n, 0);
  for (unsigned round = 0; round < options_.rounds; ++round)
    if (!improve(rows, n, count, centroids, interrupt)) break;
  return count;
}

// k-means++: each seed is drawn with a chance in proportion to its squared distance from the seeds before. Fewer when
// no row is left that differs from all seeds.
size_t KMeans::seed(const float *rows, size_t n, size_t wanted, float *centroids, Interrupt &interrupt) {
  const size_t drawn_from = std::min(n, std::max<size_t>(1, wanted * kSeedRows));
  const auto row = [&](size_t i) { return rows + i * n / drawn_from * dimensions_; };
  std::pmr::vector<float> distances(drawn_from, std::numeric_limits<float>::infinity(), memory_);
  size_t next = static_cast<size_t>(random_.below(drawn_from));
  for (size_t count = 0;; ++count) {
    if (count == wanted) return count;
    std::copy_n(row(next), dimensions_, centroids + count * dimensions_);
    double total = 0.0;
    for (size_t i = 0; i < drawn_from; ++i) {
      if (i % kPollRows == 0) interrupt.poll();
      distances[i] = std::min(distances[i], kernels_.squared_l2(row(i), row(next), dimensions_));
      total += distances[i];
    }
    if (!(total > 0.0)) return count + 1;
    double left = total * static_cast<double>(random_.below(uint64_t{1} << 53)) * 0x1p-53;
    for (next = 0; next + 1 < drawn_from && !(left < distances[next]); ++next) left -= distances[next];
    while (next > 0 && !(distances[next] > 0.0f)) --next;
  }
}

// One of Lloyd's rounds. False when no row changed its cluster.
bool KMeans::improve(const float *rows, size_t n, size_t count, float *centroids, Interrupt &interrupt) {
  const uint32_t whole[] = {0, static_cast<uint32_t>(count)};
  NearestCentroids nearest({dimensions_, count, 1, centroids, nullptr, whole}, memory_);
  std::pmr::vector<uint32_t> found(std::min(n, NearestCentroids::kBatch), memory_), members(count, 0u, memory_);
  std::pmr::vector<double> sums(count * dimensions_, 0.0, memory_);
  size_t moved = 0;
  for (size_t done = 0; done < n; done += NearestCentroids::kBatch) {
    interrupt.poll();
    const size_t batch = std::min(NearestCentroids::kBatch, n - done);
    nearest.find(rows + done * dimensions_, batch, found.data());
    for (size_t i = 0; i < batch; ++i) {
      moved += labels_[done + i] != found[i];
      labels_[done + i] = found[i];
      ++members[found[i]];
      const float *row = rows + (done + i) * dimensions_;
      double *sum = &sums[found[i] * dimensions_];
      for (size_t axis = 0; axis < dimensions_; ++axis) sum[axis] += row[axis];
    }
  }
  for (size_t c = 0; c < count; ++c) {
    float *centroid = centroids + c * dimensions_;
    if (members[c] == 0) {
      // A row of the largest cluster makes a better seed than where nobody is.
      const auto largest = static_cast<uint32_t>(std::max_element(members.begin(), members.end()) - members.begin());
      size_t i = static_cast<size_t>(random_.below(n));
      for (size_t tries = 0; labels_[i] != largest && tries < n; ++tries) i = (i + 1) % n;
      std::copy_n(rows + i * dimensions_, dimensions_, centroid);
      ++moved;
      continue;
    }
    const double inverse = 1.0 / members[c];
    for (size_t axis = 0; axis < dimensions_; ++axis)
      centroid[axis] = static_cast<float>(sums[c * dimensions_ + axis] * inverse);
    if (options_.spherical) normalize(centroid);
  }
  return moved > 0;
}

void KMeans::normalize(float *centroid) const {
  const double norm = std::sqrt(kernels_.squared_norm(centroid, dimensions_));
  if (!(norm > 0.0)) return;
  for (size_t i = 0; i < dimensions_; ++i) centroid[i] = static_cast<float>(centroid[i] / norm);
}

}  // namespace quiver::core
