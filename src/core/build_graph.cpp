// Insertion into the graph in memory, and its completion.
// SPDX-License-Identifier: PostgreSQL
#include "core/build_graph.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/list_lock.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// Ranges that participants take: long enough to stay in one region, short enough to end together.
constexpr size_t kInsertionsPerRange = 64;
constexpr size_t kListsPerRange = 1024;
constexpr size_t kReportEvery = 64;

BrowseOptions insertion_options(size_t beam, size_t lanes) {
  BrowseOptions options;
  options.base_k = beam;
  options.exact_estimates = true;
  options.max_lanes = lanes;
  return options;
}

}  // namespace

BuildGraph::BuildGraph(const NodeShape &shape, const BuildOptions &options, const BuildLayout &layout, void *block,
                       std::pmr::memory_resource *memory)
    : shape_(shape),
      by_inner_product_(options.metric == Metric::inner_product),
      capacity_(layout.capacity()),
      list_capacity_(layout.list_capacity()),
      record_bytes_(layout.record_bytes()),
      header_(static_cast<BuildHeader *>(block)),
      records_(static_cast<uint8_t *>(block) + layout.records()),
      lists_(reinterpret_cast<NodeId *>(static_cast<uint8_t *>(block) + layout.lists())),
      counts_(reinterpret_cast<uint16_t *>(static_cast<uint8_t *>(block) + layout.counts())),
      chosen_counts_(static_cast<uint8_t *>(block) + layout.chosen()),
      locks_(static_cast<uint8_t *>(block) + layout.locks()),
      rows_(reinterpret_cast<RowId *>(static_cast<uint8_t *>(block) + layout.rows())),
      extra_rows_(reinterpret_cast<ExtraRow *>(static_cast<uint8_t *>(block) + layout.extra())),
      near_(layout.near_width() == 0 ? nullptr : static_cast<uint8_t *>(block) + layout.near()),
      near_width_(layout.near_width()),
      memory_(memory),
      candidates_(memory),
      ids_(memory),
      view_(*this, edge_metric(options.metric), memory),
      neighbour_(*this, edge_metric(options.metric), memory),
      browser_(view_, insertion_options(options.beam, list_capacity_), memory) {
  candidates_.reserve(list_capacity_);
}

bool BuildGraph::add(const ScalarCode &code, const uint8_t *codes_of_row, RowId row) {
  if (header_->taken.load(std::memory_order_relaxed) >= capacity_) return false;
  const uint64_t place = header_->taken.fetch_add(1);
  if (place >= capacity_) return false;
  uint8_t *bytes = record(static_cast<NodeId>(place));
  std::memcpy(bytes, &code, sizeof code);
  std::memcpy(bytes + sizeof code, codes_of_row, shape_.unpacked_bytes());
  rows_[place] = row;
  const auto norm = std::bit_cast<uint32_t>(code.squared_norm);
  uint32_t largest = header_->largest_squared_norm.load(std::memory_order_relaxed);
  while (norm > largest && !header_->largest_squared_norm.compare_exchange_weak(largest, norm)) {
  }
  return true;
}

float BuildGraph::largest_squared_norm() const {
  return std::bit_cast<float>(header_->largest_squared_norm.load(std::memory_order_relaxed));
}

void BuildGraph::insert(NodeId id) {
  view_.aim(scalar_code(id), codes(id));
  browser_.start();
  browser_.settle();
  link(id);
}

// A random sixteenth goes first, so that long edges exist before regions are filled one after another.
void BuildGraph::choose_seeds() {
  const uint64_t share = std::clamp<uint64_t>(size() / kMaxBuildEntries, 1, 16);
  header_->seed_count = 0;
  NodeId *seed = seeds();
  uint64_t count = 0;
  for (size_t i = 0; i < size(); ++i)
    if (i % share == random_.below(share)) {
      seed[count++] = static_cast<NodeId>(i);
      chosen_counts_[i] = 1;
    }
  for (size_t i = count; i > 1; --i) std::swap(seed[i - 1], seed[random_.below(i)]);
  header_->seed_count = count;
}

void BuildGraph::insert_all(Crew &crew, Interrupt &interrupt) {
  lead_seeds(crew, interrupt);
  crew.lead(static_cast<uint32_t>(BuildStep::insert_rest), size(), kInsertionsPerRange,
            [&, this](size_t first, size_t last) { insert_rest(first, last, interrupt); });
}

// The leader's first insertions become the entries; the others join once those are there to start from.
void BuildGraph::lead_seeds(Crew &crew, Interrupt &interrupt) {
  std::memset(counts_, 0, size() * sizeof(*counts_));
  std::memset(chosen_counts_, 0, size());
  std::memset(locks_, 0, size());
  choose_seeds();
  header_->entry_count = 0;
  for (size_t i = 0; i < std::min<size_t>(header_->seed_count, kMaxBuildEntries); ++i) {
    interrupt.poll();
    insert(seeds()[i]);
    header_->entries[header_->entry_count++] = seeds()[i];
  }
  crew.lead(static_cast<uint32_t>(BuildStep::insert_seeds), header_->seed_count, kInsertionsPerRange,
            [&, this](size_t first, size_t last) { insert_seeds(first, last, interrupt); });
}

// With leaves, half of the work was to compare rows.
void BuildGraph::report_linked(uint64_t nodes, Interrupt &interrupt) const {
  interrupt.report(near_ != nullptr ? (size() + nodes) / 2 : nodes);
}

void BuildGraph::insert_seeds(size_t first, size_t last, Interrupt &interrupt) {
  for (size_t i = std::max<size_t>(first, header_->entry_count); i < last; ++i) {
    interrupt.poll();
    insert(seeds()[i]);
  }
  report_linked(header_->work.done.load(), interrupt);
}

void BuildGraph::insert_rest(size_t first, size_t last, Interrupt &interrupt) {
  for (size_t i = first; i < last; ++i) {
    if (chosen_counts_[i] != 0) continue;
    interrupt.poll();
    insert(static_cast<NodeId>(i));
  }
  report_linked(std::max<uint64_t>(header_->seed_count, header_->work.done.load()), interrupt);
}

void BuildGraph::prefetch_record(NodeId id) const {
  const uint8_t *bytes = record(id);
  const size_t length = std::min<size_t>(record_bytes_, 512);
  for (size_t offset = 0; offset < length; offset += kLineBytes) __builtin_prefetch(bytes + offset);
}

// Chooses the new node's neighbours among everything visited, then offers it to each of them.
void BuildGraph::link(NodeId id) {
  candidates_.clear();
  for (const auto &found : browser_.found()) candidates_.push_back({found.distance, found.id, 0.0f});
  const size_t chosen = prune(shape_.lanes);
  NodeId *list = list_of(id);
  ids_.clear();
  for (size_t i = 0; i < chosen; ++i) ids_.push_back(candidates_[i].index);
  std::copy(ids_.begin(), ids_.end(), list);
  store_shared(counts_[id], static_cast<uint16_t>(chosen));
  // From the first of these on, others find the node and change its list.
  for (const NodeId neighbour : ids_) add_reverse_edge(neighbour, id);
}

// Leaves the chosen of candidates_ in front.
size_t BuildGraph::prune(size_t wanted) {
  return robust_prune(candidates_.data(), candidates_.size(), wanted, [this](NodeId from) {
    neighbour_.aim(scalar_code(from), codes(from));
    return [this](NodeId to) { return neighbour_.distance_to(to); };
  });
}

void BuildGraph::add_reverse_edge(NodeId from, NodeId to) {
  const ListLock lock(locks_[from]);
  const uint16_t count = counts_[from];
  if (std::find(list_of(from), list_of(from) + count, to) != list_of(from) + count) return;
  store_shared(list_of(from)[count], to);
  store_shared(counts_[from], static_cast<uint16_t>(count + 1));
  if (count + 1u == list_capacity_) prune_list(from, shape_.lanes);
}

void BuildGraph::prune_list(NodeId id, size_t wanted) {
  NodeId *list = list_of(id);
  candidates_.clear();
  for (size_t i = 0; i < counts_[id]; ++i) prefetch_record(list[i]);
  neighbour_.aim(scalar_code(id), codes(id));
  for (size_t i = 0; i < counts_[id]; ++i) candidates_.push_back({neighbour_.distance_to(list[i]), list[i], 0.0f});
  const size_t chosen = prune(wanted);
  for (size_t i = 0; i < chosen; ++i) store_shared(list[i], candidates_[i].index);
  store_shared(counts_[id], static_cast<uint16_t>(chosen));
}

// Lanes left free by pruning take the nearest nodes met, or else those two edges away: they cost nothing on the page
// and save visits.
void BuildGraph::fill_list(NodeId id) {
  NodeId *list = list_of(id);
  const size_t own = counts_[id];
  chosen_counts_[id] = static_cast<uint8_t>(own);
  if (own >= shape_.lanes) return;
  candidates_.clear();
  if (near_ != nullptr)
    offer_near(id);
  else
    offer_second(id);
  const size_t wanted = std::min<size_t>(shape_.lanes - own, candidates_.size());
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(wanted), candidates_.end(),
                    [](const PruneCandidate &a, const PruneCandidate &b) { return a.distance < b.distance; });
  for (size_t i = 0; i < wanted; ++i) list[own + i] = candidates_[i].index;
  store_shared(counts_[id], static_cast<uint16_t>(own + wanted));
}

// The nodes two edges away that the list does not hold.
void BuildGraph::offer_second(NodeId id) {
  NodeId *list = list_of(id);
  const size_t own = counts_[id];
  ids_.clear();
  for (size_t i = 0; i < own; ++i) {
    NodeId *others = list_of(list[i]);
    const size_t count = load_shared(counts_[list[i]]);
    for (size_t j = 0; j < count; ++j)
      if (others[j] != id) ids_.push_back(others[j]);
  }
  std::sort(ids_.begin(), ids_.end());
  ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  neighbour_.aim(scalar_code(id), codes(id));
  for (const NodeId second : ids_)
    if (std::find(list, list + own, second) == list + own)
      candidates_.push_back({neighbour_.distance_to(second), second, 0.0f});
}

void BuildGraph::take_part(Crew &crew, BuildStep step, Interrupt &interrupt) {
  switch (step) {
    case BuildStep::rank_rows:
      return crew.take_part(kRowsPerRange, [&, this](size_t first, size_t last) { rank_rows(first, last, interrupt); });
    case BuildStep::insert_seeds:
      return crew.take_part(kInsertionsPerRange,
                            [&, this](size_t first, size_t last) { insert_seeds(first, last, interrupt); });
    case BuildStep::insert_rest:
      return crew.take_part(kInsertionsPerRange,
                            [&, this](size_t first, size_t last) { insert_rest(first, last, interrupt); });
    case BuildStep::assign_cells:
      return crew.take_part(kRowsPerRange,
                            [&, this](size_t first, size_t last) { assign_cells(first, last, interrupt); });
    case BuildStep::search_leaves:
      return crew.take_part(1, [&, this](size_t first, size_t last) { search_leaves(first, last, interrupt); });
    case BuildStep::link_near:
      return crew.take_part(kLinksPerRange,
                            [&, this](size_t first, size_t last) { link_near(first, last, interrupt); });
    case BuildStep::prune:
      return crew.take_part(kListsPerRange,
                            [&, this](size_t first, size_t last) { prune_lists(first, last, interrupt); });
    case BuildStep::fill:
      return crew.take_part(kListsPerRange,
                            [&, this](size_t first, size_t last) { fill_lists(first, last, interrupt); });
  }
}

void BuildGraph::prune_lists(size_t first, size_t last, Interrupt &interrupt) {
  for (size_t id = first; id < last; ++id) {
    if (counts_[id] > shape_.lanes) prune_list(static_cast<NodeId>(id), shape_.lanes);
    if (id % kReportEvery == 0) interrupt.poll();
  }
}

void BuildGraph::fill_lists(size_t first, size_t last, Interrupt &interrupt) {
  for (size_t id = first; id < last; ++id) {
    fill_list(static_cast<NodeId>(id));
    if (id % kReportEvery == 0) interrupt.poll();
  }
}

void BuildGraph::finish(Crew &crew, Interrupt &interrupt) {
  sort_by_region(crew, interrupt);
  if (near_ != nullptr)
    link_by_leaves(crew, interrupt);
  else
    insert_all(crew, interrupt);
  interrupt.report(size());
  crew.lead(static_cast<uint32_t>(BuildStep::prune), size(), kListsPerRange,
            [&, this](size_t first, size_t last) { prune_lists(first, last, interrupt); });
  crew.lead(static_cast<uint32_t>(BuildStep::fill), size(), kListsPerRange,
            [&, this](size_t first, size_t last) { fill_lists(first, last, interrupt); });
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
  std::pmr::vector<uint8_t> reached(size(), 0, memory_), given(size(), 0, memory_);
  std::pmr::vector<NodeId> queue(memory_);
  for (int round = 0; round < kRounds; ++round) {
    std::fill(reached.begin(), reached.end(), uint8_t{0});
    queue.clear();
    for (const NodeId id : entries()) {
      if (reached[id] == 0) queue.push_back(id);
      reached[id] = 1;
    }
    mark_reachable(reached, queue, interrupt);
    NodeId last_mended = kNullNode;
    for (size_t i = 0; i < size(); ++i) {
      const auto id = static_cast<NodeId>(i);
      if (reached[id] != 0) continue;
      NodeId host = choose_host(id, reached, given);
      if (host == kNullNode) host = last_mended;
      if (host == kNullNode) continue;
      NodeId *lanes = list_of(host);
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
      plain_(graph.shape_, metric, memory),
      fresh_(graph.list_capacity_, memory) {}

void BuildGraph::View::aim(const ScalarCode &code, const uint8_t *codes) {
  if (graph_.shape_.has_codes())
    code_ = to_signed(code, codes, graph_.shape_.dimensions, values_.data());
  else
    plain_.aim(code, codes);
}

float BuildGraph::View::distance_to(NodeId id) const {
  if (!graph_.shape_.has_codes()) {
    const float distance = plain_.distance(graph_.scalar_code(id), graph_.codes(id));
    return graph_.by_inner_product_ ? graph_.largest_squared_norm() + distance : distance;
  }
  if (!graph_.by_inner_product_) return distance_by_region(id);
  const int32_t dot = kernels_.dot_u8_s8(graph_.codes(id), values_.data(), graph_.shape_.dimensions);
  return graph_.largest_squared_norm() - 0.5f * doubled_product(graph_.scalar_code(id), code_, dot);
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
  for (const NodeId id : graph_.entries()) {
    Candidate candidate{distance_to(id), id};
    for (size_t i = 0; i < count; ++i)
      if (candidate.estimate < best[i].estimate) std::swap(candidate, best[i]);
    if (count < kBestEntries) best[count++] = candidate;
  }
  for (size_t i = 0; i < count; ++i) sink.offer(&best[i].id, &best[i].estimate, 1);
}

template <class Sink>
Visit BuildGraph::View::expand(NodeId id, float estimate, Sink &sink, Payload *) {
  NodeId *fresh = fresh_.data();
  NodeId *list = graph_.list_of(id);
  const size_t length = load_shared(graph_.counts_[id]);
  for (size_t i = 0; i < length; ++i) fresh[i] = load_shared(list[i]);
  const size_t count = sink.admit(fresh, length);
  for (size_t i = 0; i < count; ++i) graph_.prefetch_record(fresh[i]);
  for (size_t i = 0; i < count; ++i) sink.take(fresh[i], distance_to(fresh[i]));
  const NodeId next = sink.likely_next();
  if (next != kNullNode) __builtin_prefetch(graph_.list_of(next));
  return {true, estimate, 0.0};
}

// For browsers in other files.
template void BuildGraph::View::entries(Browser<BuildGraph::View>::Sink &sink) const;
template Visit BuildGraph::View::expand(NodeId id, float estimate, Browser<BuildGraph::View>::Sink &sink,
                                        Payload *payload);

}  // namespace quiver::core
