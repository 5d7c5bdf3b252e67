// The graph while CREATE INDEX runs: vectors in 8 bits, neighbours as 32-bit ids, no pointers.
// SPDX-License-Identifier: PostgreSQL
//
// Invariants, once the steps have begun:
//  1. Ids are dense, near vectors have near ids; a list holds ids of other nodes, none twice.
//  2. A list never exceeds kSlackPercent of the lanes of the final node; the last steps bring it down to the lanes.
//  3. A list is changed under its node's lock and read without it: each id and each count is whole, and an id is
//     published only after the node that it names was written.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/build_block.hpp"
#include "core/graph_browser.hpp"
#include "core/interrupt.hpp"
#include "core/metric.hpp"
#include "core/near_lists.hpp"
#include "core/node_format.hpp"
#include "core/plain_distance.hpp"
#include "core/random.hpp"
#include "core/robust_prune.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

struct BuildOptions {
  Metric metric;  // chooses the edges too
  size_t beam;    // candidates that an insertion visits at least
};

// The steps that are shared; callers may have more, from kFirstOtherStep on.
enum class BuildStep : uint32_t {
  rank_rows = 1,
  assign_cells,
  search_leaves,
  insert_seeds,
  insert_rest,
  link_near,
  prune,
  fill
};
inline constexpr uint32_t kFirstOtherStep = 16;

// One participant's hand on a graph that one or more processes build in one block. Rows are collected first, then
// sorted by region, so that consecutive insertions (and later the pages) touch the same memory. With near lists in the
// layout, leaves fill those (leaf_search.hpp), a random sample is inserted for the long edges, and the others are
// linked from their lists; without, all are inserted one by one: search, prune, reverse edges.
class BuildGraph {
 public:
  // `block`: layout.bytes() of memory aligned to a cache line, the header zero when the first participant comes.
  // `memory`: for what is this participant's own.
  BuildGraph(const NodeShape &shape, const BuildOptions &options, const BuildLayout &layout, void *block,
             std::pmr::memory_resource *memory);

  // Collects a row by its own code, `codes` unpacked. False, and nothing is collected any more, when the block is full.
  bool add(const ScalarCode &code, const uint8_t *codes, RowId row);

  // Leader, when nobody is adding any more: builds the graph of the collected rows: at most shape.lanes neighbours a
  // node, every node reachable from an entry. Reports how many nodes were inserted.
  void finish(Crew &crew, Interrupt &interrupt);

  // The others: take part in one of the steps of finish().
  void take_part(Crew &crew, BuildStep step, Interrupt &interrupt);

  SharedWork *work() { return &header_->work; }
  size_t size() const { return header_->size; }
  const NodeShape &shape() const { return shape_; }
  const ScalarCode &scalar_code(NodeId id) const { return *reinterpret_cast<const ScalarCode *>(record(id)); }
  const uint8_t *codes(NodeId id) const { return record(id) + sizeof(ScalarCode); }  // unpacked
  // Only between steps.
  std::span<const NodeId> neighbours(NodeId id) const { return {list_of(id), counts_[id]}; }
  // How many of them, at the end, were not chosen but only fill the list.
  size_t expendable(NodeId id) const { return static_cast<size_t>(counts_[id] - chosen_counts_[id]); }
  RowId row(NodeId id) const { return rows_[id]; }
  std::span<const NodeId> entries() const { return {header_->entries, header_->entry_count}; }
  // In ascending order of node once the graph is finished.
  std::span<const ExtraRow> extra_rows() const { return {extra_rows_, header_->extra_count}; }

  // The Graph that insertion browses; see graph_browser.hpp.
  class View {
   public:
    struct Payload {};
    View(const BuildGraph &graph, Metric metric, std::pmr::memory_resource *memory);
    // The vector to search for, unpacked.
    void aim(const ScalarCode &code, const uint8_t *codes);
    template <class Sink>
    void entries(Sink &sink) const;
    template <class Sink>
    Visit expand(NodeId id, float estimate, Sink &sink, Payload *payload);
    float horizon_shift() const { return 0.0f; }
    // What edges are chosen by: the distance, squared for L2, or `largest` - <a, b>, which is never negative.
    float distance_to(NodeId id) const;
    // What regions are formed by: the distance alone, also under inner product in the coded format.
    float distance_by_region(NodeId id) const;

   private:
    const BuildGraph &graph_;
    const simd::Kernels &kernels_;
    SignedCode code_{};
    std::pmr::vector<int8_t> values_;
    PlainDistance plain_;
    std::pmr::vector<NodeId> fresh_;  // of the node being expanded
  };

 private:
  static constexpr size_t kBestEntries = 4;
  static constexpr size_t kRowsPerRange = 4096;  // that participants rank at a time
  static constexpr size_t kLinksPerRange = 256;

  struct Place;
  class NearRows;

  const uint8_t *record(NodeId id) const { return records_ + id * record_bytes_; }
  uint8_t *record(NodeId id) { return records_ + id * record_bytes_; }
  NodeId *list_of(NodeId id) const { return lists_ + id * list_capacity_; }
  Place *places() const;
  Place *unsorted_places() const;
  // Seeds come first, in random order.
  NodeId *seeds() const { return reinterpret_cast<NodeId *>(extra_rows_ + header_->extra_count); }
  float largest_squared_norm() const;
  size_t prune(size_t wanted);
  void prefetch_record(NodeId id) const;

  void rank_rows(size_t first, size_t last, Interrupt &interrupt);
  void choose_pivots();
  void sort_by_region(Crew &crew, Interrupt &interrupt);
  void sort_places(Interrupt &interrupt);
  void move_to_places(Interrupt &interrupt);
  void merge_equal(Interrupt &interrupt);
  bool same_code(NodeId a, NodeId b) const;

  void choose_seeds();
  NearList *near_list(NodeId id) const {
    return reinterpret_cast<NearList *>(near_ + id * NearList::bytes(near_width_));
  }
  NodeId *cell_members() const { return lists_; }
  uint16_t *cells_of_rows() const { return reinterpret_cast<uint16_t *>(lists_ + capacity_ * kCellOverlap); }
  void link_by_leaves(Crew &crew, Interrupt &interrupt);
  void choose_cells();
  void assign_cells(size_t first, size_t last, Interrupt &interrupt);
  void gather_cells(Interrupt &interrupt);
  void search_leaves(size_t first, size_t last, Interrupt &interrupt);
  void link_near(size_t first, size_t last, Interrupt &interrupt);
  void link_from_near_list(NodeId id);
  void offer_near(NodeId id);

  void insert_all(Crew &crew, Interrupt &interrupt);
  void lead_seeds(Crew &crew, Interrupt &interrupt);
  void report_linked(uint64_t nodes, Interrupt &interrupt) const;
  void insert_seeds(size_t first, size_t last, Interrupt &interrupt);
  void insert_rest(size_t first, size_t last, Interrupt &interrupt);
  void insert(NodeId id);
  void link(NodeId id);
  void add_reverse_edge(NodeId from, NodeId to);
  void prune_list(NodeId id, size_t wanted);
  void fill_list(NodeId id);
  void offer_second(NodeId id);
  void prune_lists(size_t first, size_t last, Interrupt &interrupt);
  void fill_lists(size_t first, size_t last, Interrupt &interrupt);
  void link_unreachable(Interrupt &interrupt);
  NodeId choose_host(NodeId orphan, const std::pmr::vector<uint8_t> &reached, std::pmr::vector<uint8_t> &given);
  void mark_reachable(std::pmr::vector<uint8_t> &reached, std::pmr::vector<NodeId> &queue, Interrupt &interrupt);

  NodeShape shape_;
  bool by_inner_product_;
  size_t capacity_;
  size_t list_capacity_;
  size_t record_bytes_;
  BuildHeader *header_;
  uint8_t *records_;
  NodeId *lists_;
  uint16_t *counts_;
  uint8_t *chosen_counts_;  // once filled; before, whether a node is a seed
  uint8_t *locks_;
  RowId *rows_;
  ExtraRow *extra_rows_;
  uint8_t *near_;  // null without near lists
  size_t near_width_;
  std::pmr::memory_resource *memory_;
  std::pmr::vector<PruneCandidate> candidates_;
  std::pmr::vector<NodeId> ids_;
  Random random_{0x71756976u};
  View view_;       // of the row being inserted
  View neighbour_;  // of the neighbour that candidates are compared with
  Browser<View> browser_;
};

}  // namespace quiver::core
