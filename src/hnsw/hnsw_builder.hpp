// One participant of CREATE INDEX: its share of the heap, of the graph in memory and of the pages.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <atomic>

#include "core/build_graph.hpp"
#include "core/row_encoder.hpp"
#include "hnsw/hnsw_insert.hpp"
#include "pg/temp_files.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "access/tableam.h"
#include "nodes/execnodes.h"
}

namespace quiver::hnsw {

// Phases after the one that the server itself reports as 1, "initializing".
enum BuildPhase : int64 { kLoadingTuples = 2, kBuildingGraph = 3, kWritingPages = 4, kMeasuringRecall = 5 };

// Tells pg_stat_progress_create_index of a phase and how many tuples it has to do with, 0 if unknown.
void report_phase(BuildPhase phase, uint64 total);

// What the participants of one build share beside the block. Zero bytes, but for what the leader sets first.
struct BuildShared {
  // Set by the leader before anybody else comes.
  MetaPage meta;
  int ef_construction;
  int participants;
  core::BuildPlan plan;
  // While the heap is read.
  std::atomic<uint32> loading;  // participants who may still add to the block
  std::atomic<uint32> is_full;  // the block had no room for some row
  std::atomic<uint64> rows;     // with a vector, whether in memory or on pages
  std::atomic<uint64> heap_rows;
};

core::BuildLayout layout_of(const BuildShared &shared);

// Rows are collected in the block, or in files, until it is full or the heap is read; then all participants together
// make the graph and write its pages, window by window; rows that are left are inserted into these, by whoever reads
// them.
class Builder {
 public:
  struct Place {
    Relation index;
    BuildShared *shared;
    void *block;
    pg::TempFiles *files;  // null where the plan needs none
    core::Crew *crew;
    bool leads;
    MemoryContext context;
  };
  explicit Builder(const Place &place);

  // Reads the heap, or with `scan` this participant's share, and sees the graph through to its pages. The context of
  // `place` is to be reset or deleted afterwards.
  void run(Relation heap, IndexInfo *info, TableScanDesc scan);

 private:
  // What a participant needs until the pages are written.
  struct GraphMemory;

  static void heap_row(Relation, ItemPointer tid, Datum *values, bool *nulls, bool, void *builder);
  void add_row(ItemPointer tid, Datum value);
  void complete_graph();
  void lead();
  void follow();
  void write_pages(core::Interrupt &interrupt);
  void tell_of_full_block(uint64 rows);
  void tell_of_files(uint64 rows);
  void start_inserting();

  Place place_;
  pg::ContextResource memory_;
  types::IndexOps ops_;
  core::Rotation rotation_;
  core::RowEncoder encoder_;
  GraphMemory *graph_memory_;     // null once the pages are written
  Inserter *inserter_ = nullptr;  // for rows after that
  MemoryContext row_context_;
};

}  // namespace quiver::hnsw
