// Recognition of operator classes, and the types that they are over.
// SPDX-License-Identifier: PostgreSQL
#include "types/index_ops.hpp"

#include "types/bitvec.hpp"
#include "types/dense_vector.hpp"
#include "types/distance.hpp"
#include "types/sparsevec.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/pg_type.h"
}

namespace quiver::types {

namespace {

// As many as pgvector's hnsw takes; no vector is converted to as many bits.
constexpr int kMaxBits = 64000;

template <class Element>
core::VectorView view_dense(Datum value) {
  const auto *vector = dense_value<Element>(value);
  return core::VectorView::dense(floats_of(vector), static_cast<size_t>(vector->dim));
}

core::VectorView view_bits(Datum value) {
  const VarBit *bits = bit_value(value);
  return {core::ElementKind::bits, static_cast<size_t>(VARBITLEN(bits)), nullptr, VARBITS(bits), {}};
}

core::VectorView view_sparse(Datum value) {
  const SparseVector *vector = sparse_value(value);
  return {core::ElementKind::sparse, static_cast<size_t>(vector->dim), nullptr, nullptr, vector->terms()};
}

constexpr IndexType kVector = {"vector", core::ElementKind::dense, kMaxDenseDimensions, view_dense<float>};
constexpr IndexType kHalfvec = {"halfvec", core::ElementKind::dense, kMaxDenseDimensions, view_dense<Half>};
constexpr IndexType kBit = {"bit", core::ElementKind::bits, kMaxBits, view_bits};
constexpr IndexType kSparsevec = {"sparsevec", core::ElementKind::sparse, kMaxSparseDimensions, view_sparse};

bool has_proc(Relation index, int number) { return OidIsValid(index_getprocid(index, 1, static_cast<uint16>(number))); }

// The type that the class's support function names; vector's classes have none.
const IndexType *type_of(Relation index) {
  if (!has_proc(index, kTypeProc)) return &kVector;
  FmgrInfo *procedure = index_getprocinfo(index, 1, kTypeProc);
  const PGFunction known[] = {hnsw_halfvec_support, hnsw_bit_support, hnsw_sparsevec_support};
  for (const PGFunction function : known)
    if (procedure->fn_addr == function)
      return reinterpret_cast<const IndexType *>(DatumGetPointer(FunctionCall0Coll(procedure, InvalidOid)));
  return nullptr;
}

struct KnownDistance {
  PGFunction function;
  const IndexType *type;
  core::Metric metric;
};

constexpr KnownDistance kDistances[] = {
    {vector_l2_squared_distance, &kVector, core::Metric::l2},
    {vector_negative_inner_product, &kVector, core::Metric::inner_product},
    {l1_distance, &kVector, core::Metric::l1},
    {halfvec_l2_squared_distance, &kHalfvec, core::Metric::l2},
    {halfvec_negative_inner_product, &kHalfvec, core::Metric::inner_product},
    {halfvec_l1_distance, &kHalfvec, core::Metric::l1},
    {sparsevec_l2_squared_distance, &kSparsevec, core::Metric::l2},
    {sparsevec_negative_inner_product, &kSparsevec, core::Metric::inner_product},
    {sparsevec_l1_distance, &kSparsevec, core::Metric::l1},
    {hamming_distance, &kBit, core::Metric::hamming},
    {jaccard_distance, &kBit, core::Metric::jaccard},
};

}  // namespace

IndexOps index_ops_for(Relation index) {
  if (TupleDescAttr(index->rd_att, 0)->atttypid == VARBITOID)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type not supported for hnsw index")));
  const PGFunction distance = index_getprocinfo(index, 1, kDistanceProc)->fn_addr;
  const IndexType *type = type_of(index);
  const bool has_norm = has_proc(index, kNormProc);
  for (const KnownDistance &known : kDistances) {
    if (known.function != distance || known.type != type) continue;
    if (!has_norm) return {known.metric, type};
    if (known.metric == core::Metric::inner_product) return {core::Metric::cosine, type};
  }
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type not supported for hnsw index"),
                  errdetail("The operator class of \"%s\" uses functions that are not quiver's.",
                            RelationGetRelationName(index))));
  pg_unreachable();
}

int indexed_dimensions(Relation index, const IndexType &type) {
  const int dimensions = TupleDescAttr(index->rd_att, 0)->atttypmod;
  if (dimensions < 1)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column does not have dimensions")));
  if (dimensions > type.max_dimensions)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("column cannot have more than %d dimensions for hnsw index", type.max_dimensions)));
  return dimensions;
}

}  // namespace quiver::types

using namespace quiver::types;

QUIVER_FUNCTION(hnsw_halfvec_support) { PG_RETURN_POINTER(&kHalfvec); }
QUIVER_FUNCTION(hnsw_bit_support) { PG_RETURN_POINTER(&kBit); }
QUIVER_FUNCTION(hnsw_sparsevec_support) { PG_RETURN_POINTER(&kSparsevec); }
