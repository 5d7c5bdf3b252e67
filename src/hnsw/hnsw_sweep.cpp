// Passes of the sweep.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_sweep.hpp"

namespace quiver::hnsw {

Sweep::Sweep(const OpenIndex &index, core::NodeQuery &query, size_t max_bytes, std::pmr::memory_resource *memory)
    : index_(index), query_(query), passes_(max_bytes, memory) {}

// Reads the live nodes of the next page into page_nodes_. False after the last page.
bool Sweep::read_page(pg::PageStream *pages) {
  CHECK_FOR_INTERRUPTS();
  page_node_count_ = 0;
  const core::NodeShape &shape = index_.shape();
  const Buffer buffer = pages->next();
  if (buffer == InvalidBuffer) return false;
  const BlockNumber block = BufferGetBlockNumber(buffer);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  if (holds_nodes(index_, buffer)) {
    for (uint32 place = 0; place < shape.slots_per_page; ++place) {
      const NodeId id = node_id(block, place, shape);
      const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), id);
      check_slot(index_, buffer, slot);
      const core::SlotHeader &header = *slot.header();
      if (header.state != core::SlotState::live) continue;
      FoundNode &node = page_nodes_[page_node_count_++];
      node.bound = query_.read(slot).bound;
      node.id = id;
      memcpy(node.payload.rows, header.rows, sizeof node.payload.rows);
      node.payload.overflow = header.overflow;
    }
  }
  UnlockReleaseBuffer(buffer);
  return true;
}

}  // namespace quiver::hnsw
