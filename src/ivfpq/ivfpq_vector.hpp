// Own vectors of lists, scalar codes or bits as they are: as numbers and back, and queries against either.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>

#include "core/own_query.hpp"
#include "core/plain_distance.hpp"
#include "core/row_encoder.hpp"
#include "ivfpq/ivfpq_index.hpp"

namespace quiver::ivfpq {

// As numbers: what a scalar code decodes to, and bits as 0 and 1, whose squared distances are Hamming distances.
// `codes`: unpacked, here and below.
void decode_vector(const core::NodeShape &own, const core::ScalarCode &code, const uint8_t *codes, float *values);
// Numbers, such as a mean of rows, as an own vector: of bits what more than half of the rows have.
core::ScalarCode encode_vector(const core::NodeShape &own, const float *values, uint8_t *codes);

// The row encoded last as lists compare it with numbers: rotated, or its bits.
void row_values(const core::NodeShape &own, const core::RowEncoder &encoder, float *values);

// A query against own vectors of the kind that the index has. See core::OwnQuery.
class ListQuery {
 public:
  // `metric`: what rotated vectors are compared by; bits are by the index's own.
  ListQuery(const OpenIndex &index, core::Metric metric, std::pmr::memory_resource *memory);

  bool aim(const core::VectorView &vector) { return is_plain_ ? plain_.aim(vector) : own_.aim(vector.values); }
  void aim(const core::ScalarCode &code, const uint8_t *codes) {
    is_plain_ ? plain_.aim(code, codes) : own_.aim(code, codes);
  }

  float distance(const core::ScalarCode &code, const uint8_t *codes) const {
    return is_plain_ ? plain_.distance(code, codes) : own_.distance(code, codes);
  }
  float rough_distance(const core::ScalarCode &code, const uint8_t *codes) const {
    return is_plain_ ? plain_.distance(code, codes) : own_.rough_distance(code, codes);
  }
  core::Reading read(const core::ScalarCode &code, const uint8_t *codes) const {
    return is_plain_ ? plain_.read(code, codes) : own_.read(code, codes);
  }

  // Of rotated vectors; 0 of bits, which are never too long.
  const float *rotated() const { return own_.rotated(); }
  float norm() const { return own_.norm(); }
  float squared_norm() const { return own_.squared_norm(); }

 private:
  bool is_plain_;
  core::OwnQuery own_;
  core::PlainDistance plain_;
};

}  // namespace quiver::ivfpq
