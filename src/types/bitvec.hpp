// Distances on the server's own type bit.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/boundary.hpp"

extern "C" {
#include "utils/varbit.h"
}

namespace quiver::types {

// Bits beyond the length, in the last byte, are zero: the server sees to it.
inline VarBit *bit_value(Datum value) { return DatumGetVarBitP(value); }

}  // namespace quiver::types
