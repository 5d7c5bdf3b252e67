// What an index asks of a type: its metric, its limits and a view of its values.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "core/metric.hpp"
#include "core/vector_view.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace quiver::types {

// One of these stands behind support function 3 of every class that is not over vector.
struct IndexType {
  const char *name;
  core::ElementKind kind;
  int max_dimensions;
  core::VectorView (*view)(Datum value);  // detoasts into the current memory context; valid as long as that
};

struct IndexOps {
  core::Metric metric;
  const IndexType *type;
};

// Support functions of a quiver operator class.
inline constexpr int kDistanceProc = 1;  // f(T, T) -> float8, smaller is closer
inline constexpr int kNormProc = 2;      // f(T) -> float8, present for classes that index unit vectors
inline constexpr int kTypeProc = 3;      // f(internal) -> internal, an IndexType; present for types other than vector

// The operations of an index's operator class, recognized by its support functions. Raises 0A000 for a class over
// functions that are not quiver's own, and for varbit, which passes for bit.
IndexOps index_ops_for(Relation index);

// The dimensions that the indexed column or expression declares. Raises 22023 when it declares none, 54000 above the
// type's limit.
int indexed_dimensions(Relation index, const IndexType &type);

}  // namespace quiver::types
