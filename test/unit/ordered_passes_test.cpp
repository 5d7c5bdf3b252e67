// Ordered passes: every row once and in order, whatever fits the memory.
// SPDX-License-Identifier: PostgreSQL
#include "core/ordered_passes.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace quiver::core {
namespace {

struct Row {
  double bound;
  int id;
  bool operator<(const Row &other) const { return bound < other.bound || (bound == other.bound && id < other.id); }
};

TEST(OrderedPassesTest, HandsOutEveryRowOfTheRangeOnce) {
  std::mt19937 random(1);
  std::vector<Row> source;
  for (int id = 0; id < 5000; ++id) source.push_back({static_cast<double>(random() % 700), id});
  OrderedPasses<Row> passes(0, std::pmr::new_delete_resource());
  for (const double upper : {0.0, 100.0, 1000.0}) {
    passes.restart(50.0, upper);
    std::vector<Row> out;
    int reads = 0;
    for (;;) {
      if (const Row *row = passes.next()) {
        out.push_back(*row);
      } else if (passes.is_complete()) {
        break;
      } else {
        ++reads;
        passes.begin_pass();
        for (const Row &row : source)
          if (passes.wants(row)) passes.keep(row);
        passes.finish_pass();
      }
    }
    size_t expected = 0;
    for (const Row &row : source) expected += row.bound >= 50.0 && row.bound < upper;
    ASSERT_EQ(out.size(), expected);
    for (size_t i = 1; i < out.size(); ++i) ASSERT_TRUE(out[i - 1] < out[i]);
    EXPECT_EQ(reads > 2, expected > 3000);
  }
}

}  // namespace
}  // namespace quiver::core
