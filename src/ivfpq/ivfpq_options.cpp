// Definition of the options and settings.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_options.hpp"

#include <algorithm>
#include <climits>
#include <cmath>

#include "core/calibration.hpp"

extern "C" {
#include "access/amapi.h"
#include "utils/guc.h"
}

namespace quiver::ivfpq {

namespace {

relopt_kind ivfpq_kind, ivfflat_kind;
Settings ivfpq_settings, ivfflat_settings;

const struct config_enum_entry kIterativeScanValues[] = {
    {"off", static_cast<int>(IterativeScan::off), false},
    {"relaxed_order", static_cast<int>(IterativeScan::relaxed_order), false},
    {"strict_order", static_cast<int>(IterativeScan::strict_order), false},
    {nullptr, 0, false}};

struct SettingNames {
  const char *iterative_scan, *max_probes, *probes, *target_recall;
};

void define_scan_settings(const SettingNames &names, int max_lists, Settings *settings) {
  DefineCustomEnumVariable(names.iterative_scan, "Sets whether a scan goes on until enough rows were found.",
                           "off returns the rows of the probed lists only.", &settings->iterative_scan,
                           static_cast<int>(IterativeScan::strict_order), kIterativeScanValues, PGC_USERSET,
                           GUC_EXPLAIN, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(names.max_probes, "Sets the most lists that a scan reads.",
                          "Where it is below the probes, those count.", &settings->max_probes, max_lists, 1, max_lists,
                          PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(names.probes, "Sets how many lists a scan reads first.",
                          "0 chooses by the target of recall and what the index has measured of itself.",
                          &settings->probes, 0, 0, max_lists, PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
  DefineCustomRealVariable(names.target_recall, "Sets the share of the ten nearest rows that a scan should find.",
                           "Where the number of probes is set, that counts.", &settings->target_recall,
                           kDefaultTargetRecall, core::kMinTargetRecall, core::kMaxTargetRecall, PGC_USERSET,
                           GUC_EXPLAIN, nullptr, nullptr, nullptr);
}

relopt_enum_elt_def quantizer_values[] = {{"bits", static_cast<int>(Quantizer::bits)},
                                          {"pq", static_cast<int>(Quantizer::pq)},
                                          {"sq8", static_cast<int>(Quantizer::sq8)},
                                          {nullptr, 0}};

relopt_enum_elt_def rerank_values[] = {
    {"index", static_cast<int>(Rerank::index)}, {"heap", static_cast<int>(Rerank::heap)}, {nullptr, 0}};

bool is_quantizer(const Options &options, Quantizer quantizer) {
  return options.quantizer == static_cast<int>(quantizer);
}

bool check_bits(const Options &options) {
  const int bits = options.bits;
  if (is_quantizer(options, Quantizer::sq8)) return bits == 0;
  if (is_quantizer(options, Quantizer::pq)) return bits == 0 || bits == 4 || bits == 8;
  return bits == 0 || bits == 1 || bits == 2 || bits == 4;
}

void validate_codes(const Options &options) {
  const bool words = is_quantizer(options, Quantizer::pq), codeless = is_quantizer(options, Quantizer::sq8);
  if (!check_bits(options) && codeless)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("bits must be 0 with quantizer = sq8"),
                    errhint("Leave it out: rows have 8 bits an axis, 4 above 4,000 dimensions and 2 above 8,000.")));
  if (options.rerank == static_cast<int>(Rerank::heap) && codeless)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("rerank = heap needs codes, and quantizer = sq8 has none"), errhint("Leave out one of them.")));
  if (!check_bits(options) && words)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("bits must be 0, 4 or 8 with quantizer = pq"),
                    errhint("0 chooses 4.")));
  if (!check_bits(options))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("bits must be 0, 1, 2 or 4"),
                    errhint("0 chooses 2 below 200 dimensions, else 1.")));
  if (options.subvectors > 0 && !words)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("subvectors needs quantizer = pq"),
                    errhint("Leave it out, or add quantizer = pq.")));
}

const Options *options_of(Relation index) { return reinterpret_cast<const Options *>(index->rd_options); }

bool is_ivfflat(Relation index) { return index->rd_indam->amoptions == parse_ivfflat_options; }

}  // namespace

bool is_lists(Relation index) { return is_ivfflat(index) || index->rd_indam->amoptions == parse_ivfpq_options; }

const Settings &settings_of(Relation index) { return is_ivfflat(index) ? ivfflat_settings : ivfpq_settings; }

void define_settings() {
  ivfpq_kind = add_reloption_kind();
  ivfflat_kind = add_reloption_kind();
  add_int_reloption(ivfpq_kind, "bits",
                    "Bits of a row's code for each axis or sub-vector, 0 for a choice by the dimensions", 0, 0, 8,
                    AccessExclusiveLock);
  add_enum_reloption(ivfpq_kind, "quantizer", "How the codes of rows are made", quantizer_values,
                     static_cast<int>(Quantizer::bits), "Valid values are \"bits\", \"pq\" and \"sq8\".",
                     AccessExclusiveLock);
  add_enum_reloption(ivfpq_kind, "rerank", "What the rows that codes find near are measured by", rerank_values,
                     static_cast<int>(Rerank::index), "Valid values are \"index\" and \"heap\".", AccessExclusiveLock);
  add_int_reloption(ivfpq_kind, "subvectors",
                    "Parts of a vector that pq codes one by one, 0 for a choice by the dimensions", 0, 0,
                    static_cast<int>(core::kMaxCodeAxes), AccessExclusiveLock);
  add_int_reloption(ivfpq_kind, "lists", "Number of lists, 0 for a choice by the rows", 0, 0, kMaxLists,
                    AccessExclusiveLock);
  add_int_reloption(ivfflat_kind, "lists", "Number of lists", kFlatDefaultLists, 1, kFlatMaxLists, AccessExclusiveLock);
  define_scan_settings({"ivfflat.iterative_scan", "ivfflat.max_probes", "ivfflat.probes", "ivfflat.target_recall"},
                       kFlatMaxLists, &ivfflat_settings);
  define_scan_settings({"ivfpq.iterative_scan", "ivfpq.max_probes", "ivfpq.probes", "ivfpq.target_recall"}, kMaxLists,
                       &ivfpq_settings);
  MarkGUCPrefixReserved("ivfflat");
  MarkGUCPrefixReserved("ivfpq");
}

bytea *parse_ivfpq_options(Datum reloptions, bool validate) {
  static const relopt_parse_elt kElements[] = {
      compat::parse_element("bits", RELOPT_TYPE_INT, offsetof(Options, bits)),
      compat::parse_element("lists", RELOPT_TYPE_INT, offsetof(Options, lists)),
      compat::parse_element("quantizer", RELOPT_TYPE_ENUM, offsetof(Options, quantizer)),
      compat::parse_element("rerank", RELOPT_TYPE_ENUM, offsetof(Options, rerank)),
      compat::parse_element("subvectors", RELOPT_TYPE_INT, offsetof(Options, subvectors)),
  };
  auto *options = static_cast<bytea *>(
      build_reloptions(reloptions, validate, ivfpq_kind, sizeof(Options), kElements, lengthof(kElements)));
  if (validate && options != nullptr) validate_codes(*reinterpret_cast<Options *>(options));
  return options;
}

bytea *parse_ivfflat_options(Datum reloptions, bool validate) {
  static const relopt_parse_elt kElements[] = {
      compat::parse_element("lists", RELOPT_TYPE_INT, offsetof(Options, lists)),
  };
  return static_cast<bytea *>(
      build_reloptions(reloptions, validate, ivfflat_kind, sizeof(Options), kElements, lengthof(kElements)));
}

int option_lists(Relation index) {
  if (options_of(index) != nullptr) return options_of(index)->lists;
  return is_ivfflat(index) ? kFlatDefaultLists : 0;
}

int option_bits(Relation index) {
  if (is_ivfflat(index) || options_of(index) == nullptr) return 0;
  return check_bits(*options_of(index)) ? options_of(index)->bits : 0;
}

Quantizer option_quantizer(Relation index) {
  if (is_ivfflat(index) || options_of(index) == nullptr) return Quantizer::bits;
  for (const Quantizer quantizer : {Quantizer::pq, Quantizer::sq8})
    if (is_quantizer(*options_of(index), quantizer)) return quantizer;
  return Quantizer::bits;
}

int option_subvectors(Relation index) {
  return option_quantizer(index) == Quantizer::pq ? options_of(index)->subvectors : 0;
}

Rerank option_rerank(Relation index) {
  if (is_ivfflat(index) || options_of(index) == nullptr) return Rerank::index;
  return options_of(index)->rerank == static_cast<int>(Rerank::heap) ? Rerank::heap : Rerank::index;
}

// With 256 rows to a list, twice the root of the lists finds .957 of the ten nearest on words.
uint32 cautious_probes(double target_recall, uint32 lists) {
  const double roots = target_recall <= 0.95 ? 2.0 : target_recall <= 0.98 ? 4.0 : target_recall <= 0.99 ? 8.0 : 16.0;
  const double guess = std::ceil(roots * std::sqrt(static_cast<double>(lists)));
  return static_cast<uint32>(std::clamp(guess, 1.0, static_cast<double>(lists)));
}

}  // namespace quiver::ivfpq
