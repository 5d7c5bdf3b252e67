// The checks within an index of lists, and its comparison with the table.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pg/boundary.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace quiver::ivfpq {

ListCheck::ListCheck(const OpenIndex &index, Findings *findings, std::pmr::memory_resource *memory)
    : index_(index),
      findings_(findings),
      blocks_(RelationGetNumberOfBlocks(index.relation)),
      claimed_(blocks_, 0, memory),
      rows_(memory),
      ops_(types::index_ops_for(index.relation)),
      encoder_(index.shape().own, index.meta.metric, index.cache->rotation, memory),
      codes_(index.meta.dimensions, memory),
      row_context_(AllocSetContextCreate(CurrentMemoryContext, "ivfpq check row", ALLOCSET_DEFAULT_SIZES)) {}

void ListCheck::run() {
  claimed_[kMetaBlock] = 1;
  check_directory();
  check_codebook();
  for (uint32 list = 0; list < index_.cache->lists.size(); ++list) check_list(list);
  check_rows();
  check_unclaimed();
}

// Copies a page. False, and reported, when it is not one of ours.
bool ListCheck::copy_page(BlockNumber block, PGAlignedBlock *copy) {
  CHECK_FOR_INTERRUPTS();
  const Buffer buffer = ReadBufferExtended(index_.relation, MAIN_FORKNUM, block, RBM_NORMAL, nullptr);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  memcpy(copy->data, BufferGetPage(buffer), BLCKSZ);
  UnlockReleaseBuffer(buffer);
  const Page page = copy->data;
  const auto *header = reinterpret_cast<PageHeader>(page);
  const bool ours = !PageIsNew(page) && header->pd_special == BLCKSZ - sizeof(pg::PageTail) &&
                    header->pd_lower <= header->pd_upper && header->pd_upper <= header->pd_special &&
                    pg::page_tail(page)->page_id == pg::kPageId && pg::page_tail(page)->index_magic == kIndexMagic;
  if (!ours) findings_->add(kPageIsWellFormed, true, block, -1, "the page has an impossible header or tail");
  return ours;
}

// Notes that a link leads to a block; a second one is a fault. Pages are added while the check runs.
void ListCheck::claim(BlockNumber block, Invariant invariant, BlockNumber from) {
  if (block >= claimed_.size()) return;
  if (claimed_[block] != 0) findings_->add(invariant, true, from, -1, "block %u is linked to a second time", block);
  claimed_[block] = 1;
}

void ListCheck::check_directory() {
  BlockNumber block = kDirectoryBlock;
  uint32 first = 0;
  for (BlockNumber steps = 0; block < blocks_ && steps < blocks_; ++steps) {
    claim(block, kPageIsWellFormed, block);
    if (!copy_page(block, &directory_page_)) return;
    const uint32 used = std::min<uint32>(page_info(directory_page_.data)->used, index_.shape().entries_per_page());
    for (uint32 place = 0; place < used; ++place)
      check_entry(block, place, first + place, *entry_at(directory_page_.data, index_.shape(), place));
    first += used;
    block = page_info(directory_page_.data)->next;
  }
}

// What could be read was complete, or the index would not be open.
void ListCheck::check_codebook() {
  const core::ProductBook *book = index_.book();
  if (book == nullptr) return;
  uint32 number = 0;
  for (BlockNumber block = index_.meta.codebook; block < blocks_; ++number) {
    claim(block, kWordsAreWhole, kMetaBlock);
    if (!copy_page(block, &page_)) return;
    const PageInfo *info = page_info(page_.data);
    if (info->kind != PageKind::codebook || info->position != number) {
      findings_->add(kWordsAreWhole, true, block, -1, "a page of kind %d at place %u of the words, %u expected",
                     static_cast<int>(info->kind), info->position, number);
      return;
    }
    block = info->next;
  }
  bool sane = std::isfinite(book->error_ratio) && book->error_ratio > 0.0f;
  for (const auto *part : {&book->origin, &book->weights, &book->words, &book->rotation})
    sane = sane && std::all_of(part->begin(), part->end(), [](float value) { return std::isfinite(value); });
  sane = sane && std::all_of(book->weights.begin(), book->weights.end(), [](float weight) { return weight > 0.0f; });
  if (!sane)
    findings_->add(kWordsAreWhole, true, index_.meta.codebook, -1, "words, weights or rotation are not numbers");
}

// Of a list that is not in use: one that others replaced, or that an interrupted change began.
void ListCheck::check_entry(BlockNumber block, uint32 place, uint32 number, const ListEntry &entry) {
  if (entry.state > EntryState::unused)
    findings_->add(kEntryIsValid, true, block, static_cast<int>(place), "an entry of state %d",
                   static_cast<int>(entry.state));
  if (entry.state >= EntryState::unused || entry.counts(index_.cache->version)) return;
  BlockNumber from = block;
  for (BlockNumber page = entry.head; page != InvalidBlockNumber;) {
    if (page >= blocks_ || claimed_[page] != 0) {
      findings_->add(kEntryIsValid, true, from, -1, "list %u, not in use, leads to block %u", number, page);
      return;
    }
    claim(page, kEntryIsValid, from);
    from = page;
    if (!copy_page(page, &page_)) return;
    const PageInfo *info = page_info(page_.data);
    if (info->kind != PageKind::codes || info->list != number) {
      findings_->add(kEntryIsValid, true, page, -1, "a page of kind %d of list %u in list %u, not in use",
                     static_cast<int>(info->kind), info->list, number);
      return;
    }
    for (uint32 i = 0; i < index_.shape().vector_pages(); ++i)
      if (vector_blocks(page_.data)[i] != InvalidBlockNumber) claim(vector_blocks(page_.data)[i], kEntryIsValid, page);
    page = info->next;
  }
}

void ListCheck::check_list(uint32 list) {
  BlockNumber block = index_.cache->lists[list].head;
  for (BlockNumber from = kDirectoryBlock; block != InvalidBlockNumber;) {
    if (block >= RelationGetNumberOfBlocks(index_.relation)) {
      findings_->add(kChainBelongsToList, true, from, -1, "list %u leads beyond the end of the index", list);
      return;
    }
    if (block < claimed_.size() && claimed_[block] != 0) {
      findings_->add(kChainBelongsToList, true, from, -1, "list %u leads to block %u, which belongs elsewhere", list,
                     block);
      return;
    }
    claim(block, kChainBelongsToList, from);
    from = block;
    if (!check_codes_page(list, block, &block)) return;
  }
}

// False when the list cannot be followed further.
bool ListCheck::check_codes_page(uint32 list, BlockNumber block, BlockNumber *next) {
  if (!copy_page(block, &page_)) return false;
  const ListShape &shape = index_.shape();
  const PageInfo *info = page_info(page_.data);
  const uint32 number = index_.cache->lists[list].number;
  if (info->kind != PageKind::codes || info->list != number) {
    findings_->add(kChainBelongsToList, true, block, -1, "a page of kind %d of list %u in list %u",
                   static_cast<int>(info->kind), info->list, number);
    return false;
  }
  if (info->state >= PageState::retired)
    findings_->add(kChainBelongsToList, true, block, -1, "the end of a list that was replaced, in list %u", number);
  *next = info->next;
  if (info->used > shape.lanes()) {
    findings_->add(kCountsAgree, true, block, -1, "%d lanes in use of %u", info->used, shape.lanes());
    return true;
  }
  uint32 live = 0;
  for (uint32 lane = 0; lane < shape.lanes(); ++lane) {
    const RowId row = rows_of(page_.data, shape)[lane];
    const bool is_far =
        shape.has_codes() && *add_factor(page_.data, shape, lane) == std::numeric_limits<float>::infinity();
    if (shape.has_codes() && row.is_valid() == is_far)
      findings_->add(kEmptyLaneIsFar, true, block, static_cast<int>(lane),
                     is_far ? "a lane with a row is infinitely far" : "a lane without a row is not infinitely far");
    if (!row.is_valid()) continue;
    if (lane >= info->used)
      findings_->add(kCountsAgree, true, block, static_cast<int>(lane), "a row beyond the lanes in use");
    ++live;
    rows_.push_back({row_key(row), block, lane, vectors_block(page_.data, block, shape, lane)});
  }
  if (live != info->live)
    findings_->add(kCountsAgree, true, block, -1, "the page counts %d rows, %u are there", info->live, live);
  check_vector_pages(block);
  return true;
}

// Of the page of codes copied last.
void ListCheck::check_vector_pages(BlockNumber block) {
  const ListShape &shape = index_.shape();
  const uint32 used = page_info(page_.data)->used;
  for (uint32 i = 0; i < shape.vector_pages(); ++i) {
    const BlockNumber vectors = vector_blocks(page_.data)[i];
    const bool is_needed = i * shape.vectors < used;
    if ((vectors != InvalidBlockNumber) != is_needed ||
        (is_needed && vectors >= RelationGetNumberOfBlocks(index_.relation))) {
      findings_->add(kVectorsBelongToPage, true, block, static_cast<int>(i), "page %u of its vectors is block %u", i,
                     vectors);
      continue;
    }
    if (!is_needed) continue;
    claim(vectors, kVectorsBelongToPage, block);
    if (!copy_page(vectors, &other_)) continue;
    const PageInfo *info = page_info(other_.data);
    if (info->kind != PageKind::vectors || info->owner != block)
      findings_->add(kVectorsBelongToPage, true, vectors, -1, "a page of kind %d with owner %u, expected of %u",
                     static_cast<int>(info->kind), info->owner, block);
  }
}

void ListCheck::check_rows() {
  std::sort(rows_.begin(), rows_.end());
  for (size_t i = 1; i < rows_.size(); ++i)
    if (rows_[i].key == rows_[i - 1].key)
      findings_->add(kRowIsInOneLane, true, rows_[i].block, static_cast<int>(rows_[i].lane),
                     "row (%u,%u) is also stored in block %u", static_cast<unsigned>(rows_[i].key >> 16),
                     static_cast<unsigned>(rows_[i].key & 0xffff), rows_[i - 1].block);
}

// A crash between an extension and its first record leaves a page of zeros.
void ListCheck::check_unclaimed() {
  for (BlockNumber block = 0; block < claimed_.size(); ++block) {
    if (claimed_[block] != 0 || is_free(block)) continue;
    findings_->add(kPageIsReferenced, false, block, -1, "nothing leads to the page: lost space, or added just now");
  }
}

bool ListCheck::is_free(BlockNumber block) {
  CHECK_FOR_INTERRUPTS();
  const Buffer buffer = ReadBufferExtended(index_.relation, MAIN_FORKNUM, block, RBM_NORMAL, nullptr);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const bool result = is_free_page(BufferGetPage(buffer));
  UnlockReleaseBuffer(buffer);
  return result;
}

void ListCheck::compare_row(RowId row, Datum value) {
  const core::VectorView vector = ops_.type->view(value);
  check_vector(index_, vector);
  if (!encoder_.encode(vector)) return;  // no direction: not indexed
  const StoredRow wanted{row_key(row), 0, 0, 0};
  const auto found = std::lower_bound(rows_.begin(), rows_.end(), wanted);
  const auto heap_block = static_cast<unsigned>((uint32{row.block_high} << 16) | row.block_low);
  if (found == rows_.end() || found->key != wanted.key) {
    findings_->add(kEveryRowIsIndexed, true, kMetaBlock, -1, "the index lacks row (%u,%u)", heap_block, row.position);
    return;
  }
  if (!index_.shape().has_vectors()) return;
  if (found->vectors >= RelationGetNumberOfBlocks(index_.relation) || !copy_page(found->vectors, &other_)) return;
  const ListShape &shape = index_.shape();
  core::ScalarCode *stored = vector_at(other_.data, shape, found->lane % shape.vectors);
  shape.own.unpack_own(vector_codes(stored), codes_.data());
  const double distance = encoder_.distance_to(*stored, codes_.data());
  // Another machine may have rotated the vector with other roundings.
  const double slack = index_.cache->rotation.relative_error() * std::sqrt(static_cast<double>(stored->squared_norm));
  // Of lengths that overflow binary32 nothing is known.
  if (static_cast<double>(stored->error) + slack >= distance || stored->error == std::numeric_limits<float>::infinity())
    return;
  findings_->add(kErrorCoversRow, true, found->vectors, static_cast<int>(found->lane % shape.vectors),
                 "row (%u,%u) is %g away from its vector, which allows %g", heap_block, row.position, distance,
                 static_cast<double>(stored->error));
}

void ListCheck::heap_row(Relation, ItemPointer tid, Datum *values, bool *nulls, bool, void *check) {
  if (nulls[0]) return;
  auto *self = static_cast<ListCheck *>(check);
  pg::enter([=] {
    const MemoryContext caller = MemoryContextSwitchTo(self->row_context_);
    self->compare_row(row_id(*tid), values[0]);
    MemoryContextSwitchTo(caller);
    MemoryContextReset(self->row_context_);
  });
}

void ListCheck::compare_with_heap(Relation heap, Snapshot snapshot) {
  types::read_indexed_rows(index_.relation, heap, snapshot, heap_row, this);
}

void check_index(Relation index, Relation heap, Snapshot snapshot, Findings *findings) {
  const MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ivfpq check", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext caller = MemoryContextSwitchTo(context);
  auto *opened = static_cast<OpenIndex *>(palloc(sizeof(OpenIndex)));
  open_index(index, opened);
  auto *memory = pg::make<pg::ContextResource>(context, context);
  auto *check = pg::make<ListCheck>(context, *opened, findings, memory);
  check->run();
  if (heap != nullptr) check->compare_with_heap(heap, snapshot);
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(context);
}

}  // namespace quiver::ivfpq
