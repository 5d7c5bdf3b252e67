// Functions of sparsevec: distances, norm, order.
// SPDX-License-Identifier: PostgreSQL
#include "simd/dispatch.hpp"
#include "types/dense_vector.hpp"
#include "types/distance.hpp"
#include "types/sparsevec.hpp"

extern "C" {
#include "utils/float.h"
}

using namespace quiver::types;

namespace {

struct Operands {
  explicit Operands(FunctionCallInfo fcinfo) : a(sparse_argument(fcinfo, 0)), b(sparse_argument(fcinfo, 1)) {
    check_same_dimensions("sparsevec", a->dim, b->dim);
  }
  const SparseVector *a, *b;
};

double squared_l2(const Operands &o) { return quiver::simd::kernels().sparse_squared_l2(o.a->terms(), o.b->terms()); }
float product(const Operands &o) { return quiver::simd::kernels().sparse_inner_product(o.a->terms(), o.b->terms()); }

float squared_norm(const SparseVector *vector) {
  return quiver::simd::kernels().inner_product(vector->values(), vector->values(), static_cast<size_t>(vector->nnz));
}

double norm_of(const SparseVector *vector) {
  return std::sqrt(quiver::simd::kernels().squared_norm(vector->values(), static_cast<size_t>(vector->nnz)));
}

// As if both were dense: lexicographic as far as both go, then the one of fewer dimensions is smaller.
int compare(const SparseVector *a, const SparseVector *b) {
  const int shared = Min(a->dim, b->dim);
  int i = 0, j = 0;
  for (;;) {
    const int left = i < a->nnz ? a->indices[i] : shared, right = j < b->nnz ? b->indices[j] : shared;
    const int first = Min(left, right);
    if (first >= shared) break;
    const float x = left == first ? a->values()[i++] : 0.0f, y = right == first ? b->values()[j++] : 0.0f;
    if (x < y) return -1;
    if (x > y) return 1;
  }
  return a->dim < b->dim ? -1 : a->dim > b->dim ? 1 : 0;
}

// Frees detoasted copies: the server calls this for every comparison of a sort within one memory context.
int compare_arguments(FunctionCallInfo fcinfo) {
  SparseVector *a = sparse_argument(fcinfo, 0), *b = sparse_argument(fcinfo, 1);
  const int order = compare(a, b);
  PG_FREE_IF_COPY(a, 0);
  PG_FREE_IF_COPY(b, 1);
  return order;
}

}  // namespace

QUIVER_FUNCTION(sparsevec_l2_distance) { PG_RETURN_FLOAT8(std::sqrt(squared_l2(Operands(fcinfo)))); }
QUIVER_FUNCTION(sparsevec_l2_squared_distance) { PG_RETURN_FLOAT8(squared_l2(Operands(fcinfo))); }
QUIVER_FUNCTION(sparsevec_inner_product) { PG_RETURN_FLOAT8(static_cast<double>(product(Operands(fcinfo)))); }
QUIVER_FUNCTION(sparsevec_negative_inner_product) { PG_RETURN_FLOAT8(-static_cast<double>(product(Operands(fcinfo)))); }

QUIVER_FUNCTION(sparsevec_cosine_distance) {
  const Operands operands(fcinfo);
  PG_RETURN_FLOAT8(cosine_distance_of(product(operands), squared_norm(operands.a), squared_norm(operands.b)));
}

QUIVER_FUNCTION(sparsevec_l1_distance) {
  const Operands operands(fcinfo);
  PG_RETURN_FLOAT8(static_cast<double>(quiver::simd::kernels().sparse_l1(operands.a->terms(), operands.b->terms())));
}

QUIVER_FUNCTION(sparsevec_l2_norm) { PG_RETURN_FLOAT8(norm_of(sparse_argument(fcinfo, 0))); }

// Elements that scaling makes zero are dropped.
QUIVER_FUNCTION(sparsevec_l2_normalize) {
  const SparseVector *vector = sparse_argument(fcinfo, 0);
  const double norm = norm_of(vector);
  if (!(norm > 0)) PG_RETURN_POINTER(make_sparse(vector->dim, 0));
  float *scaled = make_floats(vector->nnz);
  int kept = 0;
  for (int i = 0; i < vector->nnz; ++i) {
    scaled[i] = static_cast<float>(vector->values()[i] / norm);
    if (unlikely(std::isinf(scaled[i]))) float_overflow_error();
    kept += scaled[i] != 0.0f;
  }
  SparseVector *result = make_sparse(vector->dim, kept);
  for (int i = 0, j = 0; i < vector->nnz; ++i) {
    if (scaled[i] == 0.0f) continue;
    result->indices[j] = vector->indices[i];
    result->values()[j++] = scaled[i];
  }
  PG_RETURN_POINTER(result);
}

QUIVER_FUNCTION(sparsevec_lt) { PG_RETURN_BOOL(compare_arguments(fcinfo) < 0); }
QUIVER_FUNCTION(sparsevec_le) { PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0); }
QUIVER_FUNCTION(sparsevec_eq) { PG_RETURN_BOOL(compare_arguments(fcinfo) == 0); }
QUIVER_FUNCTION(sparsevec_ne) { PG_RETURN_BOOL(compare_arguments(fcinfo) != 0); }
QUIVER_FUNCTION(sparsevec_ge) { PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0); }
QUIVER_FUNCTION(sparsevec_gt) { PG_RETURN_BOOL(compare_arguments(fcinfo) > 0); }
QUIVER_FUNCTION(sparsevec_cmp) { PG_RETURN_INT32(compare_arguments(fcinfo)); }
