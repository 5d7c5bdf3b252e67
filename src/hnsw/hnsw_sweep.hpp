// The exhaustive end of a scan: reads all node pages in physical order and hands out what is left by ascending bound.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>

#include "core/ordered_passes.hpp"
#include "hnsw/hnsw_page_graph.hpp"
#include "pg/page_stream.hpp"

namespace quiver::hnsw {

// Keeps as many of the nearest rows as fit its memory; when they have been handed out it reads the index again for the
// next ones. Cost: one pass over the index per memory-full of rows.
class Sweep {
 public:
  struct Row {
    double bound;
    NodeId id;
    PageGraph::Payload payload;
    bool operator<(const Row &other) const { return bound < other.bound || (bound == other.bound && id < other.id); }
  };

  Sweep(const OpenIndex &index, core::NodeQuery &query, size_t max_bytes, std::pmr::memory_resource *memory);

  // Restricts what follows to nodes with lower <= bound < upper and starts again.
  void restart(double lower, double upper) { passes_.restart(lower, upper); }

  // The next node by (bound, id), or null at the end. `skip(id)`: nodes that were handed out before by other means.
  template <class Skip>
  const Row *next(Skip &&skip) {
    for (;;) {
      const Row *row = passes_.next();
      if (row != nullptr || passes_.is_complete()) return row;
      read_all(skip);
    }
  }

 private:
  template <class Skip>
  void read_all(Skip &&skip);
  bool read_page(pg::PageStream *pages);

  const OpenIndex &index_;
  core::NodeQuery &query_;
  core::OrderedPasses<Row> passes_;
  Row page_rows_[32];
  uint32_t page_row_count_ = 0;
};

template <class Skip>
void Sweep::read_all(Skip &&skip) {
  passes_.begin_pass();
  const BlockNumber blocks = RelationGetNumberOfBlocks(index_.relation);
  pg::PageStream pages;
  pg::call([&] { pages.open(index_.relation, kMetaBlock + 1, blocks, pg::PassPurpose::search); });
  while (pg::call([&] { return read_page(&pages); })) {
    for (uint32_t i = 0; i < page_row_count_; ++i)
      if (passes_.wants(page_rows_[i]) && !skip(page_rows_[i].id)) passes_.keep(page_rows_[i]);
  }
  pg::call([&] { pages.close(); });
  passes_.finish_pass();
}

}  // namespace quiver::hnsw
