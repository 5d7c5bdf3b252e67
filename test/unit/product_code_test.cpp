// Product quantization: what is learned beats what is assumed, estimates and bounds hold, odd inputs end well.
// SPDX-License-Identifier: PostgreSQL
#include "core/product_code.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "core/list_code.hpp"
#include "core/product_training.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {
namespace {

auto *memory() { return std::pmr::new_delete_resource(); }

// Rows around a centroid, whose variances along hidden directions fall from axis to axis.
struct Rows {
  size_t d;
  std::vector<float> directions, scales, centroid;
  std::mt19937 random{7};

  Rows(size_t dimensions, float decay) : d(dimensions), directions(d * d), scales(d), centroid(d) {
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < d; ++i) {
      scales[i] = std::pow(decay, static_cast<float>(i));
      centroid[i] = 3.0f * normal(random);
      float *direction = &directions[i * d];
      for (size_t axis = 0; axis < d; ++axis) direction[axis] = normal(random);
      for (size_t other = 0; other < i; ++other) {
        const float product = simd::kernels().inner_product(direction, &directions[other * d], d);
        for (size_t axis = 0; axis < d; ++axis) direction[axis] -= product * directions[other * d + axis];
      }
      const auto norm = static_cast<float>(std::sqrt(simd::kernels().squared_norm(direction, d)));
      for (size_t axis = 0; axis < d; ++axis) direction[axis] /= norm;
    }
  }
  void add(std::vector<float> *rows) {
    std::normal_distribution<float> normal;
    std::vector<float> row(centroid);
    for (size_t i = 0; i < d; ++i) {
      const float along = scales[i] * normal(random);
      for (size_t axis = 0; axis < d; ++axis) row[axis] += along * directions[i * d + axis];
    }
    rows->insert(rows->end(), row.begin(), row.end());
  }
  std::vector<float> make(size_t n) {
    std::vector<float> rows;
    for (size_t i = 0; i < n; ++i) add(&rows);
    return rows;
  }
  CentroidTree tree() const {
    static constexpr uint32_t kStarts[] = {0, 1};
    return {d, 1, 1, centroid.data(), nullptr, kStarts};
  }
};

struct Quality {
  double error;    // root mean square of estimate - distance, of the distance's own size
  double outside;  // share of rows whose distance lies below estimate - 2 error
};

Quality quality(const ProductBook &book, Rows *source, bool inner_product) {
  const size_t d = source->d;
  const CodeShape shape{d, book.shape().parts, book.shape().bits};
  ListEncoder encoder(shape, &book, inner_product, memory());
  PreparedListQuery prepared(memory());
  std::vector<uint8_t> block(code_groups(shape) * kGroupBytes);
  double errors = 0.0, outside = 0.0, sizes = 0.0;
  constexpr int kTrials = 600;
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::vector<float> pair = source->make(2);
    const float *row = pair.data(), *query = row + d, *centroid = source->centroid.data();
    double own = 0.0, to_centroid = 0.0, distance = 0.0;
    for (size_t i = 0; i < d; ++i) {
      const double a = query[i];
      to_centroid += std::pow(a - centroid[i], 2.0);
      sizes += std::pow(a - row[i], 2.0) / kTrials;
      own += inner_product ? -a * centroid[i] : std::pow(a - centroid[i], 2.0);
      distance += inner_product ? -a * row[i] : std::pow(a - row[i], 2.0);
    }
    const ListFactors factors = encoder.encode(row, centroid);
    write_block_lane(shape, encoder.levels(), 21, block.data());
    const std::vector<float> add(32, factors.add), rescale(32, factors.rescale), error(32, factors.error);
    prepared.prepare(shape, &book, query);
    float estimates[32];
    const simd::CodeBlock codes{block.data(), add.data(), rescale.data(), error.data()};
    prepared.estimate(codes, static_cast<float>(own), 0.0f, estimates);
    errors += std::pow(estimates[21] - distance, 2.0) / kTrials;
    prepared.estimate(codes, static_cast<float>(own), 2.0f * static_cast<float>(std::sqrt(to_centroid)), estimates);
    outside += estimates[21] > distance ? 1.0 / kTrials : 0.0;
  }
  return {std::sqrt(errors) / sizes, outside};
}

ProductBook learned(Rows *source, const ProductShape &shape, size_t n) {
  ProductBook book(shape, memory());
  NoInterrupt interrupt;
  std::vector<float> rows = source->make(n);
  learn_words(&book, source->tree(), rows.data(), n, interrupt, memory());
  return book;
}

TEST(ProductCodeTest, EstimatesAreCloseAndBoundsHoldNearlyAlways) {
  NoInterrupt interrupt;
  for (const ProductShape &shape : {ProductShape{64, 32, 4}, ProductShape{64, 16, 8}, ProductShape{64, 64, 4}}) {
    Rows even(64, 1.0f);
    ProductBook book(shape, memory());
    assume_normal_words(&book, interrupt, memory());
    for (const bool inner_product : {false, true}) {
      const Quality found = quality(book, &even, inner_product);
      // About sqrt(2 spread / d): the share of the residual that codes leave open.
      EXPECT_LT(found.error, shape.parts == 64 ? 0.016 : 0.055) << shape.parts << " parts of " << shape.bits;
      EXPECT_LT(found.outside, 0.06) << shape.parts << " parts of " << shape.bits;
    }
  }
}

TEST(ProductCodeTest, WhatIsLearnedFitsTheRows) {
  NoInterrupt interrupt;
  Rows uneven(32, 0.85f);
  for (const ProductShape &shape : {ProductShape{32, 16, 4}, ProductShape{32, 8, 4}, ProductShape{32, 8, 8}}) {
    ProductBook assumed(shape, memory());
    assume_normal_words(&assumed, interrupt, memory());
    const ProductBook book = learned(&uneven, shape, 10000);
    ASSERT_EQ(book.rotation.size(), 32u * 32u);
    for (const bool inner_product : {false, true}) {
      const Quality good = quality(book, &uneven, inner_product);
      EXPECT_LT(good.error, 0.75 * quality(assumed, &uneven, inner_product).error);
      EXPECT_LT(good.outside, 0.07);
    }
  }
}

TEST(ProductCodeTest, TheRotationKeepsLengths) {
  Rows uneven(24, 0.8f);
  const ProductBook book = learned(&uneven, {24, 12, 4}, 3000);
  const std::vector<float> rows = uneven.make(20);
  std::vector<float> rotated(rows.size());
  book.rotate(rows.data(), 20, rotated.data());
  for (size_t i = 0; i < 20; ++i) {
    const double before = simd::kernels().squared_norm(&rows[i * 24], 24);
    EXPECT_NEAR(simd::kernels().squared_norm(&rotated[i * 24], 24), before, 1e-4 * before);
  }
}

TEST(ProductCodeTest, FewOrEqualRowsLeaveUsableWords) {
  Rows source(8, 0.9f);
  NoInterrupt interrupt;
  ProductBook assumed({8, 4, 4}, memory());
  assume_normal_words(&assumed, interrupt, memory());
  EXPECT_EQ(learned(&source, {8, 4, 4}, 0).words, assumed.words);
  EXPECT_EQ(learned(&source, {8, 4, 4}, 100).words, assumed.words);
  EXPECT_EQ(learned(&source, {8, 4, 8}, 1000).rotation.size(), 0u);
  // All on their centroid, and all on one other place.
  for (const float off : {0.0f, 1.0f}) {
    std::vector<float> rows;
    for (int i = 0; i < 2000; ++i)
      for (size_t axis = 0; axis < 8; ++axis) rows.push_back(source.centroid[axis] + (axis == 0 ? off : 0.0f));
    ProductBook book({8, 4, 4}, memory());
    learn_words(&book, source.tree(), rows.data(), 2000, interrupt, memory());
    for (const float word : book.words) EXPECT_TRUE(std::isfinite(word));
    EXPECT_LT(quality(book, &source, false).outside, 0.3);
    ListEncoder encoder({8, 4, 4}, &book, false, memory());
    const ListFactors factors = encoder.encode(source.centroid.data(), source.centroid.data());
    EXPECT_EQ(factors.add, 0.0f);
    EXPECT_EQ(factors.error, 0.0f);
  }
}

TEST(ProductCodeTest, ExtremesStayVisible) {
  NoInterrupt interrupt;
  ProductBook book({4, 2, 4}, memory());
  assume_normal_words(&book, interrupt, memory());
  ListEncoder encoder({4, 2, 4}, &book, false, memory());
  const float zero[4] = {}, huge[4] = {3e38f, 1.0f, 1.0f, 1.0f}, tiny[4] = {1e-30f, 0.0f, 0.0f, 0.0f};
  EXPECT_LT(encoder.encode(huge, zero).add, -1e38f);
  for (const float *row : {zero, tiny}) {
    const ListFactors factors = encoder.encode(row, zero);
    EXPECT_TRUE(std::isfinite(factors.add) && std::isfinite(factors.rescale) && std::isfinite(factors.error));
  }
}

TEST(ProductCodeTest, LearningCanBeCancelled) {
  struct Stop : Interrupt {
    int polls = 0;
    void poll() override {
      if (++polls > 100) throw 1;
    }
  } stop;
  Rows source(16, 0.9f);
  std::vector<float> rows = source.make(2000);
  ProductBook book({16, 8, 4}, memory());
  EXPECT_THROW(learn_words(&book, source.tree(), rows.data(), 2000, stop, memory()), int);
}

}  // namespace
}  // namespace quiver::core
