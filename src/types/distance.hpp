// What all distance functions share, and the support functions that mark an operator class as ours.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/boundary.hpp"

namespace quiver::types {

// 1 - cosine, from a product and two squared lengths in binary32; NaN when a length is zero. Rounding may leave the
// range by a little, so the cosine is clamped.
inline double cosine_distance_of(float dot, float squared_norm_a, float squared_norm_b) {
  const double norms = std::sqrt(static_cast<double>(squared_norm_a) * static_cast<double>(squared_norm_b));
  const double cosine = static_cast<double>(dot) / norms;
  return 1.0 - (cosine > 1.0 ? 1.0 : cosine < -1.0 ? -1.0 : cosine);
}

}  // namespace quiver::types

extern "C" {
PGDLLEXPORT Datum vector_l2_squared_distance(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum vector_negative_inner_product(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum l1_distance(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum halfvec_l2_squared_distance(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum halfvec_negative_inner_product(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum halfvec_l1_distance(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum sparsevec_l2_squared_distance(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum sparsevec_negative_inner_product(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum sparsevec_l1_distance(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum hamming_distance(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum jaccard_distance(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum hnsw_halfvec_support(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum ivfflat_halfvec_support(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum ivfflat_bit_support(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum hnsw_bit_support(FunctionCallInfo fcinfo);
PGDLLEXPORT Datum hnsw_sparsevec_support(FunctionCallInfo fcinfo);
}
