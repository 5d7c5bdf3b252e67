// Probing: which lists, which rows of them, in which order.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ivfpq/ivfpq_internal.hpp"
#include "pg/boundary.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace quiver::ivfpq {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Rows that the first round is made for: ten, and what the executor takes to be sure of their order.
constexpr size_t kFirstRows = 14;
// Each further round is made for so many times as many rows, from so many times as many lists.
constexpr size_t kMoreRows = 4, kMoreLists = 2;
// Candidates for each of those rows at most: many rows together need fewer each. Half as many in each round down to the
// least. A round that must be followed by another costs far more than candidates.
constexpr size_t kCandidatesPerRow = 64, kLeastCandidatesPerRow = 4;
// How far ahead the first pages of lists are asked for where they are not known to be in memory, and own vectors.
constexpr size_t kListsAhead = 8, kVectorsAhead = 3;
// And heap rows, where they come from the disk.
constexpr size_t kHeapRowsAhead = 16;
// Of a page of codes: the processor goes on by itself.
constexpr Size kExpectedBytes = 384;

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
      query_(index_.shape().own, index_.meta.metric, index_.cache->rotation, &memory_),
      tables_(&memory_),
      unpacked_(index_.meta.dimensions, &memory_),
      ranking_(index_, &memory_),
      candidates_(&memory_),
      highs_(&memory_),
      rounds_(&memory_),
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
  has_direction_ = query_.aim(query);
  if (!index_.shape().has_vectors()) heap_.emplace(scan, index_.meta.metric, memory_.context());
  // Without a direction every distance is NaN, and beyond binary32 there is none: any order will do.
  if (!has_direction_ || !std::isfinite(query_.squared_norm())) {
    begin_sweep();
    return;
  }
  if (index_.shape().has_codes()) tables_.prepare(index_.shape().code, index_.book(), query_.rotated());
  ranking_.rank(query_);
}

bool ScanRun::next(types::OrderedRow *row) {
  row->is_in_order = heap_.has_value() || !has_direction_;
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
    const Candidate *candidate = candidates_.next();
    if (candidate != nullptr && (found_.empty() || candidate->low <= found_.front().distance)) {
      fetch_early();
      read_candidate(*candidate);
      taken_ = *candidate;
      candidates_.take();
      continue;
    }
    if (found_.empty()) {
      if (look_further()) continue;
      return false;
    }
    const Found nearest = found_.front();
    // What the round left out may be nearer than this row.
    if (candidate == nullptr && has_left_ && nearest.distance > passed_.low && look_further()) continue;
    if (phase_ != Phase::probe) return false;
    std::pop_heap(found_.begin(), found_.end());
    found_.pop_back();
    if (mode_ == IterativeScan::strict_order && nearest.bound < last_bound_) {
      late_.push_back(nearest);
      continue;
    }
    last_bound_ = std::max(last_bound_, nearest.bound);
    if (hand_out(nearest, row)) return true;
  }
}

// Reads more lists and chooses more candidates. False, and the next phase begun, when there are no more.
bool ScanRun::look_further() {
  if (round_ == 0) first_lists_ = choose_first_lists();
  const size_t most =
      mode_ == IterativeScan::off
          ? first_lists_
          : std::min(ranking_.size(), std::max(first_lists_, static_cast<size_t>(settings_.max_probes)));
  for (;;) {
    if (!has_left_ && probed_ == most) {
      if (found_.empty()) phase_ = late_.empty() ? Phase::done : Phase::late;
      return false;
    }
    if (memory_is_used_up()) {
      begin_sweep();
      return false;
    }
    size_t lists = first_lists_, rows = kFirstRows, candidates = kCandidatesPerRow;
    for (size_t i = 0; i < round_; ++i) {
      lists = std::min(most, lists * kMoreLists);
      rows = std::min(rows * kMoreRows, std::numeric_limits<size_t>::max() / (2 * kMoreRows * kCandidatesPerRow));
      candidates = std::max(candidates / 2, kLeastCandidatesPerRow);
    }
    ++round_;
    scan_lists(lists, rows, rows * candidates);
    if (candidates_.next() != nullptr) return true;
  }
}

// As many lists as the user says, or as the index's curve says for the wanted recall.
size_t ScanRun::choose_first_lists() {
  const size_t lists = ranking_.size();
  if (settings_.probes > 0) return std::min(static_cast<size_t>(settings_.probes), lists);
  const core::RecallCurve &curve = index_.meta.curve;
  if (!curve.is_measured()) return cautious_probes(settings_.target_recall, static_cast<uint32>(lists));
  return ranking_.order_within(curve.reachable_gamma_for(settings_.target_recall));
}

bool ScanRun::memory_is_used_up() const {
  const size_t bytes = candidates_.bytes() + highs_.capacity() * sizeof(float) +
                       (found_.size() + late_.size()) * sizeof(Found) + handed_out_.size() * sizeof(uint64);
  return bytes > scan_memory();
}

// A round's limit may lie below rows that an earlier one took, where the new lists have many that are nearer. What was
// taken of the older lists is known by the last, as candidates are taken in order and stay until they are.
void ScanRun::note_taken() {
  for (RoundLists &lists : rounds_) lists.taken = std::max(lists.taken, taken_);
  taken_ = Candidate();
}

// Lists that were probed are read once more when a round left rows of theirs.
void ScanRun::scan_lists(size_t lists, size_t rows, size_t candidates) {
  const bool again = has_left_;
  note_taken();
  candidates_.begin(candidates);
  wanted_ = rows;
  highs_.clear();
  fetched_ = 0;
  ranking_.order(lists);
  size_t rank = 0;
  for (const RoundLists &round : rounds_)
    for (; again && rank < round.end; ++rank) scan_list(rank, std::max(passed_, round.taken));
  for (; probed_ < lists; ++probed_) scan_list(probed_, Candidate());
  if (rounds_.empty() || rounds_.back().end < probed_) rounds_.push_back({probed_, Candidate()});
  candidates_.finish();
  has_left_ = candidates_.is_limited();
  if (has_left_) passed_ = candidates_.limit();
}

void ScanRun::scan_list(size_t rank, const Candidate &passed) {
  const RankedList &ranked = ranking_[rank];
  const CentroidDistance distance = centroid_distance(index_, query_, ranked.list);
  const BlockNumber after = rank + 1 < ranking_.ordered() ? ranking_[rank + 1].head : InvalidBlockNumber;
  const ListScan list{ranked.list, after, distance.own, kSearchedErrors * distance.length, passed};
  if (rank + kListsAhead < ranking_.ordered())
    pg::call([=, this] { pg::fetch_early(index_.relation, index_.cache->hints, ranking_[rank + kListsAhead].head); });
  BlockNumber steps = 0;
  for (BlockNumber block = ranked.head; block != InvalidBlockNumber;) {
    block = pg::call([=, this] { return scan_page(list, block); });
    if (++steps > index_.cache->hints.capacity && steps > RelationGetNumberOfBlocks(index_.relation))
      pg::call([=, this] { pg::raise_corrupted(index_.relation, block, "the pages of a list lead in a circle"); });
  }
}

// Estimates every row of a page. Returns the next page of the list.
BlockNumber ScanRun::scan_page(const ListScan &list, BlockNumber block) {
  CHECK_FOR_INTERRUPTS();
  const Buffer buffer = pin_page(index_, block);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  check_codes(index_, buffer, list.list);
  const Page page = BufferGetPage(buffer);
  const BlockNumber next = page_info(page)->next;
  expect_page(index_, next != InvalidBlockNumber ? next : list.after, kContents, kExpectedBytes);
  float lows[simd::kBlockLanes];
  for (uint32 first = 0; first < page_info(page)->used; first += simd::kBlockLanes) {
    estimate_rows(index_.shape(), tables_, query_, page, first, list.own, list.width, unpacked_.data(), lows);
    collect(page, block, first, lows, list);
  }
  UnlockReleaseBuffer(buffer);
  return next;
}

// Makes candidates of the rows of a block; of nearly every block of none. What is not a number is nearest. Addresses of
// rows lie at the end of the page: they are looked at only where a lane is as far as one without a row.
void ScanRun::collect(Page page, BlockNumber block, uint32 first, const float *lows, const ListScan &list) {
  const float limit = candidates_.is_limited() ? candidates_.limit().low : kInfinity;
  int near = 0;
  for (size_t i = 0; i < simd::kBlockLanes; ++i) near += lows[i] > limit ? 0 : 1;
  if (near == 0) return;
  const uint32 end = std::min<uint32>(simd::kBlockLanes, page_info(page)->used - first);
  for (uint32 i = 0; i < end; ++i) {
    if (lows[i] > limit) continue;
    const uint32 lane = first + i;
    if (lows[i] == kInfinity && !rows_of(page, index_.shape())[lane].is_valid()) continue;
    const float low = std::isnan(lows[i]) ? -std::numeric_limits<float>::max() : lows[i];
    const Candidate candidate{low, block, vectors_block(page, block, index_.shape(), lane), lane};
    if (!(list.passed < candidate)) continue;
    candidates_.add(candidate);
    note_farthest(low + doubt_of(index_.shape(), query_, page, lane, list.width));
  }
}

// Rows that are farther at least than as many as are wanted are at most: they need not become candidates.
void ScanRun::note_farthest(float high) {
  if (highs_.size() == wanted_) {
    if (!(high < highs_.front())) return;
    std::pop_heap(highs_.begin(), highs_.end());
    highs_.pop_back();
  }
  highs_.push_back(high);
  std::push_heap(highs_.begin(), highs_.end());
  if (highs_.size() < wanted_) return;
  const uint32 last = std::numeric_limits<uint32>::max();
  candidates_.limit_to({highs_.front(), last, last, last});
}

void ScanRun::expect_vector(const Candidate &candidate) const {
  const ListShape &shape = index_.shape();
  const Size place = candidate.lane % shape.vectors;
  expect_page(index_, candidate.vectors, kContents + place * shape.vector_bytes(), shape.vector_bytes());
}

// Has memory, or the disk, bring what the next candidates are measured by while the present one is. Own vectors of a
// list lie together, so the operating system reads them ahead by itself.
void ScanRun::fetch_early() {
  if (!heap_) {
    if (const Candidate *later = candidates_.later(kVectorsAhead); later != nullptr) expect_vector(*later);
    return;
  }
  fetched_ = fetched_ > 0 ? fetched_ - 1 : 0;
  if (!heap_->is_cold()) return;
  while (fetched_ < kHeapRowsAhead) {
    const Candidate *later = candidates_.later(fetched_ + 1);
    if (later == nullptr) return;
    ++fetched_;
    pg::call([=, this] {
      const RowId row = stored_row(later->codes, later->lane);
      if (row.is_valid()) heap_->fetch_early(row);
    });
  }
}

void ScanRun::read_candidate(const Candidate &candidate) {
  core::Reading reading;
  const bool is_seen = pg::call([=, this, &reading] {
    return heap_ ? measure_in_heap(candidate, &reading) : measure_stored(candidate, &reading);
  });
  if (!is_seen) return;
  found_.push_back({reading.bound, reading.distance, candidate.codes, candidate.lane});
  std::push_heap(found_.begin(), found_.end());
}

bool ScanRun::measure_stored(const Candidate &candidate, core::Reading *reading) {
  const Buffer buffer = pin_page(index_, candidate.vectors);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  check_vectors(index_, buffer, candidate.codes);
  const ListShape &shape = index_.shape();
  core::ScalarCode *vector = vector_at(BufferGetPage(buffer), shape, candidate.lane % shape.vectors);
  *reading = query_.read(*vector, unpacked_codes(shape, vector, unpacked_.data()));
  UnlockReleaseBuffer(buffer);
  return true;
}

bool ScanRun::measure_in_heap(const Candidate &candidate, core::Reading *reading) {
  const RowId row = stored_row(candidate.codes, candidate.lane);
  return row.is_valid() && heap_->read(row, reading);
}

// What a lane holds by now. Raises server errors.
RowId ScanRun::stored_row(BlockNumber codes, uint32 lane) const {
  const Buffer buffer = pin_page(index_, codes);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const RowId row = rows_of(BufferGetPage(buffer), index_.shape())[lane];
  UnlockReleaseBuffer(buffer);
  return row;
}

// False when vacuum removed the row meanwhile. A lane that holds another row by now holds one that this scan's snapshot
// does not see.
bool ScanRun::hand_out(const Found &found, types::OrderedRow *row) {
  row->row = pg::call([=, this] { return stored_row(found.codes, found.lane); });
  row->bound = found.bound;
  if (!row->row.is_valid()) return false;
  handed_out_.push_back(row_key(row->row));
  return true;
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
