// Where a row goes, and how it is written.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_append.hpp"

#include <limits>

#include "pg/boundary.hpp"

namespace quiver::ivfpq {

Appender::Appender(const OpenIndex &index, pg::Logging logging, MemoryContext context)
    : memory_(context),
      index_(index),
      logging_(logging),
      list_encoder_(index_.shape().code, index_.meta.metric == core::Metric::inner_product, &memory_),
      query_(index_.meta.dimensions, core::Metric::l2, index_.cache->rotation, &memory_),
      centroid_(index_.meta.dimensions, &memory_) {}

// By the row's own code: what it lost in rounding does not matter between lists.
uint32 Appender::nearest_list(const CodedRow &row) {
  query_.aim(row.code, row.codes);
  uint32 nearest = 0;
  float least = std::numeric_limits<float>::infinity();
  for (uint32 list = 0; list < index_.cache->lists.size(); ++list) {
    const float distance = query_.distance(index_.cache->lists[list].centroid, index_.centroid_codes(list));
    if (!(distance < least)) continue;
    least = distance;
    nearest = list;
  }
  return nearest;
}

void Appender::append(uint32 list, const CodedRow &row) {
  core::decode_scalar(index_.cache->lists[list].centroid, index_.centroid_codes(list), index_.meta.dimensions,
                      centroid_.data());
  factors_ = list_encoder_.encode(row.rotated, centroid_.data());
  pg::call([this, list, &row] {
    CHECK_FOR_INTERRUPTS();
    store(find_room(list), row);
  });
}

namespace {

uint32 first_free_lane(Page page, const ListShape &shape) {
  const PageInfo *info = page_info(page);
  if (info->used < shape.lanes()) return info->used;
  const RowId *rows = rows_of(page, shape);
  for (uint32 lane = 0; lane < info->used; ++lane)
    if (!rows[lane].is_valid()) return lane;
  return shape.lanes();
}

// No page becomes free again: what the map names can only be what a crash left empty.
bool is_never_free(Page) { return false; }

}  // namespace

// Goes along the chain from where there was room last, and adds a page at its end.
Appender::Place Appender::find_room(uint32 list) {
  IndexCache::List &hint = index_.cache->lists[list];
  BlockNumber pages = 0;
  for (;;) {
    const Buffer buffer = pin_page(index_, hint.tail);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    check_codes(index_, buffer, list);
    const Page page = BufferGetPage(buffer);
    const PageInfo *info = page_info(page);
    if (info->live < index_.shape().lanes()) {
      const uint32 lane = first_free_lane(page, index_.shape());
      if (lane == index_.shape().lanes())
        pg::raise_corrupted(index_.relation, hint.tail, "a page of codes has no room that it counts");
      return {buffer, lane};
    }
    if (info->next == InvalidBlockNumber) {
      add_page(list, buffer);
      continue;
    }
    hint.tail = info->next;
    UnlockReleaseBuffer(buffer);
    if (++pages > RelationGetNumberOfBlocks(index_.relation))
      pg::raise_corrupted(index_.relation, hint.tail, "the pages of a list lead in a circle");
  }
}

// Appends an empty page to the chain in one record. REQUIRES: `last` exclusively locked; releases it.
void Appender::add_page(uint32 list, Buffer last) {
  const Buffer added = pg::new_page(index_.relation, is_never_free);
  const pg::PairChange change = pg::begin_pair(index_.relation, last, added, logging_, true);
  initialize_codes_page(change.pages[1], index_.shape(), list);
  page_info(change.pages[0])->next = BufferGetBlockNumber(added);
  index_.cache->lists[list].tail = BufferGetBlockNumber(added);
  pg::finish_pair(change);
}

// The lane and its vector in one record. Only who holds a page of codes asks for its pages of vectors: no two writers
// wait for each other.
void Appender::store(const Place &place, const CodedRow &row) {
  const ListShape &shape = index_.shape();
  const BlockNumber block = BufferGetBlockNumber(place.buffer);
  const uint32 vectors_page = place.lane / shape.vectors;
  const BlockNumber known = vector_blocks(BufferGetPage(place.buffer))[vectors_page];
  const bool fresh = known == InvalidBlockNumber;
  Buffer buffer;
  if (fresh) {
    buffer = pg::new_page(index_.relation, is_never_free);
  } else {
    buffer = pin_page(index_, known);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    check_vectors(index_, buffer, block);
  }
  const pg::PairChange change = pg::begin_pair(index_.relation, place.buffer, buffer, logging_, fresh);
  if (fresh) {
    initialize_vectors_page(change.pages[1], shape, block);
    vector_blocks(change.pages[0])[vectors_page] = BufferGetBlockNumber(buffer);
  }
  core::ScalarCode *vector = vector_at(change.pages[1], shape, place.lane % shape.vectors);
  *vector = row.code;
  shape.own.pack_own(row.codes, vector_codes(vector));
  write_lane(change.pages[0], place.lane, row.row);
  pg::finish_pair(change);
}

void Appender::write_lane(Page page, uint32 lane, RowId row) const {
  const ListShape &shape = index_.shape();
  const uint32 block = lane / simd::kBlockLanes;
  core::write_block_lane(shape.code, list_encoder_.levels(), lane % simd::kBlockLanes, block_codes(page, shape, block));
  float *factors = add_factor(page, shape, lane);
  factors[0] = factors_.add;
  factors[simd::kBlockLanes] = factors_.rescale;
  factors[2 * simd::kBlockLanes] = factors_.error;
  rows_of(page, shape)[lane] = row;
  PageInfo *info = page_info(page);
  ++info->live;
  if (lane == info->used) ++info->used;
}

}  // namespace quiver::ivfpq
