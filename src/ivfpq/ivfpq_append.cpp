// Where a row goes, and how it is written.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_append.hpp"

#include <limits>

#include "core/own_vector.hpp"
#include "pg/boundary.hpp"
#include "pg/test_points.hpp"

namespace quiver::ivfpq {

namespace {

// Standard errors of its code below which no centroid lies, all but surely: a row in the wrong list is hard to find.
constexpr float kSureErrors = 3.5f;

}  // namespace

Appender::Appender(const OpenIndex &index, pg::Logging logging, MemoryContext context)
    : memory_(context),
      index_(index),
      logging_(logging),
      list_encoder_(index_.shape().code, index_.book(), index_.meta.metric == core::Metric::inner_product, &memory_),
      query_(index_.shape().own, index_.shape().own.is_scalar() ? core::Metric::l2 : index_.meta.metric,
             index_.cache->rotation, &memory_),
      near_(&memory_),
      centroid_(index_.meta.dimensions, &memory_) {}

// By the row's own code: what it lost in rounding does not matter between lists. With short codes the centroid that
// they find nearest is looked at first, then those that may be nearer.
uint32 Appender::nearest_list(const CodedRow &row) {
  query_.aim(row.code, row.codes);
  uint32 nearest = 0;
  float least = std::numeric_limits<float>::infinity();
  const auto compare = [&](size_t number) {
    const auto list = static_cast<uint32>(number);
    const float distance = query_.distance(index_.cache->lists[list].centroid, index_.centroid_codes(list));
    if (!(distance < least) && !(distance == least && list < nearest)) return;
    least = distance;
    nearest = list;
  };
  const core::CentroidCodes *codes = short_centroids(index_);
  if (codes == nullptr) {
    for (size_t list = 0; list < index_.cache->lists.size(); ++list) compare(list);
    return nearest;
  }
  near_.aim(*codes, query_.rotated(), false, kSureErrors);
  near_.take_within(near_.limit_for(1), compare);
  near_.take_within(least, compare);
  return nearest;
}

// A list that was replaced has sent its writers on: they bring the directory up to date.
void Appender::insert(const CodedRow &row) {
  for (;;) {
    const uint32 version = index_.cache->version;
    if (append(nearest_list(row), row)) return;
    pg::call([this, version] {
      open_index(index_.relation, &index_);
      if (index_.cache->version == version)
        pg::raise_corrupted(index_.relation, kMetaBlock, "a list in use has the end of one that was replaced");
    });
  }
}

bool Appender::append(uint32 list, const CodedRow &row) {
  if (index_.shape().has_codes()) {
    core::decode_own(index_.shape().own, index_.cache->lists[list].centroid, index_.centroid_codes(list),
                     centroid_.data());
    factors_ = list_encoder_.encode(row.rotated, centroid_.data());
  }
  return pg::call([this, list, &row] {
    CHECK_FOR_INTERRUPTS();
    const Place place = find_room(list);
    if (place.buffer == InvalidBuffer) return false;
    store(place, row);
    pg::test_point("append_row_stored");
    return true;
  });
}

uint32 free_lane(Page page, const ListShape &shape) {
  const PageInfo *info = page_info(page);
  if (info->state != PageState::open || info->live == shape.lanes()) return shape.lanes();
  if (info->used < shape.lanes()) return info->used;
  const RowId *rows = rows_of(page, shape);
  for (uint32 lane = 0; lane < info->used; ++lane)
    if (!rows[lane].is_valid()) return lane;
  return shape.lanes();
}

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
    const uint32 lane = free_lane(page, index_.shape());
    if (lane < index_.shape().lanes()) return {buffer, lane};
    if (info->state == PageState::open && info->live < index_.shape().lanes())
      pg::raise_corrupted(index_.relation, hint.tail, "a page of codes has no room that it counts");
    if (info->state == PageState::retired) {
      UnlockReleaseBuffer(buffer);
      return {InvalidBuffer, 0};
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
  const Buffer added = pg::new_page(index_.relation, is_free_page);
  pg::test_point("append_page_extended");
  const pg::PairChange change = pg::begin_pair(index_.relation, last, added, logging_, true);
  initialize_codes_page(change.pages[1], index_.shape(), index_.cache->lists[list].number);
  const uint32 position = page_info(change.pages[0])->position + 1;
  page_info(change.pages[1])->position = position;
  page_info(change.pages[0])->next = BufferGetBlockNumber(added);
  index_.cache->lists[list].tail = BufferGetBlockNumber(added);
  pg::finish_pair(change);
  pg::test_point("append_page_linked");
  note_pages(list, position + 1);
}

// Marks how long the list is by now. Only a hint: which lists are worth splitting.
void Appender::note_pages(uint32 list, uint32 pages) {
  const ListShape &shape = index_.shape();
  const uint32 number = index_.cache->lists[list].number;
  const Buffer buffer = read_directory_page(
      index_.relation, shape, index_.cache->directory[number / shape.entries_per_page()], BUFFER_LOCK_EXCLUSIVE);
  const uint32 place = number % shape.entries_per_page();
  if (place >= page_info(BufferGetPage(buffer))->used)
    pg::raise_corrupted(index_.relation, BufferGetBlockNumber(buffer), "a list in use has no entry");
  const pg::PageChange change = pg::begin_change(index_.relation, buffer, logging_);
  entry_at(change.page, shape, place)->pages = pages;
  pg::finish_change(change);
  pg::test_point("append_pages_noted");
}

void Appender::write_vector(Page page, uint32 lane, const CodedRow &row) const {
  const ListShape &shape = index_.shape();
  core::ScalarCode *vector = vector_at(page, shape, lane % shape.vectors);
  *vector = row.code;
  shape.own.pack_own(row.codes, vector_codes(vector));
}

// The lane and its vector in one record.
void Appender::store(const Place &place, const CodedRow &row) {
  if (index_.shape().vector_pages() > 0) {
    store_apart(place, row);
    return;
  }
  const pg::PageChange change = pg::begin_change(index_.relation, place.buffer, logging_);
  if (!index_.shape().has_codes()) write_vector(change.page, place.lane, row);
  write_lane(change.page, index_.shape(), place.lane, row.row, factors_, list_encoder_.levels());
  pg::finish_change(change);
}

// Only who holds a page of codes asks for its pages of vectors: no two writers wait for each other.
void Appender::store_apart(const Place &place, const CodedRow &row) {
  const ListShape &shape = index_.shape();
  const BlockNumber block = BufferGetBlockNumber(place.buffer);
  const uint32 vectors_page = place.lane / shape.vectors;
  const BlockNumber known = vector_blocks(BufferGetPage(place.buffer))[vectors_page];
  const bool fresh = known == InvalidBlockNumber;
  Buffer buffer;
  if (fresh) {
    buffer = pg::new_page(index_.relation, is_free_page);
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
  write_vector(change.pages[1], place.lane, row);
  write_lane(change.pages[0], shape, place.lane, row.row, factors_, list_encoder_.levels());
  pg::finish_pair(change);
}

void write_lane(Page page, const ListShape &shape, uint32 lane, RowId row, const core::ListFactors &factors,
                const uint8_t *levels) {
  if (shape.has_codes()) {
    const uint32 block = lane / simd::kBlockLanes;
    core::write_block_lane(shape.code, levels, lane % simd::kBlockLanes, block_codes(page, shape, block));
    float *add = add_factor(page, shape, lane);
    add[0] = factors.add;
    add[simd::kBlockLanes] = factors.rescale;
    add[2 * simd::kBlockLanes] = factors.error;
  }
  rows_of(page, shape)[lane] = row;
  PageInfo *info = page_info(page);
  ++info->live;
  if (lane == info->used) ++info->used;
}

}  // namespace quiver::ivfpq
