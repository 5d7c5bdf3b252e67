// Changes of the directory: places for lists, lists that begin and end together, the pages of those that ended.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "ivfpq/ivfpq_index.hpp"

namespace quiver::ivfpq {

// For whoever holds the lock on the table that VACUUM takes: there is one at a time. Lives in a context; its functions
// raise server errors.
class Directory {
 public:
  // `heap`: whose snapshots decide when pages may be used again.
  Directory(const OpenIndex &index, Relation heap, std::pmr::memory_resource *memory);

  // What a list is like by its entry.
  struct Listed {
    uint32 number;
    BlockNumber head;
    uint32 pages, settled;
    bool is_sparse;
  };

  // Undoes what an interrupted change left, and frees the pages of lists that nobody can be reading any more.
  void tidy();
  // The lists in use.
  void collect(std::pmr::vector<Listed> *lists);

  // A list that counts from the next version on: its entry and its empty first page, in one record. `centroid`:
  // unpacked.
  Listed begin_list(const core::ScalarCode &centroid, const uint8_t *codes, uint16 group);
  // A list that no longer counts from the next version on.
  void end_list(uint32 number);
  // The next version, in one record that retires the last pages of the lists that end. REQUIRES: these exclusively
  // locked; releases them. `more`: lists that begin less those that end.
  void switch_version(const Buffer *last_pages, int count, int32 more);
  // After the switch: from when on nobody new reads the list.
  void stamp(uint32 number);

  // Changes an entry in one record of its page.
  template <class Change>
  void change_entry(uint32 number, Change &&change) {
    const Buffer buffer = lock_page_of(number, BUFFER_LOCK_EXCLUSIVE);
    const pg::PageChange page = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
    change(entry_at(page.page, index_.shape(), number % index_.shape().entries_per_page()));
    pg::finish_change(page);
  }
  // A copy of an entry; its centroid, unpacked, unless null.
  ListEntry read_entry(uint32 number, uint8_t *codes);

  uint32 version() const { return version_; }
  uint64 freed_pages() const { return freed_pages_; }

 private:
  Buffer lock_page_of(uint32 number, int lock);
  void tidy_entry(uint32 number, const ListEntry &entry);
  void reopen_chain(BlockNumber head, uint32 number);
  void free_chain(uint32 number);
  void free_vectors(Buffer codes, BlockNumber block);
  void note_free(BlockNumber block);

  const OpenIndex &index_;
  Relation heap_;
  uint32 version_;
  uint64 freed_pages_ = 0;
  std::pmr::vector<uint32> unused_;  // places
};

}  // namespace quiver::ivfpq
