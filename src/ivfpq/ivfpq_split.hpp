// Replaces lists by others with the same rows: splits, merges and rewrites.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <span>
#include <vector>

#include "core/kmeans.hpp"
#include "core/list_code.hpp"
#include "core/random.hpp"
#include "ivfpq/ivfpq_chain.hpp"
#include "ivfpq/ivfpq_directory.hpp"
#include "ivfpq/ivfpq_heap.hpp"

namespace quiver::ivfpq {

// One replacement. Lives in a context of its own; raises server errors, after which the old lists stand.
class Replacement {
 public:
  static constexpr size_t kMaxSources = 2;

  // `heap`: where the index keeps no vectors, else null. `budget`: bytes that it may use.
  Replacement(const OpenIndex &index, Directory *directory, HeapVectors *heap, Size budget, MemoryContext context);

  // Reads the lists. Returns their rows.
  uint64 look_at(std::span<const Directory::Listed> sources);
  // Parts that memory allows.
  size_t max_parts() const;
  // Replaces them by so many lists, or as many as there are different rows. Returns how many; 1 and nothing done when a
  // single list that is dense enough cannot be split. REQUIRES: look_at().
  size_t replace(size_t parts, bool even_one);

 private:
  struct Source {
    Directory::Listed list;
    BlockNumber done;  // its last page that was copied; InvalidBlockNumber: none
    Buffer last;       // at the end: its last page, locked
  };

  size_t sample_limit() const;
  void sample_page(uint32 list);
  bool read_row(uint32 lane, float *values);
  void decode_centroid(uint32 list, float *values);
  void choose_centroids(size_t parts);
  void begin_lists();
  core::ScalarCode round_centroid(float *centroid);
  void begin_list(float *centroid, uint16 group);
  void copy_source(Source *source);
  void copy_page();
  BlockNumber next_of(const Source &source);
  bool lock_end(Source *source);
  bool reach_ends();
  // REQUIRES: own vectors in the index.
  void hold_ends();
  void flush();
  void begin_leftover();
  void finish();

  pg::ContextResource memory_;
  const OpenIndex &index_;
  Directory *directory_;
  HeapVectors *heap_;
  Size budget_;
  size_t dimensions_;
  core::Random random_;
  std::pmr::vector<Source> sources_;
  uint64 rows_ = 0;
  PageGroup group_;
  std::pmr::vector<uint8_t> unpacked_;
  std::pmr::vector<float> sample_;
  std::pmr::vector<float> centroids_;  // as lists will have them
  std::pmr::vector<float> values_;     // of a page's rows
  std::pmr::vector<uint32> lanes_, labels_;
  std::pmr::vector<ChainWriter> writers_;
  core::CentroidTree tree_{};
  core::ListEncoder encoder_;
  core::NearestCentroids *nearest_ = nullptr;
  uint32 whole_[2] = {0, 0};
  bool has_leftover_ = false;
};

}  // namespace quiver::ivfpq
