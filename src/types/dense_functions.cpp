// Functions of vector and halfvec other than distances: size, norm, parts, arithmetic, order.
// SPDX-License-Identifier: PostgreSQL
#include "types/dense_vector.hpp"

extern "C" {
#include "utils/float.h"
#include "utils/varbit.h"
}

namespace quiver::types {

namespace {

template <class Element>
double norm_of(const DenseVector<Element> *vector) {
  return std::sqrt(simd::kernels().squared_norm(floats_of(vector), static_cast<size_t>(vector->dim)));
}

template <class Element>
void check_for_overflow(const DenseVector<Element> *vector) {
  for (int i = 0; i < vector->dim; ++i)
    if (unlikely(is_infinite(vector->x[i]))) float_overflow_error();
}

template <class Element>
Datum normalize(FunctionCallInfo fcinfo) {
  const auto *vector = dense_argument<Element>(fcinfo, 0);
  auto *result = make_dense<Element>(vector->dim);
  const double norm = norm_of(vector);
  if (norm > 0) {
    const float *values = floats_of(vector);
    float *scaled = floats_for(result);
    for (int i = 0; i < vector->dim; ++i) scaled[i] = static_cast<float>(values[i] / norm);
    store_floats(result, scaled);
    check_for_overflow(result);
  }
  PG_RETURN_POINTER(result);
}

// result_i = operation(a_i, b_i); an infinite result is the server's overflow error.
template <class Element, class Operation>
DenseVector<Element> *combine_elements(const DenseVector<Element> *a, const DenseVector<Element> *b,
                                       Operation operation) {
  check_same_dimensions(DenseTraits<Element>::kName, a->dim, b->dim);
  auto *result = make_dense<Element>(a->dim);
  const float *left = floats_of(a), *right = floats_of(b);
  float *values = floats_for(result);
  for (int i = 0; i < a->dim; ++i) values[i] = operation(left[i], right[i]);
  store_floats(result, values);
  check_for_overflow(result);
  return result;
}

template <class Element>
Datum add(FunctionCallInfo fcinfo) {
  PG_RETURN_POINTER(combine_elements(dense_argument<Element>(fcinfo, 0), dense_argument<Element>(fcinfo, 1),
                                     [](float a, float b) { return a + b; }));
}

template <class Element>
Datum subtract(FunctionCallInfo fcinfo) {
  PG_RETURN_POINTER(combine_elements(dense_argument<Element>(fcinfo, 0), dense_argument<Element>(fcinfo, 1),
                                     [](float a, float b) { return a - b; }));
}

template <class Element>
Datum multiply(FunctionCallInfo fcinfo) {
  const auto *a = dense_argument<Element>(fcinfo, 0), *b = dense_argument<Element>(fcinfo, 1);
  auto *result = combine_elements(a, b, [](float x, float y) { return x * y; });
  for (int i = 0; i < result->dim; ++i)
    if (unlikely(is_zero(result->x[i]) && !is_zero(a->x[i]) && !is_zero(b->x[i]))) float_underflow_error();
  PG_RETURN_POINTER(result);
}

template <class Element>
Datum concatenate(FunctionCallInfo fcinfo) {
  const auto *a = dense_argument<Element>(fcinfo, 0), *b = dense_argument<Element>(fcinfo, 1);
  check_dimensions(DenseTraits<Element>::kName, a->dim + b->dim);
  auto *result = make_dense<Element>(a->dim + b->dim);
  memcpy(result->x, a->x, sizeof(Element) * static_cast<Size>(a->dim));
  memcpy(result->x + a->dim, b->x, sizeof(Element) * static_cast<Size>(b->dim));
  PG_RETURN_POINTER(result);
}

template <class Element>
Datum quantize_to_bits(FunctionCallInfo fcinfo) {
  const auto *vector = dense_argument<Element>(fcinfo, 0);
  const Size bytes = static_cast<Size>(VARBITTOTALLEN(vector->dim));
  auto *result = static_cast<VarBit *>(palloc0(bytes));
  SET_VARSIZE(result, bytes);
  VARBITLEN(result) = vector->dim;
  for (int i = 0; i < vector->dim; ++i)
    if (is_positive(vector->x[i]))
      VARBITS(result)[i / 8] = static_cast<bits8>(VARBITS(result)[i / 8] | (0x80 >> (i % 8)));
  PG_RETURN_VARBIT_P(result);
}

// Counted from 1; a start below 1 takes from the count, as in substring().
template <class Element>
Datum part(FunctionCallInfo fcinfo) {
  const auto *vector = dense_argument<Element>(fcinfo, 0);
  const int64 start = PG_GETARG_INT32(1), count = PG_GETARG_INT32(2);
  const int64 first = Max(start, int64{1}), end = Min(start + count, int64{vector->dim} + 1);
  check_dimensions(DenseTraits<Element>::kName, count < 1 ? 0 : end - first);
  auto *result = make_dense<Element>(static_cast<int>(end - first));
  memcpy(result->x, vector->x + first - 1, sizeof(Element) * static_cast<Size>(end - first));
  PG_RETURN_POINTER(result);
}

// A number that orders elements as their values do; -0 equals 0.
inline float order_key(float element) { return element; }
inline int order_key(Half element) { return (element & 0x8000) != 0 ? -(element & 0x7fff) : element; }

// Lexicographic; of two that agree as far as they go, the shorter is smaller.
template <class Element>
int compare(const DenseVector<Element> *a, const DenseVector<Element> *b) {
  const int shared = Min(a->dim, b->dim);
  for (int i = 0; i < shared; ++i) {
    const auto left = order_key(a->x[i]), right = order_key(b->x[i]);
    if (left < right) return -1;
    if (left > right) return 1;
  }
  return a->dim < b->dim ? -1 : a->dim > b->dim ? 1 : 0;
}

// Frees detoasted copies: the server calls this for every comparison of a sort within one memory context.
template <class Element>
int compare_arguments(FunctionCallInfo fcinfo) {
  auto *a = dense_argument<Element>(fcinfo, 0), *b = dense_argument<Element>(fcinfo, 1);
  const int order = compare(a, b);
  PG_FREE_IF_COPY(a, 0);
  PG_FREE_IF_COPY(b, 1);
  return order;
}

}  // namespace

}  // namespace quiver::types

using namespace quiver::types;

QUIVER_FUNCTION(vector_dims) { PG_RETURN_INT32(dense_argument<float>(fcinfo, 0)->dim); }
QUIVER_FUNCTION(vector_norm) { PG_RETURN_FLOAT8(norm_of(dense_argument<float>(fcinfo, 0))); }
QUIVER_FUNCTION(l2_normalize) { return normalize<float>(fcinfo); }
QUIVER_FUNCTION(vector_add) { return add<float>(fcinfo); }
QUIVER_FUNCTION(vector_sub) { return subtract<float>(fcinfo); }
QUIVER_FUNCTION(vector_mul) { return multiply<float>(fcinfo); }
QUIVER_FUNCTION(vector_concat) { return concatenate<float>(fcinfo); }
QUIVER_FUNCTION(binary_quantize) { return quantize_to_bits<float>(fcinfo); }
QUIVER_FUNCTION(subvector) { return part<float>(fcinfo); }
QUIVER_FUNCTION(vector_lt) { PG_RETURN_BOOL(compare_arguments<float>(fcinfo) < 0); }
QUIVER_FUNCTION(vector_le) { PG_RETURN_BOOL(compare_arguments<float>(fcinfo) <= 0); }
QUIVER_FUNCTION(vector_eq) { PG_RETURN_BOOL(compare_arguments<float>(fcinfo) == 0); }
QUIVER_FUNCTION(vector_ne) { PG_RETURN_BOOL(compare_arguments<float>(fcinfo) != 0); }
QUIVER_FUNCTION(vector_ge) { PG_RETURN_BOOL(compare_arguments<float>(fcinfo) >= 0); }
QUIVER_FUNCTION(vector_gt) { PG_RETURN_BOOL(compare_arguments<float>(fcinfo) > 0); }
QUIVER_FUNCTION(vector_cmp) { PG_RETURN_INT32(compare_arguments<float>(fcinfo)); }

QUIVER_FUNCTION(halfvec_vector_dims) { PG_RETURN_INT32(dense_argument<Half>(fcinfo, 0)->dim); }
QUIVER_FUNCTION(halfvec_l2_norm) { PG_RETURN_FLOAT8(norm_of(dense_argument<Half>(fcinfo, 0))); }
QUIVER_FUNCTION(halfvec_l2_normalize) { return normalize<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_add) { return add<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_sub) { return subtract<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_mul) { return multiply<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_concat) { return concatenate<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_binary_quantize) { return quantize_to_bits<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_subvector) { return part<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_lt) { PG_RETURN_BOOL(compare_arguments<Half>(fcinfo) < 0); }
QUIVER_FUNCTION(halfvec_le) { PG_RETURN_BOOL(compare_arguments<Half>(fcinfo) <= 0); }
QUIVER_FUNCTION(halfvec_eq) { PG_RETURN_BOOL(compare_arguments<Half>(fcinfo) == 0); }
QUIVER_FUNCTION(halfvec_ne) { PG_RETURN_BOOL(compare_arguments<Half>(fcinfo) != 0); }
QUIVER_FUNCTION(halfvec_ge) { PG_RETURN_BOOL(compare_arguments<Half>(fcinfo) >= 0); }
QUIVER_FUNCTION(halfvec_gt) { PG_RETURN_BOOL(compare_arguments<Half>(fcinfo) > 0); }
QUIVER_FUNCTION(halfvec_cmp) { PG_RETURN_INT32(compare_arguments<Half>(fcinfo)); }
