// The random rotation keeps lengths and distances, within the error it promises.
// SPDX-License-Identifier: PostgreSQL
#include "core/rotation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace quiver::core {
namespace {

double length_of(const std::vector<float> &values) {
  double squared = 0;
  for (const float value : values) squared += static_cast<double>(value) * value;
  return std::sqrt(squared);
}

TEST(RotationTest, KeepsLengths) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const size_t n : {1, 2, 3, 5, 31, 64, 100, 128, 384, 768, 1000, 16000}) {
    const Rotation rotation(n, 99, std::pmr::new_delete_resource());
    std::vector<float> values(n);
    for (float &value : values) value = normal(random);
    const double before = length_of(values);
    rotation.apply(values.data());
    EXPECT_NEAR(length_of(values), before, before * rotation.relative_error()) << n;
  }
}

TEST(RotationTest, SpreadsOneAxisOverAll) {
  for (const size_t n : {100, 128, 384}) {
    const Rotation rotation(n, 5, std::pmr::new_delete_resource());
    for (const size_t axis : {size_t{0}, n / 2, n - 1}) {
      std::vector<float> values(n, 0.0f);
      values[axis] = 1.0f;
      rotation.apply(values.data());
      float largest = 0;
      for (const float value : values) largest = std::max(largest, std::fabs(value));
      EXPECT_LT(largest, 6.0f / std::sqrt(static_cast<float>(n)));
    }
  }
}

TEST(RotationTest, SameSeedSameBits) {
  const Rotation a(100, 5, std::pmr::new_delete_resource()), b(100, 5, std::pmr::new_delete_resource());
  std::vector<float> x(100, 0.25f), y(100, 0.25f);
  a.apply(x.data());
  b.apply(y.data());
  EXPECT_EQ(x, y);
}

}  // namespace
}  // namespace quiver::core
