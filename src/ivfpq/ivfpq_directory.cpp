// How lists begin and end, and how an interrupted change is undone.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_directory.hpp"

#include "pg/test_points.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/indexfsm.h"
}

namespace quiver::ivfpq {

Directory::Directory(const OpenIndex &index, Relation heap, std::pmr::memory_resource *memory)
    : index_(index), heap_(heap), version_(index.meta.version), unused_(memory) {}

Buffer Directory::lock_page_of(uint32 number, int lock) {
  const ListShape &shape = index_.shape();
  const uint32 page = number / shape.entries_per_page();
  if (page >= index_.cache->directory.size())
    pg::raise_corrupted(index_.relation, kDirectoryBlock, "a list has no entry");
  const Buffer buffer = read_directory_page(index_.relation, shape, index_.cache->directory[page], lock);
  if (number % shape.entries_per_page() >= page_info(BufferGetPage(buffer))->used)
    pg::raise_corrupted(index_.relation, index_.cache->directory[page], "a list has no entry");
  return buffer;
}

ListEntry Directory::read_entry(uint32 number, uint8_t *codes) {
  const Buffer buffer = lock_page_of(number, BUFFER_LOCK_SHARE);
  ListEntry *entry = entry_at(BufferGetPage(buffer), index_.shape(), number % index_.shape().entries_per_page());
  const ListEntry copy = *entry;
  if (codes != nullptr) index_.shape().own.unpack_own(centroid_bytes(entry), codes);
  UnlockReleaseBuffer(buffer);
  return copy;
}

void Directory::collect(std::pmr::vector<Listed> *lists) {
  const ListShape &shape = index_.shape();
  for (uint32 page = 0; page < index_.cache->directory.size(); ++page) {
    CHECK_FOR_INTERRUPTS();
    const uint32 first = page * shape.entries_per_page();
    const Buffer buffer = lock_page_of(first, BUFFER_LOCK_SHARE);
    for (uint32 place = 0; place < page_info(BufferGetPage(buffer))->used; ++place) {
      const ListEntry *entry = entry_at(BufferGetPage(buffer), shape, place);
      if (entry->counts(version_))
        lists->push_back({first + place, entry->head, Max(entry->pages, 1), entry->settled, entry->is_sparse});
    }
    UnlockReleaseBuffer(buffer);
  }
}

void Directory::tidy() {
  const ListShape &shape = index_.shape();
  PGAlignedBlock copy;
  unused_.clear();
  for (uint32 page = 0; page < index_.cache->directory.size(); ++page) {
    CHECK_FOR_INTERRUPTS();
    const uint32 first = page * shape.entries_per_page();
    const Buffer buffer = lock_page_of(first, BUFFER_LOCK_SHARE);
    memcpy(copy.data, BufferGetPage(buffer), BLCKSZ);
    UnlockReleaseBuffer(buffer);
    for (uint32 place = 0; place < page_info(copy.data)->used; ++place)
      tidy_entry(first + place, *entry_at(copy.data, shape, place));
  }
}

void Directory::tidy_entry(uint32 number, const ListEntry &entry) {
  if (entry.state == EntryState::unused) {
    unused_.push_back(number);
  } else if (entry.is_pending(version_) && entry.state == EntryState::arriving) {
    free_chain(number);
  } else if (entry.is_pending(version_)) {
    reopen_chain(entry.head, number);
    change_entry(number, [](ListEntry *changed) { changed->state = EntryState::live; });
  } else if (entry.has_left(version_) && entry.retired_at == 0) {
    stamp(number);
  } else if (entry.has_left(version_)) {
    const FullTransactionId horizon = FullTransactionIdFromU64(entry.retired_at);
    if (!compat::is_removable_for_all(heap_, horizon)) return;
    if (RelationNeedsWAL(index_.relation) && XLogStandbyInfoActive())
      compat::log_page_reuse(index_.relation, heap_, entry.head, horizon);
    free_chain(number);
  }
}

// Pages that were closed for a copy take rows again.
void Directory::reopen_chain(BlockNumber head, uint32 number) {
  BlockNumber steps = 0;
  for (BlockNumber block = head; block != InvalidBlockNumber;) {
    CHECK_FOR_INTERRUPTS();
    const Buffer buffer = pin_page(index_, block);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    check_codes_of(index_, buffer, number);
    const PageInfo *info = page_info(BufferGetPage(buffer));
    block = info->next;
    if (info->state == PageState::closed) {
      const pg::PageChange change = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
      page_info(change.page)->state = PageState::open;
      pg::finish_change(change);
      pg::test_point("maintain_page_opened");
    } else {
      UnlockReleaseBuffer(buffer);
    }
    if (++steps > RelationGetNumberOfBlocks(index_.relation))
      pg::raise_corrupted(index_.relation, head, "the pages of a list lead in a circle");
  }
}

void Directory::note_free(BlockNumber block) {
  RecordFreeIndexPage(index_.relation, block);
  ++freed_pages_;
}

// From the head on, which moves along: whatever interrupts it leaves a shorter chain. The place is unused at its end.
void Directory::free_chain(uint32 number) {
  const uint32 place = number % index_.shape().entries_per_page();
  for (bool is_done = false; !is_done;) {
    compat::vacuum_delay();
    const BlockNumber block = read_entry(number, nullptr).head;
    const Buffer codes = pin_page(index_, block);
    LockBuffer(codes, BUFFER_LOCK_EXCLUSIVE);
    check_codes_of(index_, codes, number);
    const BlockNumber next = page_info(BufferGetPage(codes))->next;
    is_done = next == InvalidBlockNumber;
    free_vectors(codes, block);
    const Buffer entries = lock_page_of(number, BUFFER_LOCK_EXCLUSIVE);
    pg::SetChange change = pg::begin_set(index_.relation);
    ListEntry *entry = entry_at(pg::add_to_set(&change, entries), index_.shape(), place);
    entry->head = next;
    if (is_done) entry->state = EntryState::unused;
    initialize_free_page(pg::add_to_set(&change, codes, true));
    pg::finish_set(change);
    note_free(block);
    pg::test_point("maintain_page_freed");
  }
  unused_.push_back(number);
}

// The pages of vectors of a page of codes that is exclusively locked.
void Directory::free_vectors(Buffer codes, BlockNumber block) {
  for (uint32 i = 0; i < index_.shape().vector_pages(); ++i) {
    const BlockNumber vectors = vector_blocks(BufferGetPage(codes))[i];
    if (vectors == InvalidBlockNumber) continue;
    const Buffer buffer = pin_page(index_, vectors);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    check_vectors(index_, buffer, block);
    pg::SetChange change = pg::begin_set(index_.relation);
    vector_blocks(pg::add_to_set(&change, codes))[i] = InvalidBlockNumber;
    initialize_free_page(pg::add_to_set(&change, buffer, true));
    GenericXLogFinish(change.state);  // the page of codes stays locked
    UnlockReleaseBuffer(buffer);
    note_free(vectors);
    pg::test_point("maintain_vectors_freed");
  }
}

Directory::Listed Directory::begin_list(const core::ScalarCode &centroid, const uint8_t *codes, uint16 group) {
  const ListShape &shape = index_.shape();
  auto &directory = index_.cache->directory;
  const Buffer head = pg::new_page(index_.relation, is_free_page);
  Buffer entries, before = InvalidBuffer;
  uint32 number;
  if (!unused_.empty()) {
    number = unused_.back();
    entries = lock_page_of(number, BUFFER_LOCK_EXCLUSIVE);
    unused_.pop_back();
  } else {
    entries = read_directory_page(index_.relation, shape, directory.back(), BUFFER_LOCK_EXCLUSIVE);
    number =
        static_cast<uint32>(directory.size() - 1) * shape.entries_per_page() + page_info(BufferGetPage(entries))->used;
    if (page_info(BufferGetPage(entries))->used == shape.entries_per_page()) {
      before = entries;
      entries = pg::new_page(index_.relation, is_free_page);
      directory.push_back(BufferGetBlockNumber(entries));
    }
  }
  pg::SetChange change = pg::begin_set(index_.relation);
  if (before != InvalidBuffer) page_info(pg::add_to_set(&change, before))->next = BufferGetBlockNumber(entries);
  const Page page = pg::add_to_set(&change, entries, before != InvalidBuffer);
  if (before != InvalidBuffer) initialize_directory_page(page, shape);
  const uint32 place = number % shape.entries_per_page();
  PageInfo *info = page_info(page);
  info->used = Max(info->used, static_cast<uint16>(place + 1));
  ListEntry *entry = entry_at(page, shape, place);
  *entry = {BufferGetBlockNumber(head), version_ + 1, 0, 1, 0, EntryState::arriving, false, group, centroid};
  shape.own.pack_own(codes, centroid_bytes(entry));
  initialize_codes_page(pg::add_to_set(&change, head, true), shape, number);
  const BlockNumber block = BufferGetBlockNumber(head);
  pg::finish_set(change);
  pg::test_point("split_list_begun");
  return {number, block, 1, 0, false};
}

void Directory::end_list(uint32 number) {
  change_entry(number, [this](ListEntry *entry) {
    entry->state = EntryState::leaving;
    entry->version = version_ + 1;
    entry->retired_at = 0;
  });
  pg::test_point("split_list_ended");
}

// Writers hold a page of codes and then ask for no other of these.
void Directory::switch_version(const Buffer *last_pages, int count, int32 more) {
  const Buffer meta = ReadBuffer(index_.relation, kMetaBlock);
  LockBuffer(meta, BUFFER_LOCK_EXCLUSIVE);
  pg::SetChange change = pg::begin_set(index_.relation);
  for (int i = 0; i < count; ++i) page_info(pg::add_to_set(&change, last_pages[i]))->state = PageState::retired;
  MetaPage *changed = meta_of(pg::add_to_set(&change, meta));
  changed->version = ++version_;
  changed->lists = static_cast<uint32>(static_cast<int64>(changed->lists) + more);
  pg::finish_set(change);
  pg::test_point("split_switched");
}

// Whoever reads the list has looked up the directory before the switch, with a snapshot that is older still.
void Directory::stamp(uint32 number) {
  const uint64 next = U64FromFullTransactionId(ReadNextFullTransactionId());
  change_entry(number, [next](ListEntry *entry) { entry->retired_at = next; });
  pg::test_point("split_stamped");
}

}  // namespace quiver::ivfpq
