// Nodes that no entry reaches get a lane from one that is reached.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <bit>
#include <unordered_map>

#include "core/build_graph.hpp"
#include "core/build_spill.hpp"

namespace quiver::core {

namespace {

constexpr size_t kNodesPerPoll = 1024;
constexpr size_t kLeastOrphans = 1024;

}  // namespace

// Two bits a node. Nodes of the open window are expanded at once, those of others when theirs is open.
class BuildGraph::Reach {
 public:
  struct Mend {
    NodeId host, orphan;
    bool operator<(const Mend &other) const { return host < other.host; }
  };

  Reach(size_t nodes, std::pmr::memory_resource *memory)
      : mends(memory), given(memory), stack(memory), reached_(words(nodes), 0, memory), waiting_(reached_) {}

  void clear() {
    std::fill(reached_.begin(), reached_.end(), 0);
    mends.clear();
  }
  bool is_reached(NodeId id) const { return (reached_[id / 64] >> id % 64 & 1) != 0; }
  void set_reached(NodeId id) { reached_[id / 64] |= uint64_t{1} << id % 64; }
  void set_waiting(NodeId id) { waiting_[id / 64] |= uint64_t{1} << id % 64; }
  bool take_waiting(NodeId id) {
    const uint64_t bit = uint64_t{1} << id % 64, word = waiting_[id / 64];
    waiting_[id / 64] = word & ~bit;
    return (word & bit) != 0;
  }
  bool are_any_waiting(size_t first, size_t end) const { return next(waiting_, first, end, 0) < end; }
  size_t next_unreached(size_t first, size_t end) const { return next(reached_, first, end, ~uint64_t{0}); }

  std::pmr::vector<Mend> mends;
  std::pmr::unordered_map<NodeId, uint8_t> given;  // lanes that a host has given, in all rounds
  std::pmr::vector<NodeId> stack;
  NodeId last_mended = kNullNode;  // or, before the first of a round, an entry

 private:
  static size_t words(size_t nodes) { return (nodes + 63) / 64; }
  // The first bit of [first, end) that differs from those of `same`, or end.
  static size_t next(const std::pmr::vector<uint64_t> &bits, size_t first, size_t end, uint64_t same) {
    while (first < end) {
      const uint64_t word = (bits[first / 64] ^ same) >> first % 64;
      if (word != 0) return std::min<size_t>(end, first + static_cast<size_t>(std::countr_zero(word)));
      first = (first / 64 + 1) * 64;
    }
    return end;
  }

  std::pmr::vector<uint64_t> reached_, waiting_;
};

void BuildGraph::reach_from(NodeId start, Reach &reach, Interrupt &interrupt) {
  reach.stack.push_back(start);
  for (size_t steps = 0; !reach.stack.empty(); ++steps) {
    if (steps % kNodesPerPoll == 0) interrupt.poll();
    const NodeId id = reach.stack.back();
    reach.stack.pop_back();
    for (const NodeId next : neighbours(id)) {
      if (reach.is_reached(next)) continue;
      reach.set_reached(next);
      if (in_window(next))
        reach.stack.push_back(next);
      else
        reach.set_waiting(next);
    }
  }
}

void BuildGraph::reach_in_window(Reach &reach, Interrupt &interrupt) {
  for (size_t i = 0; i < window_rows(); ++i) {
    const NodeId id = window_first() + static_cast<NodeId>(i);
    if (i % kNodesPerPoll == 0) interrupt.poll();
    if (reach.take_waiting(id)) reach_from(id, reach, interrupt);
  }
}

void BuildGraph::reach_all(Reach &reach, Interrupt &interrupt) {
  for (bool any = true; any;) {
    any = false;
    for (size_t window = 0; window < windows(); ++window) {
      if (!reach.are_any_waiting(window * capacity_, std::min(size(), (window + 1) * capacity_))) continue;
      any = true;
      open_window(window, interrupt);
      reach_in_window(reach, interrupt);
    }
  }
}

// In the open window: the host of an orphan is a neighbour that is reached and has an expendable lane left, or else the
// orphan before, which is near.
void BuildGraph::find_hosts(Reach &reach, Interrupt &interrupt) {
  const size_t first = window_first(), end = first + window_rows();
  for (size_t i = reach.next_unreached(first, end); i < end; i = reach.next_unreached(i + 1, end)) {
    const auto orphan = static_cast<NodeId>(i);
    interrupt.poll();
    if (reach.mends.size() >= std::max(kLeastOrphans, size() / 32)) return;
    NodeId host = reach.last_mended;
    for (const NodeId id : neighbours(orphan)) {
      if (!reach.is_reached(id)) continue;
      const auto given = reach.given.find(id);
      if (given != reach.given.end() && given->second >= shape_.lanes - lasting_lanes(shape_.lanes)) continue;
      host = id;
      break;
    }
    ++reach.given[host];
    reach.mends.push_back({host, orphan});
    reach.last_mended = orphan;
    reach.set_reached(orphan);
    reach_from(orphan, reach, interrupt);
  }
}

// A host gives expendable lanes, which last from then on. What they led to is looked for again in the next round.
void BuildGraph::link_orphans(Reach &reach, Interrupt &interrupt) {
  std::stable_sort(reach.mends.begin(), reach.mends.end());
  size_t window = 0;
  for (size_t i = 0; i < reach.mends.size(); ++i) {
    const auto [host, orphan] = reach.mends[i];
    if (i == 0 || !in_window(host)) {
      if (i > 0 && spill_ != nullptr) move_window(window, false, true, interrupt);
      window = host / capacity_;
      open_window(window, interrupt);
    }
    NodeId *lanes = list_of(host);
    uint8_t &lasting = lasting_count_of(host);
    if (count_of(host) < shape_.lanes) {
      lanes[count_of(host)] = lanes[lasting];
      ++count_of(host);
    }
    lanes[std::min<size_t>(lasting, count_of(host) - 1u)] = orphan;
    if (lasting < count_of(host)) ++lasting;
  }
  if (spill_ != nullptr && !reach.mends.empty()) move_window(window, false, true, interrupt);
}

void BuildGraph::link_unreachable(Interrupt &interrupt) {
  constexpr int kRounds = 64;  // a few are enough; an orphan more is found by a sweep
  Reach reach(size(), memory_);
  for (int round = 0; round < kRounds; ++round) {
    reach.clear();
    for (const NodeId id : entries()) {
      reach.set_reached(id);
      reach.set_waiting(id);
      reach.last_mended = id;
    }
    reach_all(reach, interrupt);
    for (size_t window = 0; window < windows(); ++window) {
      const size_t first = window * capacity_, end = std::min(size(), first + capacity_);
      if (reach.next_unreached(first, end) == end) continue;
      open_window(window, interrupt);
      reach_in_window(reach, interrupt);
      find_hosts(reach, interrupt);
    }
    if (reach.mends.empty()) return;
    link_orphans(reach, interrupt);
  }
}

}  // namespace quiver::core
