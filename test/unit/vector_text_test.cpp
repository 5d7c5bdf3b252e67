// The text form of vectors.
// SPDX-License-Identifier: PostgreSQL
#include "core/vector_text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace quiver::core {
namespace {

struct Parsed {
  TextProblem problem;
  std::vector<float> values;
};

Parsed parse(const std::string &text) {
  std::vector<float> values(count_elements(text.c_str()) + 1, -77.0f);
  const ParsedVector parsed = parse_vector(text.c_str(), values.data(), values.size() - 1, HUGE_VALF);
  values.resize(parsed.dimensions);
  return {parsed.problem, values};
}

TEST(VectorTextTest, ReadsWhatStrtofReads) {
  const Parsed parsed = parse(" [ 1 ,\t+2.5e0,-.5,0x1p3, 1e-46 ] \n");
  EXPECT_EQ(parsed.problem, TextProblem::none);
  EXPECT_EQ(parsed.values, (std::vector<float>{1.0f, 2.5f, -0.5f, 8.0f, 0.0f}));
}

TEST(VectorTextTest, NamesTheProblem) {
  EXPECT_EQ(parse("1,2]").problem, TextProblem::no_opening_bracket);
  EXPECT_EQ(parse("").problem, TextProblem::no_opening_bracket);
  EXPECT_EQ(parse("[1,2").problem, TextProblem::malformed);
  EXPECT_EQ(parse("[1,]").problem, TextProblem::malformed);
  EXPECT_EQ(parse("[1,2]]").problem, TextProblem::junk_after_end);
  EXPECT_EQ(parse("[]").problem, TextProblem::no_elements);
  EXPECT_EQ(parse("[nan]").problem, TextProblem::nan_element);
  EXPECT_EQ(parse("[-inf]").problem, TextProblem::infinite_element);
  EXPECT_EQ(parse("[1e39]").problem, TextProblem::out_of_range);
}

TEST(VectorTextTest, StopsAtItsCapacity) {
  float values[3] = {0, 0, -77.0f};
  EXPECT_EQ(parse_vector("[1,2,3]", values, 2, HUGE_VALF).problem, TextProblem::too_many_elements);
  EXPECT_EQ(values[2], -77.0f);
}

TEST(VectorTextTest, SurvivesRandomBytes) {
  std::mt19937 random(7);
  const std::string alphabet = "[],. \t\n0123456789eE+-xpinfaNtyINF{}";
  for (int round = 0; round < 20000; ++round) {
    std::string text = "[";
    for (size_t i = random() % 24; i > 0; --i) text += alphabet[random() % alphabet.size()];
    const Parsed parsed = parse(text);
    if (parsed.problem != TextProblem::none) continue;
    for (const float value : parsed.values) EXPECT_TRUE(std::isfinite(value)) << text;
  }
}

}  // namespace
}  // namespace quiver::core
