// Distances by a query in small integers: how far they are off.
// SPDX-License-Identifier: PostgreSQL
#include "core/own_query.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "core/scalar_code.hpp"

namespace quiver::core {
namespace {

// Codes count from the least coordinate, far from the middle of a row: what rounding takes from the query must not
// count for that.
TEST(OwnQueryTest, RoughDistancesAreOffByTheirError) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  for (const Metric metric : {Metric::l2, Metric::inner_product}) {
    for (const size_t n : {12, 100, 384}) {
      const Rotation rotation(n, 5, std::pmr::new_delete_resource());
      OwnQuery query(n, false, metric, rotation, std::pmr::new_delete_resource());
      double sum = 0.0;
      int count = 0;
      for (int i = 0; i < 40; ++i) {
        std::vector<float> values(n), row(n);
        for (float &value : values) value = normal(random) + 2.0f;
        ASSERT_TRUE(query.aim(values.data()));
        for (int j = 0; j < 50; ++j, ++count) {
          for (float &value : row) value = normal(random);
          std::vector<uint8_t> codes(n);
          const ScalarCode code = encode_scalar(row.data(), n, 8, codes.data());
          const float off = query.rough_distance(code, codes.data()) - query.distance(code, codes.data());
          const float error = query.rough_error(code);
          ASSERT_LE(std::fabs(off), 4.5f * error) << n;
          sum += static_cast<double>(off * off) / static_cast<double>(error * error);
        }
      }
      const double ratio = std::sqrt(sum / count);
      EXPECT_LT(ratio, 1.1) << n;
      EXPECT_GT(ratio, 0.8) << n;
    }
  }
}

}  // namespace
}  // namespace quiver::core
