// What an index asks of a type: its metric and a view of its values.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "core/metric.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace quiver::types {

// Valid as long as the datum, or the memory context it was detoasted into.
struct VectorView {
  const float *values;
  size_t dimensions;
};

struct IndexOps {
  core::Metric metric;
  const char *type_name;
  VectorView (*view)(Datum value);  // detoasts into the current memory context
};

// Support functions of a quiver operator class.
inline constexpr int kDistanceProc = 1;  // f(T, T) -> float8, smaller is closer
inline constexpr int kNormProc = 2;      // f(T) -> float8, present for classes that index unit vectors
inline constexpr int kTypeProc = 3;      // f(internal) -> internal, present for types other than vector

// The operations of an index's operator class, recognized by its support functions. Raises 0A000 for a class over
// functions that are not quiver's own.
IndexOps index_ops_for(Relation index);

// The dimensions that the indexed column or expression declares. Raises 22023 when it declares none.
int indexed_dimensions(Relation index);

}  // namespace quiver::types
