// The type sparsevec: the non-zero elements of a vector with up to a billion dimensions.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/boundary.hpp"
#include "simd/kernels.hpp"

namespace quiver::types {

inline constexpr int kMaxSparseDimensions = 1000000000;
inline constexpr int kMaxNonZeros = 16000;

// A value, uncompressed: indices counted from 0, ascending; then as many values, none of them zero.
struct SparseVector {
  int32 vl_len_;  // varlena header
  int32 dim;
  int32 nnz;
  int32 unused;  // 0
  int32 indices[FLEXIBLE_ARRAY_MEMBER];

  float *values() { return reinterpret_cast<float *>(indices + nnz); }
  const float *values() const { return reinterpret_cast<const float *>(indices + nnz); }
  simd::SparseTerms terms() const { return {indices, values(), static_cast<size_t>(nnz)}; }
};
static_assert(offsetof(SparseVector, indices) == 16);

inline SparseVector *sparse_value(Datum value) { return reinterpret_cast<SparseVector *>(PG_DETOAST_DATUM(value)); }

inline SparseVector *sparse_argument(FunctionCallInfo fcinfo, int number) {
  return sparse_value(PG_GETARG_DATUM(number));
}

// Raise 22000 or 54000 in the words of the type.
void check_sparse_dimensions(int64 dimensions);
void check_non_zeros(int64 non_zeros, int64 dimensions);

// Zeroed, in the current memory context. REQUIRES: both numbers checked.
SparseVector *make_sparse(int dimensions, int non_zeros);

// The non-zero elements of `count` values. REQUIRES: dimensions checked.
SparseVector *sparse_from_dense(const float *values, int count);

}  // namespace quiver::types
