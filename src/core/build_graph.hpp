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

class BuildSpill;
class SpillFiles;

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
  fill,
  // Where not all lies in the block.
  insert_sample,
  offer_sample,
  take_offers
};
inline constexpr uint32_t kFirstOtherStep = 16;

// One participant's hand on a graph that one or more processes build in one block. Rows are collected first, then
// sorted by region, so that consecutive insertions (and later the pages) touch the same memory. With near lists in the
// layout, leaves fill those (leaf_search.hpp), a random sample is inserted for the long edges, and the others are
// linked from their lists; without, all are inserted one by one: search, prune, reverse edges. Where not all fits the
// block, the lists of one window of nodes after another lie in it, and what concerns the others waits in files
// (build_windows.cpp).
class BuildGraph {
 public:
  // `block`: layout.bytes() of memory aligned to a cache line, the header zero when the first participant comes.
  // `memory`: for what is this participant's own. `files`: shared with the others, if the layout's plan spills.
  BuildGraph(const NodeShape &shape, const BuildOptions &options, const BuildLayout &layout, void *block,
             std::pmr::memory_resource *memory, SpillFiles *files = nullptr);
  ~BuildGraph();

  // Collects a row by its own code, `codes` unpacked. False, and nothing is collected any more, when there is no room.
  bool add(const ScalarCode &code, const uint8_t *codes, RowId row);
  // This participant adds no more.
  void end_adding();

  // Leader, when nobody is adding any more: builds the graph of the collected rows: at most shape.lanes neighbours a
  // node, every node reachable from an entry. Reports how many nodes were inserted.
  void finish(Crew &crew, Interrupt &interrupt);

  // The others: take part in one of the steps of finish().
  void take_part(Crew &crew, BuildStep step, Interrupt &interrupt);
  // The others: due at the beginning of a step that is not the graph's.
  void begin_step();

  // Once finished, a node's neighbours can be asked for while its window is open; the leader opens them, in any order.
  size_t windows() const;
  void open_window(size_t window, Interrupt &interrupt);
  NodeId window_first() const { return static_cast<NodeId>(header_->window_first); }
  size_t window_rows() const { return header_->window_rows; }

  SharedWork *work() { return &header_->work; }
  size_t size() const { return header_->size; }
  const NodeShape &shape() const { return shape_; }
  // Valid until another node is asked for.
  const ScalarCode &scalar_code(NodeId id) const { return *reinterpret_cast<const ScalarCode *>(record(id)); }
  const uint8_t *codes(NodeId id) const { return record(id) + sizeof(ScalarCode); }  // unpacked
  // Only between steps.
  std::span<const NodeId> neighbours(NodeId id) const { return {list_of(id), count_of(id)}; }
  // How many of them, at the end, are expendable (see lasting_lanes), least worth first.
  size_t expendable(NodeId id) const { return static_cast<size_t>(count_of(id) - lasting_count_of(id)); }
  RowId row(NodeId id) const;
  std::span<const NodeId> entries() const { return {header_->entries, header_->entry_count}; }
  // In ascending order of node once the graph is finished.
  size_t extra_count() const { return header_->extra_count; }
  const ExtraRow &extra_row(size_t i) const;

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
    // What regions are formed by: the distance alone, also under inner product in the coded format. To a record.
    float distance_by_region(const uint8_t *record) const;

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

  struct Place;
  class NearRows;
  class SpilledNearRows;
  class Reach;

  static const ScalarCode &code_in(const uint8_t *record) { return *reinterpret_cast<const ScalarCode *>(record); }
  static const uint8_t *codes_in(const uint8_t *record) { return record + sizeof(ScalarCode); }
  const uint8_t *record(NodeId id) const { return records_ != nullptr ? records_ + id * record_bytes_ : load(id); }
  const uint8_t *load(NodeId id) const;
  uint8_t *record_in_block(NodeId id) { return records_ + id * record_bytes_; }
  // Of a node of the window.
  size_t place(NodeId id) const { return id - header_->window_first; }
  bool in_window(NodeId id) const { return id - header_->window_first < header_->window_rows; }
  NodeId *list_of(NodeId id) const { return lists_ + place(id) * list_capacity_; }
  uint16_t &count_of(NodeId id) const { return counts_[place(id)]; }
  uint8_t &lasting_count_of(NodeId id) const { return lasting_counts_[place(id)]; }
  uint8_t &lock_of(NodeId id) const { return locks_[place(id)]; }
  Place *places() const;
  Place *unsorted_places() const;
  // Seeds come first, in random order.
  NodeId *seeds() const { return reinterpret_cast<NodeId *>(extra_rows_ + header_->extra_count); }
  float largest_squared_norm() const;
  void lead(Crew &crew, BuildStep step, size_t items, Interrupt &interrupt);
  void run(BuildStep step, size_t first, size_t last, Interrupt &interrupt);
  size_t prune(size_t wanted);
  void prefetch_record(NodeId id) const;

  struct Rank;
  Rank rank_of(const uint8_t *record);
  void rank_rows(size_t first, size_t last, Interrupt &interrupt);
  void rank_collected(size_t first, size_t last, Interrupt &interrupt);
  void choose_pivots();
  void load_pivots();
  void sort_by_region(Crew &crew, Interrupt &interrupt);
  void sort_places(Interrupt &interrupt);
  void move_to_places(Interrupt &interrupt);
  void merge_equal(Interrupt &interrupt);
  bool same_code(const uint8_t *a, const uint8_t *b) const;
  class SortedRows;
  void sort_into_files(Crew &crew, Interrupt &interrupt);
  void sort_bucket(size_t bucket, SortedRows &rows, Interrupt &interrupt);

  void choose_seeds(Interrupt &interrupt);
  NearList *near_list(NodeId id) const {
    return reinterpret_cast<NearList *>(near_ + place(id) * NearList::bytes(near_width_));
  }
  NodeId *cell_members() const { return lists_; }
  uint16_t *cells_of_rows() const { return reinterpret_cast<uint16_t *>(lists_ + capacity_ * kCellOverlap); }
  void link_by_leaves(Crew &crew, Interrupt &interrupt);
  void choose_cells();
  void assign_cells(size_t first, size_t last, Interrupt &interrupt);
  void gather_cells(Interrupt &interrupt);
  void search_leaves(size_t first, size_t last, Interrupt &interrupt);
  void search_spilled_leaves(size_t first, size_t last, Interrupt &interrupt);
  void link_near(size_t first, size_t last, Interrupt &interrupt);
  void link_from_near_list(NodeId id);
  void offer_near(NodeId id);

  void insert_all(Crew &crew, Interrupt &interrupt);
  void lead_seeds(Crew &crew, Interrupt &interrupt);
  void report_linked(uint64_t nodes, Interrupt &interrupt) const;
  void insert_seeds(size_t first, size_t last, Interrupt &interrupt);
  void insert_rest(size_t first, size_t last, Interrupt &interrupt);
  void insert_unless_seed(size_t first, size_t last, Interrupt &interrupt);
  void insert(NodeId id);
  void link(NodeId id);
  void add_reverse_edge(NodeId from, NodeId to);
  void prune_list(NodeId id, size_t wanted);
  void fill_list(NodeId id);
  void offer_second(NodeId id);
  void prune_lists(size_t first, size_t last, Interrupt &interrupt);
  void fill_lists(size_t first, size_t last, Interrupt &interrupt);
  void complete_lists(Crew &crew, Interrupt &interrupt);

  // Where not all lies in the block.
  void link_window_by_window(Crew &crew, Interrupt &interrupt);
  void place_window(size_t window);
  void move_window(size_t window, bool with_near, bool save, Interrupt &interrupt);
  void clear_window(Interrupt &interrupt);
  size_t window_bytes() const;
  void forget_memory(Interrupt &interrupt);
  // The sample's rows are this graph's nodes.
  static RowId node_as_row(NodeId id) { return {static_cast<uint16_t>(id >> 16), static_cast<uint16_t>(id), 1}; }
  static NodeId row_as_node(RowId row) { return NodeId{row.block_high} << 16 | row.block_low; }
  BuildGraph *sample();
  void drop_sample();
  void lead_sample(Crew &crew, Interrupt &interrupt);
  void collect_sample(Interrupt &interrupt);
  void insert_entries(Interrupt &interrupt);
  void offer_sample(size_t first, size_t last, Interrupt &interrupt);
  void lead_offers(Crew &crew, Interrupt &interrupt);
  void take_offers(size_t first, size_t last, Interrupt &interrupt);
  void take_near(std::span<const uint8_t> items);
  void take_edges(std::span<const uint8_t> items, Interrupt &interrupt);
  bool has_near_bounds() const;
  uint16_t *near_bounds() const { return reinterpret_cast<uint16_t *>(lists_); }

  void link_unreachable(Interrupt &interrupt);
  void reach_all(Reach &reach, Interrupt &interrupt);
  void reach_from(NodeId id, Reach &reach, Interrupt &interrupt);
  void reach_in_window(Reach &reach, Interrupt &interrupt);
  void find_hosts(Reach &reach, Interrupt &interrupt);
  void link_orphans(Reach &reach, Interrupt &interrupt);

  NodeShape shape_;
  bool by_inner_product_;
  size_t capacity_;
  size_t list_capacity_;
  size_t record_bytes_;
  BuildOptions options_;
  BuildHeader *header_;
  uint8_t *records_in_block_;
  uint8_t *records_;  // null where they lie in a file
  NodeId *lists_;
  uint16_t *counts_;
  uint8_t *lasting_counts_;  // once filled; before, whether a node is a seed
  uint8_t *locks_;
  RowId *rows_;
  ExtraRow *extra_rows_;
  uint8_t *near_;  // null without near lists
  size_t near_width_;
  size_t near_bytes_;
  size_t cell_rows_;
  std::pmr::memory_resource *memory_;
  BuildSpill *spill_;             // null where all lies in the block
  BuildGraph *sample_ = nullptr;  // of rows that are inserted for the long edges, where lists lie in windows
  std::pmr::vector<PruneCandidate> candidates_;
  std::pmr::vector<NodeId> ids_;
  std::pmr::vector<uint8_t> pivot_records_;
  Random random_{0x71756976u};
  View view_;       // of the row being inserted
  View neighbour_;  // of the neighbour that candidates are compared with
  Browser<View> browser_;
};

}  // namespace quiver::core
