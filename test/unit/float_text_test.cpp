// Printing of binary32: the shortest decimals that read back, in the server's form.
// SPDX-License-Identifier: PostgreSQL
#include "core/float_text.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace quiver::core {
namespace {

std::string text_of(float value) {
  char text[kMaxFloatText];
  return {text, write_float(value, text)};
}

// The digits of a decimal without point, exponent, sign and zeros at either end.
std::string digits_of(const std::string &text) {
  std::string digits;
  for (const char c : text.substr(0, text.find('e')))
    if (c >= '0' && c <= '9') digits += c;
  digits.erase(0, digits.find_first_not_of('0'));
  digits.erase(digits.find_last_not_of('0') + 1);
  return digits;
}

void expect_faithful(float value) {
  const std::string text = text_of(value);
  ASSERT_LE(text.size(), kMaxFloatText);
  float back = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), back);
  ASSERT_TRUE(error == std::errc() && stop == text.data() + text.size()) << text;
  ASSERT_EQ(std::bit_cast<uint32_t>(back), std::bit_cast<uint32_t>(value)) << text;
  // One digit less leaves the open interval of what rounds to the value; its ends are not used, as in the server.
  const auto digits = static_cast<int>(digits_of(text).size());
  if (digits < 2) return;
  char fewer[32];
  std::snprintf(fewer, sizeof fewer, "%.*e", digits - 2, static_cast<double>(value));
  const long double decimal = std::strtold(fewer, nullptr), exact = value;
  const long double below = (exact + std::nextafter(value, -INFINITY)) / 2,
                    above = (exact + std::nextafter(value, INFINITY)) / 2;
  ASSERT_TRUE(decimal <= below || decimal >= above) << text << " could be " << fewer;
}

TEST(FloatTextTest, HasTheServersForm) {
  EXPECT_EQ(text_of(0.0f), "0");
  EXPECT_EQ(text_of(-0.0f), "-0");
  EXPECT_EQ(text_of(1.0f), "1");
  EXPECT_EQ(text_of(-2.5f), "-2.5");
  EXPECT_EQ(text_of(0.1f), "0.1");
  EXPECT_EQ(text_of(0.60009766f), "0.60009766");
  EXPECT_EQ(text_of(123.456f), "123.456");
  EXPECT_EQ(text_of(100000.0f), "100000");
  EXPECT_EQ(text_of(999999.0f), "999999");
  EXPECT_EQ(text_of(1e6f), "1e+06");
  EXPECT_EQ(text_of(1234567.0f), "1.234567e+06");
  EXPECT_EQ(text_of(0.0001f), "0.0001");
  EXPECT_EQ(text_of(0.00009999f), "9.999e-05");
  EXPECT_EQ(text_of(1e-5f), "1e-05");
  EXPECT_EQ(text_of(-1.5e-38f), "-1.5e-38");
  EXPECT_EQ(text_of(1e38f), "1e+38");
  EXPECT_EQ(text_of(FLT_MAX), "3.4028235e+38");
  EXPECT_EQ(text_of(-FLT_MAX), "-3.4028235e+38");
  EXPECT_EQ(text_of(FLT_MIN), "1.1754944e-38");
  EXPECT_EQ(text_of(1e-45f), "1e-45");
  EXPECT_EQ(text_of(16777216.0f), "1.6777216e+07");
  EXPECT_EQ(text_of(1.23456789f), "1.2345679");
}

TEST(FloatTextTest, EveryPowerAndItsNeighboursReadBack) {
  for (int exponent = -149; exponent <= 127; ++exponent) {
    const float power = std::ldexp(1.0f, exponent);
    expect_faithful(power);
    expect_faithful(std::nextafter(power, 0.0f));
    expect_faithful(-std::nextafter(power, FLT_MAX));
  }
  for (int exponent = -44; exponent <= 38; ++exponent) {
    const float power = std::strtof(("1e" + std::to_string(exponent)).c_str(), nullptr);
    expect_faithful(power);
    expect_faithful(std::nextafter(power, 0.0f));
    expect_faithful(std::nextafter(power, FLT_MAX));
  }
}

TEST(FloatTextTest, RandomBitsReadBack) {
  std::mt19937 random(5);
  for (int i = 0; i < 300000; ++i) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(value)) expect_faithful(value);
  }
  for (int i = 0; i < 100000; ++i) expect_faithful(static_cast<float>(random() % 2000001) / 1000.0f - 1000.0f);
  for (int i = -30000; i < 30000; ++i) expect_faithful(static_cast<float>(i));
}

}  // namespace
}  // namespace quiver::core
