// Insertion into the graph in memory, and its completion.
// SPDX-License-Identifier: PostgreSQL
#include "core/build_graph.hpp"

#include <algorithm>
#include <cstring>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

constexpr size_t kBytesToSort = 28;  // a row's place, twice, and its seed mark

BrowseOptions insertion_options(size_t beam, size_t lanes) {
  BrowseOptions options;
  options.base_k = beam;
  options.exact_estimates = true;
  options.max_lanes = lanes;
  return options;
}

}  // namespace

BuildGraph::BuildGraph(const NodeShape &shape, const BuildOptions &options, std::pmr::memory_resource *memory)
    : shape_(shape),
      by_inner_product_(options.metric == Metric::inner_product),
      list_capacity_(shape.lanes * kSlackPercent / 100 + 1),
      record_lines_((sizeof(ScalarCode) + shape.unpacked_bytes() + kLineBytes - 1) / kLineBytes),
      records_(memory),
      lists_(memory),
      counts_(memory),
      chosen_counts_(memory),
      rows_(memory),
      extra_rows_(memory),
      entries_(memory),
      candidates_(memory),
      ids_(memory),
      pivots_(memory),
      view_(*this, edge_metric(options.metric), memory),
      neighbour_(*this, edge_metric(options.metric), memory),
      browser_(view_, insertion_options(options.beam, list_capacity_), memory) {
  const size_t node_bytes = record_bytes() + list_capacity_ * sizeof(NodeId) + sizeof(uint16_t) + sizeof(RowId) +
                            sizeof(ExtraRow) + sizeof(uint8_t) + kBytesToSort;
  capacity_ = std::min({options.capacity, options.budget / node_bytes, static_cast<size_t>(kNullNode) - 1});
  // One allocation each; the operating system commits memory as rows arrive.
  records_.reserve(capacity_ * record_lines_);
  lists_.reserve(capacity_ * list_capacity_);
  counts_.reserve(capacity_);
  rows_.reserve(capacity_);
  extra_rows_.reserve(capacity_);
  entries_.reserve(kMaxEntries);
}

bool BuildGraph::add(const ScalarCode &code, const uint8_t *codes_of_row, RowId row) {
  if (size_ + 1 > capacity_) return false;
  records_.resize((size_ + 1) * record_lines_);
  uint8_t *bytes = record(static_cast<NodeId>(size_));
  std::memcpy(bytes, &code, sizeof code);
  std::memcpy(bytes + sizeof code, codes_of_row, shape_.unpacked_bytes());
  rows_.push_back(row);
  largest_squared_norm_ = std::max(largest_squared_norm_, code.squared_norm);
  ++size_;
  return true;
}

void BuildGraph::insert(NodeId id) {
  view_.aim(scalar_code(id), codes(id));
  browser_.start();
  browser_.settle();
  link(id);
}

// A random sixteenth goes first, so that long edges exist before regions are filled one after another. The entries are
// the first of them.
void BuildGraph::insert_all(Interrupt &interrupt) {
  constexpr uint64_t kSeedShare = 16;
  // In steps: the system takes its time to hand out gigabytes.
  for (size_t nodes = 0; nodes < size_; interrupt.poll()) {
    nodes = std::min(size_, nodes + 16384);
    lists_.resize(nodes * list_capacity_);
  }
  counts_.assign(size_, 0);
  std::pmr::vector<uint8_t> is_seed(size_, 0, records_.get_allocator().resource());
  std::pmr::vector<NodeId> seeds(records_.get_allocator().resource());
  for (size_t i = 0; i < size_; ++i)
    if (i % kSeedShare == random_.below(kSeedShare)) {
      seeds.push_back(static_cast<NodeId>(i));
      is_seed[i] = 1;
    }
  for (size_t i = seeds.size(); i > 1; --i) std::swap(seeds[i - 1], seeds[random_.below(i)]);
  uint64_t done = 0;
  const auto insert_next = [&](NodeId id) {
    insert(id);
    if (entries_.size() < kMaxEntries) entries_.push_back(id);
    interrupt.poll();
    if (++done % 64 == 0) interrupt.report(done);
  };
  for (const NodeId id : seeds) insert_next(id);
  for (size_t i = 0; i < size_; ++i)
    if (is_seed[i] == 0) insert_next(static_cast<NodeId>(i));
  interrupt.report(done);
}

void BuildGraph::prefetch_record(NodeId id) const {
  const uint8_t *bytes = record(id);
  const size_t length = std::min<size_t>(record_bytes(), 512);
  for (size_t offset = 0; offset < length; offset += kLineBytes) __builtin_prefetch(bytes + offset);
}

// Chooses the new node's neighbours among everything visited, then offers it to each of them.
void BuildGraph::link(NodeId id) {
  candidates_.clear();
  for (const auto &found : browser_.found()) candidates_.push_back({found.distance, found.id, 0.0f});
  const size_t chosen = prune(shape_.lanes);
  NodeId *list = &lists_[id * list_capacity_];
  for (size_t i = 0; i < chosen; ++i) list[i] = candidates_[i].index;
  counts_[id] = static_cast<uint16_t>(chosen);
  for (size_t i = 0; i < chosen; ++i) add_reverse_edge(list[i], id);
}

// Leaves the chosen of candidates_ in front.
size_t BuildGraph::prune(size_t wanted) {
  return robust_prune(candidates_.data(), candidates_.size(), wanted, [this](NodeId from) {
    neighbour_.aim(scalar_code(from), codes(from));
    return [this](NodeId to) { return neighbour_.distance_to(to); };
  });
}

void BuildGraph::add_reverse_edge(NodeId from, NodeId to) {
  NodeId *list = &lists_[from * list_capacity_];
  list[counts_[from]++] = to;
  if (counts_[from] == list_capacity_) prune_list(from, shape_.lanes);
}

void BuildGraph::prune_list(NodeId id, size_t wanted) {
  NodeId *list = &lists_[id * list_capacity_];
  candidates_.clear();
  for (size_t i = 0; i < counts_[id]; ++i) prefetch_record(list[i]);
  neighbour_.aim(scalar_code(id), codes(id));
  for (size_t i = 0; i < counts_[id]; ++i) candidates_.push_back({neighbour_.distance_to(list[i]), list[i], 0.0f});
  const size_t chosen = prune(wanted);
  for (size_t i = 0; i < chosen; ++i) list[i] = candidates_[i].index;
  counts_[id] = static_cast<uint16_t>(chosen);
}

// Lanes left free by pruning take the nearest nodes two edges away: they cost nothing on the page and save visits.
void BuildGraph::fill_list(NodeId id) {
  NodeId *list = &lists_[id * list_capacity_];
  const size_t own = counts_[id];
  chosen_counts_[id] = static_cast<uint8_t>(own);
  if (own >= shape_.lanes) return;
  ids_.clear();
  for (size_t i = 0; i < own; ++i)
    for (const NodeId second : neighbours(list[i]))
      if (second != id) ids_.push_back(second);
  std::sort(ids_.begin(), ids_.end());
  ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  candidates_.clear();
  neighbour_.aim(scalar_code(id), codes(id));
  for (const NodeId second : ids_) {
    if (std::find(list, list + own, second) != list + own) continue;
    candidates_.push_back({neighbour_.distance_to(second), second, 0.0f});
  }
  const size_t wanted = std::min<size_t>(shape_.lanes - own, candidates_.size());
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(wanted), candidates_.end(),
                    [](const PruneCandidate &a, const PruneCandidate &b) { return a.distance < b.distance; });
  for (size_t i = 0; i < wanted; ++i) list[own + i] = candidates_[i].index;
  counts_[id] = static_cast<uint16_t>(own + wanted);
}

void BuildGraph::finish(Interrupt &interrupt) {
  sort_by_region(interrupt);
  insert_all(interrupt);
  for (size_t id = 0; id < size_; ++id) {
    if (counts_[id] > shape_.lanes) prune_list(static_cast<NodeId>(id), shape_.lanes);
    if (id % 64 == 0) interrupt.poll();
  }
  chosen_counts_.assign(size_, 0);
  for (size_t id = 0; id < size_; ++id) {
    fill_list(static_cast<NodeId>(id));
    if (id % 64 == 0) interrupt.poll();
  }
  link_unreachable(interrupt);
}

void BuildGraph::mark_reachable(std::pmr::vector<uint8_t> &reached, std::pmr::vector<NodeId> &queue,
                                Interrupt &interrupt) {
  for (size_t steps = 0; !queue.empty(); ++steps) {
    if (steps % 1024 == 0) interrupt.poll();
    const NodeId id = queue.back();
    queue.pop_back();
    for (const NodeId next : neighbours(id)) {
      if (reached[next] != 0) continue;
      reached[next] = 1;
      queue.push_back(next);
    }
  }
}

// The reached neighbour that gives the orphan a lane: one that has not given a quarter of its lanes yet. Its last
// lanes, fill lanes or the longest edges, are the cheapest to lose.
NodeId BuildGraph::choose_host(NodeId orphan, const std::pmr::vector<uint8_t> &reached,
                               std::pmr::vector<uint8_t> &given) {
  for (const NodeId id : neighbours(orphan))
    if (reached[id] != 0 && (counts_[id] < shape_.lanes || given[id] < shape_.lanes / 4)) return id;
  return kNullNode;
}

// Whatever a lane that was given away led to is looked for again in the next round.
void BuildGraph::link_unreachable(Interrupt &interrupt) {
  constexpr int kRounds = 6;
  std::pmr::memory_resource *memory = records_.get_allocator().resource();
  std::pmr::vector<uint8_t> reached(size_, 0, memory), given(size_, 0, memory);
  std::pmr::vector<NodeId> queue(memory);
  for (int round = 0; round < kRounds; ++round) {
    std::fill(reached.begin(), reached.end(), uint8_t{0});
    queue.clear();
    for (const NodeId id : entries_) {
      if (reached[id] == 0) queue.push_back(id);
      reached[id] = 1;
    }
    mark_reachable(reached, queue, interrupt);
    NodeId last_mended = kNullNode;
    for (size_t i = 0; i < size_; ++i) {
      const auto id = static_cast<NodeId>(i);
      if (reached[id] != 0) continue;
      NodeId host = choose_host(id, reached, given);
      if (host == kNullNode) host = last_mended;
      if (host == kNullNode) continue;
      NodeId *lanes = &lists_[host * list_capacity_];
      if (counts_[host] < shape_.lanes)
        lanes[counts_[host]++] = id;
      else
        lanes[counts_[host] - 1 - given[host]++ % shape_.lanes] = id;
      chosen_counts_[host] = static_cast<uint8_t>(counts_[host]);  // nothing else leads to the orphan
      reached[id] = 1;
      last_mended = id;
      queue.push_back(id);
      mark_reachable(reached, queue, interrupt);
    }
    if (last_mended == kNullNode) return;
  }
}

BuildGraph::View::View(const BuildGraph &graph, Metric metric, std::pmr::memory_resource *memory)
    : graph_(graph),
      kernels_(simd::kernels()),
      values_(graph.shape_.has_codes() ? graph.shape_.dimensions : 0, memory),
      plain_(graph.shape_, metric, memory) {}

void BuildGraph::View::aim(const ScalarCode &code, const uint8_t *codes) {
  if (graph_.shape_.has_codes())
    code_ = to_signed(code, codes, graph_.shape_.dimensions, values_.data());
  else
    plain_.aim(code, codes);
}

float BuildGraph::View::distance_to(NodeId id) const {
  if (!graph_.shape_.has_codes()) {
    const float distance = plain_.distance(graph_.scalar_code(id), graph_.codes(id));
    return graph_.by_inner_product_ ? graph_.largest_squared_norm_ + distance : distance;
  }
  if (!graph_.by_inner_product_) return distance_by_region(id);
  const int32_t dot = kernels_.dot_u8_s8(graph_.codes(id), values_.data(), graph_.shape_.dimensions);
  return graph_.largest_squared_norm_ - 0.5f * doubled_product(graph_.scalar_code(id), code_, dot);
}

float BuildGraph::View::distance_by_region(NodeId id) const {
  if (!graph_.shape_.has_codes()) return plain_.distance(graph_.scalar_code(id), graph_.codes(id));
  const int32_t dot = kernels_.dot_u8_s8(graph_.codes(id), values_.data(), graph_.shape_.dimensions);
  return squared_distance(graph_.scalar_code(id), code_, dot);
}

template <class Sink>
void BuildGraph::View::entries(Sink &sink) const {
  Candidate best[kBestEntries];
  size_t count = 0;
  for (const NodeId id : graph_.entries_) {
    Candidate candidate{distance_to(id), id};
    for (size_t i = 0; i < count; ++i)
      if (candidate.estimate < best[i].estimate) std::swap(candidate, best[i]);
    if (count < kBestEntries) best[count++] = candidate;
  }
  for (size_t i = 0; i < count; ++i) sink.offer(best[i].id, best[i].estimate);
}

template <class Sink>
Visit BuildGraph::View::expand(NodeId id, float estimate, Sink &sink, Payload *) const {
  NodeId fresh[2 * kMaxLanes];
  size_t count = 0;
  for (const NodeId neighbour : graph_.neighbours(id)) {
    if (!sink.admit(neighbour)) continue;
    graph_.prefetch_record(neighbour);
    fresh[count++] = neighbour;
  }
  for (size_t i = 0; i < count; ++i) sink.take(fresh[i], distance_to(fresh[i]));
  const NodeId next = sink.likely_next();
  if (next != kNullNode) __builtin_prefetch(&graph_.lists_[next * graph_.list_capacity_]);
  return {true, estimate, 0.0};
}

// For browsers in other files.
template void BuildGraph::View::entries(Browser<BuildGraph::View>::Sink &sink) const;
template Visit BuildGraph::View::expand(NodeId id, float estimate, Browser<BuildGraph::View>::Sink &sink,
                                        Payload *payload) const;

}  // namespace quiver::core
