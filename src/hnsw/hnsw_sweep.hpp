// The exhaustive end of a scan: reads all node pages in physical order and hands out what is left by ascending bound.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

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
  };

  Sweep(const OpenIndex &index, core::NodeQuery &query, size_t max_bytes, std::pmr::memory_resource *memory);

  // Restricts what follows to nodes with lower <= bound < upper and starts again.
  void restart(double lower, double upper);

  // The next node by (bound, id), or null at the end. `skip(id)`: nodes that were handed out before by other means.
  template <class Skip>
  const Row *next(Skip &&skip) {
    while (position_ == rows_.size()) {
      if (complete_) return nullptr;
      read_all(skip);
    }
    last_ = rows_[position_];
    return &rows_[position_++];
  }

 private:
  static bool before(const Row &a, const Row &b) { return a.bound < b.bound || (a.bound == b.bound && a.id < b.id); }

  template <class Skip>
  void read_all(Skip &&skip);
  bool read_page(pg::PageStream *pages);
  void keep(const Row &row);
  void finish_pass();

  const OpenIndex &index_;
  core::NodeQuery &query_;
  size_t capacity_;
  std::pmr::vector<Row> rows_;
  Row page_rows_[32];
  uint32_t page_row_count_ = 0;
  size_t position_ = 0;
  Row last_{};
  bool started_ = false;   // last_ is set: only rows after it count
  bool complete_ = false;  // the last pass had room for all
  bool overflowed_ = false;
  double lower_ = 0.0, upper_ = 0.0;
};

template <class Skip>
void Sweep::read_all(Skip &&skip) {
  rows_.clear();
  position_ = 0;
  overflowed_ = false;
  const BlockNumber blocks = RelationGetNumberOfBlocks(index_.relation);
  pg::PageStream pages;
  pg::call([&] { pages.open(index_.relation, kMetaBlock + 1, blocks, pg::PassPurpose::search); });
  while (pg::call([&] { return read_page(&pages); })) {
    for (uint32_t i = 0; i < page_row_count_; ++i) {
      const Row &row = page_rows_[i];
      if (row.bound < lower_ || !(row.bound < upper_) || (started_ && !before(last_, row)) || skip(row.id)) continue;
      keep(row);
    }
  }
  pg::call([&] { pages.close(); });
  finish_pass();
}

}  // namespace quiver::hnsw
