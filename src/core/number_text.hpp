// Numbers and blanks as they stand in the text of a vector.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace quiver::core {

inline bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

inline const char *skip_blanks(const char *at) {
  while (is_blank(*at)) ++at;
  return at;
}

struct ReadNumber {
  const char *end;  // where the number ends; where it should have begun when there is none
  float value;
  bool overflow;   // too large for binary32: value is an infinity
  bool underflow;  // too small: value is a zero of its sign
};

// What strtof takes in the C locale: decimal, hexadecimal, with sign, words for infinity and NaN.
// REQUIRES: *end is a NUL byte.
inline ReadNumber read_number(const char *at, const char *end) noexcept {
  ReadNumber number{at, 0.0f, false, false};
  // from_chars is several times faster than strtof, and declines what only strtof knows: '+', hexadecimal, ranges.
  const auto [stop, error] = std::from_chars(at, end, number.value);
  if (error == std::errc() && (*stop == ',' || *stop == ']' || *stop == '}' || is_blank(*stop))) {
    number.end = stop;
    return number;
  }
  char *rest;
  errno = 0;
  number.value = std::strtof(at, &rest);
  number.overflow = errno == ERANGE && std::isinf(number.value);
  number.underflow = errno == ERANGE && number.value == 0.0f;
  number.end = rest;
  return number;
}

}  // namespace quiver::core
