// A build whose lists do not all fit the block: window by window, what concerns the others waiting in files.
// SPDX-License-Identifier: PostgreSQL
//
// Leaves offer near nodes to the windows' buckets. A sample of the rows, inserted into a graph of its own, offers its
// edges for the long ones. Then each window takes what waits for it and links its nodes, as the whole graph would be;
// edges to nodes of other windows are offered to those. In a second round each takes what came after its turn.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/build_graph.hpp"
#include "core/build_spill.hpp"
#include "core/leaf_search.hpp"
#include "core/list_lock.hpp"

namespace quiver::core {

namespace {

constexpr size_t kMovedAtATime = size_t{1} << 20;
constexpr size_t kRowsPerPoll = 4096;

// The upper half of a positive float's bits, rounded up.
uint16_t rounded_up(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits >> 16) + ((bits & 0xffffu) != 0 ? 1 : 0));
}
float widened(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

constexpr uint16_t kNoBound = 0x7f80;  // infinity

}  // namespace

// Each offer goes to a bucket. A row's bound is what the best of its leaves kept last: such a leaf holds a part of
// the near nodes, so that about as many are nearer than a near list has room for.
class BuildGraph::SpilledNearRows final : public LeafRows {
 public:
  explicit SpilledNearRows(BuildGraph &graph)
      : graph_(graph), bounds_(graph.has_near_bounds() ? graph.near_bounds() : nullptr) {}
  const ScalarCode &scalar_code(NodeId id) const override { return graph_.scalar_code(id); }
  const uint8_t *codes(NodeId id) const override { return graph_.codes(id); }
  float bound(NodeId id) const override {
    if (bounds_ == nullptr) return std::numeric_limits<float>::infinity();
    return widened(std::atomic_ref<uint16_t>(bounds_[id]).load(std::memory_order_relaxed));
  }
  void offer(NodeId id, const NearNode *nodes, size_t count) override {
    if (count == 0) return;
    graph_.spill_->offer_near(id, nodes, count);
    if (bounds_ == nullptr || count < LeafSearch::kKeptOfLeaf) return;
    const std::atomic_ref<uint16_t> bound(bounds_[id]);
    const uint16_t farthest = rounded_up(std::max_element(nodes, nodes + count)->distance);
    if (farthest < bound.load(std::memory_order_relaxed)) bound.store(farthest, std::memory_order_relaxed);
  }

 private:
  BuildGraph &graph_;
  uint16_t *bounds_;  // lie where the lists of a window do later
};

bool BuildGraph::has_near_bounds() const {
  return size() * sizeof(uint16_t) <= capacity_ * list_capacity_ * sizeof(NodeId) + near_bytes_;
}

size_t BuildGraph::windows() const { return spill_ == nullptr ? 1 : (size() + capacity_ - 1) / capacity_; }

void BuildGraph::place_window(size_t window) {
  header_->window_first = window * capacity_;
  header_->window_rows = std::min<uint64_t>(capacity_, size() - header_->window_first);
}

void BuildGraph::clear_window(Interrupt &interrupt) {
  std::memset(counts_, 0, capacity_ * sizeof(*counts_));
  std::memset(lasting_counts_, 0, capacity_);
  std::memset(locks_, 0, capacity_);
  for (size_t i = 0; i < window_rows(); ++i) {
    if (i % kRowsPerPoll == 0) interrupt.poll();
    near_list(window_first() + static_cast<NodeId>(i))->clear();
  }
}

// Unused places of lists go into the files as well: with nothing that this memory held before.
void BuildGraph::forget_memory(Interrupt &interrupt) {
  auto *bytes = reinterpret_cast<uint8_t *>(lists_);
  for (size_t first = 0; first < window_bytes(); first += kMovedAtATime) {
    interrupt.poll();
    std::memset(bytes + first, 0, std::min(kMovedAtATime, window_bytes() - first));
  }
}

// The arrays of a window lie one after another, near lists last.
size_t BuildGraph::window_bytes() const {
  return static_cast<size_t>(near_ - reinterpret_cast<const uint8_t *>(lists_)) + near_bytes_;
}

void BuildGraph::move_window(size_t window, bool with_near, bool save, Interrupt &interrupt) {
  auto *bytes = reinterpret_cast<uint8_t *>(lists_);
  const size_t all = window_bytes();
  const size_t count = with_near ? all : static_cast<size_t>(near_ - bytes);
  for (size_t first = 0; first < count; first += kMovedAtATime) {
    interrupt.poll();
    const size_t piece = std::min(kMovedAtATime, count - first);
    if (save)
      spill_->files().write(SpillFile::windows, window * all + first, bytes + first, piece);
    else
      spill_->files().read(SpillFile::windows, window * all + first, bytes + first, piece);
  }
}

void BuildGraph::open_window(size_t window, Interrupt &interrupt) {
  if (spill_ == nullptr || (header_->window_rows > 0 && header_->window_first == window * capacity_)) return;
  place_window(window);
  move_window(window, false, false, interrupt);
}

void BuildGraph::link_window_by_window(Crew &crew, Interrupt &interrupt) {
  header_->entry_count = 0;
  header_->window_rows = 0;
  if (size() == 0) return;
  choose_cells();
  if (has_near_bounds()) std::fill(near_bounds(), near_bounds() + size(), kNoBound);
  lead(crew, BuildStep::assign_cells, size(), interrupt);
  lead(crew, BuildStep::search_leaves, header_->cell_count, interrupt);
  lead_sample(crew, interrupt);
  forget_memory(interrupt);
  for (size_t window = 0; window < windows(); ++window) {
    place_window(window);
    clear_window(interrupt);
    lead_offers(crew, interrupt);
    lead(crew, BuildStep::link_near, window_rows(), interrupt);
    move_window(window, true, true, interrupt);
  }
  for (size_t window = 0; window < windows(); ++window) {
    place_window(window);
    move_window(window, true, false, interrupt);
    lead_offers(crew, interrupt);
    complete_lists(crew, interrupt);
    move_window(window, true, true, interrupt);
  }
  interrupt.report(size());
}

// A cell too large for its share of memory is searched piece by piece.
void BuildGraph::search_spilled_leaves(size_t first, size_t last, Interrupt &interrupt) {
  SpilledNearRows rows(*this);
  LeafSearch search(rows, shape_.dimensions, memory_);
  std::pmr::vector<NodeId> ids(memory_);
  for (size_t cell = first; cell < last; ++cell) {
    for (size_t left = spill_->cells.chunks(cell); left > 0;) {
      ids.clear();
      for (; left > 0 && ids.size() < cell_rows_; --left) {
        interrupt.poll();
        const auto items = spill_->cells.pop(cell);
        const size_t before = ids.size();
        ids.resize(before + items.size() / sizeof(NodeId));
        std::memcpy(ids.data() + before, items.data(), items.size());
      }
      search.search(ids, interrupt);
    }
    interrupt.report(size() * (cell + 1) / header_->cell_count / 2);
  }
  spill_->near.flush();
}

BuildGraph *BuildGraph::sample() {
  if (sample_ == nullptr)
    sample_ = std::pmr::polymorphic_allocator<>(memory_).new_object<BuildGraph>(
        shape_, options_, BuildLayout(shape_, header_->seed_count), lists_, memory_);
  return sample_;
}

void BuildGraph::drop_sample() {
  if (sample_ != nullptr) std::pmr::polymorphic_allocator<>(memory_).delete_object(sample_);
  sample_ = nullptr;
}

// The sample lies where the lists of a window do later.
void BuildGraph::lead_sample(Crew &crew, Interrupt &interrupt) {
  header_->seed_count = std::clamp<size_t>(spill_->plan().sample_rows, 1, size());
  std::memset(static_cast<void *>(lists_), 0, sizeof(BuildHeader));
  collect_sample(interrupt);
  sample()->insert_entries(interrupt);
  lead(crew, BuildStep::insert_sample, sample()->size(), interrupt);
  lead(crew, BuildStep::offer_sample, sample()->size(), interrupt);
  for (const NodeId id : sample()->entries()) header_->entries[header_->entry_count++] = row_as_node(sample()->row(id));
  drop_sample();
}

// One row out of each stretch, in random order. The sample's rows are our nodes.
void BuildGraph::collect_sample(Interrupt &interrupt) {
  const size_t count = header_->seed_count;
  std::pmr::vector<NodeId> ids(count, memory_);
  for (size_t i = 0; i < count; ++i) {
    const size_t first = i * size() / count, end = (i + 1) * size() / count;
    ids[i] = static_cast<NodeId>(first + random_.below(end - first));
  }
  for (size_t i = count; i > 1; --i) std::swap(ids[i - 1], ids[random_.below(i)]);
  for (size_t i = 0; i < count; ++i) {
    if (i % kRowsPerPoll == 0) interrupt.poll();
    const uint8_t *bytes = record(ids[i]);
    sample()->add(code_in(bytes), codes_in(bytes), node_as_row(ids[i]));
  }
}

void BuildGraph::insert_entries(Interrupt &interrupt) {
  header_->size = header_->taken.load();
  header_->window_rows = size();
  std::memset(counts_, 0, size() * sizeof(*counts_));
  std::memset(lasting_counts_, 0, size());
  std::memset(locks_, 0, size());
  for (size_t i = 0; i < std::min<size_t>(size(), kMaxBuildEntries); ++i) {
    interrupt.poll();
    insert(static_cast<NodeId>(i));
    lasting_counts_[i] = 1;
    header_->entries[header_->entry_count++] = static_cast<NodeId>(i);
  }
}

void BuildGraph::offer_sample(size_t first, size_t last, Interrupt &interrupt) {
  for (size_t i = first; i < last; ++i) {
    const auto id = static_cast<NodeId>(i);
    interrupt.poll();
    if (sample()->count_of(id) > shape_.lanes) sample()->prune_list(id, shape_.lanes);
    const NodeId from = row_as_node(sample()->row(id));
    for (const NodeId to : sample()->neighbours(id)) spill_->offer_edge(from, row_as_node(sample()->row(to)));
  }
  spill_->offers.flush();
}

// Of the window.
void BuildGraph::lead_offers(Crew &crew, Interrupt &interrupt) {
  const size_t window = header_->window_first / capacity_;
  lead(crew, BuildStep::take_offers, spill_->near.chunks(window) + spill_->offers.chunks(window), interrupt);
}

void BuildGraph::take_offers(size_t first, size_t last, Interrupt &interrupt) {
  const size_t window = header_->window_first / capacity_;
  drop_sample();
  for (; first < last; ++first) {
    interrupt.poll();
    const auto near = spill_->near.pop(window);
    if (!near.empty())
      take_near(near);
    else
      take_edges(spill_->offers.pop(window), interrupt);
  }
}

void BuildGraph::take_near(std::span<const uint8_t> items) {
  while (!items.empty()) {
    NearOffer head;
    std::memcpy(&head, items.data(), sizeof head);
    items = items.subspan(sizeof head);
    const ListLock lock(lock_of(head.node));
    for (uint32_t i = 0; i < head.count; ++i) {
      NearNode node;
      std::memcpy(&node, items.data(), sizeof node);
      near_list(head.node)->offer(node, near_width_);
      items = items.subspan(sizeof node);
    }
  }
}

void BuildGraph::take_edges(std::span<const uint8_t> items, Interrupt &interrupt) {
  for (; !items.empty(); items = items.subspan(sizeof(EdgeOffer))) {
    EdgeOffer offer;
    std::memcpy(&offer, items.data(), sizeof offer);
    interrupt.poll();
    add_reverse_edge(offer.from, offer.to);
  }
}

}  // namespace quiver::core
