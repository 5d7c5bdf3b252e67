// Copies of pages, in both directions.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_chain.hpp"

#include <algorithm>

#include "ivfpq/ivfpq_append.hpp"
#include "pg/test_points.hpp"

namespace quiver::ivfpq {

void PageGroup::read_locked(const OpenIndex &index, Buffer buffer, uint32 number) {
  check_codes_of(index, buffer, number);
  memcpy(codes(), BufferGetPage(buffer), BLCKSZ);
  for (uint32 page = 0; page < shape_.pages_for(used()); ++page) {
    const Buffer vectors_buffer = pin_page(index, vector_blocks(codes())[page]);
    LockBuffer(vectors_buffer, BUFFER_LOCK_SHARE);
    check_vectors(index, vectors_buffer, BufferGetBlockNumber(buffer));
    memcpy(vectors(page), BufferGetPage(vectors_buffer), BLCKSZ);
    UnlockReleaseBuffer(vectors_buffer);
  }
}

void PageGroup::read(const OpenIndex &index, BlockNumber block, uint32 number, bool close) {
  Buffer buffer = pin_page(index, block);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  check_codes_of(index, buffer, number);
  if (close && free_lane(BufferGetPage(buffer), shape_) < shape_.lanes()) {
    const pg::PageChange change = pg::begin_change(index.relation, buffer, pg::Logging::each_change);
    page_info(change.page)->state = PageState::closed;
    pg::finish_change(change);
    pg::test_point("split_page_closed");
    buffer = pin_page(index, block);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
  }
  read_locked(index, buffer, number);
  UnlockReleaseBuffer(buffer);
}

ChainWriter::ChainWriter(const OpenIndex &index, uint32 number, BlockNumber head, std::pmr::memory_resource *memory)
    : index_(index), number_(number), block_(head), group_(index.shape(), memory) {
  begin_page(head, 0);
}

void ChainWriter::begin_page(BlockNumber block, uint32 position) {
  block_ = block;
  written_ = 0;
  initialize_codes_page(group_.codes(), index_.shape(), number_);
  page_info(group_.codes())->position = position;
}

void ChainWriter::add(RowId row, const core::ScalarCode *vector, const core::ListFactors &factors,
                      const uint8_t *levels) {
  const ListShape &shape = index_.shape();
  if (group_.used() == shape.lanes()) add_page();
  const uint32 lane = group_.used();
  if (shape.vector_pages() > 0 && lane % shape.vectors == 0)
    initialize_vectors_page(group_.vectors(lane / shape.vectors), shape, block_);
  if (shape.has_vectors()) memcpy(group_.vector(lane), vector, shape.vector_bytes());
  write_lane(group_.codes(), shape, lane, row, factors, levels);
}

void ChainWriter::add_page() {
  flush();
  const Buffer added = pg::new_page(index_.relation, is_free_page);
  const Buffer last = pin_page(index_, block_);
  LockBuffer(last, BUFFER_LOCK_EXCLUSIVE);
  const BlockNumber block = BufferGetBlockNumber(added);
  const uint32 position = pages();
  pg::SetChange change = pg::begin_set(index_.relation);
  page_info(pg::add_to_set(&change, last))->next = block;
  begin_page(block, position);
  memcpy(pg::add_to_set(&change, added, true), group_.codes(), BLCKSZ);
  pg::finish_set(change);
  pg::test_point("split_page_added");
}

void ChainWriter::flush() {
  const ListShape &shape = index_.shape();
  if (group_.used() == written_) return;
  const uint32 end = shape.pages_for(group_.used());
  uint32 page = end > 0 ? written_ / shape.vectors : 0;
  do page = write_some(page, end);
  while (page < end);
  written_ = group_.used();
}

// The page of codes with as many of its pages of vectors as a record has room for.
uint32 ChainWriter::write_some(uint32 first, uint32 end) {
  const ListShape &shape = index_.shape();
  constexpr uint32 kMost = MAX_GENERIC_XLOG_PAGES - 1;
  const uint32 count = std::min(end - first, kMost);
  Buffer buffers[kMost];
  bool fresh[kMost];
  for (uint32 i = 0; i < count; ++i) {
    BlockNumber &block = vector_blocks(group_.codes())[first + i];
    fresh[i] = block == InvalidBlockNumber;
    buffers[i] = fresh[i] ? pg::new_page(index_.relation, is_free_page) : pin_page(index_, block);
    if (!fresh[i]) LockBuffer(buffers[i], BUFFER_LOCK_EXCLUSIVE);
    block = BufferGetBlockNumber(buffers[i]);
  }
  const Buffer codes = pin_page(index_, block_);
  LockBuffer(codes, BUFFER_LOCK_EXCLUSIVE);
  pg::SetChange change = pg::begin_set(index_.relation);
  const auto copy = [](Page to, Page from) {
    memcpy(to + SizeOfPageHeaderData, from + SizeOfPageHeaderData, BLCKSZ - SizeOfPageHeaderData);
  };
  copy(pg::add_to_set(&change, codes), group_.codes());
  for (uint32 i = 0; i < count; ++i) {
    const Page page = pg::add_to_set(&change, buffers[i], fresh[i]);
    if (fresh[i]) initialize_vectors_page(page, shape, block_);
    copy(page, group_.vectors(first + i));
  }
  pg::finish_set(change);
  pg::test_point("split_rows_written");
  return first + count;
}

}  // namespace quiver::ivfpq
