// Writes a graph built in memory onto the pages of a new index.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/build_graph.hpp"
#include "core/node_writer.hpp"
#include "hnsw/hnsw_index.hpp"

namespace quiver::hnsw {

// Nodes get the slots after the meta page in their order; chunks of further rows the pages after those. Nothing is
// logged here. Cancellable between pages. Several processes may write ranges of the same graph's pages.
class GraphPages {
 public:
  static constexpr size_t kPagesPerRange = 256;

  // Raises 54000 when the graph has more pages than an index may have.
  GraphPages(Relation index, const MetaPage &meta, const core::BuildGraph &graph, pg::ContextResource *memory);

  // Of the nodes of the graph's open window.
  size_t first_of_window() const { return graph_.window_first() / shape_.slots_per_page; }
  size_t count_of_window() const { return (graph_.window_rows() + shape_.slots_per_page - 1) / shape_.slots_per_page; }

  // Leader, first: appends the pages of nodes, all zero.
  void extend();
  // Writes pages [first, last) of the open window, the first page of all nodes being 0.
  void write_nodes(size_t first, size_t last);
  // Leader, last: pages of further rows, entries and counts into the meta page and `meta`.
  void write_rest(MetaPage *meta);

 private:
  NodeId on_pages(NodeId id) const { return id + (kMetaBlock + 1) * shape_.slots_per_page; }
  size_t first_extra_of(NodeId node) const;
  void write_page(size_t number);
  void write_node(const core::Slot &slot, NodeId id);
  BlockNumber write_rows();
  BlockNumber write_rows_page();
  void skip_rows_in_slots();
  NodeId extra_node(size_t i) const { return graph_.extra_row(i).node; }
  void begin_chain(NodeId node, uint32 chunk);

  Relation index_;
  const core::BuildGraph &graph_;
  core::NodeShape shape_;
  core::NodeWriter writer_;
  size_t pages_;
  size_t extra_ = 0;       // further rows written
  bool in_chain_ = false;  // the next of the extra rows goes on with a chain, or begins one
  bool is_first_ = false;  // and it begins one
  BlockNumber last_rows_block_ = InvalidBlockNumber;
};

}  // namespace quiver::hnsw
