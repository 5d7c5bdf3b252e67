// The text form of a dense vector, '[1,2.5,-0]', read into numbers.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>

namespace quiver::core {

// What stands in the way of reading a text, for the type that knows its users' words for it.
enum class TextProblem {
  none,
  no_opening_bracket,
  malformed,
  junk_after_end,
  no_elements,
  too_many_elements,
  nan_element,
  infinite_element,
  out_of_range,  // the number `token` does not fit the element
};

struct ParsedVector {
  TextProblem problem;
  size_t dimensions;  // read so far
  const char *token;  // out_of_range: where the number starts in the text
  size_t token_bytes;
};

// Reads `text`, which ends with a NUL byte, into `values`. Numbers: see number_text.hpp; one too small for binary32
// becomes a zero of its sign, a finite one of at least `limit` is out of range.
ParsedVector parse_vector(const char *text, float *values, size_t capacity, float limit) noexcept;

// How many elements `text` has if it is well-formed, at least: one more than its commas.
size_t count_elements(const char *text) noexcept;

}  // namespace quiver::core
