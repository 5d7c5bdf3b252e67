// Functions of vectors other than distances: size, norm, parts, arithmetic, order.
// SPDX-License-Identifier: PostgreSQL
#include "simd/dispatch.hpp"
#include "types/vector.hpp"

extern "C" {
#include "utils/float.h"
#include "utils/varbit.h"
}

using namespace quiver::types;

namespace {

double norm_of(const Vector *vector) {
  return std::sqrt(quiver::simd::kernels().squared_norm(vector->x, static_cast<size_t>(vector->dim)));
}

// result_i = operation(a_i, b_i); an infinite result is the server's overflow error.
template <class Operation>
Datum combine_elements(FunctionCallInfo fcinfo, Operation operation) {
  const Vector *a = DatumGetVector(PG_GETARG_DATUM(0)), *b = DatumGetVector(PG_GETARG_DATUM(1));
  check_same_dimensions(a, b);
  Vector *result = make_vector(a->dim);
  for (int i = 0; i < a->dim; ++i) {
    result->x[i] = operation(a->x[i], b->x[i]);
    if (unlikely(std::isinf(result->x[i]))) float_overflow_error();
  }
  return PointerGetDatum(result);
}

// Lexicographic; of two that agree as far as they go, the shorter is smaller. -0 equals 0.
int compare(const Vector *a, const Vector *b) {
  const int shared = Min(a->dim, b->dim);
  for (int i = 0; i < shared; ++i) {
    if (a->x[i] < b->x[i]) return -1;
    if (a->x[i] > b->x[i]) return 1;
  }
  return a->dim < b->dim ? -1 : a->dim > b->dim ? 1 : 0;
}

// Frees detoasted copies: the server calls this for every comparison of a sort within one memory context.
int compare_arguments(FunctionCallInfo fcinfo) {
  Vector *a = DatumGetVector(PG_GETARG_DATUM(0)), *b = DatumGetVector(PG_GETARG_DATUM(1));
  const int order = compare(a, b);
  PG_FREE_IF_COPY(a, 0);
  PG_FREE_IF_COPY(b, 1);
  return order;
}

}  // namespace

QUIVER_FUNCTION(vector_dims) { PG_RETURN_INT32(DatumGetVector(PG_GETARG_DATUM(0))->dim); }

QUIVER_FUNCTION(vector_norm) { PG_RETURN_FLOAT8(norm_of(DatumGetVector(PG_GETARG_DATUM(0)))); }

QUIVER_FUNCTION(l2_normalize) {
  const Vector *vector = DatumGetVector(PG_GETARG_DATUM(0));
  Vector *result = make_vector(vector->dim);
  const double norm = norm_of(vector);
  if (norm > 0)
    for (int i = 0; i < vector->dim; ++i) {
      result->x[i] = static_cast<float>(vector->x[i] / norm);
      if (unlikely(std::isinf(result->x[i]))) float_overflow_error();
    }
  PG_RETURN_POINTER(result);
}

QUIVER_FUNCTION(vector_add) {
  return combine_elements(fcinfo, [](float a, float b) { return a + b; });
}

QUIVER_FUNCTION(vector_sub) {
  return combine_elements(fcinfo, [](float a, float b) { return a - b; });
}

QUIVER_FUNCTION(vector_mul) {
  return combine_elements(fcinfo, [](float a, float b) {
    const float product = a * b;
    if (unlikely(product == 0 && a != 0 && b != 0)) float_underflow_error();
    return product;
  });
}

QUIVER_FUNCTION(vector_concat) {
  const Vector *a = DatumGetVector(PG_GETARG_DATUM(0)), *b = DatumGetVector(PG_GETARG_DATUM(1));
  check_dimensions(a->dim + b->dim);
  Vector *result = make_vector(a->dim + b->dim);
  memcpy(result->x, a->x, sizeof(float) * static_cast<Size>(a->dim));
  memcpy(result->x + a->dim, b->x, sizeof(float) * static_cast<Size>(b->dim));
  PG_RETURN_POINTER(result);
}

QUIVER_FUNCTION(binary_quantize) {
  const Vector *vector = DatumGetVector(PG_GETARG_DATUM(0));
  const Size bytes = static_cast<Size>(VARBITTOTALLEN(vector->dim));
  auto *result = static_cast<VarBit *>(palloc0(bytes));
  SET_VARSIZE(result, bytes);
  VARBITLEN(result) = vector->dim;
  for (int i = 0; i < vector->dim; ++i)
    if (vector->x[i] > 0) VARBITS(result)[i / 8] = static_cast<bits8>(VARBITS(result)[i / 8] | (0x80 >> (i % 8)));
  PG_RETURN_VARBIT_P(result);
}

QUIVER_FUNCTION(subvector) {
  const Vector *vector = DatumGetVector(PG_GETARG_DATUM(0));
  const int64 start = PG_GETARG_INT32(1), count = PG_GETARG_INT32(2);
  const int64 first = Max(start, int64{1}), end = Min(start + count, int64{vector->dim} + 1);
  check_dimensions(count < 1 ? 0 : end - first);
  Vector *result = make_vector(static_cast<int>(end - first));
  memcpy(result->x, vector->x + first - 1, sizeof(float) * static_cast<Size>(end - first));
  PG_RETURN_POINTER(result);
}

QUIVER_FUNCTION(vector_lt) { PG_RETURN_BOOL(compare_arguments(fcinfo) < 0); }
QUIVER_FUNCTION(vector_le) { PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0); }
QUIVER_FUNCTION(vector_eq) { PG_RETURN_BOOL(compare_arguments(fcinfo) == 0); }
QUIVER_FUNCTION(vector_ne) { PG_RETURN_BOOL(compare_arguments(fcinfo) != 0); }
QUIVER_FUNCTION(vector_ge) { PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0); }
QUIVER_FUNCTION(vector_gt) { PG_RETURN_BOOL(compare_arguments(fcinfo) > 0); }
QUIVER_FUNCTION(vector_cmp) { PG_RETURN_INT32(compare_arguments(fcinfo)); }
