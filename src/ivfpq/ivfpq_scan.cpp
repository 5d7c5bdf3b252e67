// Probing: which lists, which rows of them, in which order.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ivfpq/ivfpq_internal.hpp"
#include "pg/boundary.hpp"
#include "simd/dispatch.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace quiver::ivfpq {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// How many of the code's standard errors a row's distance may lie below its estimate. 1.2 loses neighbours at recall
// .957; decision 0020.
constexpr float kErrors = 2.0f;
// Rows that the first round is made for: ten, and what the executor takes to be sure of their order.
constexpr size_t kFirstRows = 14;
// Each further round is made for so many times as many rows, from so many times as many lists.
constexpr size_t kMoreRows = 4, kMoreLists = 2;
// Candidates to begin with for each of those rows.
constexpr size_t kCandidatesPerRow = 16;

OpenIndex opened(Relation relation) {
  OpenIndex index;
  open_index(relation, &index);
  return index;
}

size_t scan_memory() { return static_cast<size_t>(work_mem) * 1024; }

}  // namespace

ScanRun::ScanRun(Relation relation, MemoryContext context)
    : memory_(context),
      index_(opened(relation)),
      hold_(index_.cache->hold.holders()),
      settings_(settings_of(relation)),
      kernels_(simd::kernels()),
      query_(index_.meta.dimensions, index_.meta.metric, index_.cache->rotation, &memory_),
      tables_(&memory_),
      unpacked_(index_.meta.dimensions, &memory_),
      lists_(&memory_),
      lows_(&memory_),
      pages_(&memory_),
      vector_blocks_(&memory_),
      candidates_(&memory_),
      found_(&memory_),
      late_(&memory_),
      handed_out_(&memory_),
      passes_(scan_memory(), &memory_),
      last_bound_(-std::numeric_limits<double>::infinity()),
      late_limit_(-std::numeric_limits<double>::infinity()),
      mode_(static_cast<IterativeScan>(settings_.iterative_scan)) {}

void ScanRun::start(IndexScanDesc scan, bool *query_is_null) {
  const core::VectorView query = types::query_vector(scan, query_is_null);
  check_vector(index_, query);
  types::check_dimensions(index_.relation, query, index_.meta.dimensions);
  has_direction_ = query_.aim(query.values);
  // Without a direction every distance is NaN, and beyond binary32 there is none: any order will do.
  if (!has_direction_ || !std::isfinite(query_.squared_norm())) {
    begin_sweep();
    return;
  }
  tables_.prepare(index_.shape().code, query_.rotated());
  lists_.reserve(index_.cache->lists.size());
  for (uint32 list = 0; list < index_.cache->lists.size(); ++list) {
    const float distance = query_.rough_distance(index_.cache->lists[list].centroid, index_.centroid_codes(list));
    lists_.push_back({std::isfinite(distance) ? distance : std::numeric_limits<float>::max(), list});
  }
}

bool ScanRun::next(types::OrderedRow *row) {
  row->is_exact = !has_direction_;
  for (;;) {
    switch (phase_) {
      case Phase::probe:
        if (next_probed(row)) return true;
        break;
      case Phase::sweep:
        if (next_swept(row)) return true;
        break;
      case Phase::late:
        if (next_late(row)) return true;
        break;
      case Phase::done:
        return false;
    }
  }
}

// The nearest row that was read comes out once no candidate can be nearer. Rows nearer than one that is already out are
// late: under strict_order they wait until everything else has been handed out.
bool ScanRun::next_probed(types::OrderedRow *row) {
  for (;;) {
    const bool has_candidate = next_candidate_ < candidates_.size();
    if (has_candidate && (found_.empty() || candidates_[next_candidate_].low <= found_.front().distance)) {
      read_candidate(candidates_[next_candidate_++]);
      continue;
    }
    if (found_.empty()) {
      if (look_further()) continue;
      return false;
    }
    const Found nearest = found_.front();
    // What lies beyond the candidates may be nearer than this row: the limit of the round.
    if (!has_candidate && nearest.distance > candidates_limit_ && look_further()) continue;
    if (phase_ != Phase::probe) return false;
    std::pop_heap(found_.begin(), found_.end());
    found_.pop_back();
    if (mode_ == IterativeScan::strict_order && nearest.bound < last_bound_) {
      late_.push_back(nearest);
      continue;
    }
    last_bound_ = std::max(last_bound_, nearest.bound);
    if (hand_out(nearest.place, nearest.bound, row)) return true;
  }
}

// Reads more lists and chooses more candidates. False, and the next phase begun, when there are no more.
bool ScanRun::look_further() {
  const size_t probes = probes_for(settings_, static_cast<uint32>(lists_.size()));
  const size_t most = mode_ == IterativeScan::off
                          ? probes
                          : std::min(lists_.size(), std::max(probes, static_cast<size_t>(settings_.max_probes)));
  for (;;) {
    if (candidates_limit_ == kInfinity && probed_ == most) {
      if (found_.empty()) phase_ = late_.empty() ? Phase::done : Phase::late;
      return false;
    }
    if (memory_is_used_up()) {
      begin_sweep();
      return false;
    }
    size_t lists = probes, rows = kFirstRows;
    for (size_t i = 0; i < round_; ++i) {
      lists = std::min(most, lists * kMoreLists);
      rows = std::min(rows * kMoreRows, std::numeric_limits<size_t>::max() / (2 * kMoreRows));
    }
    ++round_;
    order_lists(lists);
    for (; probed_ < lists && !memory_is_used_up(); ++probed_) scan_list(lists_[probed_].list);
    choose_candidates(rows);
    if (!candidates_.empty()) return true;
  }
}

void ScanRun::order_lists(size_t wanted) {
  if (wanted <= ordered_) return;
  const auto first = lists_.begin() + static_cast<std::ptrdiff_t>(ordered_);
  std::partial_sort(first, lists_.begin() + static_cast<std::ptrdiff_t>(wanted), lists_.end());
  ordered_ = wanted;
}

bool ScanRun::memory_is_used_up() const {
  const size_t bytes = lows_.size() * sizeof(float) + pages_.size() * sizeof(PageSpan) +
                       vector_blocks_.size() * sizeof(BlockNumber) + (found_.size() + late_.size()) * sizeof(Found) +
                       handed_out_.size() * sizeof(uint64);
  return bytes > scan_memory();
}

void ScanRun::scan_list(uint32 list) {
  const IndexCache::List &entry = index_.cache->lists[list];
  const float own = query_.distance(entry.centroid, index_.centroid_codes(list));
  const float squared = index_.meta.metric == core::Metric::inner_product
                            ? query_.squared_norm() + entry.centroid.squared_norm + 2.0f * own
                            : own;
  const float width = kErrors * std::sqrt(std::max(0.0f, squared));
  BlockNumber steps = 0;
  for (BlockNumber block = entry.head; block != InvalidBlockNumber;) {
    lows_.resize(lows_.size() + index_.shape().lanes());
    pages_.push_back({block, static_cast<uint32>(lows_.size() - index_.shape().lanes()),
                      static_cast<uint32>(vector_blocks_.size())});
    vector_blocks_.resize(vector_blocks_.size() + index_.shape().vector_pages());
    block = pg::call([=, this] { return scan_page(block, list, own, width); });
    if (++steps > index_.cache->hints.capacity && steps > RelationGetNumberOfBlocks(index_.relation))
      pg::call([=, this] { pg::raise_corrupted(index_.relation, entry.head, "the pages of a list lead in a circle"); });
  }
}

// Estimates every row of a page, in the room that was made at the end of lows_. Returns the next page of the list.
BlockNumber ScanRun::scan_page(BlockNumber block, uint32 list, float own, float width) {
  CHECK_FOR_INTERRUPTS();
  const ListShape &shape = index_.shape();
  const Buffer buffer = pin_page(index_, block);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  check_codes(index_, buffer, list);
  const Page page = BufferGetPage(buffer);
  float *lows = &lows_[pages_.back().first];
  const uint32 blocks = (page_info(page)->used + simd::kBlockLanes - 1) / simd::kBlockLanes;
  for (uint32 i = 0; i < blocks; ++i)
    kernels_.estimate_block(tables_.block_query(), code_block(page, shape, i), own, width,
                            lows + i * simd::kBlockLanes);
  memcpy(&vector_blocks_[pages_.back().vectors], vector_blocks(page), shape.vector_pages() * sizeof(BlockNumber));
  const BlockNumber next = page_info(page)->next;
  UnlockReleaseBuffer(buffer);
  for (uint32 lane = blocks * simd::kBlockLanes; lane < shape.lanes(); ++lane) lows[lane] = kInfinity;
  return next;
}

// The least `wanted` of the lows that are left and those equal to the last, in order. What is not a number is nearest.
void ScanRun::choose_candidates(size_t wanted) {
  candidates_.clear();
  next_candidate_ = 0;
  size_t left = 0;
  // A first pass with a limit from a heap of the least; they are few and settle early.
  float limit = kInfinity;
  std::pmr::vector<float> least(&memory_);
  const size_t margin = wanted * kCandidatesPerRow;
  for (float &low : lows_) {
    if (low >= limit) continue;
    if (std::isnan(low)) low = -std::numeric_limits<float>::max();
    ++left;
    least.push_back(low);
    if (least.size() == 2 * margin) {
      std::nth_element(least.begin(), least.begin() + static_cast<std::ptrdiff_t>(margin - 1), least.end());
      least.resize(margin);
      limit = least[margin - 1];
    }
  }
  if (least.size() > margin) {
    std::nth_element(least.begin(), least.begin() + static_cast<std::ptrdiff_t>(margin - 1), least.end());
    limit = least[margin - 1];
  }
  candidates_limit_ = limit;
  if (left == 0) return;
  for (uint32 place = 0; place < lows_.size(); ++place)
    if (lows_[place] <= limit && lows_[place] < kInfinity) candidates_.push_back({lows_[place], place});
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate &a, const Candidate &b) { return a.low != b.low ? a.low < b.low : a.place < b.place; });
}

const ScanRun::PageSpan &ScanRun::span_of(uint32 place) const { return pages_[place / index_.shape().lanes()]; }

core::Reading ScanRun::read_vector(core::ScalarCode *vector) {
  const uint8_t *codes = vector_codes(vector);
  if (index_.shape().own.own_bits != 8) {
    index_.shape().own.unpack_own(codes, unpacked_.data());
    codes = unpacked_.data();
  }
  return query_.read(*vector, codes);
}

void ScanRun::read_candidate(const Candidate &candidate) {
  const ListShape &shape = index_.shape();
  const PageSpan &span = span_of(candidate.place);
  const uint32 lane = candidate.place - span.first;
  lows_[candidate.place] = kInfinity;
  const BlockNumber block = vector_blocks_[span.vectors + lane / shape.vectors];
  const core::Reading reading = pg::call([=, this] {
    const Buffer buffer = pin_page(index_, block);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    check_vectors(index_, buffer, span_of(candidate.place).block);
    const core::Reading read =
        read_vector(vector_at(BufferGetPage(buffer), index_.shape(), lane % index_.shape().vectors));
    UnlockReleaseBuffer(buffer);
    return read;
  });
  found_.push_back({reading.bound, reading.distance, candidate.place});
  std::push_heap(found_.begin(), found_.end());
}

// False when vacuum removed the row meanwhile. A lane that holds another row by now holds one that this scan's snapshot
// does not see.
bool ScanRun::hand_out(uint32 place, double bound, types::OrderedRow *row) {
  const PageSpan &span = span_of(place);
  const uint32 lane = place - span.first;
  handed_out_.push_back(uint64{span.block} << 32 | lane);
  const BlockNumber block = span.block;
  row->row = pg::call([=, this] {
    const Buffer buffer = pin_page(index_, block);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    const RowId stored = rows_of(BufferGetPage(buffer), index_.shape())[lane];
    UnlockReleaseBuffer(buffer);
    return stored;
  });
  row->bound = bound;
  return row->row.is_valid();
}

IndexScanDesc begin_scan(Relation index, int nkeys, int norderbys) {
  return types::OrderedScan<ScanRun>::begin(index, nkeys, norderbys);
}
void rescan(IndexScanDesc scan, ScanKey keys, int, ScanKey orderbys, int) {
  types::OrderedScan<ScanRun>::rescan(scan, keys, orderbys);
}
bool get_tuple(IndexScanDesc scan, ScanDirection) { return types::OrderedScan<ScanRun>::get_tuple(scan); }
void end_scan(IndexScanDesc scan) { types::OrderedScan<ScanRun>::end(scan); }

}  // namespace quiver::ivfpq
