// Recognition of operator classes.
// SPDX-License-Identifier: PostgreSQL
#include "types/index_ops.hpp"

#include "types/vector.hpp"

extern "C" {
#include "access/genam.h"
}

namespace quiver::types {

namespace {

VectorView view_vector(Datum value) {
  const Vector *vector = DatumGetVector(value);
  return {vector->x, static_cast<size_t>(vector->dim)};
}

bool has_proc(Relation index, int number) { return OidIsValid(index_getprocid(index, 1, static_cast<uint16>(number))); }

}  // namespace

IndexOps index_ops_for(Relation index) {
  const PGFunction distance = index_getprocinfo(index, 1, kDistanceProc)->fn_addr;
  if (!has_proc(index, kTypeProc)) {
    if (distance == vector_l2_squared_distance && !has_proc(index, kNormProc))
      return {core::Metric::l2, "vector", view_vector};
    if (distance == vector_negative_inner_product)
      return {has_proc(index, kNormProc) ? core::Metric::cosine : core::Metric::inner_product, "vector", view_vector};
  }
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type not supported for hnsw index"),
                  errdetail("The operator class of \"%s\" uses functions that are not quiver's.",
                            RelationGetRelationName(index))));
  pg_unreachable();
}

int indexed_dimensions(Relation index) {
  const int dimensions = TupleDescAttr(index->rd_att, 0)->atttypmod;
  if (dimensions < 1)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column does not have dimensions")));
  return dimensions;
}

}  // namespace quiver::types
