// Kernels of halves, bit strings and sparse vectors on every tier, against plain loops in binary64.
// SPDX-License-Identifier: PostgreSQL
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "supported_tiers.hpp"

namespace quiver::simd {
namespace {

class TypeKernelsTest : public testing::TestWithParam<const Kernels *> {
 protected:
  std::mt19937 random_{20260117};
  const Kernels &kernels_ = *GetParam();
};

// The value of a binary16, from its definition.
double value_of_half(uint16_t half) {
  const int exponent = half >> 10 & 0x1f;
  const double fraction = half & 0x3ff;
  const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024.0 + fraction, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

bool is_finite_half(uint16_t half) { return (half >> 10 & 0x1f) != 0x1f; }

double tolerance(size_t n, double magnitude) { return (static_cast<double>(n) + 4.0) * magnitude * 0x1p-24; }

TEST_P(TypeKernelsTest, EveryHalfWidensToItsValueAndNarrowsBack) {
  std::vector<uint16_t> halves;
  for (uint32_t bits = 0; bits < 65536; ++bits)
    if (is_finite_half(static_cast<uint16_t>(bits))) halves.push_back(static_cast<uint16_t>(bits));
  std::vector<float> values(halves.size());
  std::vector<uint16_t> back(halves.size());
  kernels_.widen_halves(halves.data(), halves.size(), values.data());
  kernels_.narrow_to_halves(values.data(), values.size(), back.data());
  for (size_t i = 0; i < halves.size(); ++i) {
    ASSERT_EQ(static_cast<double>(values[i]), value_of_half(halves[i])) << halves[i];
    ASSERT_EQ(std::signbit(values[i]), (halves[i] & 0x8000) != 0);
    ASSERT_EQ(back[i], halves[i]);
  }
}

TEST_P(TypeKernelsTest, NarrowingRoundsToNearestEven) {
  const auto narrow = [this](float value) {
    uint16_t half;
    kernels_.narrow_to_halves(&value, 1, &half);
    return half;
  };
  EXPECT_EQ(narrow(65519.0f), 0x7bff);
  EXPECT_EQ(narrow(65520.0f), 0x7c00);
  EXPECT_EQ(narrow(-1e30f), 0xfc00);
  EXPECT_EQ(narrow(1e-8f), 0);
  EXPECT_EQ(narrow(-1e-8f), 0x8000);
  EXPECT_EQ(narrow(0x1p-25f), 0);  // a tie, to even
  EXPECT_EQ(narrow(0x1.8p-24f), 2);
  EXPECT_EQ(narrow(2049.0f), narrow(2048.0f));
  EXPECT_EQ(narrow(2051.0f), narrow(2052.0f));
  // Everything between two neighbours goes to the nearer one.
  for (int i = 0; i < 200000; ++i) {
    const auto half = static_cast<uint16_t>(random_() & 0x7fff);
    if (!is_finite_half(half) || !is_finite_half(static_cast<uint16_t>(half + 1))) continue;
    const double low = value_of_half(half), high = value_of_half(static_cast<uint16_t>(half + 1));
    const float between = static_cast<float>(low + (high - low) * (random_() % 1024 / 1024.0));
    const double middle = (low + high) / 2;
    const uint16_t expected =
        between < middle || (between == middle && half % 2 == 0) ? half : static_cast<uint16_t>(half + 1);
    ASSERT_EQ(narrow(between), expected) << between;
    ASSERT_EQ(narrow(-between), expected | 0x8000) << between;
  }
}

TEST_P(TypeKernelsTest, DistancesOfHalves) {
  for (size_t n = 0; n <= 130; ++n)
    for (const size_t offset : {0, 1, 3}) {
      std::vector<uint16_t> a(n + offset + 1), b(n + offset + 1);
      double l2 = 0, dot = 0, l1 = 0, aa = 0, bb = 0, absolute = 0;
      for (size_t i = 0; i < n; ++i) {
        const float values[2] = {static_cast<float>(random_() % 2001) / 1000.0f - 1.0f,
                                 static_cast<float>(random_() % 2001) / 1000.0f - 1.0f};
        kernels_.narrow_to_halves(&values[0], 1, &a[offset + i]);
        kernels_.narrow_to_halves(&values[1], 1, &b[offset + i]);
        const double x = value_of_half(a[offset + i]), y = value_of_half(b[offset + i]);
        l2 += (x - y) * (x - y);
        dot += x * y;
        absolute += std::fabs(x * y);
        l1 += std::fabs(x - y);
        aa += x * x;
        bb += y * y;
      }
      SCOPED_TRACE(n);
      EXPECT_NEAR(kernels_.half_squared_l2(&a[offset], &b[offset], n), l2, tolerance(n, l2));
      EXPECT_NEAR(kernels_.half_inner_product(&a[offset], &b[offset], n), dot, tolerance(n, absolute));
      EXPECT_NEAR(kernels_.half_l1(&a[offset], &b[offset], n), l1, tolerance(n, l1));
      const CosineSums sums = kernels_.half_cosine_sums(&a[offset], &b[offset], n);
      EXPECT_NEAR(sums.dot, dot, tolerance(n, absolute));
      EXPECT_NEAR(sums.squared_norm_a, aa, tolerance(n, aa));
      EXPECT_NEAR(sums.squared_norm_b, bb, tolerance(n, bb));
    }
}

TEST_P(TypeKernelsTest, CountsOfBits) {
  for (size_t n = 0; n <= 260; ++n)
    for (const size_t offset : {0, 1, 5}) {
      std::vector<uint8_t> a(n + offset + 1), b(n + offset + 1);
      for (uint8_t &byte : a) byte = n % 3 == 1 ? 0xff : static_cast<uint8_t>(random_());
      for (uint8_t &byte : b) byte = n % 3 == 1 ? 0x00 : static_cast<uint8_t>(random_());
      uint64_t different = 0, common = 0, either = 0;
      for (size_t i = offset; i < n + offset; ++i) {
        different += static_cast<unsigned>(std::popcount(static_cast<unsigned>(a[i] ^ b[i])));
        common += static_cast<unsigned>(std::popcount(static_cast<unsigned>(a[i] & b[i])));
        either += static_cast<unsigned>(std::popcount(static_cast<unsigned>(a[i] | b[i])));
      }
      EXPECT_EQ(kernels_.hamming(&a[offset], &b[offset], n), different) << n;
      EXPECT_EQ(kernels_.count_common_bits(&a[offset], &b[offset], n).common, common) << n;
      EXPECT_EQ(kernels_.count_common_bits(&a[offset], &b[offset], n).either, either) << n;
    }
}

TEST_P(TypeKernelsTest, SumsOfAbsoluteDifferencesToCodes) {
  for (size_t n = 0; n <= 130; ++n) {
    std::vector<float> query(n);
    std::vector<uint8_t> code(n);
    double expected = 0, magnitude = 0;
    for (size_t i = 0; i < n; ++i) {
      query[i] = static_cast<float>(random_() % 1000) / 100.0f - 5.0f;
      code[i] = static_cast<uint8_t>(random_());
      expected += std::fabs(query[i] - (-5.0 + 0.04f * static_cast<double>(code[i])));
      magnitude += 20.0;
    }
    EXPECT_NEAR(kernels_.l1_float_u8(query.data(), code.data(), n, -5.0f, 0.04f), expected, tolerance(n, magnitude));
  }
}

struct Sparse {
  std::vector<int32_t> indices;
  std::vector<float> values;
  SparseTerms terms() const { return {indices.data(), values.data(), indices.size()}; }
};

Sparse random_sparse(std::mt19937 &random, size_t count, int32_t range) {
  std::map<int32_t, float> entries;
  while (entries.size() < count)
    entries[static_cast<int32_t>(random() % static_cast<uint32_t>(range))] =
        static_cast<float>(random() % 2001) / 100.0f - 10.005f;
  Sparse sparse;
  for (const auto &[index, value] : entries) {
    sparse.indices.push_back(index);
    sparse.values.push_back(value);
  }
  return sparse;
}

void check_sparse(const Kernels &kernels, const Sparse &a, const Sparse &b) {
  std::map<int32_t, std::pair<double, double>> both;
  for (size_t i = 0; i < a.indices.size(); ++i) both[a.indices[i]].first = a.values[i];
  for (size_t i = 0; i < b.indices.size(); ++i) both[b.indices[i]].second = b.values[i];
  double l2 = 0, dot = 0, l1 = 0, absolute = 0;
  for (const auto &[index, pair] : both) {
    l2 += (pair.first - pair.second) * (pair.first - pair.second);
    dot += pair.first * pair.second;
    absolute += std::fabs(pair.first * pair.second);
    l1 += std::fabs(pair.first - pair.second);
  }
  EXPECT_NEAR(kernels.sparse_squared_l2(a.terms(), b.terms()), l2, tolerance(both.size(), l2));
  EXPECT_NEAR(kernels.sparse_inner_product(a.terms(), b.terms()), dot, tolerance(both.size(), absolute));
  EXPECT_NEAR(kernels.sparse_l1(a.terms(), b.terms()), l1, tolerance(both.size(), l1));
}

TEST_P(TypeKernelsTest, DistancesOfSparseVectors) {
  for (size_t count_a = 0; count_a <= 20; ++count_a)
    for (size_t count_b = 0; count_b <= 20; ++count_b)
      for (const int32_t range : {21, 40, 100000}) {
        SCOPED_TRACE(std::to_string(count_a) + " and " + std::to_string(count_b));
        check_sparse(kernels_, random_sparse(random_, count_a, range), random_sparse(random_, count_b, range));
      }
  for (const size_t count : {100, 1000, 16000})
    check_sparse(kernels_, random_sparse(random_, count, 30000), random_sparse(random_, 500, 1000000000));
}

TEST_P(TypeKernelsTest, EqualSparseVectorsAreAtDistanceZero) {
  for (size_t count = 0; count <= 64; ++count) {
    const Sparse sparse = random_sparse(random_, count, 1000);
    EXPECT_EQ(kernels_.sparse_squared_l2(sparse.terms(), sparse.terms()), 0.0f);
    EXPECT_EQ(kernels_.sparse_l1(sparse.terms(), sparse.terms()), 0.0f);
  }
}

TEST_P(TypeKernelsTest, SparseVectorsWithoutCommonIndexAreOrthogonal) {
  const Sparse even{{0, 2, 4, 6, 8, 2147483646}, {1, 1, 1, 1, 1, 1}}, odd{{1, 3, 5, 7, 2147483645}, {2, 2, 2, 2, 2}};
  EXPECT_EQ(kernels_.sparse_inner_product(even.terms(), odd.terms()), 0.0f);
  EXPECT_EQ(kernels_.sparse_l1(even.terms(), odd.terms()), 16.0f);
  EXPECT_EQ(kernels_.sparse_squared_l2(odd.terms(), even.terms()), 26.0f);
}

INSTANTIATE_TEST_SUITE_P(Tiers, TypeKernelsTest, testing::ValuesIn(supported_tables()),
                         [](const auto &info) { return std::string(info.param->tier); });

}  // namespace
}  // namespace quiver::simd
