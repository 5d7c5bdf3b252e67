// Reading, extending and changing pages.
// SPDX-License-Identifier: PostgreSQL
#include "pg/pages.hpp"

#include <utility>

#include "pg/compat.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/buf_internals.h"
#include "storage/indexfsm.h"
#include "utils/guc.h"
}

namespace quiver::pg {

namespace {

constexpr uint32 kReadsPerTouch = 16;
constexpr int kDefaultHintMemory = 64 * 1024;  // kilobytes

}  // namespace

int hint_memory_kilobytes = kDefaultHintMemory;

void define_page_settings() {
  DefineCustomIntVariable("quiver.hint_memory", "Sets the memory for remembered buffer ids, for each session.",
                          "Searches skip the shared buffer table for index pages whose buffers are remembered.",
                          &hint_memory_kilobytes, kDefaultHintMemory, 0, MAX_KILOBYTES, PGC_USERSET,
                          GUC_UNIT_KB | GUC_EXPLAIN, nullptr, nullptr, nullptr);
}

void initialize_page(Page page, uint32 index_magic, Size lower) {
  PageInit(page, BLCKSZ, sizeof(PageTail));
  reinterpret_cast<PageHeader>(page)->pd_lower = static_cast<LocationIndex>(lower);
  PageTail *tail = page_tail(page);
  tail->index_magic = index_magic;
  tail->page_id = kPageId;
}

bool check_page(Relation index, Buffer buffer, uint32 index_magic) {
  const Page page = BufferGetPage(buffer);
  if (PageIsNew(page)) return false;
  const auto *header = reinterpret_cast<PageHeader>(page);
  if (header->pd_special != BLCKSZ - sizeof(PageTail) || header->pd_lower < SizeOfPageHeaderData ||
      header->pd_lower > header->pd_upper || header->pd_upper > header->pd_special)
    raise_corrupted(index, BufferGetBlockNumber(buffer), "impossible page header");
  const PageTail *tail = page_tail(page);
  if (tail->page_id != kPageId || tail->index_magic != index_magic)
    raise_corrupted(index, BufferGetBlockNumber(buffer), "page of another kind");
  return true;
}

void raise_corrupted(Relation index, BlockNumber block, const char *what) {
  ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                  errmsg("index \"%s\" is corrupted at block %u: %s", RelationGetRelationName(index), block, what),
                  errhint("Please REINDEX it.")));
  pg_unreachable();
}

Buffer read_block(Relation index, BlockNumber block, BufferHints *hints) {
  if (hints == nullptr || block >= hints->capacity) return ReadBuffer(index, block);
  Buffer &hint = hints->buffers[block];
  if (hint != InvalidBuffer && ++hints->reads % kReadsPerTouch != 0 &&
      ReadRecentBuffer(compat::locator(index), MAIN_FORKNUM, block, hint))
    return hint;
  hint = ReadBuffer(index, block);
  return hint;
}

void expect_block(const BufferHints &hints, BlockNumber block, Size offset, Size bytes) {
  constexpr Size kLine = 64;
  if (block >= hints.capacity || hints.buffers[block] <= 0) return;
  const Buffer buffer = hints.buffers[block];
  __builtin_prefetch(GetBufferDescriptor(buffer - 1));
  const char *page = BufferGetPage(buffer);
  __builtin_prefetch(page);
  __builtin_prefetch(page + BLCKSZ - sizeof(PageTail));
  for (Size at = offset / kLine * kLine; at < offset + bytes; at += kLine) __builtin_prefetch(page + at);
}

void fetch_early(Relation index, const BufferHints &hints, BlockNumber block) {
  if (block < hints.capacity && hints.buffers[block] == InvalidBuffer) PrefetchBuffer(index, MAIN_FORKNUM, block);
}

namespace {

Size hint_bytes_in_use = 0;

}  // namespace

void grow_hints(Relation index, MemoryContext context, BufferHints *hints) {
  const BlockNumber blocks = RelationGetNumberOfBlocks(index);
  if (blocks <= hints->capacity) return;
  const Size capacity = static_cast<Size>(blocks) + blocks / 4 + 64;
  const Size limit = static_cast<Size>(hint_memory_kilobytes) * 1024;
  const Size more = (capacity - hints->capacity) * sizeof(Buffer);
  if (hint_bytes_in_use + more > limit) return;
  auto *buffers = static_cast<Buffer *>(
      MemoryContextAllocExtended(context, capacity * sizeof(Buffer), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
  if (hints->capacity > 0) memcpy(buffers, hints->buffers, hints->capacity * sizeof(Buffer));
  hint_bytes_in_use += more;
  hints->buffers = buffers;
  hints->capacity = static_cast<BlockNumber>(capacity);
}

void forget_hints(const BufferHints *hints) { hint_bytes_in_use -= hints->capacity * sizeof(Buffer); }

Buffer new_page(Relation index, bool (*is_free)(Page page)) {
  for (;;) {
    const BlockNumber block = GetFreeIndexPage(index);
    if (block == InvalidBlockNumber || block >= RelationGetNumberOfBlocks(index)) return extend(index);
    const Buffer buffer = ReadBuffer(index, block);
    if (ConditionalLockBuffer(buffer)) {
      if (PageIsNew(BufferGetPage(buffer)) || is_free(BufferGetPage(buffer))) return buffer;
      LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
    }
    ReleaseBuffer(buffer);
  }
}

Buffer extend(Relation index) { return compat::extend_locked(index, MAIN_FORKNUM); }

PageChange begin_change(Relation index, Buffer buffer, Logging logging, bool fresh) {
  if (logging == Logging::at_end_of_build) return {nullptr, buffer, BufferGetPage(buffer)};
  GenericXLogState *state = GenericXLogStart(index);
  return {state, buffer, GenericXLogRegisterBuffer(state, buffer, fresh ? GENERIC_XLOG_FULL_IMAGE : 0)};
}

void finish_change(const PageChange &change) {
  if (change.state != nullptr)
    GenericXLogFinish(change.state);
  else
    MarkBufferDirty(change.buffer);
  UnlockReleaseBuffer(change.buffer);
}

void lock_pair(Buffer first, Buffer second) {
  if (BufferGetBlockNumber(second) < BufferGetBlockNumber(first)) std::swap(first, second);
  LockBuffer(first, BUFFER_LOCK_EXCLUSIVE);
  if (second != first) LockBuffer(second, BUFFER_LOCK_EXCLUSIVE);
}

PairChange begin_pair(Relation index, Buffer first, Buffer second, Logging logging, bool fresh) {
  if (logging == Logging::at_end_of_build)
    return {nullptr, {first, second}, {BufferGetPage(first), BufferGetPage(second)}};
  GenericXLogState *state = GenericXLogStart(index);
  const Page first_page = GenericXLogRegisterBuffer(state, first, 0);
  const Page second_page =
      second == first ? first_page : GenericXLogRegisterBuffer(state, second, fresh ? GENERIC_XLOG_FULL_IMAGE : 0);
  return {state, {first, second}, {first_page, second_page}};
}

void finish_pair(const PairChange &change) {
  if (change.state != nullptr) {
    GenericXLogFinish(change.state);
  } else {
    MarkBufferDirty(change.buffers[0]);
    MarkBufferDirty(change.buffers[1]);
  }
  cancel_pair(change.buffers[0], change.buffers[1]);
}

void cancel_pair(Buffer first, Buffer second) {
  LockBuffer(first, BUFFER_LOCK_UNLOCK);
  if (second != first) LockBuffer(second, BUFFER_LOCK_UNLOCK);
  ReleaseBuffer(first);
  ReleaseBuffer(second);
}

SetChange begin_set(Relation index) { return {GenericXLogStart(index), {}, 0}; }

Page add_to_set(SetChange *change, Buffer buffer, bool fresh) {
  Assert(change->count < MAX_GENERIC_XLOG_PAGES);
  change->buffers[change->count++] = buffer;
  return GenericXLogRegisterBuffer(change->state, buffer, fresh ? GENERIC_XLOG_FULL_IMAGE : 0);
}

void finish_set(const SetChange &change) {
  GenericXLogFinish(change.state);
  for (int i = 0; i < change.count; ++i) UnlockReleaseBuffer(change.buffers[i]);
}

}  // namespace quiver::pg
