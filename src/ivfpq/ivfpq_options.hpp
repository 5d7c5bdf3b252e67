// Options and settings of ivfpq and ivfflat with their bounds, shared by build, scan, documentation and tests.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "ivfpq/ivfpq_format.hpp"

extern "C" {
#include "access/reloptions.h"
#include "utils/rel.h"
}

namespace quiver::ivfpq {

inline constexpr int kMaxLists = 65536;
inline constexpr double kDefaultTargetRecall = 0.95;
inline constexpr int kFlatDefaultLists = 100, kFlatMaxLists = 32768;

// WITH (lists = ..., bits = ..., quantizer = ..., subvectors = ..., rerank = ...), in the layout that reloptions want.
// ivfflat has the first only.
struct Options {
  int32 vl_len_;
  int lists;  // 0: by the number of rows
  int bits;   // 0: by the quantizer and the dimensions
  int quantizer;
  int subvectors;  // 0: by the dimensions
  int rerank;
};

enum class IterativeScan : int { off, relaxed_order, strict_order };

// ivfpq.* or ivfflat.*: the two names have settings of their own.
struct Settings {
  int probes;  // 0: by the target of recall
  int iterative_scan;
  int max_probes;
  double target_recall;
};
const Settings &settings_of(Relation index);

// Registers options and settings and reserves the prefixes. Called once, when the library is loaded.
void define_settings();

bytea *parse_ivfpq_options(Datum reloptions, bool validate);
bytea *parse_ivfflat_options(Datum reloptions, bool validate);
int option_lists(Relation index);
int option_bits(Relation index);
Quantizer option_quantizer(Relation index);
int option_subvectors(Relation index);
Rerank option_rerank(Relation index);

// Whether the index is of ivfpq or ivfflat.
bool is_lists(Relation index);

// Lists that reached a recall on every measured set: for an index whose own curve was never measured.
uint32 cautious_probes(double target_recall, uint32 lists);

}  // namespace quiver::ivfpq
