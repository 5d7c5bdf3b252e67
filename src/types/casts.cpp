// Casts between the vector types, and between them and arrays of numbers.
// SPDX-License-Identifier: PostgreSQL
#include "types/dense_vector.hpp"
#include "types/sparsevec.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
}

namespace quiver::types {

namespace {

// Narrowing: beyond binary32 is an infinity (refused by the caller), below it a zero.
float element_of(Datum value, Oid type) {
  switch (type) {
    case INT4OID:
      return static_cast<float>(DatumGetInt32(value));
    case FLOAT4OID:
      return DatumGetFloat4(value);
    case FLOAT8OID:
      return static_cast<float>(DatumGetFloat8(value));
    // Through its text, because numeric_float4 raises where the other types round, and by way of float8 it rounds
    // twice.
    case NUMERICOID:
      return std::strtof(DatumGetCString(DirectFunctionCall1(numeric_out, value)), nullptr);
    default:
      break;
  }
  ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("unsupported array type")));
  pg_unreachable();
}

// The numbers of an array in binary32. Arrays are 1-D and have no nulls, else 22000 or 22004.
struct Numbers {
  float *values;
  int count;
};

Numbers numbers_of(ArrayType *array) {
  if (ARR_NDIM(array) > 1) ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
  if (array_contains_nulls(array))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
  const Oid type = ARR_ELEMTYPE(array);
  const int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
  float *values = make_floats(count);
  if (type == FLOAT4OID) {
    memcpy(values, ARR_DATA_PTR(array), sizeof(float) * static_cast<Size>(count));
    return {values, count};
  }
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(type, &length, &by_value, &alignment);
  Datum *elements;
  int found;
  deconstruct_array(array, type, length, by_value, alignment, &elements, nullptr, &found);
  for (int i = 0; i < found; ++i) values[i] = element_of(elements[i], type);
  return {values, count};
}

template <class Element>
Datum dense_from_array(FunctionCallInfo fcinfo) {
  const Numbers numbers = numbers_of(PG_GETARG_ARRAYTYPE_P(0));
  check_dimensions(DenseTraits<Element>::kName, numbers.count);
  check_typmod(PG_GETARG_INT32(1), numbers.count);
  PG_RETURN_POINTER(dense_from<Element>(numbers.values, numbers.count));
}

template <class Element>
Datum array_from_dense(FunctionCallInfo fcinfo) {
  const auto *vector = dense_argument<Element>(fcinfo, 0);
  const float *values = floats_of(vector);
  const Size bytes = ARR_OVERHEAD_NONULLS(1) + sizeof(float) * static_cast<Size>(vector->dim);
  auto *array = static_cast<ArrayType *>(palloc0(bytes));
  SET_VARSIZE(array, bytes);
  array->ndim = 1;
  array->elemtype = FLOAT4OID;
  ARR_DIMS(array)[0] = vector->dim;
  ARR_LBOUND(array)[0] = 1;
  memcpy(ARR_DATA_PTR(array), values, sizeof(float) * static_cast<Size>(vector->dim));
  PG_RETURN_ARRAYTYPE_P(array);
}

template <class Element>
Datum dense_from_sparse(FunctionCallInfo fcinfo) {
  const SparseVector *sparse = sparse_argument(fcinfo, 0);
  check_dimensions(DenseTraits<Element>::kName, sparse->dim);
  check_typmod(PG_GETARG_INT32(1), sparse->dim);
  float *values = make_floats(sparse->dim);
  memset(values, 0, sizeof(float) * static_cast<Size>(sparse->dim));
  for (int i = 0; i < sparse->nnz; ++i) values[sparse->indices[i]] = sparse->values()[i];
  PG_RETURN_POINTER(dense_from<Element>(values, sparse->dim));
}

template <class Element>
Datum sparse_from(FunctionCallInfo fcinfo) {
  const auto *vector = dense_argument<Element>(fcinfo, 0);
  check_typmod(PG_GETARG_INT32(1), vector->dim);
  PG_RETURN_POINTER(sparse_from_dense(floats_of(vector), vector->dim));
}

}  // namespace

}  // namespace quiver::types

using namespace quiver::types;

QUIVER_FUNCTION(array_to_vector) { return dense_from_array<float>(fcinfo); }
QUIVER_FUNCTION(array_to_halfvec) { return dense_from_array<Half>(fcinfo); }
QUIVER_FUNCTION(vector_to_float4) { return array_from_dense<float>(fcinfo); }
QUIVER_FUNCTION(halfvec_to_float4) { return array_from_dense<Half>(fcinfo); }

QUIVER_FUNCTION(vector_to_halfvec) {
  const Vector *vector = dense_argument<float>(fcinfo, 0);
  check_typmod(PG_GETARG_INT32(1), vector->dim);
  PG_RETURN_POINTER(dense_from<Half>(vector->x, vector->dim));
}

QUIVER_FUNCTION(halfvec_to_vector) {
  const HalfVector *vector = dense_argument<Half>(fcinfo, 0);
  check_typmod(PG_GETARG_INT32(1), vector->dim);
  PG_RETURN_POINTER(dense_from<float>(floats_of(vector), vector->dim));
}

QUIVER_FUNCTION(vector_to_sparsevec) { return sparse_from<float>(fcinfo); }
QUIVER_FUNCTION(halfvec_to_sparsevec) { return sparse_from<Half>(fcinfo); }
QUIVER_FUNCTION(sparsevec_to_vector) { return dense_from_sparse<float>(fcinfo); }
QUIVER_FUNCTION(sparsevec_to_halfvec) { return dense_from_sparse<Half>(fcinfo); }

QUIVER_FUNCTION(array_to_sparsevec) {
  const Numbers numbers = numbers_of(PG_GETARG_ARRAYTYPE_P(0));
  check_sparse_dimensions(numbers.count);
  check_typmod(PG_GETARG_INT32(1), numbers.count);
  for (int i = 0; i < numbers.count; ++i) check_element("sparsevec", numbers.values[i]);
  PG_RETURN_POINTER(sparse_from_dense(numbers.values, numbers.count));
}
