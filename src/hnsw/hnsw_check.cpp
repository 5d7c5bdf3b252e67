// The checks within the index.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_check.hpp"

#include <algorithm>

#include "pg/page_stream.hpp"

extern "C" {
#include "access/transam.h"
}

namespace quiver::hnsw {

namespace {

constexpr uint8_t kNoSlot = 0xff;

}  // namespace

IndexCheck::IndexCheck(const OpenIndex &index, Findings *findings, std::pmr::memory_resource *memory)
    : index_(index),
      findings_(findings),
      blocks_(RelationGetNumberOfBlocks(index.relation)),
      limit_(blocks_ * index.shape().slots_per_page),
      states_(limit_, kNoSlot, memory),
      rows_(memory),
      chunks_(memory),
      heads_(memory) {}

void IndexCheck::run() {
  for_each_page([this](BlockNumber block) { survey_page(block); });
  for_each_page([this](BlockNumber block) { check_lanes(block); });
  check_chains();
  check_rows();
  check_entries();
  check_reachability();
}

// Copies one page after another, and hands over the block of each that is ours.
template <class Visit>
void IndexCheck::for_each_page(Visit &&visit) {
  pg::PageStream pages;
  pages.open(index_.relation, kMetaBlock + 1, blocks_, pg::PassPurpose::maintenance);
  for (Buffer buffer = pages.next(); buffer != InvalidBuffer; buffer = pages.next()) {
    CHECK_FOR_INTERRUPTS();
    const BlockNumber block = BufferGetBlockNumber(buffer);
    if (copy_page(buffer)) visit(block);
  }
  pages.close();
}

// Copies a page and releases it. False, and reported, when it is neither one of ours nor all zero; false for zeros too.
bool IndexCheck::copy_page(Buffer buffer) {
  const BlockNumber block = BufferGetBlockNumber(buffer);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  memcpy(page_.data, BufferGetPage(buffer), BLCKSZ);
  UnlockReleaseBuffer(buffer);
  const Page page = page_.data;
  if (PageIsNew(page)) return false;
  const auto *header = reinterpret_cast<PageHeader>(page);
  const bool ours = header->pd_special == BLCKSZ - sizeof(pg::PageTail) && header->pd_lower <= header->pd_upper &&
                    header->pd_upper <= header->pd_special && pg::page_tail(page)->page_id == pg::kPageId &&
                    pg::page_tail(page)->index_magic == kIndexMagic;
  if (ours) return true;
  findings_->add(kPageIsWellFormed, true, block, -1, "the page has an impossible header or tail");
  return false;
}

void IndexCheck::survey_page(BlockNumber block) {
  const PageInfo *info = page_info(page_.data);
  if (info->kind == PageKind::nodes && info->slots == index_.shape().slots_per_page)
    survey_nodes(block);
  else if (info->kind == PageKind::rows)
    survey_chunks(block);
  else
    findings_->add(kPageIsWellFormed, true, block, -1, "a page of kind %d with %d slots", static_cast<int>(info->kind),
                   info->slots);
}

void IndexCheck::survey_nodes(BlockNumber block) {
  uint32 used = 0, tombstones = 0;
  for (uint32 place = 0; place < index_.shape().slots_per_page; ++place) {
    const NodeId id = node_id(block, place, index_.shape());
    const core::ConstSlot slot = read_slot(index_, page_.data, id);
    const core::SlotState state = slot.header()->state;
    if (state > core::SlotState::unlinked) {
      findings_->add(kPageIsWellFormed, true, block, static_cast<int>(place), "slot state %d", static_cast<int>(state));
      continue;
    }
    if (state != core::SlotState::free) used |= 1u << place;
    if (state == core::SlotState::tombstone || state == core::SlotState::unlinked) tombstones |= 1u << place;
    survey_node(id, slot);
  }
  const PageInfo *info = page_info(page_.data);
  if (info->used_slots != used || info->tombstones != tombstones)
    findings_->add(kBitmapsAgree, true, block, -1, "bitmaps say used %#x, tombstones %#x; slots say %#x, %#x",
                   info->used_slots, info->tombstones, used, tombstones);
}

void IndexCheck::survey_node(NodeId id, const core::ConstSlot &slot_bytes) {
  const core::SlotHeader &header = *slot_bytes.header();
  states_[id] = static_cast<uint8_t>(header.state);
  if (header.state == core::SlotState::free) return;
  if (header.lanes_used > index_.shape().lanes || header.expendable > header.lanes_used) {
    findings_->add(kUnusedLaneIsNull, true, block(id), slot(id), "%d lanes in use of %u, %d expendable",
                   header.lanes_used, index_.shape().lanes, header.expendable);
  } else {
    const NodeId *ids = slot_bytes.ids();
    if (std::any_of(ids + header.lanes_used, ids + index_.shape().lanes, [](NodeId to) { return to != kNullNode; }))
      findings_->add(kUnusedLaneIsNull, true, block(id), slot(id), "an unused lane leads somewhere");
  }
  if (header.state == core::SlotState::live) {
    for (const RowId &row : header.rows)
      if (row.is_valid()) rows_.push_back({key_of(row), id, kNullNode});
    if (header.overflow != kNullNode) heads_.push_back({id, header.overflow});
    return;
  }
  const FullTransactionId stamp = FullTransactionIdFromU64(stamp_of(header));
  const FullTransactionId next = ReadNextFullTransactionId();
  if (header.overflow != kNullNode || stamp_of(header) == 0 || FullTransactionIdPrecedes(next, stamp))
    findings_->add(kTombstoneHasNoRow, true, block(id), slot(id), "a tombstone with a row or an impossible stamp");
}

void IndexCheck::survey_chunks(BlockNumber block) {
  uint32 used = 0;
  for (uint32 place = 0; place < kChunksPerPage; ++place) {
    const RowChunk *chunk = chunk_at(page_.data, place);
    if (chunk->owner == kNullNode) continue;
    ++used;
    const NodeId id = block * kChunksPerPage + place;
    chunks_.push_back({id, chunk->owner, chunk->next, false});
    for (const RowId &row : chunk->rows)
      if (row.is_valid()) rows_.push_back({key_of(row), chunk->owner, id});
  }
  if (page_info(page_.data)->used_chunks != used)
    findings_->add(kBitmapsAgree, true, block, -1, "the page counts %d chunks, %u are in use",
                   page_info(page_.data)->used_chunks, used);
}

void IndexCheck::check_lanes(BlockNumber block) {
  if (page_info(page_.data)->kind != PageKind::nodes) return;
  for (uint32 place = 0; place < index_.shape().slots_per_page; ++place) {
    const NodeId id = node_id(block, place, index_.shape());
    const core::ConstSlot slot = read_slot(index_, page_.data, id);
    const core::SlotState state = slot.header()->state;
    // Dead nodes leave the graph page by page: when vacuum was interrupted, some that are still tombstones lead to
    // others that are unlinked, and later free. No live node leads to the former.
    if (state != core::SlotState::live) continue;
    const uint32 lanes = Min(slot.header()->lanes_used, index_.shape().lanes);
    NodeId ids[core::kMaxLanes];
    memcpy(ids, slot.ids(), lanes * sizeof(NodeId));
    std::sort(ids, ids + lanes);
    for (uint32 lane = 0; lane < lanes; ++lane) {
      if (lane > 0 && ids[lane] == ids[lane - 1])
        findings_->add(kLaneLeadsToNode, true, block, static_cast<int>(place), "two lanes lead to node %u", ids[lane]);
      else
        check_lane(id, ids[lane]);
    }
  }
}

void IndexCheck::check_lane(NodeId from, NodeId to) {
  const auto is_target = [](core::SlotState state) {
    return state == core::SlotState::live || state == core::SlotState::tombstone;
  };
  if (to == from) {
    findings_->add(kLaneLeadsToNode, true, block(from), slot(from), "a lane leads to the node itself");
    return;
  }
  if (to < limit_ && states_[to] != kNoSlot && is_target(static_cast<core::SlotState>(states_[to]))) return;
  const bool exists = block(to) > kMetaBlock && block(to) < RelationGetNumberOfBlocks(index_.relation);
  const core::SlotState state = exists ? state_now(to) : core::SlotState::free;
  if (is_target(state)) return;
  const bool is_free = exists && state == core::SlotState::free;
  findings_->add(is_free ? kFreeSlotIsUnreferenced : kLaneLeadsToNode, true, block(from), slot(from),
                 "a lane leads to %s %u",
                 !exists   ? "the impossible node"
                 : is_free ? "the free slot"
                           : "the unlinked node",
                 to);
}

// Written after the survey, perhaps.
core::SlotState IndexCheck::state_now(NodeId id) {
  const Buffer buffer = ReadBuffer(index_.relation, block(id));
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  core::SlotState state = core::SlotState::free;
  if (!PageIsNew(BufferGetPage(buffer)) && page_info(BufferGetPage(buffer))->kind == PageKind::nodes)
    state = read_slot(index_, BufferGetPage(buffer), id).header()->state;
  UnlockReleaseBuffer(buffer);
  return state;
}

IndexCheck::Chunk *IndexCheck::known_chunk(NodeId id) {
  const auto chunk = std::lower_bound(chunks_.begin(), chunks_.end(), id,
                                      [](const Chunk &known, NodeId wanted) { return known.id < wanted; });
  return chunk != chunks_.end() && chunk->id == id ? &*chunk : nullptr;
}

// Taken and chained after its page was surveyed, perhaps.
RowChunk IndexCheck::chunk_now(NodeId id) {
  RowChunk chunk{};
  chunk.owner = kNullNode;
  const BlockNumber chunk_block = id / kChunksPerPage;
  if (chunk_block <= kMetaBlock || chunk_block >= RelationGetNumberOfBlocks(index_.relation)) return chunk;
  const Buffer buffer = ReadBuffer(index_.relation, chunk_block);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const Page page = BufferGetPage(buffer);
  if (!PageIsNew(page) && page_info(page)->kind == PageKind::rows) chunk = *chunk_at(page, id % kChunksPerPage);
  UnlockReleaseBuffer(buffer);
  return chunk;
}

// One step of a node's chain: replaces `id` by the next chunk's. False, and reported, when the chunk is not the node's.
bool IndexCheck::follow(NodeId node, NodeId *id) {
  Chunk *chunk = known_chunk(*id);
  const char *where = chunk == nullptr ? "leads to the free" : "leads to another node's";
  if (chunk != nullptr && chunk->in_chain) {
    where = "meets twice";
  } else if (chunk != nullptr && chunk->owner == node) {
    chunk->in_chain = true;
    *id = chunk->next;
    return true;
  } else if (const RowChunk now = chunk_now(*id); now.owner == node) {
    if (chunk != nullptr) chunk->in_chain = true;
    *id = now.next;
    return true;
  }
  findings_->add(kChainBelongsToNode, true, block(node), slot(node), "its chain of rows %s chunk %u", where, *id);
  return false;
}

void IndexCheck::check_chains() {
  const uint64 limit = static_cast<uint64>(RelationGetNumberOfBlocks(index_.relation)) * kChunksPerPage;
  for (const ChainHead &head : heads_) {
    NodeId id = head.chunk;
    for (uint64 steps = 0; id != kNullNode && steps <= limit && follow(head.node, &id); ++steps) CHECK_FOR_INTERRUPTS();
  }
  for (const Chunk &chunk : chunks_)
    if (!chunk.in_chain)
      findings_->add(kChainBelongsToNode, false, chunk.id / kChunksPerPage, static_cast<int>(chunk.id % kChunksPerPage),
                     "the chunk is in no chain: space lost by a crash");
  for (StoredRow &row : rows_)
    if (row.chunk != kNullNode && !known_chunk(row.chunk)->in_chain) row.node = kNullNode;
}

void IndexCheck::check_rows() {
  std::sort(rows_.begin(), rows_.end(), [](const StoredRow &a, const StoredRow &b) { return a.key < b.key; });
  for (size_t i = 1; i < rows_.size(); ++i)
    if (rows_[i].key == rows_[i - 1].key)
      findings_->add(kRowIsInOneNode, true, block_of_row(rows_[i]), -1, "row (%u,%u) is also stored in block %u",
                     static_cast<unsigned>(rows_[i].key >> 16), static_cast<unsigned>(rows_[i].key & 0xffff),
                     block_of_row(rows_[i - 1]));
}

NodeId IndexCheck::find_row(RowId row) const {
  const uint64 key = key_of(row);
  const auto found = std::lower_bound(rows_.begin(), rows_.end(), key,
                                      [](const StoredRow &stored, uint64 wanted) { return stored.key < wanted; });
  return found != rows_.end() && found->key == key ? found->node : kNullNode;
}

void IndexCheck::check_entries() {
  const MetaPage &meta = index_.meta;
  for (uint32 i = 0; i < meta.entry_count; ++i) {
    const NodeId id = meta.entries[i];
    if (std::find(meta.entries, meta.entries + i, id) != meta.entries + i)
      findings_->add(kEntriesAreNodes, false, kMetaBlock, static_cast<int>(i), "the entry stands there twice");
    if (id >= limit_ || states_[id] == kNoSlot)
      findings_->add(kEntriesAreNodes, true, kMetaBlock, static_cast<int>(i), "the entry %u is no node", id);
    else if (states_[id] == static_cast<uint8_t>(core::SlotState::free))
      findings_->add(kFreeSlotIsUnreferenced, true, kMetaBlock, static_cast<int>(i), "the entry %u is a free slot", id);
  }
}

// Walks from the entries through every lane, a page read per node.
void IndexCheck::check_reachability() {
  std::pmr::vector<uint8_t> reached(limit_, 0, states_.get_allocator().resource());
  std::pmr::vector<NodeId> queue(states_.get_allocator().resource());
  for (uint32 i = 0; i < index_.meta.entry_count; ++i)
    if (index_.meta.entries[i] < limit_) queue.push_back(index_.meta.entries[i]);
  for (const NodeId id : queue) reached[id] = 1;
  NodeId ids[core::kMaxLanes];
  while (!queue.empty()) {
    const NodeId id = queue.back();
    queue.pop_back();
    CHECK_FOR_INTERRUPTS();
    const Buffer buffer = ReadBuffer(index_.relation, block(id));
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    uint32 lanes = 0;
    if (!PageIsNew(BufferGetPage(buffer)) && page_info(BufferGetPage(buffer))->kind == PageKind::nodes) {
      const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), id);
      if (slot.header()->state != core::SlotState::free) lanes = Min(slot.header()->lanes_used, index_.shape().lanes);
      memcpy(ids, slot.ids(), lanes * sizeof(NodeId));
    }
    UnlockReleaseBuffer(buffer);
    for (uint32 lane = 0; lane < lanes; ++lane) {
      if (ids[lane] >= limit_ || reached[ids[lane]] != 0) continue;
      reached[ids[lane]] = 1;
      queue.push_back(ids[lane]);
    }
  }
  for (NodeId id = 0; id < limit_; ++id)
    if (states_[id] == static_cast<uint8_t>(core::SlotState::live) && reached[id] == 0)
      findings_->add(kNodeIsReachable, false, block(id), slot(id), "no entry leads to the node: only a sweep finds it");
}

}  // namespace quiver::hnsw
