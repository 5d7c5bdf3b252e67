// Adding rows to lists: encoding, the choice of a list, and the pages.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "core/centroid_codes.hpp"
#include "core/list_code.hpp"
#include "core/vector_query.hpp"
#include "ivfpq/ivfpq_index.hpp"

namespace quiver::ivfpq {

// A row as lists store it; the encoder's own, or a copy.
struct CodedRow {
  RowId row;
  const float *rotated;  // with codes
  core::ScalarCode code;
  const uint8_t *codes;  // unpacked
};

// A page of codes as the writer of a lane leaves it, but for vectors. `lane`: without a row.
void write_lane(Page page, const ListShape &shape, uint32 lane, RowId row, const core::ListFactors &factors,
                const uint8_t *levels);
// A lane of an open page without a row, or lanes() when there is none.
uint32 free_lane(Page page, const ListShape &shape);

// One per statement or participant of a build.
class Appender {
 public:
  Appender(const OpenIndex &index, pg::Logging logging, MemoryContext context);

  // Into the list whose centroid is nearest.
  void insert(const CodedRow &row);

  // Into that list. False, and nothing done, when others have replaced it: the copy of the directory is out of date.
  bool append(uint32 list, const CodedRow &row);

 private:
  struct Place {
    Buffer buffer;  // of a page of codes with room, exclusively locked; invalid when the list was replaced
    uint32 lane;
  };

  uint32 nearest_list(const CodedRow &row);
  Place find_room(uint32 list);
  void add_page(uint32 list, Buffer last);
  void note_pages(uint32 list, uint32 pages);
  void store(const Place &place, const CodedRow &row);
  void store_apart(const Place &place, const CodedRow &row);
  void write_vector(Page page, uint32 lane, const CodedRow &row) const;

  pg::ContextResource memory_;
  OpenIndex index_;
  pg::Logging logging_;
  core::ListEncoder list_encoder_;
  core::VectorQuery query_;
  core::NearCentroids near_;
  core::ListFactors factors_{};
  std::pmr::vector<float> centroid_;
};

}  // namespace quiver::ivfpq
