// quiver_index_info(): the meta page as one row.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_index.hpp"
#include "pg/boundary.hpp"
#include "types/index_check.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace quiver::hnsw {

namespace {

const char *name_of(core::Metric metric) {
  switch (metric) {
    case core::Metric::l2:
      return "l2";
    case core::Metric::inner_product:
      return "inner product";
    case core::Metric::cosine:
      return "cosine";
    case core::Metric::l1:
      return "l1";
    case core::Metric::hamming:
      return "hamming";
    case core::Metric::jaccard:
      return "jaccard";
  }
  return "unknown";
}

Datum array_of(const float *values, size_t count) {
  Datum elements[core::kCalibrationPoints];
  for (size_t i = 0; i < count; ++i) elements[i] = Float4GetDatum(values[i]);
  return PointerGetDatum(
      construct_array(elements, static_cast<int>(count), FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
}

}  // namespace

}  // namespace quiver::hnsw

QUIVER_FUNCTION(quiver_index_info) {
  using namespace quiver;
  const Oid index_oid = PG_GETARG_OID(0);
  types::require_own_index(index_oid, "an hnsw");
  const Relation index = types::open_own_index(index_oid, AccessShareLock, "hnsw", "an hnsw");
  hnsw::MetaPage meta;
  hnsw::read_meta(index, &meta);
  index_close(index, AccessShareLock);
  TupleDesc type;
  if (get_call_result_type(fcinfo, nullptr, &type) != TYPEFUNC_COMPOSITE) elog(ERROR, "return type must be a row type");
  const size_t points = meta.curve.is_measured() ? core::kCalibrationPoints : 0;
  Datum values[] = {CStringGetTextDatum(hnsw::name_of(meta.metric)),
                    Int32GetDatum(static_cast<int32>(meta.dimensions)),
                    Int32GetDatum(meta.m),
                    Int32GetDatum(meta.ef_construction),
                    Int32GetDatum(meta.lanes),
                    Int32GetDatum(meta.slots_per_page),
                    Int64GetDatum(static_cast<int64>(meta.nodes)),
                    Int64GetDatum(static_cast<int64>(meta.tombstones)),
                    Int64GetDatum(static_cast<int64>(meta.curve.nodes)),
                    hnsw::array_of(core::kCalibratedGammas.data(), points),
                    hnsw::array_of(meta.curve.recall, points),
                    hnsw::array_of(meta.curve.visits, points)};
  bool nulls[lengthof(values)] = {};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(type), values, nulls)));
}
