// Six more bits for each axis of an own vector in 8 bits: a 64th of its error.
// SPDX-License-Identifier: PostgreSQL
//
// With 8 bits the bound of a distance is off by about a hundredth of it, more than what lies between two neighbours, so
// that the executor has to look at the rows to know their order. With 14 it is a small part of that.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/scalar_code.hpp"

namespace quiver::core {

inline constexpr unsigned kFineBits = 6;

// The first bytes of the fine part. What follows: see simd::Kernels::dot_float_u14.
struct FineCode {
  float squared_norm;  // of the vector as the fine part decodes it
  float error;         // >= the distance between that and the vector; infinite when nothing is known
};

// The fine part's bytes for n axes.
size_t fine_bytes(size_t n);

// Writes the fine part of a vector's 8-bit code. Axis i decodes to minimum + step (code_i + (level_i - 31.5) / 64).
void encode_fine(const float *values, size_t n, const ScalarCode &code, const uint8_t *codes, uint8_t *fine);

// What the fine part begins with. It may lie anywhere.
FineCode fine_code_of(const uint8_t *fine);
inline const uint8_t *fine_levels_of(const uint8_t *fine) { return fine + sizeof(FineCode); }

// Decoded axis i, as dot_float_u14 sees it, is middle + step * c_i.
struct FineScale {
  float middle, step;
};
FineScale fine_scale_of(const ScalarCode &code);

// How far a vector is from what the fine part decodes to, in binary64.
double fine_distance(const float *values, size_t n, const ScalarCode &code, const uint8_t *codes, const uint8_t *fine);

}  // namespace quiver::core
