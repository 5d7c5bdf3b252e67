// Insertion into the graph in memory, and its completion.
// SPDX-License-Identifier: PostgreSQL
#include "core/build_graph.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/build_spill.hpp"
#include "core/list_lock.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

constexpr size_t kRowsPerPoll = 16384;

BrowseOptions insertion_options(size_t beam, size_t lanes) {
  BrowseOptions options;
  options.base_k = beam;
  options.exact_estimates = true;
  options.max_lanes = lanes;
  return options;
}

}  // namespace

BuildGraph::BuildGraph(const NodeShape &shape, const BuildOptions &options, const BuildLayout &layout, void *block,
                       std::pmr::memory_resource *memory, SpillFiles *files)
    : shape_(shape),
      by_inner_product_(options.metric == Metric::inner_product),
      capacity_(layout.capacity()),
      list_capacity_(layout.list_capacity()),
      record_bytes_(layout.record_bytes()),
      options_(options),
      header_(static_cast<BuildHeader *>(block)),
      records_in_block_(static_cast<uint8_t *>(block) + layout.records()),
      records_(records_in_block_),
      lists_(reinterpret_cast<NodeId *>(static_cast<uint8_t *>(block) + layout.lists())),
      counts_(reinterpret_cast<uint16_t *>(static_cast<uint8_t *>(block) + layout.counts())),
      lasting_counts_(static_cast<uint8_t *>(block) + layout.lasting()),
      locks_(static_cast<uint8_t *>(block) + layout.locks()),
      rows_(reinterpret_cast<RowId *>(static_cast<uint8_t *>(block) + layout.rows())),
      extra_rows_(reinterpret_cast<ExtraRow *>(static_cast<uint8_t *>(block) + layout.extra())),
      near_(layout.near_width() == 0 ? nullptr : static_cast<uint8_t *>(block) + layout.near()),
      near_width_(layout.near_width()),
      near_bytes_(layout.near_width() == 0 ? 0 : layout.capacity() * NearList::bytes(layout.near_width())),
      cell_rows_(layout.plan().cell_rows),
      memory_(memory),
      spill_(layout.plan().spills ? std::pmr::polymorphic_allocator<>(memory).new_object<BuildSpill>(
                                        files, shape, layout, header_, memory)
                                  : nullptr),
      candidates_(memory),
      ids_(memory),
      pivot_records_(memory),
      view_(*this, edge_metric(options.metric), memory),
      neighbour_(*this, edge_metric(options.metric), memory),
      browser_(view_, insertion_options(options.beam, list_capacity_), memory) {
  candidates_.reserve(list_capacity_);
}

BuildGraph::~BuildGraph() {
  drop_sample();
  if (spill_ != nullptr) std::pmr::polymorphic_allocator<>(memory_).delete_object(spill_);
}

bool BuildGraph::add(const ScalarCode &code, const uint8_t *codes_of_row, RowId row) {
  // In windows, with some to spare for what participants have at hand.
  const uint64_t room =
      spill_ != nullptr ? std::min<uint64_t>(capacity_ * (kMostBuckets - 1), kNullNode / 2) : capacity_;
  if (header_->taken.load(std::memory_order_relaxed) >= room) return false;
  if (spill_ != nullptr) {
    spill_->collect(code, codes_of_row, row);
    return true;
  }
  const uint64_t place = header_->taken.fetch_add(1);
  if (place >= room) return false;
  uint8_t *bytes = record_in_block(static_cast<NodeId>(place));
  std::memcpy(bytes, &code, sizeof code);
  std::memcpy(bytes + sizeof code, codes_of_row, shape_.unpacked_bytes());
  rows_[place] = row;
  const auto norm = std::bit_cast<uint32_t>(code.squared_norm);
  uint32_t largest = header_->largest_squared_norm.load(std::memory_order_relaxed);
  while (norm > largest && !header_->largest_squared_norm.compare_exchange_weak(largest, norm)) {
  }
  return true;
}

void BuildGraph::end_adding() {
  if (spill_ != nullptr) spill_->flush_collected();
}

const uint8_t *BuildGraph::load(NodeId id) const { return spill_->record(id); }
RowId BuildGraph::row(NodeId id) const { return spill_ != nullptr ? spill_->row(id) : rows_[id]; }
const ExtraRow &BuildGraph::extra_row(size_t i) const {
  return spill_ != nullptr ? spill_->extra_row(i) : extra_rows_[i];
}
void BuildGraph::begin_step() { records_ = header_->records_in_file != 0 ? nullptr : records_in_block_; }

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
void BuildGraph::choose_seeds(Interrupt &interrupt) {
  const uint64_t share = std::clamp<uint64_t>(size() / kMaxBuildEntries, 1, 16);
  header_->seed_count = 0;
  NodeId *seed = seeds();
  uint64_t count = 0;
  for (size_t i = 0; i < size(); ++i) {
    if (i % kRowsPerPoll == 0) interrupt.poll();
    if (i % share != random_.below(share)) continue;
    seed[count++] = static_cast<NodeId>(i);
    lasting_counts_[i] = 1;
  }
  for (size_t i = count; i > 1; --i) std::swap(seed[i - 1], seed[random_.below(i)]);
  header_->seed_count = count;
}

void BuildGraph::insert_all(Crew &crew, Interrupt &interrupt) {
  lead_seeds(crew, interrupt);
  lead(crew, BuildStep::insert_rest, size(), interrupt);
}

// The leader's first insertions become the entries; the others join once those are there to start from.
void BuildGraph::lead_seeds(Crew &crew, Interrupt &interrupt) {
  std::memset(counts_, 0, size() * sizeof(*counts_));
  std::memset(lasting_counts_, 0, size());
  std::memset(locks_, 0, size());
  choose_seeds(interrupt);
  header_->entry_count = 0;
  for (size_t i = 0; i < std::min<size_t>(header_->seed_count, kMaxBuildEntries); ++i) {
    interrupt.poll();
    insert(seeds()[i]);
    header_->entries[header_->entry_count++] = seeds()[i];
  }
  lead(crew, BuildStep::insert_seeds, header_->seed_count, interrupt);
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

void BuildGraph::insert_unless_seed(size_t first, size_t last, Interrupt &interrupt) {
  for (size_t i = first; i < last; ++i) {
    if (lasting_counts_[i] != 0) continue;
    interrupt.poll();
    insert(static_cast<NodeId>(i));
  }
}

void BuildGraph::insert_rest(size_t first, size_t last, Interrupt &interrupt) {
  insert_unless_seed(first, last, interrupt);
  report_linked(std::max<uint64_t>(header_->seed_count, header_->work.done.load()), interrupt);
}

void BuildGraph::prefetch_record(NodeId id) const {
  if (records_ == nullptr) return;
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
  store_shared(count_of(id), static_cast<uint16_t>(chosen));
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
  if (spill_ != nullptr && !in_window(from)) return spill_->offer_edge(from, to);
  const ListLock lock(lock_of(from));
  const uint16_t count = count_of(from);
  if (std::find(list_of(from), list_of(from) + count, to) != list_of(from) + count) return;
  store_shared(list_of(from)[count], to);
  store_shared(count_of(from), static_cast<uint16_t>(count + 1));
  if (count + 1u == list_capacity_) prune_list(from, shape_.lanes);
}

void BuildGraph::prune_list(NodeId id, size_t wanted) {
  NodeId *list = list_of(id);
  candidates_.clear();
  for (size_t i = 0; i < count_of(id); ++i) prefetch_record(list[i]);
  neighbour_.aim(scalar_code(id), codes(id));
  for (size_t i = 0; i < count_of(id); ++i) candidates_.push_back({neighbour_.distance_to(list[i]), list[i], 0.0f});
  const size_t chosen = prune(wanted);
  for (size_t i = 0; i < chosen; ++i) store_shared(list[i], candidates_[i].index);
  store_shared(count_of(id), static_cast<uint16_t>(chosen));
}

// Lanes left free by pruning take the nearest nodes met, or else those two edges away: they cost nothing on the page
// and save visits. Expendable lanes stand least worth first.
void BuildGraph::fill_list(NodeId id) {
  const size_t own = count_of(id), lasting = std::min(own, lasting_lanes(shape_.lanes));
  lasting_count_of(id) = static_cast<uint8_t>(lasting);
  candidates_.clear();
  if (own < shape_.lanes) near_ != nullptr ? offer_near(id) : offer_second(id);
  const size_t wanted = std::min<size_t>(shape_.lanes - own, candidates_.size());
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(wanted), candidates_.end(),
                    [](const PruneCandidate &a, const PruneCandidate &b) { return a.distance < b.distance; });
  NodeId *list = list_of(id);
  ids_.assign(list, list + own);
  for (size_t i = 0; i < wanted; ++i) ids_.push_back(candidates_[i].index);
  // Who reads the list meanwhile may miss a node.
  for (size_t lane = lasting; lane < ids_.size(); ++lane)
    store_shared(list[lane], ids_[rank_of_lane(lane, lasting, ids_.size())]);
  store_shared(count_of(id), static_cast<uint16_t>(ids_.size()));
}

// The nodes two edges away that the list does not hold.
void BuildGraph::offer_second(NodeId id) {
  NodeId *list = list_of(id);
  const size_t own = count_of(id);
  ids_.clear();
  for (size_t i = 0; i < own; ++i) {
    NodeId *others = list_of(list[i]);
    const size_t count = load_shared(count_of(list[i]));
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

BuildGraph::View::View(const BuildGraph &graph, Metric metric, std::pmr::memory_resource *memory)
    : graph_(graph),
      kernels_(simd::kernels()),
      values_(graph.shape_.has_codes() ? graph.shape_.dimensions : 0, memory),
      plain_(graph.shape_, metric, memory),
      fresh_(graph.list_capacity_, memory) {}

void BuildGraph::View::aim(const ScalarCode &code, const uint8_t *codes) {
  if (graph_.shape_.has_codes())
    code_ = to_signed(code, codes, graph_.shape_.dimensions, graph_.shape_.own_bits, values_.data());
  else
    plain_.aim(code, codes);
}

float BuildGraph::View::distance_to(NodeId id) const {
  const uint8_t *record = graph_.record(id);
  if (!graph_.by_inner_product_) return distance_by_region(record);
  if (!graph_.shape_.has_codes())
    return graph_.largest_squared_norm() + plain_.distance(code_in(record), codes_in(record));
  const int32_t dot = kernels_.dot_u8_s8(codes_in(record), values_.data(), graph_.shape_.dimensions);
  return graph_.largest_squared_norm() - 0.5f * doubled_product(code_in(record), code_, dot);
}

float BuildGraph::View::distance_by_region(const uint8_t *record) const {
  if (!graph_.shape_.has_codes()) return plain_.distance(code_in(record), codes_in(record));
  const int32_t dot = kernels_.dot_u8_s8(codes_in(record), values_.data(), graph_.shape_.dimensions);
  return squared_distance(code_in(record), code_, dot);
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
  const size_t length = load_shared(graph_.count_of(id));
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
