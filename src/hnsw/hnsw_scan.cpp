// The phases of a scan, and the access method's scan callbacks.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_scan.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_rows.hpp"

namespace quiver::hnsw {

namespace {

// Sparse vectors that share nothing are all at one distance: a visit in the plain format reads up to 2 m pages, so the
// search is held to this multiple of HNSW's.
constexpr size_t kWideVisits = 8;

size_t scan_memory() { return static_cast<size_t>(work_mem * 1024.0 * settings.scan_mem_multiplier); }

core::BrowseOptions browse_options(const OpenIndex &index) {
  const core::NodeShape &shape = index.shape();
  core::BrowseOptions options;
  options.gamma = search_gamma(index.meta);
  if (!shape.has_codes() && settings.target_recall == 0.0)
    options.wide_visits = kWideVisits * static_cast<size_t>(settings.ef_search);
  options.keep_smaller_estimate = shape.code.bits == 1;
  options.max_lanes = shape.lanes;
  options.max_visits = static_cast<size_t>(settings.max_scan_tuples);
  options.max_bytes = scan_memory();
  return options;
}

OpenIndex opened(Relation relation) {
  OpenIndex index;
  open_index(relation, true, &index);
  return index;
}

}  // namespace

ScanRun::ScanRun(Relation relation, MemoryContext context)
    : memory_(context),
      index_(opened(relation)),
      query_(index_.shape(), index_.meta.metric, index_.cache->rotation, &memory_),
      graph_(index_, query_, nullptr, &memory_),
      browser_(graph_, browse_options(index_), &memory_),
      sweep_(index_, query_, scan_memory(), &memory_),
      expected_(&memory_),
      measured_(&memory_),
      rows_(&memory_),
      browsed_(&memory_),
      last_bound_(-std::numeric_limits<double>::infinity()),
      last_ceiling_(-std::numeric_limits<double>::infinity()),
      mode_(static_cast<IterativeScan>(settings.iterative_scan)),
      ef_search_(static_cast<size_t>(settings.ef_search)) {}

void ScanRun::start(const core::VectorView &query) {
  has_direction_ = query_.aim(query);
  if (heap_ && has_direction_) sweep_.measure_by(&*heap_);
  if (has_direction_)
    browser_.start();
  else
    begin_sweep();  // every distance is NaN: any order will do
}

bool ScanRun::next(types::OrderedRow *row) {
  while (row_position_ == rows_.size())
    if (!next_node()) return false;
  // Without a direction every distance is NaN.
  const double bound = has_direction_ ? bound_ : std::numeric_limits<double>::quiet_NaN();
  *row = {rows_[row_position_++], bound, is_certain_ || !has_direction_};
  return true;
}

bool ScanRun::next_node() {
  for (;;) {
    if (mode_ == IterativeScan::off && nodes_ >= ef_search_) phase_ = Phase::done;
    switch (phase_) {
      case Phase::browse:
        if (next_browsed()) return true;
        break;
      case Phase::sweep:
        if (next_swept()) return true;
        break;
      case Phase::late:
        if (next_late()) return true;
        break;
      case Phase::done:
        return false;
    }
  }
}

// Makes the rows of a node the present ones.
void ScanRun::take(const FoundNode &node) {
  rows_.clear();
  row_position_ = 0;
  bound_ = node.bound;
  ++nodes_;
  for (const RowId &row : node.payload.rows)
    if (row.is_valid()) rows_.push_back(row);
  if (node.has_chain()) collect_chained_rows(index_, node.id, node.payload.overflow, &rows_);
  // The bound of one row that was measured is its distance.
  is_certain_ = heap_ && !node.has_chain() && rows_.size() == 1;
}

// Whether a node's row comes after all that were handed out and before all that were found, whatever its exact
// distance: then the executor need not look at it. Rows that share a node may differ a little.
bool ScanRun::is_certain(const core::Browser<PageGraph>::Found &found) const {
  return rows_.size() == 1 && found.bound >= last_ceiling_ && found.ceiling <= browser_.next_bound();
}

// Rows that come after a larger bound would break the order. Under strict_order they wait until everything else has
// been handed out; relaxed_order and off give them at once.
bool ScanRun::is_late(double bound) const { return mode_ == IterativeScan::strict_order && bound < last_bound_; }

bool ScanRun::next_by_bound() {
  for (const auto *found = browser_.next(); found != nullptr; found = browser_.next()) {
    if (is_late(found->bound)) continue;
    browsed_.push_back(found->id);
    take({found->bound, found->id, found->payload});
    is_certain_ = is_certain(*found);
    last_bound_ = std::max(last_bound_, is_certain_ ? found->ceiling : found->bound);
    last_ceiling_ = std::max(last_ceiling_, found->ceiling);
    return true;
  }
  return false;
}

// The same in the order of what the rows say: a node waits until whatever may come before it has been measured.
bool ScanRun::next_measured() {
  while (!browser_.is_over(nodes_)) {
    expect(nodes_ + unseen_ + 1);
    // When all that was found has gone out, the search goes on for another.
    if (measured_.empty() && expected_.empty()) expect(browser_.found().size() + 1);
    if (measured_.empty() && expected_.empty()) return false;
    if (measured_.empty() ||
        (!expected_.empty() && expected_.front().reach <= query_.distance_of(measured_.front().bound))) {
      measure_nearest();
      continue;
    }
    std::pop_heap(measured_.begin(), measured_.end(), std::greater<>());
    const FoundNode node = measured_.back();
    measured_.pop_back();
    if (is_late(node.bound)) continue;
    browsed_.push_back(node.id);
    take(node);
    last_bound_ = std::max(last_bound_, node.bound);
    return true;
  }
  return false;
}

// Searches until so many rows are settled.
void ScanRun::expect(size_t rows) {
  browser_.settle_for(rows);
  for (; expected_count_ < browser_.found().size(); ++expected_count_) {
    expected_.push_back({browser_.found()[expected_count_].reach, static_cast<uint32>(expected_count_)});
    std::push_heap(expected_.begin(), expected_.end(), std::greater<>());
  }
}

void ScanRun::measure_nearest() {
  std::pop_heap(expected_.begin(), expected_.end(), std::greater<>());
  const auto &found = browser_.found()[expected_.back().index];
  expected_.pop_back();
  FoundNode node{found.bound, found.id, found.payload};
  if (pg::call([&, this] { return measure_rows(&*heap_, &node); })) {
    measured_.push_back(node);
    std::push_heap(measured_.begin(), measured_.end(), std::greater<>());
  } else {
    ++unseen_;
  }
}

bool ScanRun::next_browsed() {
  if (heap_ ? next_measured() : next_by_bound()) return true;
  finish_browsing();
  if (mode_ == IterativeScan::off)
    phase_ = Phase::done;
  else
    begin_sweep();
  return false;
}

void ScanRun::finish_browsing() {
  pg::call([this] { graph_.finish(); });
}

// Nodes found and not handed out are left to the sweep, which meets them again.
void ScanRun::begin_sweep() {
  std::sort(browsed_.begin(), browsed_.end());
  late_limit_ = last_bound_;
  phase_ = Phase::sweep;
  const double infinity = std::numeric_limits<double>::infinity();
  const bool ordered = mode_ == IterativeScan::strict_order && nodes_ > 0;
  sweep_.restart(ordered ? late_limit_ : -infinity, infinity);
}

// A row of a node that was not handed out while browsing.
const FoundNode *ScanRun::next_of_sweep() {
  return sweep_.next([this](NodeId id) { return std::binary_search(browsed_.begin(), browsed_.end(), id); });
}

bool ScanRun::next_swept() {
  if (const FoundNode *node = next_of_sweep()) {
    take(*node);
    return true;
  }
  const bool some_late = mode_ == IterativeScan::strict_order && late_limit_ > -std::numeric_limits<double>::infinity();
  phase_ = some_late ? Phase::late : Phase::done;
  if (some_late) sweep_.restart(-std::numeric_limits<double>::infinity(), late_limit_);
  return false;
}

bool ScanRun::next_late() {
  if (const FoundNode *node = next_of_sweep()) {
    take(*node);
    return true;
  }
  phase_ = Phase::done;
  return false;
}

void ScanRun::start(IndexScanDesc scan, bool *query_is_null) {
  if (shape().is_coarse()) heap_.emplace(scan, index_.meta.metric, memory_.context());
  const core::VectorView query = types::query_vector(scan, query_is_null);
  check_kind(index_, query);
  types::check_dimensions(index_.relation, query, shape().dimensions);
  start(query);
}

IndexScanDesc begin_scan(Relation index, int nkeys, int norderbys) {
  return types::OrderedScan<ScanRun>::begin(index, nkeys, norderbys);
}
void rescan(IndexScanDesc scan, ScanKey keys, int, ScanKey orderbys, int) {
  types::OrderedScan<ScanRun>::rescan(scan, keys, orderbys);
}
bool get_tuple(IndexScanDesc scan, ScanDirection) { return types::OrderedScan<ScanRun>::get_tuple(scan); }
void end_scan(IndexScanDesc scan) { types::OrderedScan<ScanRun>::end(scan); }

}  // namespace quiver::hnsw
