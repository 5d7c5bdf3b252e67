// The text form of sparse vectors: what is read, and what stands in the way.
// SPDX-License-Identifier: PostgreSQL
#include "core/sparse_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quiver::core {
namespace {

struct Result {
  SparseProblem problem;
  std::vector<int32_t> indices;
  std::vector<float> values;
  int32_t dimensions;
  std::string token;
};

Result parse(const std::string &text) {
  std::vector<SparseElement> elements(count_sparse_elements(text.c_str()));
  const ParsedSparse parsed = parse_sparse(text.c_str(), elements.data(), elements.size());
  Result result{parsed.problem, {}, {}, parsed.dimensions, {}};
  for (size_t i = 0; i < parsed.count; ++i) {
    result.indices.push_back(elements[i].index);
    result.values.push_back(elements[i].value);
  }
  if (parsed.token != nullptr) result.token.assign(parsed.token, parsed.token_bytes);
  return result;
}

TEST(SparseTextTest, ReadsElementsInTheirOrder) {
  const Result result = parse(" { 3 : 1.5 ,1:-2\t, 7 :0x10 } / 9 ");
  EXPECT_EQ(result.problem, SparseProblem::none);
  EXPECT_EQ(result.indices, (std::vector<int32_t>{3, 1, 7}));
  EXPECT_EQ(result.values, (std::vector<float>{1.5f, -2.0f, 16.0f}));
  EXPECT_EQ(result.dimensions, 9);
}

TEST(SparseTextTest, LeavesZerosOut) {
  EXPECT_EQ(parse("{1:0,2:1,3:-0}/3").indices, std::vector<int32_t>{2});
  EXPECT_EQ(parse("{5:0}/2").problem, SparseProblem::none);
  EXPECT_TRUE(parse("{}/5").indices.empty());
  EXPECT_EQ(parse("{}/5").dimensions, 5);
}

TEST(SparseTextTest, ClampsHugeIntegers) {
  EXPECT_EQ(parse("{99999999999999999999:1}/1").indices, std::vector<int32_t>{2147483647});
  EXPECT_EQ(parse("{-99999999999999999999:1}/1").indices, std::vector<int32_t>{-2147483647 - 1});
  EXPECT_EQ(parse("{}/99999999999999999999").dimensions, 2147483647);
}

TEST(SparseTextTest, NamesTheProblem) {
  EXPECT_EQ(parse("").problem, SparseProblem::no_opening_brace);
  EXPECT_EQ(parse("1:2}/3").problem, SparseProblem::no_opening_brace);
  for (const char *text :
       {"{", "{,}/3", "{1}/3", "{1:}/3", "{:1}/3", "{1:2,}/3", "{1:2", "{1:2 3}/3", "{}/", "{}/x", "{a:1}/3"})
    EXPECT_EQ(parse(text).problem, SparseProblem::malformed) << text;
  EXPECT_EQ(parse("{1:2}").problem, SparseProblem::no_dimensions);
  EXPECT_EQ(parse("{1:2}3").problem, SparseProblem::no_dimensions);
  EXPECT_EQ(parse("{1:2}/3x").problem, SparseProblem::junk_after_end);
  EXPECT_EQ(parse("{1:nan}/3").problem, SparseProblem::nan_element);
  EXPECT_EQ(parse("{1:-inf}/3").problem, SparseProblem::infinite_element);
}

TEST(SparseTextTest, RefusesWhatBinary32CannotHoldAtEitherEnd) {
  EXPECT_EQ(parse("{1:4e38}/3").problem, SparseProblem::out_of_range);
  EXPECT_EQ(parse("{1:4e38}/3").token, "4e38");
  EXPECT_EQ(parse("{1:1,2:-1e-46}/3").problem, SparseProblem::out_of_range);
  EXPECT_EQ(parse("{1:1,2:-1e-46}/3").token, "-1e-46");
  EXPECT_EQ(parse("{1:1e-45}/3").problem, SparseProblem::none);
}

}  // namespace
}  // namespace quiver::core
