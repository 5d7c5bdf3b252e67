// The exhaustive end of a scan: reads all node pages in physical order and hands out what is left by ascending bound.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <span>

#include "core/ordered_passes.hpp"
#include "hnsw/hnsw_found.hpp"
#include "pg/page_stream.hpp"

namespace quiver::hnsw {

// Keeps as many of the nearest rows as fit its memory; when they have been handed out it reads the index again for the
// next ones. Cost: one pass over the index per memory-full of rows.
class Sweep {
 public:
  Sweep(const OpenIndex &index, core::NodeQuery &query, size_t max_bytes, std::pmr::memory_resource *memory);

  // From now on nodes are measured by their rows. See measure_rows.
  void measure_by(types::HeapDistances *heap) { heap_ = heap; }

  // Restricts what follows to nodes with lower <= bound < upper and starts again.
  void restart(double lower, double upper) { passes_.restart(lower, upper); }

  // The next node by (bound, id), or null at the end. `skip(id)`: nodes that were handed out before by other means.
  template <class Skip>
  const FoundNode *next(Skip &&skip) {
    for (;;) {
      const FoundNode *node = passes_.next();
      if (node != nullptr || passes_.is_complete()) return node;
      read_all(skip);
    }
  }

 private:
  template <class Skip>
  void read_all(Skip &&skip);
  bool read_page(pg::PageStream *pages);

  const OpenIndex &index_;
  core::NodeQuery &query_;
  types::HeapDistances *heap_ = nullptr;
  core::OrderedPasses<FoundNode> passes_;
  FoundNode page_nodes_[core::kMaxSlots];
  uint32_t page_node_count_ = 0;
};

template <class Skip>
void Sweep::read_all(Skip &&skip) {
  passes_.begin_pass();
  const BlockNumber blocks = RelationGetNumberOfBlocks(index_.relation);
  pg::PageStream pages;
  pg::call([&] { pages.open(index_.relation, kMetaBlock + 1, blocks, pg::PassPurpose::search); });
  while (pg::call([&] { return read_page(&pages); })) {
    for (FoundNode &node : std::span(page_nodes_, page_node_count_)) {
      if (skip(node.id)) continue;
      if (heap_ != nullptr && !pg::call([&, this] { return measure_rows(heap_, &node); })) continue;
      if (passes_.wants(node)) passes_.keep(node);
    }
  }
  pg::call([&] { pages.close(); });
  passes_.finish_pass();
}

}  // namespace quiver::hnsw
