// vector and halfvec: text and binary form, type modifier, limits.
// SPDX-License-Identifier: PostgreSQL
#include "core/float_text.hpp"
#include "core/vector_text.hpp"
#include "types/dense_vector.hpp"

extern "C" {
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace quiver::types {

void check_dimensions(const char *type, int64 dimensions) {
  if (dimensions < 1)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s must have at least 1 dimension", type)));
  if (dimensions > kMaxDenseDimensions)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("%s cannot have more than %d dimensions", type, kMaxDenseDimensions)));
}

void check_typmod(int32 typmod, int dimensions) {
  if (typmod != -1 && typmod != dimensions)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", typmod, dimensions)));
}

void check_element(const char *type, float value) {
  if (std::isnan(value)) ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in %s", type)));
  if (std::isinf(value))
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("infinite value not allowed in %s", type)));
}

void raise_different_dimensions(const char *type, int a, int b) {
  ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("different %s dimensions %d and %d", type, a, b)));
  pg_unreachable();
}

void raise_out_of_range(const char *type, float value) {
  char text[core::kMaxFloatText + 1];
  *core::write_float(value, text) = '\0';
  ereport(ERROR,
          (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("\"%s\" is out of range for type %s", text, type)));
  pg_unreachable();
}

int32 read_typmod(Datum modifiers, const char *type, int limit) {
  int count;
  const int32 *typmods = ArrayGetIntegerTypmods(DatumGetArrayTypeP(modifiers), &count);
  if (count != 1) ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
  if (typmods[0] < 1)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("dimensions for type %s must be at least 1", type)));
  if (typmods[0] > limit)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("dimensions for type %s cannot exceed %d", type, limit)));
  return typmods[0];
}

namespace {

[[noreturn]] void raise_malformed(const char *type, const char *text, const char *detail) {
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid input syntax for type %s: \"%s\"", type, text),
           detail != nullptr ? errdetail_internal("%s", detail) : 0));
  pg_unreachable();
}

[[noreturn]] void raise_text_problem(const char *type, const char *text, const core::ParsedVector &parsed) {
  using core::TextProblem;
  switch (parsed.problem) {
    case TextProblem::no_opening_bracket:
      raise_malformed(type, text, "Vector contents must start with \"[\".");
    case TextProblem::junk_after_end:
      raise_malformed(type, text, "Junk after closing right brace.");
    case TextProblem::no_elements:
      check_dimensions(type, 0);
      break;
    case TextProblem::too_many_elements:
      check_dimensions(type, kMaxDenseDimensions + 1);
      break;
    case TextProblem::nan_element:
      check_element(type, NAN);
      break;
    case TextProblem::infinite_element:
      check_element(type, INFINITY);
      break;
    case TextProblem::out_of_range:
      ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                      errmsg("\"%s\" is out of range for type %s",
                             pnstrdup(parsed.token, static_cast<Size>(parsed.token_bytes)), type)));
    case TextProblem::malformed:
    case TextProblem::none:
      break;
  }
  raise_malformed(type, text, nullptr);
}

template <class Element>
Datum read_text(FunctionCallInfo fcinfo) {
  using Traits = DenseTraits<Element>;
  const char *text = PG_GETARG_CSTRING(0);
  const size_t capacity = Min(core::count_elements(text), size_t{kMaxDenseDimensions});
  auto *result = make_dense<Element>(static_cast<int>(capacity));
  float *values = floats_for(result);
  const auto parsed = core::parse_vector(text, values, capacity, Traits::kLimit);
  if (parsed.problem != core::TextProblem::none) raise_text_problem(Traits::kName, text, parsed);
  check_typmod(PG_GETARG_INT32(2), static_cast<int>(parsed.dimensions));
  store_floats(result, values);
  PG_RETURN_POINTER(result);
}

template <class Element>
Datum write_text(FunctionCallInfo fcinfo) {
  const auto *vector = dense_argument<Element>(fcinfo, 0);
  const float *values = floats_of(vector);
  const Size count = static_cast<Size>(vector->dim);
  auto *const text = static_cast<char *>(palloc(count * (core::kMaxFloatText + 1) + 3));
  char *at = text;
  *at++ = '[';
  for (Size i = 0; i < count; ++i) {
    if (i > 0) *at++ = ',';
    at = core::write_float(values[i], at);
  }
  *at++ = ']';
  *at = '\0';
  PG_RETURN_CSTRING(text);
}

// Elements between the machine's order of bytes and the network's.
inline void swap_elements(const void *from, int count, float *to) {
  const auto *source = static_cast<const char *>(from);
  for (int i = 0; i < count; ++i) {
    uint32 bits;
    memcpy(&bits, source + sizeof bits * static_cast<Size>(i), sizeof bits);
    bits = pg_ntoh32(bits);
    memcpy(&to[i], &bits, sizeof bits);
  }
}
inline void swap_elements(const void *from, int count, Half *to) {
  const auto *source = static_cast<const char *>(from);
  for (int i = 0; i < count; ++i) {
    uint16 bits;
    memcpy(&bits, source + sizeof bits * static_cast<Size>(i), sizeof bits);
    to[i] = pg_ntoh16(bits);
  }
}

inline bool is_finite(float element) { return std::isfinite(element); }
inline bool is_finite(Half element) { return (element & 0x7c00) != 0x7c00; }
inline float as_float(float element) { return element; }
inline float as_float(Half element) { return (element & 0x03ff) == 0 ? INFINITY : NAN; }  // of those that are neither

template <class Element>
Datum receive(FunctionCallInfo fcinfo) {
  auto *message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const char *type = DenseTraits<Element>::kName;
  const int dimensions = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
  const int unused = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
  check_dimensions(type, dimensions);
  check_typmod(PG_GETARG_INT32(2), dimensions);
  if (unused != 0) ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected unused to be 0, not %d", unused)));
  const char *bytes = pq_getmsgbytes(message, dimensions * static_cast<int>(sizeof(Element)));
  auto *result = make_dense<Element>(dimensions);
  swap_elements(bytes, dimensions, result->x);
  for (int i = 0; i < dimensions; ++i)
    if (unlikely(!is_finite(result->x[i]))) check_element(type, as_float(result->x[i]));
  PG_RETURN_POINTER(result);
}

template <class Element>
Datum send(FunctionCallInfo fcinfo) {
  const auto *vector = dense_argument<Element>(fcinfo, 0);
  const Size bytes = sizeof(Element) * static_cast<Size>(vector->dim);
  StringInfoData message;
  pq_begintypsend(&message);
  pq_sendint16(&message, static_cast<uint16>(vector->dim));
  pq_sendint16(&message, static_cast<uint16>(vector->unused));
  enlargeStringInfo(&message, static_cast<int>(bytes));
  auto *elements = static_cast<Element *>(palloc(bytes));
  swap_elements(vector->x, vector->dim, elements);
  appendBinaryStringInfo(&message, reinterpret_cast<const char *>(elements), static_cast<int>(bytes));
  pfree(elements);
  PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

// The cast of a type to itself, which checks the type modifier.
template <class Element>
Datum check_length(FunctionCallInfo fcinfo) {
  auto *vector = dense_argument<Element>(fcinfo, 0);
  check_typmod(PG_GETARG_INT32(1), vector->dim);
  PG_RETURN_POINTER(vector);
}

}  // namespace

}  // namespace quiver::types

using namespace quiver::types;

QUIVER_FUNCTION(vector_in) { return read_text<float>(fcinfo); }
QUIVER_FUNCTION(vector_out) { return write_text<float>(fcinfo); }
QUIVER_FUNCTION(vector_recv) { return receive<float>(fcinfo); }
QUIVER_FUNCTION(vector_send) { return send<float>(fcinfo); }
QUIVER_FUNCTION(vector) { return check_length<float>(fcinfo); }
QUIVER_FUNCTION(vector_typmod_in) { PG_RETURN_INT32(read_typmod(PG_GETARG_DATUM(0), "vector", kMaxDenseDimensions)); }

QUIVER_FUNCTION(halfvec_in) { return read_text<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_out) { return write_text<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_recv) { return receive<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_send) { return send<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec) { return check_length<Half>(fcinfo); }
QUIVER_FUNCTION(halfvec_typmod_in) { PG_RETURN_INT32(read_typmod(PG_GETARG_DATUM(0), "halfvec", kMaxDenseDimensions)); }
