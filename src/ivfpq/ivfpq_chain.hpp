// A list's pages, read one with its vectors at a time; and the pages of a new list, written when they are full.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "core/list_code.hpp"
#include "ivfpq/ivfpq_index.hpp"

namespace quiver::ivfpq {

// Room for a page of codes and its pages of vectors.
class PageGroup {
 public:
  PageGroup(const ListShape &shape, std::pmr::memory_resource *memory)
      : shape_(shape), bytes_((Size{1} + shape.vector_pages()) * BLCKSZ, memory) {}

  static Size bytes(const ListShape &shape) { return (Size{1} + shape.vector_pages()) * BLCKSZ; }
  Page codes() { return bytes_.data(); }
  Page vectors(uint32 page) { return bytes_.data() + (Size{1} + page) * BLCKSZ; }
  // REQUIRES: the index keeps vectors.
  core::ScalarCode *vector(uint32 lane) {
    return vector_at(shape_.has_codes() ? vectors(lane / shape_.vectors) : codes(), shape_, lane % shape_.vectors);
  }
  RowId row(uint32 lane) { return rows_of(codes(), shape_)[lane]; }
  uint32 used() { return page_info(codes())->used; }

  // Copies a page of that list. `close`: it takes no rows from now on, unless it is full already.
  void read(const OpenIndex &index, BlockNumber block, uint32 number, bool close);
  // The same of a page that is exclusively locked, and stays so.
  void read_locked(const OpenIndex &index, Buffer buffer, uint32 number);

 private:
  ListShape shape_;
  std::pmr::vector<char> bytes_;
};

// Writes a list that nobody reads yet. Its functions raise server errors.
class ChainWriter {
 public:
  // `head`: its first page, empty.
  ChainWriter(const OpenIndex &index, uint32 number, BlockNumber head, std::pmr::memory_resource *memory);

  // `vector`: as a page of vectors has it; not looked at where the index keeps none.
  void add(RowId row, const core::ScalarCode *vector, const core::ListFactors &factors, const uint8_t *levels);
  // Brings the pages up to date. May be called again after more rows.
  void flush();

  uint32 number() const { return number_; }
  uint32 pages() { return page_info(group_.codes())->position + 1; }

 private:
  void begin_page(BlockNumber block, uint32 position);
  void add_page();
  uint32 write_some(uint32 first, uint32 end);

  const OpenIndex &index_;
  uint32 number_;
  BlockNumber block_;
  PageGroup group_;
  uint32 written_ = 0;  // lanes
};

}  // namespace quiver::ivfpq
