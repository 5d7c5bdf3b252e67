// The graph by leaves: near lists of all rows, then edges chosen among them.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <numeric>

#include "core/build_graph.hpp"
#include "core/build_spill.hpp"
#include "core/leaf_search.hpp"
#include "core/list_lock.hpp"

namespace quiver::core {

static_assert(LeafSearch::kMostPivots <= kMaxCells);

namespace {
constexpr size_t kRowsPerPoll = 4096;
}

class BuildGraph::NearRows final : public LeafRows {
 public:
  explicit NearRows(BuildGraph &graph) : graph_(graph) {}
  const ScalarCode &scalar_code(NodeId id) const override { return graph_.scalar_code(id); }
  const uint8_t *codes(NodeId id) const override { return graph_.codes(id); }
  float bound(NodeId id) const override { return graph_.near_list(id)->bound(); }
  void offer(NodeId id, const NearNode *nodes, size_t count) override {
    const ListLock lock(graph_.lock_of(id));
    for (size_t i = 0; i < count; ++i) graph_.near_list(id)->offer(nodes[i], graph_.near_width_);
  }

 private:
  BuildGraph &graph_;
};

void BuildGraph::link_by_leaves(Crew &crew, Interrupt &interrupt) {
  choose_cells();
  lead(crew, BuildStep::assign_cells, size(), interrupt);
  gather_cells(interrupt);
  lead(crew, BuildStep::search_leaves, header_->cell_count, interrupt);
  lead_seeds(crew, interrupt);
  lead(crew, BuildStep::link_near, size(), interrupt);
}

// One pivot out of each stretch of rows, which are sorted by region.
void BuildGraph::choose_cells() {
  const size_t count = std::min(size(), LeafSearch::pivots_for(size(), shape_.dimensions, kCellOverlap));
  for (size_t i = 0; i < count; ++i) {
    const size_t first = i * size() / count, end = (i + 1) * size() / count;
    header_->cell_pivots[i] = static_cast<NodeId>(first + random_.below(end - first));
  }
  header_->cell_count = static_cast<uint32_t>(count);
  header_->cell_overlap = static_cast<uint32_t>(std::clamp<size_t>(count / 2, 1, kCellOverlap));
}

void BuildGraph::assign_cells(size_t first, size_t last, Interrupt &interrupt) {
  NearRows rows(*this);
  LeafSearch search(rows, shape_.dimensions, memory_);
  Pivots pivots(memory_);
  search.decode_pivots({header_->cell_pivots, header_->cell_count}, &pivots);
  ids_.resize(last - first);
  std::iota(ids_.begin(), ids_.end(), static_cast<NodeId>(first));
  const size_t overlap = header_->cell_overlap;
  if (spill_ != nullptr) {
    std::pmr::vector<uint16_t> cells(ids_.size() * overlap, memory_);
    search.assign(ids_, pivots, overlap, cells.data(), interrupt);
    for (size_t i = 0; i < cells.size(); ++i) spill_->cells.append(cells[i], &ids_[i / overlap], sizeof(NodeId));
    return spill_->cells.flush();
  }
  for (const NodeId id : ids_) {
    near_list(id)->clear();
    lock_of(id) = 0;
  }
  search.assign(ids_, pivots, overlap, cells_of_rows() + first * overlap, interrupt);
}

// The rows of each cell, one cell after another.
void BuildGraph::gather_cells(Interrupt &interrupt) {
  const size_t overlap = header_->cell_overlap, count = header_->cell_count;
  const uint16_t *cells = cells_of_rows();
  std::pmr::vector<uint64_t> next(count + 1, 0, memory_);
  for (size_t i = 0; i < size() * overlap; ++i) {
    if (i % kRowsPerPoll == 0) interrupt.poll();
    ++next[cells[i] + 1u];
  }
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::copy(next.begin(), next.end(), header_->cell_ends);
  for (size_t id = 0; id < size(); ++id) {
    if (id % kRowsPerPoll == 0) interrupt.poll();
    for (size_t k = 0; k < overlap; ++k) cell_members()[next[cells[id * overlap + k]]++] = static_cast<NodeId>(id);
  }
}

void BuildGraph::search_leaves(size_t first, size_t last, Interrupt &interrupt) {
  NearRows rows(*this);
  LeafSearch search(rows, shape_.dimensions, memory_);
  for (size_t cell = first; cell < last; ++cell) {
    const uint64_t end = header_->cell_ends[cell + 1];
    for (uint64_t begin = header_->cell_ends[cell]; begin < end; begin += cell_rows_)
      search.search({cell_members() + begin, std::min<uint64_t>(cell_rows_, end - begin)}, interrupt);
    interrupt.report(header_->cell_ends[cell + 1] / header_->cell_overlap / 2);
  }
}

void BuildGraph::link_near(size_t first, size_t last, Interrupt &interrupt) {
  for (size_t i = first; i < last; ++i) {
    interrupt.poll();
    link_from_near_list(window_first() + static_cast<NodeId>(i));
  }
  if (spill_ != nullptr) spill_->offers.flush();
  report_linked(window_first() + header_->work.done.load(), interrupt);
}

// The near nodes that the list of edges does not hold.
void BuildGraph::offer_near(NodeId id) {
  const NodeId *list = list_of(id), *end = list + count_of(id);
  for (const NearNode &node : near_list(id)->nodes())
    if (std::find(list, end, node.id) == end) candidates_.push_back({node.distance, node.id, 0.0f});
}

// Edges that others have offered by now, and a seed's long ones, compete with the near nodes.
void BuildGraph::link_from_near_list(NodeId id) {
  NodeId *list = list_of(id);
  ids_.clear();
  {
    const ListLock lock(lock_of(id));
    const size_t count = count_of(id);
    for (const NearNode &node : near_list(id)->nodes()) prefetch_record(node.id);
    candidates_.clear();
    neighbour_.aim(scalar_code(id), codes(id));
    for (size_t i = 0; i < count; ++i) candidates_.push_back({neighbour_.distance_to(list[i]), list[i], 0.0f});
    offer_near(id);
    const size_t chosen = prune(shape_.lanes);
    for (size_t i = 0; i < chosen; ++i)
      if (std::find(list, list + count, candidates_[i].index) == list + count) ids_.push_back(candidates_[i].index);
    for (size_t i = 0; i < chosen; ++i) store_shared(list[i], candidates_[i].index);
    store_shared(count_of(id), static_cast<uint16_t>(chosen));
  }
  for (const NodeId neighbour : ids_) add_reverse_edge(neighbour, id);
}

}  // namespace quiver::core
