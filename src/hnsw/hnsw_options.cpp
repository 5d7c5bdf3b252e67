// Definition of hnsw's options and settings.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_options.hpp"

#include <cmath>

extern "C" {
#include "utils/guc.h"
}

namespace quiver::hnsw {

Settings settings = {kDefaultEfSearch, static_cast<int>(IterativeScan::strict_order), kDefaultMaxScanTuples,
                     kMinScanMemMultiplier, 0.0};

namespace {

relopt_kind option_kind;

const struct config_enum_entry kIterativeScanValues[] = {
    {"off", static_cast<int>(IterativeScan::off), false},
    {"relaxed_order", static_cast<int>(IterativeScan::relaxed_order), false},
    {"strict_order", static_cast<int>(IterativeScan::strict_order), false},
    {nullptr, 0, false}};

struct CurvePoint {
  double ef;
  float gamma;
};
// Measured on words, patches and text embeddings: one gamma means the same recall within a factor of two on all.
constexpr CurvePoint kOneBitCurve[] = {{1, 0.0f},    {10, 0.02f},  {40, 0.10f},  {100, 0.14f},
                                       {200, 0.18f}, {400, 0.25f}, {1000, 0.40f}};
constexpr CurvePoint kTwoBitCurve[] = {{1, 0.0f},    {10, 0.05f},  {40, 0.13f},  {100, 0.19f},
                                       {200, 0.24f}, {400, 0.30f}, {1000, 0.45f}};

template <size_t N>
float interpolate(const CurvePoint (&curve)[N], double ef) {
  size_t right = 1;
  while (right + 1 < N && ef > curve[right].ef) ++right;
  const CurvePoint &a = curve[right - 1], &b = curve[right];
  const double share = (std::log(ef) - std::log(a.ef)) / (std::log(b.ef) - std::log(a.ef));
  return a.gamma + static_cast<float>(share) * (b.gamma - a.gamma);
}

}  // namespace

float gamma_for(int ef_search, unsigned code_bits, core::Metric metric, unsigned dimensions) {
  constexpr float kEnoughDimensions = 48.0f;
  const float curve = code_bits == 1 ? interpolate(kOneBitCurve, ef_search) : interpolate(kTwoBitCurve, ef_search);
  const float gamma = code_bits == 0 ? curve : curve * Max(1.0f, kEnoughDimensions / static_cast<float>(dimensions));
  switch (metric) {
    // Products have no zero to measure from: the horizon is a share of the way to the largest product that the lengths
    // allow, which is about twice the way that a distance would measure.
    case core::Metric::inner_product:
    case core::Metric::l1:
    case core::Metric::hamming:
    case core::Metric::jaccard:
      return 0.5f * gamma;
    default:
      return gamma;
  }
}

int cautious_ef_search(double target_recall) {
  constexpr struct {
    double recall;
    int ef_search;
  } kReached[] = {{0.90, 40}, {0.95, 100}, {0.98, 200}, {0.99, 400}};
  for (const auto &point : kReached)
    if (target_recall <= point.recall) return point.ef_search;
  return kMaxEfSearch;
}

namespace {

bool check_target_recall(double *value, void **, GucSource) {
  if (*value == 0.0 || *value >= kMinTargetRecall) return true;
  GUC_check_errdetail("\"hnsw.target_recall\" must be 0 or between %g and %g.", kMinTargetRecall, kMaxTargetRecall);
  return false;
}

}  // namespace

void define_settings() {
  option_kind = add_reloption_kind();
  add_int_reloption(option_kind, "ef_construction", "Candidates that an insertion considers at least",
                    kDefaultEfConstruction, kMinEfConstruction, kMaxEfConstruction, AccessExclusiveLock);
  add_int_reloption(option_kind, "m", "Half the number of neighbours of a node", kDefaultM, kMinM, kMaxM,
                    AccessExclusiveLock);

  DefineCustomIntVariable("hnsw.ef_search", "Sets how thoroughly an hnsw index is searched.",
                          "Larger finds more of the true neighbours and takes longer.", &settings.ef_search,
                          kDefaultEfSearch, kMinEfSearch, kMaxEfSearch, PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr,
                          nullptr);
  DefineCustomEnumVariable("hnsw.iterative_scan", "Sets whether an hnsw scan goes on until enough rows were found.",
                           "off returns at most about hnsw.ef_search rows.", &settings.iterative_scan,
                           static_cast<int>(IterativeScan::strict_order), kIterativeScanValues, PGC_USERSET,
                           GUC_EXPLAIN, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "hnsw.max_scan_tuples", "Sets how many nodes an hnsw scan visits before it sweeps.",
      "A sweep reads the whole index once, in physical order, instead of walking the graph further.",
      &settings.max_scan_tuples, kDefaultMaxScanTuples, 1, INT_MAX, PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr,
      nullptr);
  DefineCustomRealVariable("hnsw.scan_mem_multiplier", "Sets the multiple of work_mem that an hnsw scan may use.",
                           nullptr, &settings.scan_mem_multiplier, kMinScanMemMultiplier, kMinScanMemMultiplier,
                           kMaxScanMemMultiplier, PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
  DefineCustomRealVariable("hnsw.target_recall", "Sets the share of the ten nearest rows that a search should find.",
                           "0 leaves it to hnsw.ef_search; else an index is searched as its own measured curve says.",
                           &settings.target_recall, 0.0, 0.0, kMaxTargetRecall, PGC_USERSET, GUC_EXPLAIN,
                           check_target_recall, nullptr, nullptr);
  MarkGUCPrefixReserved("hnsw");
}

bytea *parse_options(Datum reloptions, bool validate) {
  static const relopt_parse_elt kElements[] = {
      compat::parse_element("ef_construction", RELOPT_TYPE_INT, offsetof(Options, ef_construction)),
      compat::parse_element("m", RELOPT_TYPE_INT, offsetof(Options, m)),
  };
  return static_cast<bytea *>(
      build_reloptions(reloptions, validate, option_kind, sizeof(Options), kElements, lengthof(kElements)));
}

int option_m(Relation index) {
  const auto *options = reinterpret_cast<const Options *>(index->rd_options);
  return options != nullptr ? options->m : kDefaultM;
}

int option_ef_construction(Relation index) {
  const auto *options = reinterpret_cast<const Options *>(index->rd_options);
  return options != nullptr ? options->ef_construction : kDefaultEfConstruction;
}

}  // namespace quiver::hnsw
