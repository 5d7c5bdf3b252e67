// The recall curve of an index of lists, measured on its pages and kept in the meta page.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <vector>

#include "core/calibration.hpp"
#include "core/list_code.hpp"
#include "core/random.hpp"
#include "ivfpq/ivfpq_heap.hpp"
#include "ivfpq/ivfpq_ranking.hpp"

namespace quiver::ivfpq {

// Finds the ten nearest rows of a sample of the index's own rows in one pass over all lists. Which list each lies in,
// and whether its code would let it be seen, tells of every width of a search at once: none is made. No lock is held
// for longer than a page takes to copy.
class ListCalibrator {
 public:
  // `heap`: where the index keeps no vectors, else null.
  ListCalibrator(const OpenIndex &index, HeapVectors *heap, MemoryContext context);

  // Not measured when the index is too small to tell.
  core::RecallCurve measure();

 private:
  struct Place {
    RowId row;
    BlockNumber codes, vectors;
    uint32 lane;
  };
  struct Neighbour {
    float distance;
    float low;  // the least that a search takes it for
    uint32 list;
  };
  struct Sample {
    RowId row;
    core::VectorQuery query;
    core::PreparedListQuery tables;
    core::NearestRows<Neighbour> nearest;
    CentroidDistance centroid;  // of the list that is being read
  };

  template <class Body>
  void for_each_page(uint32 list, const Body &body);
  void copy_all_vectors(BlockNumber owner);
  void choose_places();
  void offer(const Place &place);
  void read_sample(const Place &place);
  void compare_list(uint32 list);
  void compare_block(Sample *sample, uint32 list, uint32 block);
  bool read_heap_row(uint32 lane, RowId row);
  bool read_vector(const Place &place, core::ScalarCode *code);
  float distance_of(const Sample &sample, uint32 lane);
  void note(const Sample &sample, core::CurveMeasurement *measurement);

  pg::ContextResource memory_;
  const OpenIndex &index_;
  core::Random random_;
  uint64 rows_ = 0;
  size_t most_samples_;
  std::pmr::vector<uint32> pages_;  // of each list
  std::pmr::vector<Place> places_;
  std::pmr::vector<Sample> samples_;
  std::pmr::vector<uint8_t> codes_;  // of one vector, unpacked
  ListRanking ranking_;
  std::pmr::vector<float> distances_;  // of each list's centroid
  PGAlignedBlock page_;
  PGAlignedBlock *vectors_;  // the pages of vectors of page_
  HeapVectors *heap_;        // where the index keeps none
  // Then, of the lanes of page_: whether their heap rows were read, and what as.
  enum class HeapRow : uint8_t { unread, seen, gone };
  std::pmr::vector<HeapRow> heap_rows_;
  std::pmr::vector<core::ScalarCode> heap_codes_;
  std::pmr::vector<uint8_t> heap_levels_;
};

// Measures the curve and writes it to the meta page.
void calibrate(Relation relation, Relation heap, pg::Logging logging);

// The same, logged, where the index has grown or shrunk since, or was never measured. `rows`: about how many there are.
void calibrate_if_stale(Relation relation, Relation heap, double rows);

}  // namespace quiver::ivfpq
