// All page traffic of quiver's indexes: read through remembered buffer ids, extend, change under WAL, check.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace quiver::pg {

// The last bytes of every page, where core's access methods keep theirs too: the page id comes last.
struct PageTail {
  uint32 unused[2];
  uint32 index_magic;  // which access method and format
  uint16 unused2;
  uint16 page_id;
};
static_assert(sizeof(PageTail) == 16);
inline constexpr uint16 kPageId = 0xFF9A;

inline PageTail *page_tail(Page page) { return reinterpret_cast<PageTail *>(PageGetSpecialPointer(page)); }

// Starts an empty page of an index. `lower`: end of the bytes in use, from the start of the page; generic WAL zeroes
// what lies between it and the tail.
void initialize_page(Page page, uint32 index_magic, Size lower);

// Raises ERRCODE_INDEX_CORRUPTED unless the page has a standard header, this tail and no impossible bounds. A page of
// zeros (a crash came between extension and the first record) is legal: returns false for it.
bool check_page(Relation index, Buffer buffer, uint32 index_magic);

// The one error for a damaged index: names index, block and the way out. `what`: a lower-case clause without newline.
[[noreturn]] void raise_corrupted(Relation index, BlockNumber block, const char *what);

// Remembers, per backend and index, which buffer held a block, so that a visit skips the shared hash table. Plain data
// in a context that outlives the scan; stale entries are harmless because the buffer manager checks the tag.
struct BufferHints {
  Buffer *buffers;
  BlockNumber capacity;
  uint32 reads;  // every 16th goes through the hash table, so that pages read only by hint stay warm
};

// quiver.hint_memory: how much a backend may spend on remembered buffer ids, all indexes together.
extern int hint_memory_kilobytes;
void define_page_settings();

// Grows the array to the relation's present length, within quiver.hint_memory for the whole backend. The old array
// stays until `context` goes: a scan further up the stack may hold it.
void grow_hints(Relation index, MemoryContext context, BufferHints *hints);
// No longer counts them. The memory is the context's.
void forget_hints(const BufferHints *hints);

// Pins a block.
Buffer read_block(Relation index, BlockNumber block, BufferHints *hints);

// Asks the processor for the lines that read_block and check_page will touch, and for bytes from `offset` on, where the
// block's buffer is remembered. REQUIRES: offset + bytes <= BLCKSZ. Nothing for InvalidBlockNumber.
void expect_block(const BufferHints &hints, BlockNumber block, Size offset, Size bytes);
// Asks the operating system for a block whose buffer is not remembered.
void fetch_early(Relation index, const BufferHints &hints, BlockNumber block);

// Appends a block: pinned and exclusively locked, all zero.
Buffer extend(Relation index);

// Whether a change writes WAL now, or the whole file is logged at the end of CREATE INDEX.
enum class Logging { each_change, at_end_of_build };

// A change of one page: the buffer is exclusively locked, `page` is where to write. Nothing is visible, and an error
// leaves nothing behind, before finish_change.
struct PageChange {
  GenericXLogState *state;
  Buffer buffer;
  Page page;
};

// REQUIRES: `buffer` exclusively locked. `fresh`: the page is new, log all of it.
PageChange begin_change(Relation index, Buffer buffer, Logging logging, bool fresh = false);

// Makes the change, then unlocks and unpins.
void finish_change(const PageChange &change);

// Pins and locks a page for new contents: one that the free space map names and `is_free` confirms, or one more. Busy
// pages are passed over.
Buffer new_page(Relation index, bool (*is_free)(Page page));

// A change of two pages in one record. Both may be the same page.
struct PairChange {
  GenericXLogState *state;
  Buffer buffers[2];
  Page pages[2];
};

// Locks both exclusively, the lower block first, and starts the change. REQUIRES: both pinned, none locked; when both
// are the same block, pinned twice. cancel_pair unlocks and unpins without a change.
void lock_pair(Buffer first, Buffer second);
// `fresh`: the second page is new, log all of it.
PairChange begin_pair(Relation index, Buffer first, Buffer second, Logging logging, bool fresh = false);
void finish_pair(const PairChange &change);
void cancel_pair(Buffer first, Buffer second);

// A change of up to four pages in one record, always logged.
struct SetChange {
  GenericXLogState *state;
  Buffer buffers[MAX_GENERIC_XLOG_PAGES];
  int count;
};
SetChange begin_set(Relation index);
// REQUIRES: `buffer` exclusively locked, none of the set yet. Returns where to write.
Page add_to_set(SetChange *change, Buffer buffer, bool fresh = false);
// Makes the change, then unlocks and unpins all.
void finish_set(const SetChange &change);

}  // namespace quiver::pg
