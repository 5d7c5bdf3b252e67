// The exhaustive end of a scan: all lists read in order, pass after pass, for what probing left.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <limits>

#include "ivfpq/ivfpq_scan.hpp"
#include "pg/boundary.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace quiver::ivfpq {

// Rows found and not handed out are left to the sweep, which meets them again.
void ScanRun::begin_sweep() {
  const double infinity = std::numeric_limits<double>::infinity();
  std::sort(handed_out_.begin(), handed_out_.end());
  late_limit_ = mode_ == IterativeScan::strict_order ? last_bound_ : -infinity;
  found_.clear();
  late_.clear();
  candidates_.clear();
  passes_.restart(late_limit_, infinity);
  phase_ = Phase::sweep;
}

bool ScanRun::was_handed_out(RowId row) const {
  return std::binary_search(handed_out_.begin(), handed_out_.end(), row_key(row));
}

void ScanRun::sweep_index() {
  passes_.begin_pass();
  for (uint32 list = 0; list < index_.cache->lists.size(); ++list) {
    BlockNumber steps = 0;
    for (BlockNumber block = index_.cache->lists[list].head; block != InvalidBlockNumber;) {
      block = sweep_page(block, list);
      if (++steps > index_.cache->hints.capacity && steps > RelationGetNumberOfBlocks(index_.relation))
        pg::call([=, this] { pg::raise_corrupted(index_.relation, block, "the pages of a list lead in a circle"); });
    }
  }
  passes_.finish_pass();
}

// Offers a page's rows. Returns the next page of the list.
BlockNumber ScanRun::sweep_page(BlockNumber block, uint32 list) {
  const ListShape &shape = index_.shape();
  PGAlignedBlock copy, vectors;
  pg::call([&, this] {
    CHECK_FOR_INTERRUPTS();
    copy_codes(index_, block, list, &copy);
  });
  const PageInfo *info = page_info(copy.data);
  for (uint32 lane = 0; lane < info->used; ++lane) {
    if (shape.vector_pages() > 0 && lane % shape.vectors == 0) {
      const BlockNumber wanted = vector_blocks(copy.data)[lane / shape.vectors];
      pg::call([&, this] { copy_vectors(index_, wanted, block, &vectors); });
    }
    const RowId row = rows_of(copy.data, shape)[lane];
    if (!row.is_valid()) continue;
    SweptRow swept{0.0, row};
    if (has_direction_ && !sweep_row(shape.has_codes() ? vectors.data : copy.data, lane, &swept)) continue;
    if (passes_.wants(swept) && !was_handed_out(row)) passes_.keep(swept);
  }
  return info->next;
}

// Measures a row. False when the scan does not see it. `vectors`: the page where its own vector would be.
bool ScanRun::sweep_row(Page vectors, uint32 lane, SweptRow *swept) {
  if (heap_) {
    core::Reading reading;
    const bool is_seen = pg::call([=, this, &reading] { return heap_->read(swept->row, &reading); });
    swept->bound = reading.bound;
    return is_seen;
  }
  const ListShape &shape = index_.shape();
  core::ScalarCode *vector = vector_at(vectors, shape, lane % shape.vectors);
  swept->bound = query_.read(*vector, unpacked_codes(shape, vector, unpacked_.data())).bound;
  return true;
}

bool ScanRun::next_swept(types::OrderedRow *row) {
  for (;;) {
    if (const SweptRow *swept = passes_.next()) {
      row->row = swept->row;
      row->bound = has_direction_ ? swept->bound : std::numeric_limits<double>::quiet_NaN();
      return true;
    }
    if (passes_.is_complete()) break;
    sweep_index();
  }
  // Those nearer than the last one that probing handed out, once.
  const double infinity = std::numeric_limits<double>::infinity();
  if (late_limit_ == -infinity) {
    phase_ = Phase::done;
    return false;
  }
  passes_.restart(-infinity, late_limit_);
  late_limit_ = -infinity;
  return false;
}

// When memory was enough: the rows that were late, in order.
bool ScanRun::next_late(types::OrderedRow *row) {
  if (late_position_ == 0) std::sort(late_.begin(), late_.end(), [](const Found &a, const Found &b) { return b < a; });
  if (late_position_ == late_.size()) {
    phase_ = Phase::done;
    return false;
  }
  return hand_out(late_[late_position_++], row);
}

}  // namespace quiver::ivfpq
