// Reading numbers between brackets.
// SPDX-License-Identifier: PostgreSQL
#include "core/vector_text.hpp"

#include <cmath>
#include <cstring>

#include "core/number_text.hpp"

namespace quiver::core {

size_t count_elements(const char *text) noexcept {
  size_t count = 1;
  for (; (text = std::strchr(text, ',')) != nullptr; ++text) ++count;
  return count;
}

ParsedVector parse_vector(const char *text, float *values, size_t capacity, float limit) noexcept {
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
    const ReadNumber number = read_number(at, end);
    if (number.end == at) return fail(TextProblem::malformed);
    if (number.overflow || (std::isfinite(number.value) && std::fabs(number.value) >= limit)) {
      parsed.token = at;
      parsed.token_bytes = static_cast<size_t>(number.end - at);
      return fail(TextProblem::out_of_range);
    }
    if (std::isnan(number.value)) return fail(TextProblem::nan_element);
    if (std::isinf(number.value)) return fail(TextProblem::infinite_element);
    values[parsed.dimensions++] = number.value;
    at = skip_blanks(number.end);
    if (*at == ']') break;
    if (*at != ',') return fail(TextProblem::malformed);
  }
  return *skip_blanks(at + 1) == '\0' ? parsed : fail(TextProblem::junk_after_end);
}

}  // namespace quiver::core
