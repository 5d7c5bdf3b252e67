// Hamming and Jaccard distance of bit strings.
// SPDX-License-Identifier: PostgreSQL
#include "types/bitvec.hpp"

#include "core/metric.hpp"
#include "simd/dispatch.hpp"
#include "types/distance.hpp"

using namespace quiver::types;

namespace {

struct Operands {
  explicit Operands(FunctionCallInfo fcinfo)
      : a(bit_value(PG_GETARG_DATUM(0))), b(bit_value(PG_GETARG_DATUM(1))), bytes(static_cast<size_t>(VARBITBYTES(a))) {
    if (VARBITLEN(a) != VARBITLEN(b))
      ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                      errmsg("different bit lengths %u and %u", static_cast<unsigned>(VARBITLEN(a)),
                             static_cast<unsigned>(VARBITLEN(b)))));
  }
  const VarBit *a, *b;
  size_t bytes;
};

}  // namespace

QUIVER_FUNCTION(hamming_distance) {
  const Operands o(fcinfo);
  PG_RETURN_FLOAT8(static_cast<double>(quiver::simd::kernels().hamming(VARBITS(o.a), VARBITS(o.b), o.bytes)));
}

QUIVER_FUNCTION(jaccard_distance) {
  const Operands o(fcinfo);
  const auto counts = quiver::simd::kernels().count_common_bits(VARBITS(o.a), VARBITS(o.b), o.bytes);
  PG_RETURN_FLOAT8(quiver::core::jaccard_distance(counts.common, counts.either));
}
