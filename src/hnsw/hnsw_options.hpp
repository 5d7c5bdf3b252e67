// Options and settings of hnsw with their bounds, shared by build, scan, documentation and tests.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "core/calibration.hpp"
#include "core/metric.hpp"

extern "C" {
#include "access/reloptions.h"
#include "utils/rel.h"
}

namespace quiver::hnsw {

inline constexpr int kDefaultM = 16, kMinM = 2, kMaxM = 100;
inline constexpr int kDefaultEfConstruction = 64, kMinEfConstruction = 4, kMaxEfConstruction = 1000;
inline constexpr int kDefaultEfSearch = 40, kMinEfSearch = 1, kMaxEfSearch = 1000;
inline constexpr int kDefaultMaxScanTuples = 20000;
using core::kMaxTargetRecall, core::kMinTargetRecall;
inline constexpr double kMinScanMemMultiplier = 1.0, kMaxScanMemMultiplier = 1000.0;

// WITH (m = ..., ef_construction = ...), in the layout that reloptions want.
struct Options {
  int32 vl_len_;
  int m;
  int ef_construction;
};

enum class IterativeScan : int { off, relaxed_order, strict_order };

// hnsw.*; drop-in contract 1.8.
struct Settings {
  int ef_search;
  int iterative_scan;  // an IterativeScan, in the type that the server's enum settings have
  int max_scan_tuples;
  double scan_mem_multiplier;
  double target_recall;  // 0: hnsw.ef_search counts
};
extern Settings settings;

// Registers options and settings and reserves the prefix. Called once, when the library is loaded.
void define_settings();

bytea *parse_options(Datum reloptions, bool validate);
int option_m(Relation index);
int option_ef_construction(Relation index);

// Nodes that an insertion visits at least. Visits here are pages, each worth 32 of HNSW's distance computations, so
// half as many again as ef_construction cost little and make the better graph.
inline size_t beam_for(int ef_construction) { return static_cast<size_t>(ef_construction) * 3 / 2; }

// How far beyond the k-th distance a search looks: hnsw.ef_search in the terms of the distance-adaptive stop. Monotone,
// linear in log ef between measured points, one curve for each width of neighbour code; without codes, distances are
// known and the horizon is narrower, the more so where they are not squared. Few dimensions have few nodes within a
// share of a distance, so there it is wider.
float gamma_for(int ef_search, unsigned code_bits, core::Metric metric, unsigned dimensions);

// The hnsw.ef_search that reached a recall on every measured set: for an index whose own curve was never measured.
int cautious_ef_search(double target_recall);

}  // namespace quiver::hnsw
