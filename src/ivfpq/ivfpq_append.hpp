// Adding rows to lists: encoding, the choice of a list, and the pages.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "core/list_code.hpp"
#include "ivfpq/ivfpq_index.hpp"

namespace quiver::ivfpq {

// A row as lists store it; the encoder's own, or a copy.
struct CodedRow {
  RowId row;
  const float *rotated;
  core::ScalarCode code;
  const uint8_t *codes;  // unpacked
};

// One per statement or participant of a build.
class Appender {
 public:
  Appender(const OpenIndex &index, pg::Logging logging, MemoryContext context);

  // The list whose centroid is nearest.
  uint32 nearest_list(const CodedRow &row);

  void append(uint32 list, const CodedRow &row);

 private:
  struct Place {
    Buffer buffer;  // of a page of codes with room, exclusively locked
    uint32 lane;
  };

  Place find_room(uint32 list);
  void add_page(uint32 list, Buffer last);
  void store(const Place &place, const CodedRow &row);
  void write_lane(Page page, uint32 lane, RowId row) const;

  pg::ContextResource memory_;
  OpenIndex index_;
  pg::Logging logging_;
  core::ListEncoder list_encoder_;
  core::OwnQuery query_;
  core::ListFactors factors_{};
  std::pmr::vector<float> centroid_;
};

}  // namespace quiver::ivfpq
