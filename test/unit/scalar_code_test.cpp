// Own vectors in 8, 4 and 2 bits and their error bound.
// SPDX-License-Identifier: PostgreSQL
#include "core/scalar_code.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace quiver::core {
namespace {

TEST(ScalarCodeTest, ErrorCoversTheVectorAtEveryScale) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const unsigned bits : {2u, 4u, 8u})
    for (const float scale : {1e-44f, 1e-30f, 1e-3f, 1.0f, 1e6f, 1e16f})
      for (const size_t n : {1, 2, 7, 100, 1000}) {
        std::vector<float> values(n), decoded(n);
        for (float &value : values) value = scale * normal(random);
        std::vector<uint8_t> codes(n);
        const ScalarCode code = encode_scalar(values.data(), n, bits, codes.data());
        double squared = 0, norm = 0;
        uint64_t sum = 0;
        for (size_t i = 0; i < n; ++i) {
          ASSERT_LT(codes[i], 1u << bits);
          const double x = static_cast<double>(code.minimum) + static_cast<double>(code.step) * codes[i];
          squared += (values[i] - x) * (values[i] - x);
          norm += x * x;
          sum += codes[i];
        }
        EXPECT_GE(code.error, std::sqrt(squared));
        EXPECT_EQ(code.code_sum, sum);
        EXPECT_NEAR(code.squared_norm, norm, 1e-6 * norm + 1e-44);
        // Half a step an axis is the most that rounding may lose, of steps from the least value to the largest.
        const auto [least, largest] = std::minmax_element(values.begin(), values.end());
        const double step = (*largest - *least) / ((1u << bits) - 1.0);
        EXPECT_LE(code.error, 0.5001 * step * std::sqrt(static_cast<double>(n)) + 1e-41);
      }
}

// The least that even steps can lose of a normal distribution: 0.119 and 0.0115 of the square, Max 1960.
TEST(ScalarCodeTest, FewBitsLoseLittleOfManyAxes) {
  std::mt19937 random(6);
  std::normal_distribution<float> normal(0.5f);
  std::vector<float> values(9000);
  for (float &value : values) value = normal(random);
  std::vector<uint8_t> codes(values.size());
  const double deviation = std::sqrt(static_cast<double>(values.size()));
  EXPECT_LT(encode_scalar(values.data(), values.size(), 2, codes.data()).error, 0.352 * deviation);
  EXPECT_LT(encode_scalar(values.data(), values.size(), 4, codes.data()).error, 0.110 * deviation);
  // Two values need no more than their own.
  for (size_t i = 0; i < values.size(); ++i) values[i] = i % 2 == 0 ? -1.0f : 2.0f;
  EXPECT_LT(encode_scalar(values.data(), values.size(), 2, codes.data()).error, 1e-3);
}

TEST(ScalarCodeTest, LengthsThatCannotBeSquaredAreUnknown) {
  std::vector<float> values{3e38f, -1.0f};
  std::vector<uint8_t> codes(2);
  EXPECT_TRUE(std::isinf(encode_scalar(values.data(), 2, 8, codes.data()).error));
}

TEST(ScalarCodeTest, PackingIsReversible) {
  std::mt19937 random(4);
  for (const unsigned bits : {2u, 4u, 8u})
    for (size_t n = 1; n < 40; ++n) {
      std::vector<uint8_t> codes(n), packed(packed_bytes(n, bits)), unpacked(n);
      for (uint8_t &code : codes) code = static_cast<uint8_t>(random() % (1u << bits));
      pack_codes(codes.data(), n, bits, packed.data());
      unpack_codes(packed.data(), n, bits, unpacked.data());
      EXPECT_EQ(codes, unpacked);
    }
}

TEST(ScalarCodeTest, DistanceFromIntegerProduct) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const size_t n = 128;
  std::vector<float> a(n), b(n);
  for (size_t i = 0; i < n; ++i) {
    a[i] = normal(random);
    b[i] = normal(random);
  }
  std::vector<uint8_t> ca(n), cb(n);
  const ScalarCode code_a = encode_scalar(a.data(), n, 8, ca.data()), code_b = encode_scalar(b.data(), n, 8, cb.data());
  uint32_t dot = 0;
  for (size_t i = 0; i < n; ++i) dot += static_cast<uint32_t>(ca[i]) * cb[i];
  decode_scalar(code_a, ca.data(), n, a.data());
  decode_scalar(code_b, cb.data(), n, b.data());
  double expected = 0;
  for (size_t i = 0; i < n; ++i) expected += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  EXPECT_NEAR(squared_distance(code_a, code_b, dot, n), expected, 1e-4 * expected);
  // The signed form has half the resolution on one side.
  std::vector<int8_t> values(n);
  const SignedCode signed_b = to_signed(code_b, cb.data(), n, 8, values.data());
  int32_t signed_dot = 0;
  for (size_t i = 0; i < n; ++i) signed_dot += static_cast<int32_t>(ca[i]) * values[i];
  EXPECT_NEAR(squared_distance(code_a, signed_b, signed_dot), expected, 5e-3 * expected);
}

TEST(ScalarCodeTest, SignedFormsOfFewBitsLoseNothing) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (const unsigned bits : {2u, 4u}) {
    const size_t n = 500;
    std::vector<float> a(n), b(n);
    for (size_t i = 0; i < n; ++i) {
      a[i] = normal(random);
      b[i] = a[i] + 0.5f * normal(random);
    }
    std::vector<uint8_t> ca(n), cb(n);
    const ScalarCode code_a = encode_scalar(a.data(), n, bits, ca.data());
    const ScalarCode code_b = encode_scalar(b.data(), n, bits, cb.data());
    std::vector<int8_t> values(n);
    const SignedCode signed_b = to_signed(code_b, cb.data(), n, bits, values.data());
    decode_scalar(code_a, ca.data(), n, a.data());
    decode_scalar(code_b, cb.data(), n, b.data());
    double expected = 0;
    int32_t dot = 0;
    for (size_t i = 0; i < n; ++i) {
      expected += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
      dot += static_cast<int32_t>(ca[i]) * values[i];
    }
    EXPECT_NEAR(squared_distance(code_a, signed_b, dot), expected, 1e-4 * expected);
  }
}

}  // namespace
}  // namespace quiver::core
