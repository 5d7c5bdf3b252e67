// The type vector: binary32 elements, in the bytes that its clients know.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/boundary.hpp"

namespace quiver::types {

inline constexpr int kMaxVectorDimensions = 16000;

// A value, uncompressed. Stored values may have a one-byte length word: read them through DatumGetVector.
struct Vector {
  int32 vl_len_;  // varlena header
  int16 dim;
  int16 unused;  // 0
  float x[FLEXIBLE_ARRAY_MEMBER];
};
static_assert(offsetof(Vector, x) == 8);

inline Vector *DatumGetVector(Datum value) { return reinterpret_cast<Vector *>(PG_DETOAST_DATUM(value)); }

inline Size vector_bytes(int dimensions) { return offsetof(Vector, x) + sizeof(float) * static_cast<Size>(dimensions); }

// A vector of zeros in the current memory context. REQUIRES: dimensions checked.
Vector *make_vector(int dimensions);

// Raises 22000 below 1 and 54000 above 16,000 dimensions.
void check_dimensions(int64 dimensions);

// Raises 22000 when `typmod` asks for another number of dimensions; -1 asks for none.
void check_typmod(int32 typmod, int dimensions);

// Raises 22000 for an element that no vector may hold: NaN or an infinity.
void check_element(float value);

// Raises 22000 unless both have the same dimensions.
void check_same_dimensions(const Vector *a, const Vector *b);

}  // namespace quiver::types

extern "C" {
PGDLLEXPORT Datum vector_l2_squared_distance(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum vector_negative_inner_product(FunctionCallInfo fcinfo);
}
