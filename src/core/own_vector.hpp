// Own vectors as floats: what k-means and the codes of lists work with.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>

#include "core/node_format.hpp"

namespace quiver::core {

// Encodes `shape.dimensions` values, such as a mean of rows, in the way of the shape's own vectors: of bits what more
// than half of the rows have. `codes`: unpacked. REQUIRES: not sparse.
ScalarCode encode_own(const NodeShape &shape, const float *values, uint8_t *codes);

// The decoded vector. Bits are 0 and 1, whose squared distances are Hamming distances. REQUIRES: not sparse.
void decode_own(const NodeShape &shape, const ScalarCode &code, const uint8_t *codes, float *values);

// What stands beside the bits of a string.
ScalarCode code_of_bits(const uint8_t *bits, size_t bytes);

}  // namespace quiver::core
