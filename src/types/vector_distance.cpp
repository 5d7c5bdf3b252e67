// Distances between vectors. Sums are binary32 and widened once at the end, as the SQL operators promise.
// SPDX-License-Identifier: PostgreSQL
#include "simd/dispatch.hpp"
#include "types/vector.hpp"

using namespace quiver::types;

namespace {

struct Operands {
  const Vector *a, *b;
  size_t dimensions;
};

Operands operands_of(FunctionCallInfo fcinfo) {
  const Vector *a = DatumGetVector(PG_GETARG_DATUM(0)), *b = DatumGetVector(PG_GETARG_DATUM(1));
  check_same_dimensions(a, b);
  return {a, b, static_cast<size_t>(a->dim)};
}

float inner_product_of(const Operands &o) {
  return quiver::simd::kernels().inner_product(o.a->x, o.b->x, o.dimensions);
}
float squared_l2_of(const Operands &o) { return quiver::simd::kernels().squared_l2(o.a->x, o.b->x, o.dimensions); }

// Rounding may leave the range by a little; NaN stays.
double clamp_cosine(double cosine) { return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine; }

}  // namespace

QUIVER_FUNCTION(l2_distance) { PG_RETURN_FLOAT8(std::sqrt(static_cast<double>(squared_l2_of(operands_of(fcinfo))))); }

QUIVER_FUNCTION(vector_l2_squared_distance) {
  PG_RETURN_FLOAT8(static_cast<double>(squared_l2_of(operands_of(fcinfo))));
}

QUIVER_FUNCTION(inner_product) { PG_RETURN_FLOAT8(static_cast<double>(inner_product_of(operands_of(fcinfo)))); }

QUIVER_FUNCTION(vector_negative_inner_product) {
  PG_RETURN_FLOAT8(-static_cast<double>(inner_product_of(operands_of(fcinfo))));
}

QUIVER_FUNCTION(cosine_distance) {
  const Operands o = operands_of(fcinfo);
  const auto sums = quiver::simd::kernels().cosine_sums(o.a->x, o.b->x, o.dimensions);
  const double norms = std::sqrt(static_cast<double>(sums.squared_norm_a) * static_cast<double>(sums.squared_norm_b));
  PG_RETURN_FLOAT8(1 - clamp_cosine(static_cast<double>(sums.dot) / norms));
}

QUIVER_FUNCTION(vector_spherical_distance) {
  PG_RETURN_FLOAT8(std::acos(clamp_cosine(static_cast<double>(inner_product_of(operands_of(fcinfo))))) / M_PI);
}

QUIVER_FUNCTION(l1_distance) {
  const Operands o = operands_of(fcinfo);
  PG_RETURN_FLOAT8(static_cast<double>(quiver::simd::kernels().l1(o.a->x, o.b->x, o.dimensions)));
}
