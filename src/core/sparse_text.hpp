// The text form of a sparse vector, '{1:1.5,3:-2}/5', read into numbers.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>

namespace quiver::core {

// What stands in the way of reading a text, for the type that knows its users' words for it.
enum class SparseProblem {
  none,
  no_opening_brace,
  malformed,
  no_dimensions,  // nothing after the closing brace
  junk_after_end,
  nan_element,
  infinite_element,
  out_of_range,  // the number `token` does not fit binary32, at either end
};

struct SparseElement {
  int32_t index;  // as written: from 1 in a valid text
  float value;
};

struct ParsedSparse {
  SparseProblem problem;
  size_t count;        // elements read so far, zeros left out
  int32_t dimensions;  // as written, clamped to 32 bits
  const char *token;   // out_of_range: where the number starts in the text
  size_t token_bytes;
};

// Reads `text`, which ends with a NUL byte. Indices come in the order of the text, clamped to 32 bits, not checked
// against the dimensions. REQUIRES: capacity >= count_sparse_elements(text).
ParsedSparse parse_sparse(const char *text, SparseElement *elements, size_t capacity) noexcept;

// How many elements `text` has at most if it is well-formed: one more than its commas.
size_t count_sparse_elements(const char *text) noexcept;

}  // namespace quiver::core
