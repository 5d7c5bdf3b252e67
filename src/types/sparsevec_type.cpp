// sparsevec: text and binary form, type modifier, limits.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

#include "core/float_text.hpp"
#include "core/sparse_text.hpp"
#include "types/dense_vector.hpp"
#include "types/sparsevec.hpp"

extern "C" {
#include "libpq/pqformat.h"
#include "utils/builtins.h"
}

namespace quiver::types {

void check_sparse_dimensions(int64 dimensions) {
  if (dimensions < 1)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec must have at least 1 dimension")));
  if (dimensions > kMaxSparseDimensions)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("sparsevec cannot have more than %d dimensions", kMaxSparseDimensions)));
}

void check_non_zeros(int64 non_zeros, int64 dimensions) {
  if (non_zeros < 0)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec cannot have negative number of elements")));
  if (non_zeros > kMaxNonZeros)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("sparsevec cannot have more than %d non-zero elements", kMaxNonZeros)));
  if (non_zeros > dimensions)
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("sparsevec cannot have more elements than dimensions")));
}

SparseVector *make_sparse(int dimensions, int non_zeros) {
  const Size bytes = offsetof(SparseVector, indices) + (sizeof(int32) + sizeof(float)) * static_cast<Size>(non_zeros);
  auto *vector = static_cast<SparseVector *>(palloc0(bytes));
  SET_VARSIZE(vector, bytes);
  vector->dim = dimensions;
  vector->nnz = non_zeros;
  return vector;
}

SparseVector *sparse_from_dense(const float *values, int count) {
  const auto non_zeros = std::count_if(values, values + count, [](float value) { return value != 0.0f; });
  check_non_zeros(non_zeros, count);
  SparseVector *result = make_sparse(count, static_cast<int>(non_zeros));
  int filled = 0;
  for (int i = 0; i < count; ++i) {
    if (values[i] == 0.0f) continue;
    result->indices[filled] = i;
    result->values()[filled++] = values[i];
  }
  return result;
}

namespace {

// REQUIRES: the indices before `position` have passed.
void check_index(const SparseVector *vector, int position) {
  const int32 index = vector->indices[position];
  if (index < 0 || index >= vector->dim)
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec index out of bounds")));
  if (position == 0) return;
  if (index < vector->indices[position - 1])
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec indices must be in ascending order")));
  if (index == vector->indices[position - 1])
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec indices must not contain duplicates")));
}

[[noreturn]] void raise_text_problem(const char *text, const core::ParsedSparse &parsed) {
  using core::SparseProblem;
  const char *detail = nullptr;
  switch (parsed.problem) {
    case SparseProblem::no_opening_brace:
      detail = "Vector contents must start with \"{\".";
      break;
    case SparseProblem::no_dimensions:
      detail = "Unexpected end of input.";
      break;
    case SparseProblem::junk_after_end:
      detail = "Junk after closing.";
      break;
    case SparseProblem::nan_element:
      check_element("sparsevec", NAN);
      break;
    case SparseProblem::infinite_element:
      check_element("sparsevec", INFINITY);
      break;
    case SparseProblem::out_of_range:
      ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                      errmsg("\"%s\" is out of range for type sparsevec",
                             pnstrdup(parsed.token, static_cast<Size>(parsed.token_bytes)))));
    case SparseProblem::malformed:
    case SparseProblem::none:
      break;
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                  errmsg("invalid input syntax for type sparsevec: \"%s\"", text),
                  detail != nullptr ? errdetail_internal("%s", detail) : 0));
  pg_unreachable();
}

}  // namespace

}  // namespace quiver::types

using namespace quiver::types;

QUIVER_FUNCTION(sparsevec_in) {
  using quiver::core::SparseElement;
  const char *text = PG_GETARG_CSTRING(0);
  const size_t capacity = quiver::core::count_sparse_elements(text);
  check_non_zeros(static_cast<int64>(Min(capacity, size_t{kMaxNonZeros} + 1)), kMaxSparseDimensions);
  auto *elements = static_cast<SparseElement *>(palloc(capacity * sizeof(SparseElement)));
  const auto parsed = quiver::core::parse_sparse(text, elements, capacity);
  if (parsed.problem != quiver::core::SparseProblem::none) raise_text_problem(text, parsed);
  check_sparse_dimensions(parsed.dimensions);
  check_typmod(PG_GETARG_INT32(2), parsed.dimensions);
  const auto by_index = [](const SparseElement &a, const SparseElement &b) { return a.index < b.index; };
  if (!std::is_sorted(elements, elements + parsed.count, by_index))
    std::sort(elements, elements + parsed.count, by_index);
  SparseVector *result = make_sparse(parsed.dimensions, static_cast<int>(parsed.count));
  for (int i = 0; i < result->nnz; ++i) {
    result->indices[i] = Max(elements[i].index, 0) - 1;  // indices in text count from 1
    result->values()[i] = elements[i].value;
    check_index(result, i);
  }
  PG_RETURN_POINTER(result);
}

QUIVER_FUNCTION(sparsevec_out) {
  const SparseVector *vector = sparse_argument(fcinfo, 0);
  // An index has at most ten digits, the dimension as many.
  constexpr Size kElementText = 11 + 1 + quiver::core::kMaxFloatText + 1;
  auto *const text = static_cast<char *>(palloc(static_cast<Size>(vector->nnz) * kElementText + 16));
  char *at = text;
  *at++ = '{';
  for (int i = 0; i < vector->nnz; ++i) {
    if (i > 0) *at++ = ',';
    at += pg_ltoa(vector->indices[i] + 1, at);
    *at++ = ':';
    at = quiver::core::write_float(vector->values()[i], at);
  }
  *at++ = '}';
  *at++ = '/';
  at += pg_ltoa(vector->dim, at);
  *at = '\0';
  PG_RETURN_CSTRING(text);
}

QUIVER_FUNCTION(sparsevec_typmod_in) {
  PG_RETURN_INT32(read_typmod(PG_GETARG_DATUM(0), "sparsevec", kMaxSparseDimensions));
}

QUIVER_FUNCTION(sparsevec_recv) {
  auto *message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const auto dimensions = static_cast<int32>(pq_getmsgint(message, sizeof(int32)));
  const auto non_zeros = static_cast<int32>(pq_getmsgint(message, sizeof(int32)));
  const auto unused = static_cast<int32>(pq_getmsgint(message, sizeof(int32)));
  check_sparse_dimensions(dimensions);
  check_non_zeros(non_zeros, dimensions);
  check_typmod(PG_GETARG_INT32(2), dimensions);
  if (unused != 0) ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected unused to be 0, not %d", unused)));
  SparseVector *result = make_sparse(dimensions, non_zeros);
  for (int i = 0; i < non_zeros; ++i) {
    result->indices[i] = static_cast<int32>(pq_getmsgint(message, sizeof(int32)));
    check_index(result, i);
  }
  for (int i = 0; i < non_zeros; ++i) {
    const float value = pq_getmsgfloat4(message);
    check_element("sparsevec", value);
    if (value == 0.0f)
      ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                      errmsg("binary representation of sparsevec cannot contain zero values")));
    result->values()[i] = value;
  }
  PG_RETURN_POINTER(result);
}

QUIVER_FUNCTION(sparsevec_send) {
  const SparseVector *vector = sparse_argument(fcinfo, 0);
  StringInfoData message;
  pq_begintypsend(&message);
  enlargeStringInfo(&message, static_cast<int>(VARSIZE(vector)));
  pq_sendint32(&message, static_cast<uint32>(vector->dim));
  pq_sendint32(&message, static_cast<uint32>(vector->nnz));
  pq_sendint32(&message, static_cast<uint32>(vector->unused));
  for (int i = 0; i < vector->nnz; ++i) pq_sendint32(&message, static_cast<uint32>(vector->indices[i]));
  for (int i = 0; i < vector->nnz; ++i) pq_sendfloat4(&message, vector->values()[i]);
  PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

QUIVER_FUNCTION(sparsevec) {
  SparseVector *vector = sparse_argument(fcinfo, 0);
  check_typmod(PG_GETARG_INT32(1), vector->dim);
  PG_RETURN_POINTER(vector);
}
