// Passes of the sweep.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_sweep.hpp"

#include <algorithm>

namespace quiver::hnsw {

namespace {

constexpr size_t kMinRows = 1024;

}  // namespace

Sweep::Sweep(const OpenIndex &index, core::NodeQuery &query, size_t max_bytes, std::pmr::memory_resource *memory)
    : index_(index), query_(query), capacity_(std::max(kMinRows, max_bytes / sizeof(Row))), rows_(memory) {}

void Sweep::restart(double lower, double upper) {
  rows_.clear();
  position_ = 0;
  started_ = complete_ = false;
  lower_ = lower;
  upper_ = upper;
}

// Reads the live nodes of the next page into page_rows_. False after the last page.
bool Sweep::read_page(pg::PageStream *pages) {
  CHECK_FOR_INTERRUPTS();
  page_row_count_ = 0;
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
      Row &row = page_rows_[page_row_count_++];
      row.bound = query_.read(slot).bound;
      row.id = id;
      memcpy(row.payload.rows, header.rows, sizeof row.payload.rows);
      row.payload.overflow = header.overflow;
    }
  }
  UnlockReleaseBuffer(buffer);
  return true;
}

// A max-heap of the nearest once the memory is full.
void Sweep::keep(const Row &row) {
  if (rows_.size() < capacity_) {
    rows_.push_back(row);
    if (rows_.size() == capacity_) std::make_heap(rows_.begin(), rows_.end(), before);
    return;
  }
  overflowed_ = true;
  if (!before(row, rows_.front())) return;
  std::pop_heap(rows_.begin(), rows_.end(), before);
  rows_.back() = row;
  std::push_heap(rows_.begin(), rows_.end(), before);
}

void Sweep::finish_pass() {
  std::sort(rows_.begin(), rows_.end(), before);
  started_ = started_ || !rows_.empty();
  complete_ = !overflowed_;
}

}  // namespace quiver::hnsw
