// Reading numbers between brackets.
// SPDX-License-Identifier: PostgreSQL
#include "core/vector_text.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace quiver::core {

namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

const char *skip_blanks(const char *at) {
  while (is_blank(*at)) ++at;
  return at;
}

bool ends_number(char c) { return c == ',' || c == ']' || is_blank(c); }

// Returns where the number ends, `at` when there is none.
const char *read_number(const char *at, const char *end, float *value, bool *overflow) {
  // from_chars is several times faster than strtof, and declines what only strtof knows: '+', hexadecimal, underflow.
  const auto [stop, error] = std::from_chars(at, end, *value);
  if (error == std::errc() && ends_number(*stop)) return stop;
  char *rest;
  errno = 0;
  *value = std::strtof(at, &rest);
  *overflow = errno == ERANGE && std::isinf(*value);
  return rest;
}

}  // namespace

size_t count_elements(const char *text) noexcept {
  size_t count = 1;
  for (; (text = std::strchr(text, ',')) != nullptr; ++text) ++count;
  return count;
}

ParsedVector parse_vector(const char *text, float *values, size_t capacity) noexcept {
  ParsedVector parsed{TextProblem::none, 0, nullptr, 0};
  const auto fail = [&parsed](TextProblem problem) {
    parsed.problem = problem;
    return parsed;
  };
  const char *const end = text + std::strlen(text);
  const char *at = skip_blanks(text);
  if (*at != '[') return fail(TextProblem::no_opening_bracket);
  at = skip_blanks(at + 1);
  if (*at == ']') return fail(TextProblem::no_elements);
  for (;; ++at) {
    if (parsed.dimensions == capacity) return fail(TextProblem::too_many_elements);
    at = skip_blanks(at);
    float value = 0;
    bool overflow = false;
    const char *stop = read_number(at, end, &value, &overflow);
    if (stop == at) return fail(TextProblem::malformed);
    if (overflow) {
      parsed.token = at;
      parsed.token_bytes = static_cast<size_t>(stop - at);
      return fail(TextProblem::out_of_range);
    }
    if (std::isnan(value)) return fail(TextProblem::nan_element);
    if (std::isinf(value)) return fail(TextProblem::infinite_element);
    values[parsed.dimensions++] = value;
    at = skip_blanks(stop);
    if (*at == ']') break;
    if (*at != ',') return fail(TextProblem::malformed);
  }
  return *skip_blanks(at + 1) == '\0' ? parsed : fail(TextProblem::junk_after_end);
}

}  // namespace quiver::core
