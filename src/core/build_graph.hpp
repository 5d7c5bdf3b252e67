// The graph while CREATE INDEX runs: vectors in 8 bits, neighbours as 32-bit ids, no pointers.
// SPDX-License-Identifier: PostgreSQL
//
// Invariants, once finish() has begun:
//  1. Ids are dense, near vectors have near ids; a list holds ids of other nodes, none twice.
//  2. A list never exceeds kSlack times the lanes of the final node; finish() brings it down to the lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/graph_browser.hpp"
#include "core/interrupt.hpp"
#include "core/metric.hpp"
#include "core/node_format.hpp"
#include "core/plain_distance.hpp"
#include "core/random.hpp"
#include "core/robust_prune.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

struct BuildOptions {
  Metric metric;    // chooses the edges too
  size_t beam;      // candidates that an insertion visits at least
  size_t capacity;  // rows that will be offered at most
  size_t budget;    // bytes that the graph may take
};

// Rows are collected first, then sorted by region, so that consecutive insertions (and later the pages) touch the same
// memory; then inserted one by one: search, prune, reverse edges. One thread.
class BuildGraph {
 public:
  BuildGraph(const NodeShape &shape, const BuildOptions &options, std::pmr::memory_resource *memory);

  // Collects a row by its own code, `codes` unpacked. False, and nothing is changed, when the budget is spent.
  bool add(const ScalarCode &code, const uint8_t *codes, RowId row);

  // Builds the graph of the collected rows: at most shape.lanes neighbours a node, every node reachable from an entry.
  // Reports how many nodes were inserted.
  void finish(Interrupt &interrupt);

  size_t size() const { return size_; }
  const NodeShape &shape() const { return shape_; }
  const ScalarCode &scalar_code(NodeId id) const { return *reinterpret_cast<const ScalarCode *>(record(id)); }
  const uint8_t *codes(NodeId id) const { return record(id) + sizeof(ScalarCode); }  // unpacked
  std::span<const NodeId> neighbours(NodeId id) const { return {&lists_[id * list_capacity_], counts_[id]}; }
  // How many of them, at the end, were not chosen but only fill the list.
  size_t expendable(NodeId id) const { return counts_[id] - chosen_counts_[id]; }
  RowId row(NodeId id) const { return rows_[id]; }
  std::span<const NodeId> entries() const { return entries_; }

  // Rows whose own code equals that of an earlier node, in ascending order of node after finish().
  struct ExtraRow {
    NodeId node;
    RowId row;
  };
  std::span<const ExtraRow> extra_rows() const { return extra_rows_; }

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
    Visit expand(NodeId id, float estimate, Sink &sink, Payload *payload) const;
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
  };

 private:
  static constexpr size_t kMaxEntries = 256;
  static constexpr size_t kSlackPercent = 130;  // a list is pruned only when this much too long
  static constexpr size_t kBestEntries = 4;

  struct alignas(kLineBytes) Line {
    uint8_t bytes[kLineBytes];
  };

  const uint8_t *record(NodeId id) const { return records_[id * record_lines_].bytes; }
  uint8_t *record(NodeId id) { return records_[id * record_lines_].bytes; }
  size_t record_bytes() const { return record_lines_ * kLineBytes; }
  size_t prune(size_t wanted);
  void prefetch_record(NodeId id) const;
  struct Place;
  void sort_by_region(Interrupt &interrupt);
  void choose_pivots();
  void sort_places(std::pmr::vector<Place> *places, Interrupt &interrupt);
  void move_to_places(std::pmr::vector<Place> &places, Interrupt &interrupt);
  bool same_code(NodeId a, NodeId b) const;
  void insert_all(Interrupt &interrupt);
  void insert(NodeId id);
  void link(NodeId id);
  void add_reverse_edge(NodeId from, NodeId to);
  void prune_list(NodeId id, size_t wanted);
  void fill_list(NodeId id);
  void link_unreachable(Interrupt &interrupt);
  NodeId choose_host(NodeId orphan, const std::pmr::vector<uint8_t> &reached, std::pmr::vector<uint8_t> &given);
  void mark_reachable(std::pmr::vector<uint8_t> &reached, std::pmr::vector<NodeId> &queue, Interrupt &interrupt);

  NodeShape shape_;
  bool by_inner_product_;
  float largest_squared_norm_ = 0.0f;
  size_t capacity_;
  size_t list_capacity_;
  size_t record_lines_;
  size_t size_ = 0;                 // rows while they are collected, then nodes
  std::pmr::vector<Line> records_;  // ScalarCode, then codes, per node
  std::pmr::vector<NodeId> lists_;
  std::pmr::vector<uint16_t> counts_;
  std::pmr::vector<uint8_t> chosen_counts_;  // once filled
  std::pmr::vector<RowId> rows_;
  std::pmr::vector<ExtraRow> extra_rows_;
  std::pmr::vector<NodeId> entries_;
  std::pmr::vector<PruneCandidate> candidates_;
  std::pmr::vector<NodeId> ids_;
  std::pmr::vector<NodeId> pivots_;  // in an order in which each is near the one before
  Random random_{0x71756976u};
  View view_;       // of the row being inserted
  View neighbour_;  // of the neighbour that candidates are compared with
  Browser<View> browser_;
};

}  // namespace quiver::core
