// A visit: pin, lock, read one slot, unlock, and have the next page on its way.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_page_graph.hpp"

#include <algorithm>

#include "simd/dispatch.hpp"

extern "C" {
#include "executor/instrument.h"
#include "utils/spccache.h"
}

namespace quiver::hnsw {

float VisitedVectors::distance(uint32_t a, uint32_t b) {
  if (!shape_.has_codes()) {
    if (aimed_at_ != a) plain_.aim(parameters_[a], codes(a));
    aimed_at_ = a;
    const float distance = plain_.distance(parameters_[b], codes(b));
    return by_inner_product_ ? largest_squared_norm_ + distance : distance;
  }
  const uint32_t dot = simd::kernels().dot_u8(codes(a), codes(b), shape_.dimensions);
  if (by_inner_product_)
    return largest_squared_norm_ - core::inner_product(parameters_[a], parameters_[b], dot, shape_.dimensions);
  return core::squared_distance(parameters_[a], parameters_[b], dot, shape_.dimensions);
}

size_t PageGraph::best_entries(core::Candidate *best) const {
  const IndexCache &cache = *index_.cache;
  const size_t code_bytes = cache.shape.unpacked_bytes();
  size_t count = 0;
  for (size_t i = 0; i < cache.entries.size(); ++i) {
    core::Candidate candidate{query_.rough_distance(cache.entries[i].code, &cache.entry_codes[i * code_bytes]),
                              cache.entries[i].id};
    for (size_t j = 0; j < count; ++j)
      if (candidate.estimate < best[j].estimate) std::swap(candidate, best[j]);
    if (count < kBestEntries) best[count++] = candidate;
  }
  return count;
}

// The pin of the page read ahead, if that was the right one.
Buffer PageGraph::take_pin(NodeId id) {
  const Buffer ahead = ahead_;
  ahead_ = InvalidBuffer;
  if (ahead != InvalidBuffer) {
    if (ahead_block_ == block_of(id, index_.shape())) return ahead;
    ReleaseBuffer(ahead);
  }
  return pin(id);
}

Buffer PageGraph::pin(NodeId id) {
  const int64 reads = pgBufferUsage.shared_blks_read + pgBufferUsage.local_blks_read;
  const Buffer buffer = pin_node_page(index_, id);
  cold_ = pgBufferUsage.shared_blks_read + pgBufferUsage.local_blks_read != reads;
  return buffer;
}

void PageGraph::read(NodeId id, core::Visit *visit, Payload *payload) {
  CHECK_FOR_INTERRUPTS();
  lanes_ = 0;
  const Buffer buffer = take_pin(id);
  const core::NodeShape &shape = index_.shape();
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  if (!holds_nodes(index_, buffer)) {
    UnlockReleaseBuffer(buffer);
    return;
  }
  const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), id);
  check_slot(index_, buffer, slot);
  const core::SlotHeader &header = *slot.header();
  if (header.state != core::SlotState::free) {
    const auto reading = query_.read(slot);
    visit->live = header.state == core::SlotState::live;
    visit->distance = reading.distance;
    visit->bound = reading.bound;
    visit->ceiling = reading.ceiling;
    visit->reach = reading.reach;
    lanes_ = header.lanes_used;
    if (shape.has_codes()) query_.estimate(slot, lanes_, reading.distance, estimates_);
    memcpy(ids_, slot.ids(), lanes_ * sizeof(NodeId));
    memcpy(payload->rows, header.rows, sizeof payload->rows);
    payload->overflow = header.overflow;
    if (visit->live && visited_ != nullptr) {
      staged_code_ = header.scalar_code();
      shape.unpack_own(slot.own(), staged_codes_.data());
    }
  }
  UnlockReleaseBuffer(buffer);
}

// The plain format's estimates are distances, read from the neighbours' own pages: a few pages are pinned ahead, so
// that their lines arrive while the present one is computed.
void PageGraph::measure() {
  Buffer pins[kPinnedAhead];
  for (uint32_t i = 0; i < lanes_ + kPinnedAhead; ++i) {
    if (i >= kPinnedAhead) {
      const uint32_t lane = i - kPinnedAhead;
      const Buffer buffer = pins[lane % kPinnedAhead];
      LockBuffer(buffer, BUFFER_LOCK_SHARE);
      is_there_[lane] = holds_nodes(index_, buffer);
      if (is_there_[lane]) {
        const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), ids_[lane]);
        check_slot(index_, buffer, slot);
        is_there_[lane] = slot.header()->state != core::SlotState::free;
        if (is_there_[lane]) estimates_[lane] = query_.read(slot).distance;
      }
      UnlockReleaseBuffer(buffer);
    }
    if (i < lanes_) {
      pins[i % kPinnedAhead] = pin_node_page(index_, ids_[i]);
      prefetch(pins[i % kPinnedAhead], ids_[i]);
    }
  }
}

// Asks the processor for the lines of a node's slot.
void PageGraph::prefetch(Buffer buffer, NodeId id) const {
  const core::NodeShape &shape = index_.shape();
  const char *bytes = slot_bytes_at(BufferGetPage(buffer), shape, slot_of(id, shape));
  const size_t used = shape.used_bytes();
  __builtin_prefetch(BufferGetPage(buffer));
  for (size_t offset = 0; offset < used; offset += core::kLineBytes) __builtin_prefetch(bytes + offset);
}

// Where pages come from the disk: asks for those of the best candidates at once, as many as effective_io_concurrency
// allows, before the search waits for the first.
void PageGraph::prefetch_pages(std::span<const core::Candidate> candidates, float horizon) const {
  Relation relation = index_.relation;
  const int allowed = get_tablespace_io_concurrency(relation->rd_rel->reltablespace);
  core::Candidate best[kMaxPrefetched];
  const auto nearer = [](const core::Candidate &a, const core::Candidate &b) { return a.estimate < b.estimate; };
  const size_t wanted = std::min(static_cast<size_t>(allowed), kMaxPrefetched);
  const auto *end = std::partial_sort_copy(candidates.begin(), candidates.end(), best, best + wanted, nearer);
  const BlockNumber blocks = RelationGetNumberOfBlocks(relation);
  for (const core::Candidate *next = best; next != end && next->estimate <= horizon; ++next) {
    const BlockNumber block = block_of(next->id, index_.shape());
    if (block < blocks) PrefetchBuffer(relation, MAIN_FORKNUM, block);
  }
}

// Pins the page of the node that will probably be visited next. Its lines are asked for first, where they are believed
// to be, so that they and the buffer's header are waited for once.
void PageGraph::read_ahead(NodeId id) {
  if (id == kNullNode) return;
  ahead_block_ = block_of(id, index_.shape());
  ahead_ = pin_node_page(index_, id);
  prefetch(ahead_, id);
}

void PageGraph::finish() {
  if (ahead_ == InvalidBuffer) return;
  const Buffer ahead = ahead_;
  ahead_ = InvalidBuffer;
  ReleaseBuffer(ahead);
}

}  // namespace quiver::hnsw
