// Own vectors in 8, 4 or 2 bits per axis with a per-vector minimum and step (LVQ), and their exact error.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>

namespace quiver::core {

// What decodes a code, and what is needed of it often. Decoded axis i = minimum + step * code_i.
struct ScalarCode {
  float minimum;
  float step;
  float squared_norm;  // of the decoded vector
  float error;         // >= the distance between the vector and its decoded form; infinite when nothing is known
  uint32_t code_sum;   // sum of the codes
};

// Writes one code per byte (values below 2^bits). A vector whose length cannot be squared in binary32 is encoded as
// zero with infinite error: still found, ordered by its heap row alone. Locally-adaptive quantization, Aguerrebere et
// al. 2023. REQUIRES: finite values, bits in {2, 4, 8}.
ScalarCode encode_scalar(const float *values, size_t n, unsigned bits, uint8_t *codes);

// Codes packed little-endian inside each byte, and back.
size_t packed_bytes(size_t n, unsigned bits);
void pack_codes(const uint8_t *codes, size_t n, unsigned bits, uint8_t *packed);
void unpack_codes(const uint8_t *packed, size_t n, unsigned bits, uint8_t *codes);

// The decoded vector.
void decode_scalar(const ScalarCode &code, const uint8_t *codes, size_t n, float *values);

// A vector in signed 7 bits, to be compared with many codes of 8, and what its inner product with one is made of.
struct SignedCode {
  float squared_norm;   // of the decoded vector
  float minimum_scale;  // twice the product with a vector of ones
  float sum_scale;      // twice the middle of the values
  float dot_scale;      // twice their step
};

// Rounds a decoded vector to signed values of at most simd::kMaxSignedQuery; of 4 and 2 bits nothing is lost.
SignedCode to_signed(const ScalarCode &code, const uint8_t *codes, size_t n, unsigned bits, int8_t *values);

// Twice the inner product, from the integer product of `a`'s codes and `b`'s values.
inline float doubled_product(const ScalarCode &a, const SignedCode &b, int32_t dot) {
  return a.minimum * b.minimum_scale + a.step * (b.sum_scale * static_cast<float>(static_cast<int32_t>(a.code_sum)) +
                                                 b.dot_scale * static_cast<float>(dot));
}

inline float squared_distance(const ScalarCode &a, const SignedCode &b, int32_t dot) {
  const float squared = a.squared_norm + b.squared_norm - doubled_product(a, b, dot);
  return squared > 0.0f ? squared : 0.0f;
}

// Inner product of two decoded vectors from the integer product of their codes.
inline float inner_product(const ScalarCode &a, const ScalarCode &b, uint32_t dot, size_t n) {
  return static_cast<float>(n) * a.minimum * b.minimum + a.minimum * b.step * static_cast<float>(b.code_sum) +
         b.minimum * a.step * static_cast<float>(a.code_sum) + a.step * b.step * static_cast<float>(dot);
}

inline float squared_distance(const ScalarCode &a, const ScalarCode &b, uint32_t dot, size_t n) {
  const float squared = a.squared_norm + b.squared_norm - 2.0f * inner_product(a, b, dot, n);
  return squared > 0.0f ? squared : 0.0f;
}

}  // namespace quiver::core
