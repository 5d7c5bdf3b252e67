// A page's nodes get new lanes in the place of those to dead nodes.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_mend.hpp"

#include <algorithm>

#include "pg/test_points.hpp"

namespace quiver::hnsw {

namespace {

// Neighbours of dead ones that are read for each lane to fill, and as many more at least.
constexpr size_t kTriesPerGap = 2, kMoreTries = 2;

struct Farther {
  bool operator()(const core::Candidate &a, const core::Candidate &b) const { return a.estimate > b.estimate; }
};

// 0 where no chosen lane covers the candidate, 1 where one does by the first alpha alone, 2 by all.
size_t rank_of(float occlusion) {
  size_t rank = 0;
  for (const float alpha : core::kPruneAlphas) rank += occlusion > alpha;
  return rank;
}

}  // namespace

LaneMender::LaneMender(const OpenIndex &index, const NodeSet &condemned, std::pmr::memory_resource *memory)
    : index_(index),
      condemned_(condemned),
      query_(index.shape(), core::edge_metric(index.meta.metric), index.cache->rotation, memory),
      writer_(index.shape(), memory),
      vectors_(index.shape(), index.meta.metric, memory),
      codes_(index.shape().unpacked_bytes(), memory),
      own_codes_(index.shape().unpacked_bytes(), memory),
      pool_(memory),
      fresh_(memory) {}

uint32 LaneMender::mend(BlockNumber block) {
  uint32 slots = 0xffffffffu;
  for (int attempt = 0; attempt < kMaxRewrites && slots != 0; ++attempt) {
    slots = copy_page(block) ? edit_copy(block, slots) : 0;
    if (slots == 0) break;
    pg::test_point("bypass_chosen");
    slots = put_back(block, slots);
  }
  return slots;
}

core::ConstSlot LaneMender::mended(NodeId id) {
  if (copy_page(block_of(id, index_.shape())))
    edit_copy(block_of(id, index_.shape()), 1u << slot_of(id, index_.shape()));
  return read_slot(index_, page_.data, id);
}

// False when the page holds no nodes.
bool LaneMender::copy_page(BlockNumber block) {
  const core::NodeShape &shape = index_.shape();
  const Buffer buffer = pg::read_block(index_.relation, block, &index_.cache->hints);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const bool has_nodes = holds_nodes(index_, buffer);
  for (uint32 place = 0; has_nodes && place < shape.slots_per_page; ++place)
    check_slot(index_, buffer, read_slot(index_, BufferGetPage(buffer), node_id(block, place, shape)));
  if (has_nodes) memcpy(before_.data, BufferGetPage(buffer), BLCKSZ);
  UnlockReleaseBuffer(buffer);
  if (has_nodes) memcpy(page_.data, before_.data, BLCKSZ);
  return has_nodes;
}

// Mends the copy. Returns the bits of the slots that changed, of those asked for.
uint32 LaneMender::edit_copy(BlockNumber block, uint32 slots) {
  const core::NodeShape &shape = index_.shape();
  uint32 changed = 0;
  for (uint32 place = 0; place < shape.slots_per_page; ++place) {
    const NodeId id = node_id(block, place, shape);
    const core::Slot slot = write_slot(index_, page_.data, id);
    if ((slots >> place & 1) == 0 || slot.header()->state == core::SlotState::free || condemned_.contains(id)) continue;
    find_gaps(read_slot(index_, page_.data, id));
    if (gaps_ == 0) continue;
    CHECK_FOR_INTERRUPTS();
    mend_slot(id, slot);
    changed |= 1u << place;
  }
  return changed;
}

// Copies the lanes of the slots named, unless somebody changed a node since it was read: returns the bits of those.
// Rows may have come and gone meanwhile; lanes do not depend on them.
uint32 LaneMender::put_back(BlockNumber block, uint32 slots) {
  const core::NodeShape &shape = index_.shape();
  const Buffer buffer = pg::read_block(index_.relation, block, &index_.cache->hints);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  pg::PageChange change{nullptr, buffer, nullptr};
  uint32 overtaken = 0;
  for (uint32 place = 0; place < shape.slots_per_page; ++place) {
    if ((slots >> place & 1) == 0) continue;
    const NodeId id = node_id(block, place, shape);
    if (!has_same_lanes(read_slot(index_, BufferGetPage(buffer), id), read_slot(index_, before_.data, id))) {
      overtaken |= 1u << place;
      continue;
    }
    if (change.state == nullptr) change = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
    const core::Slot slot = write_slot(index_, change.page, id), mended = write_slot(index_, page_.data, id);
    memcpy(slot.bytes() + shape.codes_offset(), mended.bytes() + shape.codes_offset(),
           shape.used_bytes() - shape.codes_offset());
    slot.header()->lanes_used = mended.header()->lanes_used;
    slot.header()->expendable = mended.header()->expendable;
    slot.header()->version++;
  }
  if (change.state != nullptr)
    pg::finish_change(change);
  else
    UnlockReleaseBuffer(buffer);
  return overtaken;
}

void LaneMender::find_gaps(const core::ConstSlot &slot) {
  gaps_ = 0;
  for (uint8_t lane = 0; lane < slot.header()->lanes_used; ++lane) {
    is_gap_[lane] = condemned_.contains(slot.ids()[lane]);
    gaps_ += is_gap_[lane];
  }
}

void LaneMender::mend_slot(NodeId id, const core::Slot &slot) {
  const core::ConstSlot read = read_slot(index_, page_.data, id);
  fresh_.clear();
  if (slot.header()->state == core::SlotState::live) find_fresh(id, read);
  if (fill_gaps(slot) == gaps_) return;
  uint8_t kept[core::kMaxLanes];
  size_t count = 0;
  for (uint8_t lane = 0; lane < slot.header()->lanes_used; ++lane)
    if (!condemned_.contains(slot.ids()[lane])) kept[count++] = lane;
  writer_.keep_lanes(slot, kept, count);
}

// Reads the nearest neighbours of the dead ones into fresh_, until enough of them are covered by nothing.
void LaneMender::find_fresh(NodeId id, const core::ConstSlot &slot) {
  const size_t lanes = slot.header()->lanes_used;
  own_code_ = slot.header()->scalar_code();
  index_.shape().unpack_own(slot.own(), own_codes_.data());
  vectors_.clear();
  vectors_.add(own_code_, own_codes_.data());
  query_.aim(own_code_, own_codes_.data());
  query_.estimate(slot, lanes, query_.distance(own_code_, own_codes_.data()), lane_distances_);
  pool_.clear();
  for (size_t lane = 0; lane < lanes; ++lane)
    if (is_gap_[lane]) ask_dead(slot.ids()[lane], id, slot);
  std::make_heap(pool_.begin(), pool_.end(), Farther());
  size_t good = 0;
  for (size_t tries = kTriesPerGap * gaps_ + kMoreTries; tries > 0 && good < gaps_ && !pool_.empty();) {
    std::pop_heap(pool_.begin(), pool_.end(), Farther());
    const NodeId near = pool_.back().id;
    pool_.pop_back();
    if (is_fresh(near)) continue;
    --tries;
    if (!read_fresh(near)) continue;
    cover(slot, &fresh_.back());
    good += rank_of(fresh_.back().occlusion) == 0;
  }
}

// Puts a dead node's neighbours into pool_, but those that are the node itself, dead or already neighbours.
void LaneMender::ask_dead(NodeId dead, NodeId from, const core::ConstSlot &slot) {
  const Buffer buffer = pin_node_page(index_, dead);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  if (holds_nodes(index_, buffer)) {
    const core::ConstSlot beyond = read_slot(index_, BufferGetPage(buffer), dead);
    check_slot(index_, buffer, beyond);
    const size_t count = beyond.header()->state == core::SlotState::free ? 0 : beyond.header()->lanes_used;
    query_.estimate(beyond, count, query_.read(beyond).distance, estimates_);
    const NodeId *known = slot.ids(), *end = known + slot.header()->lanes_used;
    for (size_t lane = 0; lane < count; ++lane) {
      const NodeId id = beyond.ids()[lane];
      if (id != from && !condemned_.contains(id) && std::find(known, end, id) == end)
        pool_.push_back({estimates_[lane], id});
    }
  }
  UnlockReleaseBuffer(buffer);
}

bool LaneMender::is_fresh(NodeId id) const {
  return std::any_of(fresh_.begin(), fresh_.end(), [id](const Fresh &fresh) { return fresh.id == id; });
}

// Appends a node to fresh_, and aims query_ at it. False when it is not live.
bool LaneMender::read_fresh(NodeId id) {
  const Buffer buffer = pin_node_page(index_, id);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  bool live = holds_nodes(index_, buffer);
  core::ScalarCode code{};
  if (live) {
    const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), id);
    check_slot(index_, buffer, slot);
    live = slot.header()->state == core::SlotState::live;
    code = slot.header()->scalar_code();
    if (live) index_.shape().unpack_own(slot.own(), codes_.data());
  }
  UnlockReleaseBuffer(buffer);
  if (!live) return false;
  const uint32_t vector = vectors_.add(code, codes_.data());
  fresh_.push_back({id, vector, 0.0f, 0.0f});
  query_.aim(code, codes_.data());
  return true;
}

// How far lanes that stay, and those who come in before, cover the node that query_ is aimed at.
void LaneMender::cover(const core::ConstSlot &slot, Fresh *fresh) {
  const core::SlotHeader &header = *slot.header();
  const size_t lasting = header.lanes_used - std::min(header.expendable, header.lanes_used);
  // Where as many lanes last as can, those beyond were chosen too; else they only fill.
  const size_t chosen = lasting >= core::lasting_lanes(index_.shape().lanes) ? header.lanes_used : lasting;
  const float shift = vectors_.shift();
  fresh->distance = vectors_.distance(0, fresh->vector);
  query_.estimate(slot, chosen, query_.distance(own_code_, own_codes_.data()), estimates_);
  float occlusion = 0.0f;
  for (size_t lane = 0; lane < chosen; ++lane)
    if (!is_gap_[lane])
      occlusion =
          std::max(occlusion, occlusion_by(shift + lane_distances_[lane], shift + estimates_[lane], fresh->distance));
  for (const Fresh &other : fresh_)
    if (&other != fresh && rank_of(other.occlusion) < std::size(core::kPruneAlphas))
      occlusion = std::max(
          occlusion, occlusion_by(other.distance, vectors_.distance(other.vector, fresh->vector), fresh->distance));
  fresh->occlusion = occlusion;
}

// As in robust_prune: what is nearer to the node covers what is farther.
float LaneMender::occlusion_by(float lane, float between, float distance) const {
  if (!(lane < distance)) return 0.0f;
  return between > 0.5f * distance ? distance / between : 2.0f;
}

// Writes the best of fresh_ into the gaps; those that are covered only while the node has fewer lanes than a prune
// leaves. Returns how many gaps were filled.
size_t LaneMender::fill_gaps(const core::Slot &slot) {
  const size_t kept = slot.header()->lanes_used - gaps_;
  const auto good = static_cast<size_t>(std::count_if(fresh_.begin(), fresh_.end(), [](const Fresh &fresh) {
    return rank_of(fresh.occlusion) < std::size(core::kPruneAlphas);
  }));
  const size_t pruned = core::lasting_lanes(index_.shape().lanes);
  const size_t wanted = std::min({gaps_, fresh_.size(), std::max(good, pruned - std::min(pruned, kept))});
  if (wanted == 0) return 0;
  std::sort(fresh_.begin(), fresh_.end(), [](const Fresh &a, const Fresh &b) {
    const size_t rank_a = rank_of(a.occlusion), rank_b = rank_of(b.occlusion);
    return rank_a != rank_b ? rank_a < rank_b : a.distance < b.distance;
  });
  writer_.aim(own_code_, own_codes_.data());
  size_t filled = 0;
  for (size_t lane = 0; filled < wanted; ++lane) {
    if (!is_gap_[lane]) continue;
    const Fresh &fresh = fresh_[filled++];
    writer_.write_lane(slot, lane, fresh.id, vectors_.code(fresh.vector), vectors_.codes(fresh.vector));
  }
  return filled;
}

}  // namespace quiver::hnsw
