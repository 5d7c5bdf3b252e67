// Fine parts: what they decode to, how far that is off, and vectors without a spread.
// SPDX-License-Identifier: PostgreSQL
#include "core/fine_code.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "simd/dispatch.hpp"

namespace quiver::core {
namespace {

struct Encoded {
  explicit Encoded(const std::vector<float> &values) : codes(values.size()), fine(fine_bytes(values.size())) {
    code = encode_scalar(values.data(), values.size(), 8, codes.data());
    encode_fine(values.data(), values.size(), code, codes.data(), fine.data());
  }
  std::vector<uint8_t> codes, fine;
  ScalarCode code;
};

TEST(FineCodeTest, IsOffByASixtyFourthOfTheCode) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const size_t n : {500, 511, 512, 513, 768, 1024}) {
    std::vector<float> values(n);
    for (float &value : values) value = normal(random) + 0.5f;
    const Encoded row(values);
    const FineCode fine = fine_code_of(row.fine.data());
    const double distance = fine_distance(values.data(), n, row.code, row.codes.data(), row.fine.data());
    EXPECT_LE(distance, static_cast<double>(fine.error));
    EXPECT_GT(distance, 0.999 * static_cast<double>(fine.error));
    EXPECT_NEAR(static_cast<double>(row.code.error) / distance, 64.0, 6.0) << n;
    double squared_norm = 0.0;
    for (const float value : values) squared_norm += static_cast<double>(value) * value;
    EXPECT_NEAR(static_cast<double>(fine.squared_norm), squared_norm, 1e-3 * squared_norm);
  }
}

// What the kernel makes of the bytes is what the error was measured of.
TEST(FineCodeTest, KernelAndErrorDecodeAlike) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const size_t n : {500, 777}) {
    std::vector<float> values(n), axis(n, 0.0f);
    for (float &value : values) value = normal(random);
    const Encoded row(values);
    const FineScale scale = fine_scale_of(row.code);
    double squares = 0.0;
    for (size_t i = 0; i < n; ++i) {
      axis[i] = 1.0f;
      const float level =
          simd::kernels().dot_float_u14(axis.data(), row.codes.data(), fine_levels_of(row.fine.data()), n);
      const double decoded = static_cast<double>(scale.middle) + static_cast<double>(scale.step) * level;
      squares += (values[i] - decoded) * (values[i] - decoded);
      axis[i] = 0.0f;
    }
    EXPECT_NEAR(std::sqrt(squares), static_cast<double>(fine_code_of(row.fine.data()).error), 1e-5);
  }
}

TEST(FineCodeTest, WhatIsNotKnownStaysUnknown) {
  const Encoded equal(std::vector<float>(600, 0.25f));
  EXPECT_LE(fine_code_of(equal.fine.data()).error, 1e-6f);
  const Encoded huge(std::vector<float>(600, 1e20f));
  EXPECT_EQ(fine_code_of(huge.fine.data()).error, std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace quiver::core
