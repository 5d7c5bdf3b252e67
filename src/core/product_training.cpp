// Residuals, principal axes, and k-means in each part.
// SPDX-License-Identifier: PostgreSQL
#include "core/product_training.hpp"

#include <eigen3/Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// Rows for each word: with fewer nothing is learned, and more add nothing.
constexpr size_t kLeastRowsPerWord = 32, kRowsPerWord = 256;
// Values of the sample, and rows at most and at least.
constexpr size_t kSampleValues = size_t{1} << 23, kMostRows = 16384, kFewRows = 4096;
constexpr unsigned kRounds = 10;
constexpr uint64_t kSeed = 1;
// Rows whose products are added up at a time.
constexpr size_t kBatch = 1024;
// Axes without variance count as if they had so much of the mean.
constexpr double kLeastVariance = 1e-4;
// To compare errors: rows, the share within so many deviations, and what is believed of the result.
constexpr size_t kComparedRows = 2048;
constexpr double kWithin = 0.9545, kWithinDeviations = 2.0;
constexpr double kLeastRatio = 0.5, kMostRatio = 8.0;

// The words of one part, from `n` rows of its axes, which it overwrites. Words that k-means did not need stay as they
// are.
void cluster_part(ProductBook *book, size_t part, float *rows, size_t n, Interrupt &interrupt,
                  std::pmr::memory_resource *memory) {
  const size_t axes = book->shape().axes(), words = book->shape().words();
  for (size_t axis = 0; axis < axes; ++axis) {
    const float scale = std::sqrt(book->weights[part * axes + axis]);
    for (size_t i = 0; i < n; ++i) rows[i * axes + axis] *= scale;
  }
  KMeans kmeans(axes, {words, false, kRounds, kSeed}, memory);
  kmeans.run(rows, n, interrupt);
  const CentroidTree &tree = kmeans.tree();
  for (size_t axis = 0; axis < axes; ++axis) {
    const float scale = 1.0f / std::sqrt(book->weights[part * axes + axis]);
    float *written = &book->words[(part * axes + axis) * words];
    for (size_t word = 0; word < tree.count; ++word) written[word] = scale * tree.centroids[word * axes + axis];
  }
}

// Two of them, after Box and Muller 1958.
void draw_normal(Random *random, float *pair) {
  const auto uniform = [random] { return (static_cast<double>(random->below(uint64_t{1} << 52)) + 0.5) * 0x1p-52; };
  const double radius = std::sqrt(-2.0 * std::log(uniform())), angle = 2.0 * std::numbers::pi * uniform();
  pair[0] = static_cast<float>(radius * std::cos(angle));
  pair[1] = static_cast<float>(radius * std::sin(angle));
}

// Makes residuals of length sqrt(d) of a fair choice of the rows; they lie at the front then. Returns how many.
size_t make_residuals(const CentroidTree &tree, float *rows, size_t n, size_t wanted, Interrupt &interrupt,
                      std::pmr::memory_resource *memory) {
  const size_t d = tree.dimensions, chosen = std::min(n, wanted);
  const simd::Kernels &kernels = simd::kernels();
  NearestCentroids nearest(tree, memory);
  std::pmr::vector<uint32_t> labels(kBatch, memory);
  size_t kept = 0;
  for (size_t first = 0; first < chosen; first += kBatch) {
    interrupt.poll();
    const size_t count = std::min(kBatch, chosen - first);
    // Forward, so that no row is overwritten before it is read.
    for (size_t i = 0; i < count; ++i) {
      const float *row = rows + (first + i) * n / chosen * d;
      std::copy(row, row + d, rows + (first + i) * d);
    }
    nearest.find(rows + first * d, count, labels.data());
    for (size_t i = 0; i < count; ++i) {
      float *residual = rows + kept * d;
      const float length =
          kernels.subtract(rows + (first + i) * d, tree.centroids + size_t{labels[i]} * d, d, residual);
      if (!(length > 0.0f) || !std::isfinite(length)) continue;
      const float scale = std::sqrt(static_cast<float>(d) / length);
      if (!std::isfinite(scale)) continue;
      for (size_t axis = 0; axis < d; ++axis) residual[axis] *= scale;
      ++kept;
    }
  }
  return kept;
}

Eigen::MatrixXf covariance(const float *rows, size_t n, size_t d, Interrupt &interrupt,
                           std::pmr::memory_resource *memory) {
  const auto size = static_cast<Eigen::Index>(d);
  Eigen::MatrixXf sum = Eigen::MatrixXf::Zero(size, size), part(size, size);
  std::pmr::vector<float> columns(d * kBatch, memory);
  for (size_t first = 0; first < n; first += kBatch) {
    interrupt.poll();
    const size_t count = std::min(kBatch, n - first);
    for (size_t i = 0; i < count; ++i)
      for (size_t axis = 0; axis < d; ++axis) columns[axis * count + i] = rows[(first + i) * d + axis];
    simd::kernels().inner_products(columns.data(), d, columns.data(), d, count, part.data());
    sum += part;
  }
  return sum / static_cast<float>(n);
}

// Deals the principal axes out to parts, the one of most variance first, each to the part whose variances have the
// least product so far. places[i]: which new axis the i-th becomes, in ascending order of variance.
std::pmr::vector<size_t> deal_axes(const Eigen::VectorXf &variances, const ProductShape &shape,
                                   std::pmr::memory_resource *memory) {
  const double floor = kLeastVariance * variances.cast<double>().mean();
  const auto logarithm = [&](size_t i) {
    return std::log(std::max(floor, static_cast<double>(variances[static_cast<Eigen::Index>(i)])));
  };
  std::pmr::vector<size_t> places(shape.dimensions, memory), filled(shape.parts, 0, memory);
  std::pmr::vector<double> products(shape.parts, 0.0, memory);
  for (size_t i = shape.dimensions; i-- > 0;) {
    size_t least = shape.parts;
    for (size_t part = 0; part < shape.parts; ++part)
      if (filled[part] < shape.axes() && (least == shape.parts || products[part] < products[least])) least = part;
    places[i] = least * shape.axes() + filled[least]++;
    products[least] += logarithm(i) - logarithm(0);
  }
  return places;
}

void learn_rotation(ProductBook *book, const float *rows, size_t n, Interrupt &interrupt,
                    std::pmr::memory_resource *memory) {
  const size_t d = book->shape().dimensions;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf> solver(covariance(rows, n, d, interrupt, memory));
  if (solver.info() != Eigen::Success) return;
  const std::pmr::vector<size_t> places = deal_axes(solver.eigenvalues(), book->shape(), memory);
  book->rotation.resize(d * d);
  for (size_t i = 0; i < d; ++i)
    std::copy_n(solver.eigenvectors().col(static_cast<Eigen::Index>(i)).data(), d, &book->rotation[places[i] * d]);
}

// Turns rows into the space of the words.
void rotate_and_weigh(ProductBook *book, float *rows, size_t n, std::pmr::memory_resource *memory) {
  const size_t d = book->shape().dimensions;
  std::pmr::vector<float> rotated(kBatch * d, memory);
  std::pmr::vector<double> sums(d, 0.0, memory);
  for (size_t first = 0; first < n; first += kBatch) {
    const size_t count = std::min(kBatch, n - first);
    book->rotate(rows + first * d, count, rotated.data());
    std::copy_n(rotated.data(), count * d, rows + first * d);
    for (size_t i = 0; i < count * d; ++i) sums[i % d] += double{rotated[i]} * rotated[i];
  }
  for (size_t axis = 0; axis < d; ++axis)
    book->weights[axis] = static_cast<float>(std::max(kLeastVariance, sums[axis] / static_cast<double>(n)));
}

// Products of rows' errors with other rows, which stand for queries, of what they would be if both pointed anywhere: by
// what 19 of 20 are within, which is twice the deviation of a normal variable.
float compare_errors(const ProductBook &book, const float *rows, size_t n, std::pmr::memory_resource *memory) {
  const ProductShape &shape = book.shape();
  const size_t d = shape.dimensions, pairs = std::min(n, kComparedRows);
  std::pmr::vector<float> error(d, memory);
  std::pmr::vector<double> ratios(memory);
  ratios.reserve(pairs);
  for (size_t i = 0; i < pairs; ++i) {
    const float *row = rows + i * n / pairs * d, *query = rows + (i * n / pairs + n / 2) % n * d;
    double alignment = 0.0, length = 0.0, product = 0.0, squared = 0.0, reach = 0.0;
    for (size_t axis = 0, word = 0; axis < d; ++axis) {
      const size_t part = axis / shape.axes(), within = axis % shape.axes();
      if (within == 0) word = book.nearest_word(part, row + axis);
      error[axis] = book.word_value(part, word, within);
      alignment += double{row[axis]} * error[axis];
      length += double{row[axis]} * row[axis];
    }
    if (!(alignment > 0.0)) continue;
    for (size_t axis = 0; axis < d; ++axis) {
      const double missed = row[axis] - length / alignment * error[axis];
      product += missed * query[axis];
      squared += missed * missed;
      reach += double{query[axis]} * query[axis];
    }
    const double ratio = std::fabs(product) / std::sqrt(squared * reach / static_cast<double>(d));
    if (std::isfinite(ratio)) ratios.push_back(ratio);
  }
  if (ratios.empty()) return 1.0f;
  const auto place = ratios.begin() + static_cast<std::ptrdiff_t>(kWithin * static_cast<double>(ratios.size()));
  std::nth_element(ratios.begin(), place, ratios.end());
  return static_cast<float>(std::clamp(*place / kWithinDeviations, kLeastRatio, kMostRatio));
}

}  // namespace

size_t word_sample_rows(const ProductShape &shape) {
  return std::clamp(kSampleValues / shape.dimensions, kFewRows, kMostRows);
}

void assume_normal_words(ProductBook *book, Interrupt &interrupt, std::pmr::memory_resource *memory) {
  const ProductShape &shape = book->shape();
  const size_t axes = shape.axes(), n = std::clamp(kSampleValues / axes, kLeastRowsPerWord * shape.words(),
                                                   std::min(kRowsPerWord * shape.words(), kMostRows));
  std::pmr::vector<float> rows(n * axes + 1, memory);
  std::fill(book->weights.begin(), book->weights.end(), 1.0f);
  std::fill(book->origin.begin(), book->origin.end(), 0.0f);
  book->rotation.clear();
  book->error_ratio = 1.0f;
  Random random(kSeed);
  for (size_t i = 0; i < n * axes; i += 2) draw_normal(&random, &rows[i]);
  cluster_part(book, 0, rows.data(), n, interrupt, memory);
  for (size_t part = 1; part < shape.parts; ++part)
    std::copy_n(book->words.data(), axes * shape.words(), &book->words[part * axes * shape.words()]);
  book->finish();
}

void learn_words(ProductBook *book, const CentroidTree &tree, float *rows, size_t n, Interrupt &interrupt,
                 std::pmr::memory_resource *memory) {
  const ProductShape &shape = book->shape();
  const size_t d = shape.dimensions, axes = shape.axes();
  assume_normal_words(book, interrupt, memory);
  if (n < kLeastRowsPerWord * shape.words()) return;
  n = make_residuals(tree, rows, n, word_sample_rows(shape), interrupt, memory);
  if (n < kLeastRowsPerWord * shape.words()) return;
  for (size_t i = 0; i < tree.count * d; ++i) book->origin[i % d] += tree.centroids[i] / static_cast<float>(tree.count);
  if (d <= kMaxBookRotation) learn_rotation(book, rows, n, interrupt, memory);
  rotate_and_weigh(book, rows, n, memory);
  std::pmr::vector<float> part_rows(n * axes, memory);
  for (size_t part = 0; part < shape.parts; ++part) {
    for (size_t i = 0; i < n; ++i) std::copy_n(rows + i * d + part * axes, axes, &part_rows[i * axes]);
    cluster_part(book, part, part_rows.data(), n, interrupt, memory);
  }
  book->finish();
  book->error_ratio = compare_errors(*book, rows, n, memory);
}

}  // namespace quiver::core
