// quiver_index_info(): the meta page as one row.
// SPDX-License-Identifier: PostgreSQL
#include "types/index_info.hpp"

#include "pg/boundary.hpp"
#include "types/index_methods.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace quiver::types {

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

HeapTuple row_of(const IndexSummary &summary, TupleDesc type) {
  const int64 numbers[] = {summary.dimensions,     summary.m,     summary.ef_construction, summary.lanes,
                           summary.nodes_per_page, summary.nodes, summary.tombstones};
  const size_t points = summary.curve.is_measured() ? core::kCalibrationPoints : 0;
  Datum values[14] = {CStringGetTextDatum(name_of(summary.metric))};
  bool nulls[14] = {};
  for (int i = 0; i < 7; ++i) {
    values[1 + i] = i < 5 ? Int32GetDatum(static_cast<int32>(numbers[i])) : Int64GetDatum(numbers[i]);
    nulls[1 + i] = numbers[i] < 0;
  }
  values[8] = Int64GetDatum(static_cast<int64>(summary.curve.nodes));
  values[9] = array_of(core::kCalibratedGammas.data(), points);
  values[10] = array_of(summary.curve.recall, points);
  values[11] = array_of(summary.curve.visits, points);
  values[12] = Int32GetDatum(static_cast<int32>(summary.lists));
  values[13] = Int32GetDatum(static_cast<int32>(summary.code_bits));
  nulls[12] = summary.lists < 0;
  nulls[13] = summary.code_bits < 0;
  return heap_form_tuple(type, values, nulls);
}

}  // namespace

}  // namespace quiver::types

QUIVER_FUNCTION(quiver_index_info) {
  using namespace quiver::types;
  const Oid index_oid = PG_GETARG_OID(0);
  require_own_index(index_oid, "a quiver");
  const Relation index = open_own_index(index_oid, AccessShareLock, nullptr, "a quiver");
  IndexSummary summary{};
  index_method(index->rd_rel->relam)->summarize(index, &summary);
  index_close(index, AccessShareLock);
  TupleDesc type;
  if (get_call_result_type(fcinfo, nullptr, &type) != TYPEFUNC_COMPOSITE) elog(ERROR, "return type must be a row type");
  PG_RETURN_DATUM(HeapTupleGetDatum(row_of(summary, BlessTupleDesc(type))));
}
