// The type vector: text and binary form, type modifier, limits.
// SPDX-License-Identifier: PostgreSQL
#include "types/vector.hpp"

#include "core/vector_text.hpp"

extern "C" {
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace quiver::types {

Vector *make_vector(int dimensions) {
  const Size bytes = vector_bytes(dimensions);
  auto *vector = static_cast<Vector *>(palloc0(bytes));
  SET_VARSIZE(vector, bytes);
  vector->dim = static_cast<int16>(dimensions);
  return vector;
}

void check_dimensions(int64 dimensions) {
  if (dimensions < 1)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("vector must have at least 1 dimension")));
  if (dimensions > kMaxVectorDimensions)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("vector cannot have more than %d dimensions", kMaxVectorDimensions)));
}

void check_typmod(int32 typmod, int dimensions) {
  if (typmod != -1 && typmod != dimensions)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", typmod, dimensions)));
}

void check_element(float value) {
  if (std::isnan(value)) ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in vector")));
  if (std::isinf(value))
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("infinite value not allowed in vector")));
}

void check_same_dimensions(const Vector *a, const Vector *b) {
  if (a->dim != b->dim)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("different vector dimensions %d and %d", a->dim, b->dim)));
}

namespace {

[[noreturn]] void raise_text_problem(const char *text, const core::ParsedVector &parsed) {
  using core::TextProblem;
  const auto malformed = [text](const char *detail) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid input syntax for type vector: \"%s\"", text),
             detail != nullptr ? errdetail_internal("%s", detail) : 0));
  };
  switch (parsed.problem) {
    case TextProblem::no_opening_bracket:
      malformed("Vector contents must start with \"[\".");
      break;
    case TextProblem::junk_after_end:
      malformed("Junk after closing right brace.");
      break;
    case TextProblem::no_elements:
      check_dimensions(0);
      break;
    case TextProblem::too_many_elements:
      check_dimensions(kMaxVectorDimensions + 1);
      break;
    case TextProblem::nan_element:
      check_element(NAN);
      break;
    case TextProblem::infinite_element:
      check_element(INFINITY);
      break;
    case TextProblem::out_of_range:
      ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                      errmsg("\"%s\" is out of range for type vector",
                             pnstrdup(parsed.token, static_cast<Size>(parsed.token_bytes)))));
    case TextProblem::malformed:
    case TextProblem::none:
      break;
  }
  malformed(nullptr);
  pg_unreachable();
}

}  // namespace

}  // namespace quiver::types

using namespace quiver::types;

QUIVER_FUNCTION(vector_in) {
  const char *text = PG_GETARG_CSTRING(0);
  const int32 typmod = PG_GETARG_INT32(2);
  const size_t capacity = Min(quiver::core::count_elements(text), size_t{kMaxVectorDimensions});
  Vector *result = make_vector(static_cast<int>(capacity));
  const auto parsed = quiver::core::parse_vector(text, result->x, capacity);
  if (parsed.problem != quiver::core::TextProblem::none) raise_text_problem(text, parsed);
  check_typmod(typmod, static_cast<int>(parsed.dimensions));
  PG_RETURN_POINTER(result);
}

QUIVER_FUNCTION(vector_out) {
  const Vector *vector = DatumGetVector(PG_GETARG_DATUM(0));
  const Size count = static_cast<Size>(vector->dim);
  auto *const text = static_cast<char *>(palloc(count * FLOAT_SHORTEST_DECIMAL_LEN + 3));
  char *at = text;
  *at++ = '[';
  for (Size i = 0; i < count; ++i) {
    if (i > 0) *at++ = ',';
    at += float_to_shortest_decimal_bufn(vector->x[i], at);
  }
  *at++ = ']';
  *at = '\0';
  PG_RETURN_CSTRING(text);
}

QUIVER_FUNCTION(vector_typmod_in) {
  int count;
  const int32 *typmods = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &count);
  if (count != 1) ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
  if (typmods[0] < 1)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("dimensions for type vector must be at least 1")));
  if (typmods[0] > kMaxVectorDimensions)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("dimensions for type vector cannot exceed %d", kMaxVectorDimensions)));
  PG_RETURN_INT32(typmods[0]);
}

QUIVER_FUNCTION(vector_recv) {
  auto *message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int dimensions = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
  const int unused = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
  check_dimensions(dimensions);
  check_typmod(PG_GETARG_INT32(2), dimensions);
  if (unused != 0) ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected unused to be 0, not %d", unused)));
  Vector *result = make_vector(dimensions);
  for (int i = 0; i < dimensions; ++i) {
    result->x[i] = pq_getmsgfloat4(message);
    check_element(result->x[i]);
  }
  PG_RETURN_POINTER(result);
}

QUIVER_FUNCTION(vector_send) {
  const Vector *vector = DatumGetVector(PG_GETARG_DATUM(0));
  StringInfoData message;
  pq_begintypsend(&message);
  pq_sendint16(&message, static_cast<uint16>(vector->dim));
  pq_sendint16(&message, static_cast<uint16>(vector->unused));
  for (int i = 0; i < vector->dim; ++i) pq_sendfloat4(&message, vector->x[i]);
  PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
