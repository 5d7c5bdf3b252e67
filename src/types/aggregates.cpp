// avg(vector) and avg(halfvec). The state is float8[]: the number of rows, then the sum of each element; {0} before the
// first row. SPDX-License-Identifier: PostgreSQL
#include "types/dense_vector.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
}

namespace quiver::types {

namespace {

struct State {
  float8 *values;  // count, then the sums
  int dimensions;
};

// Anybody may call these functions with any array, so every property is checked.
State state_of(ArrayType *array, const char *caller) {
  if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] < 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != FLOAT8OID)
    elog(ERROR, "%s: expected state array", caller);
  return {reinterpret_cast<float8 *>(ARR_DATA_PTR(array)), ARR_DIMS(array)[0] - 1};
}

ArrayType *make_state(int dimensions, float8 **values) {
  const Size bytes = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * (static_cast<Size>(dimensions) + 1);
  auto *array = static_cast<ArrayType *>(palloc0(bytes));
  SET_VARSIZE(array, bytes);
  array->ndim = 1;
  array->elemtype = FLOAT8OID;
  ARR_DIMS(array)[0] = dimensions + 1;
  ARR_LBOUND(array)[0] = 1;
  *values = reinterpret_cast<float8 *>(ARR_DATA_PTR(array));
  return array;
}

template <class Element>
Datum accumulate(FunctionCallInfo fcinfo, const char *caller) {
  ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
  const State state = state_of(array, caller);
  const auto *vector = dense_argument<Element>(fcinfo, 1);
  const float *values = floats_of(vector);
  const bool first = state.dimensions == 0;
  if (!first) check_typmod(state.dimensions, vector->dim);
  // The executor lets its own state be changed in place; anybody else's array is copied.
  float8 *sums;
  ArrayType *result = array;
  if (!first && AggCheckCallContext(fcinfo, nullptr) != 0)
    sums = state.values;
  else
    result = make_state(vector->dim, &sums);
  sums[0] = state.values[0] + 1;
  for (int i = 1; i <= vector->dim; ++i) {
    sums[i] = (first ? 0.0 : state.values[i]) + static_cast<float8>(values[i - 1]);
    if (unlikely(std::isinf(sums[i]))) float_overflow_error();
  }
  PG_RETURN_ARRAYTYPE_P(result);
}

template <class Element>
Datum average(FunctionCallInfo fcinfo, const char *caller) {
  const State state = state_of(PG_GETARG_ARRAYTYPE_P(0), caller);
  if (state.values[0] == 0) PG_RETURN_NULL();
  check_dimensions(DenseTraits<Element>::kName, state.dimensions);
  float *means = make_floats(state.dimensions);
  for (int i = 0; i < state.dimensions; ++i) means[i] = static_cast<float>(state.values[i + 1] / state.values[0]);
  PG_RETURN_POINTER(dense_from<Element>(means, state.dimensions));
}

}  // namespace

}  // namespace quiver::types

using namespace quiver::types;

QUIVER_FUNCTION(vector_accum) { return accumulate<float>(fcinfo, "vector_accum"); }
QUIVER_FUNCTION(vector_avg) { return average<float>(fcinfo, "vector_avg"); }
QUIVER_FUNCTION(halfvec_accum) { return accumulate<Half>(fcinfo, "halfvec_accum"); }
QUIVER_FUNCTION(halfvec_avg) { return average<Half>(fcinfo, "halfvec_avg"); }

// Both types' states are the same.
QUIVER_FUNCTION(vector_combine) {
  ArrayType *a = PG_GETARG_ARRAYTYPE_P(0), *b = PG_GETARG_ARRAYTYPE_P(1);
  const State left = state_of(a, "vector_combine"), right = state_of(b, "vector_combine");
  if (Max(left.dimensions, right.dimensions) > kMaxDenseDimensions) check_dimensions("vector", kMaxDenseDimensions + 1);
  if (left.values[0] == 0) PG_RETURN_ARRAYTYPE_P(b);
  if (right.values[0] == 0) PG_RETURN_ARRAYTYPE_P(a);
  check_typmod(left.dimensions, right.dimensions);
  float8 *sums;
  ArrayType *result = make_state(left.dimensions, &sums);
  for (int i = 0; i <= left.dimensions; ++i) {
    sums[i] = left.values[i] + right.values[i];
    if (unlikely(std::isinf(sums[i]))) float_overflow_error();
  }
  PG_RETURN_ARRAYTYPE_P(result);
}
