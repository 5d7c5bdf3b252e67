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
#include "commands/defrem.h"
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

constexpr IndexType kVector = {"vector", core::ElementKind::dense, kMaxDenseDimensions, sizeof(float),
                               view_dense<float>};
constexpr IndexType kHalfvec = {"halfvec", core::ElementKind::dense, kMaxDenseDimensions, sizeof(Half),
                                view_dense<Half>};
constexpr IndexType kBit = {"bit", core::ElementKind::bits, kMaxBits, 0, view_bits};
constexpr IndexType kSparsevec = {"sparsevec", core::ElementKind::sparse, kMaxSparseDimensions, 0, view_sparse};

bool has_proc(Relation index, int number) { return OidIsValid(index_getprocid(index, 1, static_cast<uint16>(number))); }

// The type that the class's support function names; vector's classes have none.
const IndexType *type_of(Relation index) {
  const auto number = static_cast<uint16>(index->rd_indam->amsupport);
  if (!has_proc(index, number)) return &kVector;
  FmgrInfo *procedure = index_getprocinfo(index, 1, number);
  const PGFunction known[] = {hnsw_halfvec_support, hnsw_bit_support, hnsw_sparsevec_support, ivfflat_halfvec_support,
                              ivfflat_bit_support};
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
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type not supported for %s index", method_name(index))));
  const PGFunction distance = index_getprocinfo(index, 1, kDistanceProc)->fn_addr;
  const IndexType *type = type_of(index);
  const bool has_norm = has_proc(index, kNormProc);
  for (const KnownDistance &known : kDistances) {
    if (known.function != distance || known.type != type) continue;
    if (!has_norm) return {known.metric, type};
    if (known.metric == core::Metric::inner_product) return {core::Metric::cosine, type};
  }
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type not supported for %s index", method_name(index)),
                  errdetail("The operator class of \"%s\" uses functions that are not quiver's.",
                            RelationGetRelationName(index))));
  pg_unreachable();
}

int indexed_dimensions(Relation index, const IndexType &type) {
  const int dimensions = TupleDescAttr(index->rd_att, 0)->atttypmod;
  if (dimensions < 1)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column does not have dimensions")));
  if (dimensions > type.max_dimensions)
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("column cannot have more than %d dimensions for %s index",
                                                             type.max_dimensions, method_name(index))));
  return dimensions;
}

const char *method_name(Relation index) { return get_am_name(index->rd_rel->relam); }

core::VectorView query_vector(IndexScanDesc scan, bool *is_null) {
  const ScanKey key = &scan->orderByData[0];
  const IndexType &type = *index_ops_for(scan->indexRelation).type;
  *is_null = (key->sk_flags & SK_ISNULL) != 0;
  if (!*is_null) return type.view(key->sk_argument);
  const auto dimensions = static_cast<size_t>(indexed_dimensions(scan->indexRelation, type));
  core::VectorView view{type.kind, dimensions, nullptr, nullptr, {}};
  if (type.kind == core::ElementKind::dense) view.values = static_cast<float *>(palloc0(dimensions * sizeof(float)));
  if (type.kind == core::ElementKind::bits) view.bits = static_cast<uint8_t *>(palloc0((dimensions + 7) / 8));
  return view;
}

void check_dimensions(Relation index, const core::VectorView &query, size_t dimensions) {
  if (query.dimensions == dimensions) return;
  const IndexType &type = *index_ops_for(index).type;
  ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                  type.kind == core::ElementKind::bits
                      ? errmsg("different bit lengths %zu and %zu", query.dimensions, dimensions)
                      : errmsg("different %s dimensions %zu and %zu", type.name, query.dimensions, dimensions)));
}

}  // namespace quiver::types

using namespace quiver::types;

QUIVER_FUNCTION(hnsw_halfvec_support) { PG_RETURN_POINTER(&kHalfvec); }
QUIVER_FUNCTION(ivfflat_halfvec_support) { PG_RETURN_POINTER(&kHalfvec); }
QUIVER_FUNCTION(hnsw_bit_support) { PG_RETURN_POINTER(&kBit); }
QUIVER_FUNCTION(ivfflat_bit_support) { PG_RETURN_POINTER(&kBit); }
QUIVER_FUNCTION(hnsw_sparsevec_support) { PG_RETURN_POINTER(&kSparsevec); }
