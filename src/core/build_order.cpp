// The order in which collected rows become nodes: by region, equal vectors merged.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cstring>
#include <limits>

#include "core/build_graph.hpp"

namespace quiver::core {

namespace {

constexpr size_t kMaxPivots = 256;
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

// Where a row goes: rows of equal own codes have equal keys and hashes, and so become neighbours.
struct BuildGraph::Place {
  uint32_t key;   // ranks of the nearest and second nearest pivot
  uint32_t hash;  // of the own code
  uint32_t row;
  bool operator<(const Place &other) const {
    if (key != other.key) return key < other.key;
    return hash != other.hash ? hash < other.hash : row < other.row;
  }
};

// Random rows, chained so that each is followed by the nearest of those left: regions that touch get near ranks.
void BuildGraph::choose_pivots() {
  const size_t count = std::min(kMaxPivots, size_ / kRowsPerPivot + 1);
  pivots_.clear();
  for (size_t i = 0; i < count; ++i) pivots_.push_back(static_cast<NodeId>(random_.below(size_)));
  for (size_t i = 0; i + 1 < count; ++i) {
    view_.aim(scalar_code(pivots_[i]), codes(pivots_[i]));
    size_t nearest = i + 1;
    float least = std::numeric_limits<float>::infinity();
    for (size_t j = i + 1; j < count; ++j) {
      const float distance = view_.distance_by_region(pivots_[j]);
      if (distance < least) nearest = j, least = distance;
    }
    std::swap(pivots_[i + 1], pivots_[nearest]);
  }
}

// By nearest pivot first, then each pivot's rows for themselves, so that the sort of many rows can be interrupted.
void BuildGraph::sort_places(std::pmr::vector<Place> *places, Interrupt &interrupt) {
  std::pmr::vector<size_t> ends(pivots_.size() + 1, 0, places->get_allocator().resource());
  for (const Place &place : *places) ++ends[(place.key >> 16) + 1];
  for (size_t i = 1; i < ends.size(); ++i) ends[i] += ends[i - 1];
  std::pmr::vector<Place> sorted(places->size(), Place{}, places->get_allocator().resource());
  for (const Place &place : *places) sorted[ends[place.key >> 16]++] = place;
  places->swap(sorted);
  auto first = places->begin();
  for (size_t i = 0; i < pivots_.size(); ++i) {
    const auto last = places->begin() + static_cast<std::ptrdiff_t>(ends[i]);
    std::sort(first, last);
    first = last;
    interrupt.poll();
  }
}

void BuildGraph::sort_by_region(Interrupt &interrupt) {
  if (size_ == 0) return;
  choose_pivots();
  std::pmr::vector<Place> places(records_.get_allocator().resource());
  places.reserve(size_);
  for (size_t i = 0; i < size_; ++i) {
    const auto id = static_cast<NodeId>(i);
    view_.aim(scalar_code(id), codes(id));
    uint32_t nearest = 0, second = 0;
    float least = std::numeric_limits<float>::infinity(), next = least;
    for (uint32_t rank = 0; rank < pivots_.size(); ++rank) {
      const float distance = view_.distance_by_region(pivots_[rank]);
      if (distance < least) {
        second = nearest, next = least;
        nearest = rank, least = distance;
      } else if (distance < next) {
        second = rank, next = distance;
      }
    }
    places.push_back({nearest << 16 | second, hash_of(codes(id), shape_.unpacked_bytes()), id});
    if (i % 64 == 0) interrupt.poll();
  }
  sort_places(&places, interrupt);
  move_to_places(places, interrupt);
}

bool BuildGraph::same_code(NodeId a, NodeId b) const {
  const ScalarCode &x = scalar_code(a), &y = scalar_code(b);
  return x.minimum == y.minimum && x.step == y.step && x.code_sum == y.code_sum &&
         std::memcmp(codes(a), codes(b), shape_.unpacked_bytes()) == 0;
}

// Permutes records and rows in place, cycle by cycle, then merges equal neighbours.
void BuildGraph::move_to_places(std::pmr::vector<Place> &places, Interrupt &interrupt) {
  std::pmr::vector<uint8_t> saved(record_bytes(), records_.get_allocator().resource());
  for (size_t start = 0; start < size_; ++start) {
    if (start % kRowsPerPoll == 0) interrupt.poll();
    if (places[start].row == start) continue;
    std::memcpy(saved.data(), record(static_cast<NodeId>(start)), record_bytes());
    const RowId saved_row = rows_[start];
    size_t to = start;
    while (places[to].row != start) {
      const size_t from = places[to].row;
      std::memcpy(record(static_cast<NodeId>(to)), record(static_cast<NodeId>(from)), record_bytes());
      rows_[to] = rows_[from];
      places[to].row = static_cast<uint32_t>(to);
      to = from;
    }
    std::memcpy(record(static_cast<NodeId>(to)), saved.data(), record_bytes());
    rows_[to] = saved_row;
    places[to].row = static_cast<uint32_t>(to);
  }
  size_t nodes = 0;
  for (size_t i = 0; i < size_; ++i) {
    if (i % kRowsPerPoll == 0) interrupt.poll();
    if (nodes > 0 && same_code(static_cast<NodeId>(nodes - 1), static_cast<NodeId>(i))) {
      ScalarCode code = scalar_code(static_cast<NodeId>(nodes - 1));
      code.error = std::max(code.error, scalar_code(static_cast<NodeId>(i)).error);
      std::memcpy(record(static_cast<NodeId>(nodes - 1)), &code, sizeof code);
      extra_rows_.push_back({static_cast<NodeId>(nodes - 1), rows_[i]});
      continue;
    }
    if (nodes != i) std::memcpy(record(static_cast<NodeId>(nodes)), record(static_cast<NodeId>(i)), record_bytes());
    rows_[nodes++] = rows_[i];
  }
  size_ = nodes;
}

}  // namespace quiver::core
