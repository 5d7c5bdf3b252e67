// The order in which collected rows become nodes: by region, equal vectors merged.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cstring>
#include <limits>

#include "core/build_graph.hpp"
#include "core/build_rank.hpp"
#include "core/build_spill.hpp"

namespace quiver::core {

namespace {

constexpr size_t kRowsPerPivot = 64;
constexpr size_t kRowsPerPoll = 4096;

uint32_t hash_of(const uint8_t *bytes, size_t length) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; length >= sizeof(uint64_t); bytes += sizeof(uint64_t), length -= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  for (; length > 0; ++bytes, --length) hash = (hash ^ *bytes) * 0x100000001b3u;
  return static_cast<uint32_t>(hash >> 32);
}

}  // namespace

// Where a row goes: rows of equal own codes have equal ranks, and so become neighbours.
struct BuildGraph::Place {
  Rank rank;
  uint32_t row;
  bool operator<(const Place &other) const { return rank != other.rank ? rank < other.rank : row < other.row; }
};

// Random rows, chained so that each is followed by the nearest of those left: regions that touch get near ranks.
void BuildGraph::choose_pivots() {
  const size_t count = std::min(kMaxPivots, size() / kRowsPerPivot + 1);
  NodeId *pivots = header_->pivots;
  for (size_t i = 0; i < count; ++i) pivots[i] = static_cast<NodeId>(random_.below(size()));
  header_->pivot_count = static_cast<uint32_t>(count);
  load_pivots();
  const auto pivot = [this](size_t i) { return &pivot_records_[i * record_bytes_]; };
  for (size_t i = 0; i + 1 < count; ++i) {
    view_.aim(code_in(pivot(i)), codes_in(pivot(i)));
    size_t nearest = i + 1;
    float least = std::numeric_limits<float>::infinity();
    for (size_t j = i + 1; j < count; ++j) {
      const float distance = view_.distance_by_region(pivot(j));
      if (distance < least) nearest = j, least = distance;
    }
    std::swap(pivots[i + 1], pivots[nearest]);
    std::swap_ranges(pivot(i + 1), pivot(i + 1) + record_bytes_, pivot(nearest));
  }
}

// This participant's copy of the pivots.
void BuildGraph::load_pivots() {
  const size_t count = header_->pivot_count;
  pivot_records_.resize(count * record_bytes_);
  std::pmr::vector<uint8_t> item(memory_);
  for (size_t i = 0; i < count; ++i) {
    if (spill_ != nullptr) spill_->read_collected(header_->pivots[i], 1, &item);
    std::memcpy(&pivot_records_[i * record_bytes_], spill_ != nullptr ? item.data() : record(header_->pivots[i]),
                record_bytes_);
  }
}

// By nearest pivot first, then each pivot's rows for themselves.
void BuildGraph::sort_places(Interrupt &interrupt) {
  const size_t pivots = header_->pivot_count;
  std::pmr::vector<size_t> ends(pivots + 1, 0, memory_);
  Place *first = unsorted_places();
  for (size_t i = 0; i < size(); ++i) {
    if (i % kRowsPerPoll == 0) interrupt.poll();
    ++ends[first[i].rank.nearest() + 1];
  }
  for (size_t i = 1; i < ends.size(); ++i) ends[i] += ends[i - 1];
  for (size_t i = 0; i < size(); ++i) {
    if (i % kRowsPerPoll == 0) interrupt.poll();
    places()[ends[first[i].rank.nearest()]++] = first[i];
  }
  Place *from = places();
  for (size_t i = 0; i < pivots; ++i) {
    sort_while_polling(from, places() + ends[i], interrupt);
    from = places() + ends[i];
  }
}

BuildGraph::Rank BuildGraph::rank_of(const uint8_t *record) {
  view_.aim(code_in(record), codes_in(record));
  uint32_t nearest = 0, second = 0;
  float least = std::numeric_limits<float>::infinity(), next = least;
  for (uint32_t rank = 0; rank < header_->pivot_count; ++rank) {
    const float distance = view_.distance_by_region(&pivot_records_[rank * record_bytes_]);
    if (distance < least) {
      second = nearest, next = least;
      nearest = rank, least = distance;
    } else if (distance < next) {
      second = rank, next = distance;
    }
  }
  return {nearest << 16 | second, hash_of(codes_in(record), shape_.unpacked_bytes())};
}

void BuildGraph::rank_rows(size_t first, size_t last, Interrupt &interrupt) {
  load_pivots();
  for (size_t i = first; i < last; ++i) {
    const auto id = static_cast<NodeId>(i);
    unsorted_places()[i] = {rank_of(record(id)), id};
    if (i % 64 == 0) interrupt.poll();
  }
}

void BuildGraph::sort_by_region(Crew &crew, Interrupt &interrupt) {
  header_->size = std::min<uint64_t>(header_->taken.load(), capacity_);
  if (size() == 0) return;
  choose_pivots();
  lead(crew, BuildStep::rank_rows, size(), interrupt);
  sort_places(interrupt);
  move_to_places(interrupt);
}

BuildGraph::Place *BuildGraph::places() const { return reinterpret_cast<Place *>(lists_); }
BuildGraph::Place *BuildGraph::unsorted_places() const { return places() + capacity_; }

bool BuildGraph::same_code(const uint8_t *a, const uint8_t *b) const {
  const ScalarCode &x = code_in(a), &y = code_in(b);
  return x.minimum == y.minimum && x.step == y.step && x.code_sum == y.code_sum &&
         std::memcmp(codes_in(a), codes_in(b), shape_.unpacked_bytes()) == 0;
}

// Permutes records and rows in place, cycle by cycle, then merges equal neighbours.
void BuildGraph::move_to_places(Interrupt &interrupt) {
  std::pmr::vector<uint8_t> saved(record_bytes_, memory_);
  Place *place = places();
  for (size_t start = 0; start < size(); ++start) {
    if (start % kRowsPerPoll == 0) interrupt.poll();
    if (place[start].row == start) continue;
    std::memcpy(saved.data(), record(static_cast<NodeId>(start)), record_bytes_);
    const RowId saved_row = rows_[start];
    size_t to = start;
    while (place[to].row != start) {
      const size_t from = place[to].row;
      std::memcpy(record_in_block(static_cast<NodeId>(to)), record(static_cast<NodeId>(from)), record_bytes_);
      rows_[to] = rows_[from];
      place[to].row = static_cast<uint32_t>(to);
      to = from;
    }
    std::memcpy(record_in_block(static_cast<NodeId>(to)), saved.data(), record_bytes_);
    rows_[to] = saved_row;
    place[to].row = static_cast<uint32_t>(to);
  }
  merge_equal(interrupt);
}

void BuildGraph::merge_equal(Interrupt &interrupt) {
  size_t nodes = 0;
  header_->extra_count = 0;
  for (size_t i = 0; i < size(); ++i) {
    if (i % kRowsPerPoll == 0) interrupt.poll();
    const auto id = static_cast<NodeId>(i), last = static_cast<NodeId>(nodes - 1);
    if (nodes > 0 && same_code(record(last), record(id))) {
      ScalarCode code = scalar_code(last);
      code.error = std::max(code.error, scalar_code(id).error);
      std::memcpy(record_in_block(last), &code, sizeof code);
      extra_rows_[header_->extra_count++] = {last, rows_[i]};
      continue;
    }
    if (nodes != i) std::memcpy(record_in_block(static_cast<NodeId>(nodes)), record(id), record_bytes_);
    rows_[nodes++] = rows_[i];
  }
  header_->size = nodes;
}

}  // namespace quiver::core
