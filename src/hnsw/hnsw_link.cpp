// Reading, choosing and rewriting of edges.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_link.hpp"

#include <algorithm>

#include "pg/test_points.hpp"

namespace quiver::hnsw {

bool has_same_lanes(const core::ConstSlot &slot, const LaneSnapshot &lanes) {
  const core::SlotHeader &header = *slot.header();
  return header.state == core::SlotState::live && header.version == lanes.version && header.lanes_used == lanes.count &&
         std::equal(lanes.ids, lanes.ids + lanes.count, slot.ids());
}

bool has_same_lanes(const core::ConstSlot &slot, const core::ConstSlot &before) {
  const core::SlotHeader &now = *slot.header(), &then = *before.header();
  return now.state == then.state && now.version == then.version && now.lanes_used == then.lanes_used &&
         std::equal(before.ids(), before.ids() + then.lanes_used, slot.ids());
}

Linker::Linker(const OpenIndex &index, pg::Logging logging, std::pmr::memory_resource *memory)
    : index_(index),
      logging_(logging),
      writer_(index.shape(), memory),
      vectors_(index.shape(), index.meta.metric, memory),
      candidates_(memory),
      replacements_(memory),
      dead_(memory),
      codes_(index.shape().unpacked_bytes(), memory) {}

uint32_t Linker::read_vector(NodeId id, LaneSnapshot *lanes) {
  core::ScalarCode code;
  const bool live = pg::call([&, this] {
    CHECK_FOR_INTERRUPTS();
    const Buffer buffer = pin_node_page(index_, id);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    bool is_live = holds_nodes(index_, buffer);
    if (is_live) {
      const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), id);
      check_slot(index_, buffer, slot);
      const core::SlotHeader &header = *slot.header();
      // A tombstone's lanes are asked for by vacuum, its vector by nobody.
      if (lanes != nullptr) {
        *lanes = {header.state == core::SlotState::live,
                  header.version,
                  header.state == core::SlotState::free ? 0u : header.lanes_used,
                  {}};
        memcpy(lanes->ids, slot.ids(), lanes->count * sizeof(NodeId));
      }
      is_live = header.state == core::SlotState::live;
      if (is_live) {
        code = header.scalar_code();
        index_.shape().unpack_own(slot.own(), codes_.data());
      }
    } else if (lanes != nullptr) {
      lanes->live = false;
      lanes->count = 0;
    }
    UnlockReleaseBuffer(buffer);
    return is_live;
  });
  return live ? vectors_.add(code, codes_.data()) : kAbsent;
}

Linker::Outcome Linker::try_append(NodeId from, NodeId to, const core::ScalarCode &code, const uint8_t *codes) {
  return pg::call([&, this] {
    CHECK_FOR_INTERRUPTS();
    const Buffer buffer = pin_node_page(index_, from);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    Outcome outcome = Outcome::done;
    if (holds_nodes(index_, buffer)) {
      const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), from);
      check_slot(index_, buffer, slot);
      const core::SlotHeader &header = *slot.header();
      const bool live = header.state == core::SlotState::live;
      const bool known = std::find(slot.ids(), slot.ids() + header.lanes_used, to) != slot.ids() + header.lanes_used;
      if (live && !known && (header.expendable > 0 || header.lanes_used < index_.shape().lanes)) {
        writer_.aim(slot);
        const pg::PageChange change = pg::begin_change(index_.relation, buffer, logging_);
        const core::Slot changed = write_slot(index_, change.page, from);
        core::SlotHeader *changed_header = changed.header();
        if (changed_header->expendable > 0)
          changed_header->expendable--;
        else
          changed_header->lanes_used++;
        const size_t lane = changed_header->lanes_used - changed_header->expendable - 1u;
        writer_.write_lane(changed, lane, to, code, codes);
        changed_header->version++;
        pg::finish_change(change);
        return Outcome::done;
      }
      if (live && !known) outcome = Outcome::full;
    }
    UnlockReleaseBuffer(buffer);
    return outcome;
  });
}

void Linker::add_candidate(uint32_t own, uint32_t vector, NodeId id, uint8_t lane) {
  candidates_.push_back({vectors_.distance(own, vector), static_cast<uint32_t>(replacements_.size()), 0.0f});
  replacements_.push_back({id, vector, lane});
}

// The live neighbours of a node as candidates for its own lanes.
void Linker::gather(const LaneSnapshot &lanes, uint32_t own) {
  candidates_.clear();
  replacements_.clear();
  for (uint32_t i = 0; i < lanes.count; ++i) {
    const uint32_t vector = read_vector(lanes.ids[i], nullptr);
    if (vector != kAbsent) add_candidate(own, vector, lanes.ids[i], static_cast<uint8_t>(i));
  }
}

// Which candidate comes to which lane: the first `lasting` lanes are those that last, where they are if they may stay,
// to log few bytes; the others are expendable, least worth first.
void Linker::arrange(size_t lasting, size_t count, uint8_t *order) const {
  constexpr uint8_t kNobody = 0xff;
  std::fill(order, order + lasting, kNobody);
  const auto stays = [&, this](size_t i) { return replacements_[candidates_[i].index].lane < lasting; };
  for (size_t i = 0; i < lasting; ++i)
    if (stays(i)) order[replacements_[candidates_[i].index].lane] = static_cast<uint8_t>(i);
  uint8_t *gap = order;
  for (size_t i = 0; i < lasting; ++i) {
    if (stays(i)) continue;
    gap = std::find(gap, order + lasting, kNobody);
    *gap = static_cast<uint8_t>(i);
  }
  for (size_t lane = lasting; lane < count; ++lane)
    order[lane] = static_cast<uint8_t>(core::rank_of_lane(lane, lasting, count));
}

// Writes the best candidates into the lanes, unless somebody changed the node since it was read.
Linker::Outcome Linker::try_rewrite(NodeId from, const LaneSnapshot &lanes) {
  const size_t wanted = core::lasting_lanes(index_.shape().lanes);
  core::robust_prune(candidates_.data(), candidates_.size(), wanted, [this](uint32_t a) {
    return [this, a](uint32_t b) { return vectors_.distance(replacements_[a].vector, replacements_[b].vector); };
  });
  const size_t count = std::min<size_t>(candidates_.size(), index_.shape().lanes);
  const size_t lasting = std::min(wanted, count);
  uint8_t order[core::kMaxLanes], moved[core::kMaxLanes];
  arrange(lasting, count, order);
  for (size_t lane = 0; lane < count; ++lane) moved[lane] = replacements_[candidates_[order[lane]].index].lane;
  return pg::call([&, this] {
    const Buffer buffer = pin_node_page(index_, from);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    if (!holds_nodes(index_, buffer) || !has_same_lanes(read_slot(index_, BufferGetPage(buffer), from), lanes)) {
      UnlockReleaseBuffer(buffer);
      return Outcome::overtaken;
    }
    writer_.aim(read_slot(index_, BufferGetPage(buffer), from));
    const pg::PageChange change = pg::begin_change(index_.relation, buffer, logging_);
    const core::Slot slot = write_slot(index_, change.page, from);
    writer_.arrange_lanes(slot, moved, count);
    for (size_t lane = 0; lane < count; ++lane) {
      if (moved[lane] != core::NodeWriter::kNewLane) continue;
      const Replacement &fresh = replacements_[candidates_[order[lane]].index];
      writer_.write_lane(slot, lane, fresh.id, vectors_.code(fresh.vector), vectors_.codes(fresh.vector));
    }
    slot.header()->expendable = static_cast<uint8_t>(count - lasting);
    slot.header()->version++;
    pg::finish_change(change);
    return Outcome::done;
  });
}

void Linker::add_edge(NodeId from, NodeId to, const core::ScalarCode &code, const uint8_t *codes) {
  for (int attempt = 0; attempt < kMaxRewrites; ++attempt) {
    if (try_append(from, to, code, codes) == Outcome::done) return;
    vectors_.clear();
    LaneSnapshot lanes;
    const uint32_t own = read_vector(from, &lanes);
    if (own == kAbsent) return;
    gather(lanes, own);
    add_candidate(own, vectors_.add(code, codes), to, core::NodeWriter::kNewLane);
    pg::guarded_test_point("lanes_chosen");
    if (try_rewrite(from, lanes) == Outcome::done) return;
  }
}

void Linker::reoffer(NodeId id) {
  vectors_.clear();
  LaneSnapshot lanes;
  const uint32_t own = read_vector(id, &lanes);
  if (own == kAbsent) return;
  const core::ScalarCode code = vectors_.code(own);
  const std::pmr::vector<uint8_t> codes(vectors_.codes(own), vectors_.codes(own) + index_.shape().unpacked_bytes(),
                                        codes_.get_allocator());
  for (uint32_t i = 0; i < lanes.count; ++i) add_edge(lanes.ids[i], id, code, codes.data());
}

// Candidates: the live neighbours, and the live neighbours of the condemned ones. True when the lanes were rewritten.
bool Linker::rewrite_without(NodeId from, uint32_t own, const LaneSnapshot &lanes) {
  gather(lanes, own);
  for (const NodeId dead : dead_) {
    LaneSnapshot beyond;
    read_vector(dead, &beyond);
    for (uint32_t i = 0; i < beyond.count; ++i) {
      const NodeId id = beyond.ids[i];
      const auto same = [id](const Replacement &known) { return known.id == id; };
      if (id == from || std::any_of(replacements_.begin(), replacements_.end(), same)) continue;
      const uint32_t vector = read_vector(id, nullptr);
      if (vector != kAbsent) add_candidate(own, vector, id, core::NodeWriter::kNewLane);
    }
  }
  pg::guarded_test_point("bypass_chosen");
  return try_rewrite(from, lanes) == Outcome::done;
}

}  // namespace quiver::hnsw
