// What an index asks of a type: its metric, its limits and a view of its values.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "core/metric.hpp"
#include "core/node_format.hpp"
#include "core/vector_view.hpp"

extern "C" {
#include "access/relscan.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
}

namespace quiver::types {

// One of these stands behind the last support function of every class that is not over vector.
struct IndexType {
  const char *name;
  core::ElementKind kind;
  int max_dimensions;
  int element_bytes;                      // of dense vectors, else 0
  core::VectorView (*view)(Datum value);  // detoasts into the current memory context; valid as long as that
};

struct IndexOps {
  core::Metric metric;
  const IndexType *type;
};

// Support functions of every access method's classes. The method's last one is f(internal) -> internal, an IndexType;
// present for types other than vector.
inline constexpr int kDistanceProc = 1;  // f(T, T) -> float8, smaller is closer
inline constexpr int kNormProc = 2;      // f(T) -> float8, present for classes that index unit vectors

// The operations of an index's operator class, recognized by its support functions. Raises 0A000 for a class over
// functions that are not quiver's own, and for varbit, which passes for bit.
IndexOps index_ops_for(Relation index);

// The dimensions that the indexed column or expression declares. Raises 22023 when it declares none, 54000 above the
// type's limit.
int indexed_dimensions(Relation index, const IndexType &type);

// The access method's name, for messages.
const char *method_name(Relation index);

// Signatures of support functions: f(T, T) -> float8, f(T) -> float8, f(internal) -> internal.
enum class Support { distance, norm, type };
struct OpclassRules {
  const char *method;
  const Support *support;  // of functions 1 to count; only the first has to be there
  int count;
};
// amvalidate: whether the class has one ordering operator, a distance, and nothing that does not fit. Says what is
// wrong.
bool validate_opclass(Oid opclass, const OpclassRules &rules);

// What a scan orders by, as an index of so many dimensions wants it; `*is_null` when the query is NULL, which orders
// nothing: a zero vector stands for it. In the current memory context.
core::VectorView query_vector(IndexScanDesc scan, bool *is_null);
// Raises 22000 when the query has other dimensions than the index.
void check_dimensions(Relation index, const core::VectorView &query, size_t dimensions);

static_assert(sizeof(core::RowId) == sizeof(ItemPointerData));
static_assert(offsetof(core::RowId, position) == offsetof(ItemPointerData, ip_posid));

inline ItemPointerData item_pointer(core::RowId row) {
  ItemPointerData tid;
  memcpy(&tid, &row, sizeof tid);
  return tid;
}
inline core::RowId row_id(const ItemPointerData &tid) {
  core::RowId row;
  memcpy(&row, &tid, sizeof row);
  return row;
}

}  // namespace quiver::types
