// Casts between vector and arrays of numbers, and of vector to a number of dimensions.
// SPDX-License-Identifier: PostgreSQL
#include "types/vector.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
}

using namespace quiver::types;

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

}  // namespace

QUIVER_FUNCTION(vector) {
  Vector *value = DatumGetVector(PG_GETARG_DATUM(0));
  check_typmod(PG_GETARG_INT32(1), value->dim);
  PG_RETURN_POINTER(value);
}

QUIVER_FUNCTION(array_to_vector) {
  ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
  if (ARR_NDIM(array) > 1) ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
  if (array_contains_nulls(array))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
  const Oid type = ARR_ELEMTYPE(array);
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(type, &length, &by_value, &alignment);
  Datum *elements;
  int count;
  deconstruct_array(array, type, length, by_value, alignment, &elements, nullptr, &count);
  check_dimensions(count);
  check_typmod(PG_GETARG_INT32(1), count);
  Vector *result = make_vector(count);
  for (int i = 0; i < count; ++i) {
    result->x[i] = element_of(elements[i], type);
    check_element(result->x[i]);
  }
  PG_RETURN_POINTER(result);
}

QUIVER_FUNCTION(vector_to_float4) {
  const Vector *vector = DatumGetVector(PG_GETARG_DATUM(0));
  auto *elements = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(vector->dim)));
  for (int i = 0; i < vector->dim; ++i) elements[i] = Float4GetDatum(vector->x[i]);
  PG_RETURN_POINTER(construct_array(elements, vector->dim, FLOAT4OID, sizeof(float), true, TYPALIGN_INT));
}
