// Distances of vector and halfvec. Sums are binary32 and widened once at the end, as the SQL operators promise.
// SPDX-License-Identifier: PostgreSQL
#include "types/dense_vector.hpp"
#include "types/distance.hpp"

namespace quiver::types {

namespace {

template <class Element>
struct Operands {
  explicit Operands(FunctionCallInfo fcinfo)
      : a(dense_argument<Element>(fcinfo, 0)), b(dense_argument<Element>(fcinfo, 1)) {
    check_same_dimensions(DenseTraits<Element>::kName, a->dim, b->dim);
  }
  size_t dimensions() const { return static_cast<size_t>(a->dim); }
  const DenseVector<Element> *a, *b;
};

double squared_l2(const Operands<float> &o) { return simd::kernels().squared_l2(o.a->x, o.b->x, o.dimensions()); }
double squared_l2(const Operands<Half> &o) { return simd::kernels().half_squared_l2(o.a->x, o.b->x, o.dimensions()); }

double product(const Operands<float> &o) { return simd::kernels().inner_product(o.a->x, o.b->x, o.dimensions()); }
double product(const Operands<Half> &o) { return simd::kernels().half_inner_product(o.a->x, o.b->x, o.dimensions()); }

double l1(const Operands<float> &o) { return simd::kernels().l1(o.a->x, o.b->x, o.dimensions()); }
double l1(const Operands<Half> &o) { return simd::kernels().half_l1(o.a->x, o.b->x, o.dimensions()); }

simd::CosineSums cosine_sums(const Operands<float> &o) {
  return simd::kernels().cosine_sums(o.a->x, o.b->x, o.dimensions());
}
simd::CosineSums cosine_sums(const Operands<Half> &o) {
  return simd::kernels().half_cosine_sums(o.a->x, o.b->x, o.dimensions());
}

template <class Element>
double cosine_of(FunctionCallInfo fcinfo) {
  const auto sums = cosine_sums(Operands<Element>(fcinfo));
  return cosine_distance_of(sums.dot, sums.squared_norm_a, sums.squared_norm_b);
}

// The angle of two unit vectors in units of pi.
template <class Element>
double angle_of(FunctionCallInfo fcinfo) {
  const double cosine = product(Operands<Element>(fcinfo));
  return std::acos(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine) / M_PI;
}

}  // namespace

}  // namespace quiver::types

using namespace quiver::types;

QUIVER_FUNCTION(l2_distance) { PG_RETURN_FLOAT8(std::sqrt(squared_l2(Operands<float>(fcinfo)))); }
QUIVER_FUNCTION(vector_l2_squared_distance) { PG_RETURN_FLOAT8(squared_l2(Operands<float>(fcinfo))); }
QUIVER_FUNCTION(inner_product) { PG_RETURN_FLOAT8(product(Operands<float>(fcinfo))); }
QUIVER_FUNCTION(vector_negative_inner_product) { PG_RETURN_FLOAT8(-product(Operands<float>(fcinfo))); }
QUIVER_FUNCTION(cosine_distance) { PG_RETURN_FLOAT8(cosine_of<float>(fcinfo)); }
QUIVER_FUNCTION(vector_spherical_distance) { PG_RETURN_FLOAT8(angle_of<float>(fcinfo)); }
QUIVER_FUNCTION(l1_distance) { PG_RETURN_FLOAT8(l1(Operands<float>(fcinfo))); }

QUIVER_FUNCTION(halfvec_l2_distance) { PG_RETURN_FLOAT8(std::sqrt(squared_l2(Operands<Half>(fcinfo)))); }
QUIVER_FUNCTION(halfvec_l2_squared_distance) { PG_RETURN_FLOAT8(squared_l2(Operands<Half>(fcinfo))); }
QUIVER_FUNCTION(halfvec_inner_product) { PG_RETURN_FLOAT8(product(Operands<Half>(fcinfo))); }
QUIVER_FUNCTION(halfvec_negative_inner_product) { PG_RETURN_FLOAT8(-product(Operands<Half>(fcinfo))); }
QUIVER_FUNCTION(halfvec_cosine_distance) { PG_RETURN_FLOAT8(cosine_of<Half>(fcinfo)); }
QUIVER_FUNCTION(halfvec_spherical_distance) { PG_RETURN_FLOAT8(angle_of<Half>(fcinfo)); }
QUIVER_FUNCTION(halfvec_l1_distance) { PG_RETURN_FLOAT8(l1(Operands<Half>(fcinfo))); }
