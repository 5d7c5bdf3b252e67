// The dense types, vector (binary32 elements) and halfvec (binary16), in the bytes that their clients know.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/boundary.hpp"
#include "simd/dispatch.hpp"

namespace quiver::types {

inline constexpr int kMaxDenseDimensions = 16000;

using Half = uint16;  // the bits of an IEEE binary16

// A value, uncompressed. Stored values may have a one-byte length word: read them through dense_argument.
template <class Element>
struct DenseVector {
  int32 vl_len_;  // varlena header
  int16 dim;
  int16 unused;  // 0
  Element x[FLEXIBLE_ARRAY_MEMBER];
};
using Vector = DenseVector<float>;
using HalfVector = DenseVector<Half>;
static_assert(offsetof(Vector, x) == 8 && offsetof(HalfVector, x) == 8);

// What differs between the two: the name in messages, and the least magnitude that rounds beyond the largest element.
template <class Element>
struct DenseTraits;
template <>
struct DenseTraits<float> {
  static constexpr const char *kName = "vector";
  static constexpr float kLimit = HUGE_VALF;
};
template <>
struct DenseTraits<Half> {
  static constexpr const char *kName = "halfvec";
  static constexpr float kLimit = 65520.0f;
};

// Checks that every vector type shares; `type` names it in the message.
void check_dimensions(const char *type, int64 dimensions);                     // 22000 below 1, 54000 above 16,000
void check_typmod(int32 typmod, int dimensions);                               // 22000; a typmod of -1 asks for nothing
void check_element(const char *type, float value);                             // 22000 for NaN or an infinity
[[noreturn]] void raise_different_dimensions(const char *type, int a, int b);  // 22000
int32 read_typmod(Datum modifiers, const char *type, int limit);               // 22023
[[noreturn]] void raise_out_of_range(const char *type, float value);           // 22003, quoting the number

inline void check_same_dimensions(const char *type, int a, int b) {
  if (unlikely(a != b)) raise_different_dimensions(type, a, b);
}

// Whether a finite number is too large for the element.
template <class Element>
bool is_too_large(float value) {
  return std::fabs(value) >= DenseTraits<Element>::kLimit;
}

template <class Element>
DenseVector<Element> *dense_value(Datum value) {
  return reinterpret_cast<DenseVector<Element> *>(PG_DETOAST_DATUM(value));
}

template <class Element>
DenseVector<Element> *dense_argument(FunctionCallInfo fcinfo, int number) {
  return dense_value<Element>(PG_GETARG_DATUM(number));
}

// A vector of zeros in the current memory context. REQUIRES: dimensions checked.
template <class Element>
DenseVector<Element> *make_dense(int dimensions) {
  const Size bytes = offsetof(DenseVector<Element>, x) + sizeof(Element) * static_cast<Size>(dimensions);
  auto *vector = static_cast<DenseVector<Element> *>(palloc0(bytes));
  SET_VARSIZE(vector, bytes);
  vector->dim = static_cast<int16>(dimensions);
  return vector;
}

inline float *make_floats(int count) {
  return static_cast<float *>(palloc(sizeof(float) * static_cast<Size>(Max(count, 1))));
}

// The elements as binary32: the vector's own, or a copy in the current memory context.
inline const float *floats_of(const Vector *vector) { return vector->x; }
inline const float *floats_of(const HalfVector *vector) {
  float *values = make_floats(vector->dim);
  simd::kernels().widen_halves(vector->x, static_cast<size_t>(vector->dim), values);
  return values;
}

// Where results are computed: in the vector itself or in a buffer that store_floats rounds into it.
inline float *floats_for(Vector *vector) { return vector->x; }
inline float *floats_for(HalfVector *vector) { return make_floats(vector->dim); }
inline void store_floats(Vector *, const float *) {}
inline void store_floats(HalfVector *vector, const float *values) {
  simd::kernels().narrow_to_halves(values, static_cast<size_t>(vector->dim), vector->x);
}

// A vector of `count` numbers, rounded. Raises 22000 for NaN and infinities, 22003 for what is too large for an
// element. REQUIRES: dimensions checked.
template <class Element>
DenseVector<Element> *dense_from(const float *values, int count) {
  const char *type = DenseTraits<Element>::kName;
  auto *result = make_dense<Element>(count);
  for (int i = 0; i < count; ++i) {
    check_element(type, values[i]);
    if (is_too_large<Element>(values[i])) raise_out_of_range(type, values[i]);
  }
  if constexpr (sizeof(Element) == sizeof(float))
    memcpy(result->x, values, sizeof(float) * static_cast<Size>(count));
  else
    store_floats(result, values);
  return result;
}

inline bool is_infinite(float element) { return std::isinf(element); }
inline bool is_infinite(Half element) { return (element & 0x7fff) == 0x7c00; }
inline bool is_zero(float element) { return element == 0.0f; }
inline bool is_zero(Half element) { return (element & 0x7fff) == 0; }
inline bool is_positive(float element) { return element > 0.0f; }
inline bool is_positive(Half element) { return static_cast<int16>(element) > 0; }

}  // namespace quiver::types
