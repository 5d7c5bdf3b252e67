// The plain format: shapes, sparse codes, and bounds that the SQL operators never fall below.
// SPDX-License-Identifier: PostgreSQL
#include "core/plain_distance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory_resource>
#include <random>
#include <string>
#include <vector>

#include "core/row_encoder.hpp"
#include "core/sparse_code.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {
namespace {

std::pmr::memory_resource *heap() { return std::pmr::new_delete_resource(); }

class PlainDistanceTest : public testing::Test {
 protected:
  std::mt19937 random_{77};
  std::normal_distribution<float> normal_;
  Rotation no_rotation_{1, 1, heap()};

  float element(float scale) { return normal_(random_) * scale; }

  struct Sparse {
    std::vector<int32_t> indices;
    std::vector<float> values;
    VectorView view() const {
      return {ElementKind::sparse, 100000, nullptr, nullptr, {indices.data(), values.data(), indices.size()}};
    }
  };
  Sparse sparse(size_t count, float scale) {
    Sparse result;
    int32_t index = 0;
    for (size_t i = 0; i < count; ++i) {
      index += 1 + static_cast<int32_t>(random_() % 4);
      result.indices.push_back(index);
      result.values.push_back(element(scale));
    }
    return result;
  }
};

TEST_F(PlainDistanceTest, ShapesFitThePage) {
  constexpr size_t kPage = kSlotLines * kLineBytes;
  for (const size_t m : {2, 16, 100})
    for (const size_t dimensions : {1, 7, 64, 1536, 4000, 8000, 16000, 63168, 64000}) {
      if (dimensions <= 16000) {
        const NodeShape shape = choose_plain_shape(OwnKind::scalar, dimensions, m, 0);
        EXPECT_LE(shape.slots_per_page * shape.slot_bytes, kPage);
        EXPECT_LE(shape.used_bytes(), shape.slot_bytes);
        EXPECT_GE(shape.lanes, std::min<size_t>(2 * m, 10)) << dimensions;
      }
      const NodeShape bits = choose_plain_shape(OwnKind::bits, dimensions, m, 0);
      EXPECT_LE(bits.slots_per_page * bits.slot_bytes, kPage);
      EXPECT_LE(bits.used_bytes(), bits.slot_bytes);
      EXPECT_EQ(bits.lanes, 2 * m);
      const NodeShape sparse = choose_plain_shape(OwnKind::sparse, 1000000000, m, dimensions);
      EXPECT_LE(sparse.slots_per_page * sparse.slot_bytes, kPage);
      EXPECT_LE(sparse.used_bytes(), sparse.slot_bytes);
      EXPECT_GE(sparse.capacity, std::min<size_t>(dimensions, 1000));
    }
}

TEST_F(PlainDistanceTest, SparseCodesKeepTheLargestAndCoverTheRest) {
  for (const size_t count : {0, 1, 5, 40, 41, 400})
    for (const bool in_l1 : {false, true}) {
      const Sparse row = sparse(count, 3.0f);
      const size_t capacity = 40;
      std::vector<uint8_t> code(capacity * kSparseElementBytes);
      std::vector<float> decoded(capacity);
      const ScalarCode header = encode_sparse(row.view().terms, capacity, in_l1, code.data(), heap());
      const simd::SparseTerms terms = decode_sparse(header, code.data(), capacity, decoded.data());
      ASSERT_EQ(terms.count, std::min(count, capacity));
      double squares = 0, magnitudes = 0;
      float least_kept = std::numeric_limits<float>::infinity(), most_dropped = 0;
      for (size_t i = 0, j = 0; i < count; ++i) {
        const bool kept = j < terms.count && terms.indices[j] == row.indices[i];
        const double difference = row.values[i] - (kept ? static_cast<double>(terms.values[j]) : 0.0);
        squares += difference * difference;
        magnitudes += std::fabs(difference);
        if (kept)
          least_kept = std::min(least_kept, std::fabs(row.values[i]));
        else
          most_dropped = std::max(most_dropped, std::fabs(row.values[i]));
        j += kept;
      }
      EXPECT_GE(header.error, in_l1 ? magnitudes : std::sqrt(squares));
      EXPECT_LE(header.error, (in_l1 ? magnitudes : std::sqrt(squares)) * 1.001 + 1e-30);
      EXPECT_GE(least_kept, most_dropped);
    }
}

TEST_F(PlainDistanceTest, EqualMagnitudesFillTheCodeAndNoMore) {
  Sparse row;
  for (int32_t i = 0; i < 100; ++i) {
    row.indices.push_back(i);
    row.values.push_back(i % 2 == 0 ? 1.0f : -1.0f);
  }
  std::vector<uint8_t> code(10 * kSparseElementBytes);
  const ScalarCode header = encode_sparse(row.view().terms, 10, false, code.data(), heap());
  EXPECT_EQ(header.code_sum, 10u);
  EXPECT_NEAR(header.error, std::sqrt(90.0), 1e-4);
}

// What the SQL operator gives: binary32 sums.
double operator_value(Metric metric, const simd::SparseTerms &a, const simd::SparseTerms &b) {
  const simd::Kernels &k = simd::kernels();
  switch (metric) {
    case Metric::l2:
      return std::sqrt(static_cast<double>(k.sparse_squared_l2(a, b)));
    case Metric::inner_product:
      return -static_cast<double>(k.sparse_inner_product(a, b));
    case Metric::l1:
      return k.sparse_l1(a, b);
    default: {
      const double norms = std::sqrt(static_cast<double>(k.inner_product(a.values, a.values, a.count)) *
                                     static_cast<double>(k.inner_product(b.values, b.values, b.count)));
      return 1.0 - std::clamp(static_cast<double>(k.sparse_inner_product(a, b)) / norms, -1.0, 1.0);
    }
  }
}

TEST_F(PlainDistanceTest, SparseBoundsAreNeverAboveTheOperator) {
  for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine, Metric::l1})
    for (const size_t capacity : {8, 64, 300})
      for (const float scale : {1e-10f, 1.0f, 1e6f, 1e17f, 1e30f}) {
        const NodeShape shape = choose_plain_shape(OwnKind::sparse, 100000, 16, capacity);
        RowEncoder encoder(shape, metric, no_rotation_, heap());
        PlainDistance query(shape, metric, heap());
        for (int round = 0; round < 60; ++round) {
          const Sparse asked = sparse(1 + random_() % 200, scale);
          const Sparse row = round % 5 == 0 ? asked : sparse(1 + random_() % 400, scale);
          if (!encoder.encode(row.view()) || !query.aim(asked.view())) continue;
          const double value = operator_value(metric, asked.view().terms, row.view().terms);
          const Reading reading = query.read(encoder.code(), encoder.codes());
          EXPECT_TRUE(std::isnan(value) || reading.bound <= value)
              << static_cast<int>(metric) << " capacity " << capacity << " scale " << scale << ": " << reading.bound
              << " > " << value;
          EXPECT_TRUE(std::isfinite(reading.distance));
          if (scale == 1.0f && row.indices.size() <= capacity && metric != Metric::cosine && value > 0.1) {
            EXPECT_GE(reading.bound, 0.98 * value - 0.05);
          }
        }
      }
}

TEST_F(PlainDistanceTest, DenseL1BoundsAreNeverAboveTheOperator) {
  for (const size_t dimensions : {1, 3, 100, 768, 5000, 9000})
    for (const float scale : {1e-10f, 1.0f, 1e17f, 3e37f}) {
      const NodeShape shape = choose_plain_shape(OwnKind::scalar, dimensions, 16, 0);
      RowEncoder encoder(shape, Metric::l1, no_rotation_, heap());
      PlainDistance query(shape, Metric::l1, heap());
      for (int round = 0; round < 20; ++round) {
        std::vector<float> asked(dimensions), row(dimensions);
        for (float &value : asked) value = element(scale);
        for (float &value : row) value = element(scale);
        if (round % 5 == 0) row = asked;
        ASSERT_TRUE(encoder.encode(VectorView::dense(row.data(), dimensions)));
        ASSERT_TRUE(query.aim(VectorView::dense(asked.data(), dimensions)));
        const Reading reading = query.read(encoder.code(), encoder.codes());
        const double value = simd::kernels().l1(asked.data(), row.data(), dimensions);
        EXPECT_LE(reading.bound, value) << dimensions << " at " << scale;
        EXPECT_LE(encoder.distance_to(encoder.code(), encoder.codes()), encoder.code().error);
        if (scale == 1.0f && dimensions >= 100 && dimensions <= 768 && round % 5 != 0) {
          EXPECT_GE(reading.bound, 0.98 * value);
        }
      }
    }
}

TEST_F(PlainDistanceTest, BitsAreExactWhileTheyFitAndBoundedBeyond) {
  for (const Metric metric : {Metric::hamming, Metric::jaccard})
    for (const size_t dimensions : {1, 7, 8, 200, 63168, 64000}) {
      const size_t bytes = (dimensions + 7) / 8;
      const NodeShape shape = choose_plain_shape(OwnKind::bits, dimensions, 16, 0);
      RowEncoder encoder(shape, metric, no_rotation_, heap());
      PlainDistance query(shape, metric, heap());
      for (int round = 0; round < 20; ++round) {
        std::vector<uint8_t> asked(bytes), row(bytes);
        for (uint8_t &byte : asked) byte = static_cast<uint8_t>(random_() & random_());
        for (uint8_t &byte : row) byte = static_cast<uint8_t>(random_() & random_());
        if (dimensions % 8 != 0) {
          const auto mask = static_cast<uint8_t>(0xff << (8 - dimensions % 8));
          asked.back() &= mask;
          row.back() &= mask;
        }
        ASSERT_TRUE(encoder.encode({ElementKind::bits, dimensions, nullptr, row.data(), {}}));
        ASSERT_TRUE(query.aim({ElementKind::bits, dimensions, nullptr, asked.data(), {}}));
        const auto counts = simd::kernels().count_common_bits(asked.data(), row.data(), bytes);
        const double value = metric == Metric::jaccard
                                 ? jaccard_distance(counts.common, counts.either)
                                 : static_cast<double>(simd::kernels().hamming(asked.data(), row.data(), bytes));
        const double bound = query.read(encoder.code(), encoder.codes()).bound;
        EXPECT_LE(bound, value);
        if (dimensions <= 63168) {
          EXPECT_EQ(bound, value);
        }
      }
    }
}

TEST_F(PlainDistanceTest, DistancesBetweenOwnVectorsAreThoseOfTheDecoded) {
  const NodeShape shape = choose_plain_shape(OwnKind::sparse, 100000, 16, 50);
  RowEncoder encoder(shape, Metric::l2, no_rotation_, heap());
  PlainDistance between(shape, Metric::l2, heap());
  const Sparse a = sparse(30, 1.0f), b = sparse(30, 1.0f);
  ASSERT_TRUE(encoder.encode(a.view()));
  between.aim(encoder.code(), encoder.codes());
  EXPECT_EQ(between.distance(encoder.code(), encoder.codes()), 0.0f);
  ASSERT_TRUE(encoder.encode(b.view()));
  EXPECT_NEAR(between.distance(encoder.code(), encoder.codes()),
              simd::kernels().sparse_squared_l2(a.view().terms, b.view().terms), 0.05);
}

TEST_F(PlainDistanceTest, ADamagedCountStaysWithinTheCode) {
  const size_t capacity = 4;
  std::vector<uint8_t> code(capacity * kSparseElementBytes, 0xff);
  std::vector<float> values(capacity);
  ScalarCode header{};
  header.code_sum = 0xffffffff;
  EXPECT_EQ(decode_sparse(header, code.data(), capacity, values.data()).count, capacity);
}

}  // namespace
}  // namespace quiver::core
