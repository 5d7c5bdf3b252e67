// Stages 2 and 3 of vacuum: dead nodes leave the graph, then their slots are free.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

#include "hnsw/hnsw_vacuum.hpp"
#include "pg/page_stream.hpp"
#include "pg/test_points.hpp"

extern "C" {
#include "access/transam.h"
#include "common/pg_prng.h"
#include "storage/indexfsm.h"
}

namespace quiver::hnsw {

namespace {

// Below one tombstone in so many nodes, rewriting their neighbours costs more than the visits it saves.
constexpr uint64 kUnlinkShare = 50;

}  // namespace

NodeRemoval::NodeRemoval(const OpenIndex &index, IndexVacuumInfo *info, std::pmr::memory_resource *memory)
    : index_(index),
      info_(info),
      linker_(index, pg::Logging::each_change, memory),
      random_(pg_prng_uint64(&pg_global_prng_state)),
      condemned_(RelationGetNumberOfBlocks(index.relation) * index.shape().slots_per_page, memory),
      referenced_(condemned_.limit(), memory),
      mender_(index, condemned_, memory),
      page_nodes_(memory),
      sample_(memory) {}

void NodeRemoval::run(IndexBulkDeleteResult *stats) {
  for_each_page([this](Buffer buffer) { survey(buffer); });
  if (condemned_count_ * kUnlinkShare >= live_nodes_ + condemned_count_ && condemned_count_ > 0) {
    for_each_page([this](Buffer buffer) { unlink(buffer); });
    replace_entries();
    for_each_page([this](Buffer buffer) { restamp(buffer); });
    mend_orphans();
  }
  stats->pages_free = free_pages_;
  record_counts(index_, live_nodes_, tombstones_);
}

// Hands every page of nodes, pinned and not locked, to `visit`, which releases it.
template <class Visit>
void NodeRemoval::for_each_page(Visit &&visit) {
  pg::PageStream pages;
  pages.open(index_.relation, kMetaBlock + 1, condemned_.limit() / index_.shape().slots_per_page,
             pg::PassPurpose::maintenance, info_->strategy);
  for (Buffer buffer = pages.next(); buffer != InvalidBuffer; buffer = pages.next()) {
    visit(buffer);
    compat::vacuum_delay();
  }
  pages.close();
}

bool NodeRemoval::has_passed(uint64 stamp) const {
  return compat::is_removable_for_all(info_, FullTransactionIdFromU64(stamp));
}

// Counts, notes which tombstones may lose their in-edges, and frees slots whose second stamp has passed.
void NodeRemoval::survey(Buffer buffer) {
  const core::NodeShape &shape = index_.shape();
  const BlockNumber block = BufferGetBlockNumber(buffer);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  if (!pg::check_page(index_.relation, buffer, kIndexMagic) || !holds_nodes(index_, buffer)) {
    const bool is_new = PageIsNew(BufferGetPage(buffer));
    UnlockReleaseBuffer(buffer);
    if (is_new) RecordFreeIndexPage(index_.relation, block);
    return;
  }
  uint32 freeable = 0;
  bool any_free = false;
  for (uint32 place = 0; place < shape.slots_per_page; ++place) {
    const NodeId id = node_id(block, place, shape);
    const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), id);
    check_slot(index_, buffer, slot);
    const core::SlotHeader &header = *slot.header();
    any_free |= header.state == core::SlotState::free;
    if (header.state == core::SlotState::live) {
      ++live_nodes_;
      if (sample_.size() < kMaxEntries)
        sample_.push_back(id);
      else if (const uint64 draw = random_.below(live_nodes_); draw < kMaxEntries)
        sample_[draw] = id;
    } else if (header.state != core::SlotState::free) {
      ++tombstones_;
      const bool passed = has_passed(stamp_of(header));
      if (passed && header.state == core::SlotState::unlinked) freeable |= 1u << place;
      if (passed && header.state == core::SlotState::tombstone) {
        condemned_.insert(id);
        ++condemned_count_;
      }
    }
  }
  LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
  if (freeable != 0) free_slots(buffer, freeable);
  ReleaseBuffer(buffer);
  pg::test_point(freeable != 0 ? "vacuum_slots_freed" : "vacuum_page_surveyed");
  if (freeable != 0 || any_free) {
    RecordFreeIndexPage(index_.relation, block);
    ++free_pages_;
  }
}

// Nobody but vacuum changes unlinked slots, so what was seen under share lock still holds.
void NodeRemoval::free_slots(Buffer buffer, uint32 slots) {
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  IncrBufferRefCount(buffer);
  const pg::PageChange change = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
  PageInfo *info = page_info(change.page);
  for (uint32 place = 0; place < index_.shape().slots_per_page; ++place) {
    if ((slots >> place & 1) == 0) continue;
    const core::Slot slot(index_.shape(), slot_bytes_at(change.page, index_.shape(), place));
    const auto version = static_cast<uint8_t>(slot.header()->version + 1);
    // Its vector and lanes mean nothing now, and would only be logged.
    memset(slot.header(), 0, sizeof *slot.header());
    slot.header()->version = version;
    --tombstones_;
  }
  info->used_slots &= ~slots;
  info->tombstones &= ~slots;
  if (info->tombstones == 0) info->newest_stamp = 0;
  pg::finish_change(change);
}

// Rewrites the lanes of this page's nodes that lead to condemned ones.
void NodeRemoval::unlink(Buffer buffer) {
  const core::NodeShape &shape = index_.shape();
  const BlockNumber block = BufferGetBlockNumber(buffer);
  uint32 doubtful = 0;
  if (shape.has_codes()) {
    ReleaseBuffer(buffer);
    doubtful = mender_.mend(block);
  } else {
    doubtful = bypass(buffer);
  }
  for (uint32 place = 0; place < shape.slots_per_page; ++place)
    if ((doubtful >> place & 1) != 0) spare_neighbours(node_id(block, place, shape));
  pg::test_point("vacuum_page_unlinked");
}

// The plain format's way: each node is pruned again. Returns the bits of the nodes that might still have such lanes.
uint32 NodeRemoval::bypass(Buffer buffer) {
  const core::NodeShape &shape = index_.shape();
  const BlockNumber block = BufferGetBlockNumber(buffer);
  uint32 live = 0, dead = 0;
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  for (uint32 place = 0; holds_nodes(index_, buffer) && place < shape.slots_per_page; ++place) {
    const NodeId id = node_id(block, place, shape);
    const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), id);
    check_slot(index_, buffer, slot);
    const core::SlotHeader &header = *slot.header();
    if (header.state == core::SlotState::free || is_condemned(id)) continue;
    const NodeId *end = slot.ids() + header.lanes_used;
    if (std::none_of(slot.ids(), end, [this](NodeId lane) { return is_condemned(lane); })) continue;
    (header.state == core::SlotState::live ? live : dead) |= 1u << place;
  }
  UnlockReleaseBuffer(buffer);
  for (uint32 place = 0; place < shape.slots_per_page; ++place) {
    const NodeId id = node_id(block, place, shape);
    if ((live >> place & 1) != 0) {
      linker_.bypass(id, [this](NodeId lane) { return is_condemned(lane); });
      pg::test_point("vacuum_node_bypassed");
    }
    if ((dead >> place & 1) != 0) drop_lanes(id);
  }
  return live;
}

// A tombstone that stays for now keeps its other lanes.
void NodeRemoval::drop_lanes(NodeId id) {
  const Buffer buffer = pin_node_page(index_, id);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
  const core::Slot slot = write_slot(index_, change.page, id);
  uint8_t kept[core::kMaxLanes];
  size_t count = 0;
  for (uint8_t lane = 0; lane < slot.header()->lanes_used; ++lane)
    if (!is_condemned(slot.ids()[lane])) kept[count++] = lane;
  linker_.writer().keep_lanes(slot, kept, count);
  slot.header()->version++;
  pg::finish_change(change);
}

// Where writers overtook the rewriting, the condemned nodes still linked to must wait for the next vacuum.
void NodeRemoval::spare_neighbours(NodeId id) {
  LaneSnapshot lanes;
  linker_.vectors().clear();
  linker_.read_vector(id, &lanes);
  for (uint32_t i = 0; i < lanes.count; ++i) condemned_.erase(lanes.ids[i]);
}

// Starts the second wait of every condemned node of a page.
void NodeRemoval::restamp(Buffer buffer) {
  const core::NodeShape &shape = index_.shape();
  const BlockNumber block = BufferGetBlockNumber(buffer);
  bool any = false;
  for (uint32 place = 0; place < shape.slots_per_page; ++place) any |= is_condemned(node_id(block, place, shape));
  if (!any) {
    ReleaseBuffer(buffer);
    return;
  }
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
  const uint64 stamp = U64FromFullTransactionId(ReadNextFullTransactionId());
  for (uint32 place = 0; place < shape.slots_per_page; ++place) {
    const NodeId id = node_id(block, place, shape);
    core::SlotHeader *header = write_slot(index_, change.page, id).header();
    if (!is_condemned(id) || header->state != core::SlotState::tombstone) continue;
    header->state = core::SlotState::unlinked;
    set_stamp(header, stamp);
  }
  page_info(change.page)->newest_stamp = stamp;
  pg::finish_change(change);
  pg::test_point("vacuum_page_restamped");
}

// Entries that are condemned give way to live nodes, or go.
void NodeRemoval::replace_entries() {
  const Buffer buffer = ReadBuffer(index_.relation, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
  MetaPage *meta = meta_of(change.page);
  uint32 kept = 0;
  for (uint32 i = 0; i < meta->entry_count; ++i) {
    NodeId id = meta->entries[i];
    if (is_condemned(id)) {
      if (sample_.empty()) continue;
      id = sample_.back();
      sample_.pop_back();
    }
    if (std::find(meta->entries, meta->entries + kept, id) == meta->entries + kept) meta->entries[kept++] = id;
  }
  for (uint32 i = kept; i < kMaxEntries; ++i) meta->entries[i] = 0;
  meta->entry_count = kept;
  meta->entries_version++;
  pg::finish_change(change);
  pg::test_point("vacuum_entries_replaced");
}

void NodeRemoval::note_referenced(Buffer buffer) {
  const core::NodeShape &shape = index_.shape();
  const BlockNumber block = BufferGetBlockNumber(buffer);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  for (uint32 place = 0; holds_nodes(index_, buffer) && place < shape.slots_per_page; ++place) {
    const NodeId id = node_id(block, place, shape);
    const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), id);
    if (slot.header()->state != core::SlotState::live) continue;
    page_nodes_.push_back(id);
    for (uint8_t lane = 0; lane < slot.header()->lanes_used; ++lane) referenced_.insert(slot.ids()[lane]);
  }
  UnlockReleaseBuffer(buffer);
}

// A live node that only dead ones led to is offered to its own neighbours again.
void NodeRemoval::mend_orphans() {
  page_nodes_.clear();
  for_each_page([this](Buffer buffer) { note_referenced(buffer); });
  for (uint32 i = 0; i < index_.meta.entry_count; ++i) referenced_.insert(index_.meta.entries[i]);
  for (const NodeId id : page_nodes_) {
    if (referenced_.contains(id)) continue;
    compat::vacuum_delay();
    linker_.reoffer(id);
    pg::test_point("vacuum_orphan_offered");
  }
}

}  // namespace quiver::hnsw
