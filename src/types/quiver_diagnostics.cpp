// quiver_cpu_features() and the setting quiver.simd_tier.
// SPDX-License-Identifier: PostgreSQL
#include "types/quiver_diagnostics.hpp"

#include "pg/boundary.hpp"
#include "simd/dispatch.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
}

namespace quiver::types {

namespace {

char *tier_setting = nullptr;

bool check_tier(char **value, void **, GucSource) {
  if (strcmp(*value, "auto") == 0) return true;
  simd::Tier tiers[simd::kMaxTiers];
  const size_t count = simd::list_tiers(tiers, simd::kMaxTiers);
  char names[128] = "auto";
  for (size_t i = 0; i < count; ++i) {
    if (!tiers[i].supported) continue;
    if (strcmp(*value, tiers[i].name) == 0) return true;
    strlcat(names, ", ", sizeof names);
    strlcat(names, tiers[i].name, sizeof names);
  }
  GUC_check_errdetail("This processor supports: %s.", names);
  return false;
}

// While the setting was never touched, what the environment variable of the tests forced stays in force.
void assign_tier(const char *value, void *) {
  static bool touched = false;
  if (touched || strcmp(value, "auto") != 0) simd::force_tier(value);
  touched = touched || strcmp(value, "auto") != 0;
}

}  // namespace

void define_settings() {
  DefineCustomStringVariable("quiver.simd_tier", "The SIMD kernels in use.",
                             "\"auto\" takes the best that the processor supports.", &tier_setting, "auto", PGC_USERSET,
                             GUC_EXPLAIN, check_tier, assign_tier, nullptr);
}

}  // namespace quiver::types

QUIVER_FUNCTION(quiver_cpu_features) {
  InitMaterializedSRF(fcinfo, 0);
  auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  quiver::simd::Tier tiers[quiver::simd::kMaxTiers];
  const size_t count = quiver::simd::list_tiers(tiers, quiver::simd::kMaxTiers);
  const auto *chosen = &quiver::simd::kernels();
  for (size_t i = 0; i < count; ++i) {
    Datum values[4] = {CStringGetTextDatum(tiers[i].name), BoolGetDatum(tiers[i].supported),
                       BoolGetDatum(tiers[i].kernels == chosen), CStringGetTextDatum(quiver::simd::cpu_features())};
    bool nulls[4] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return static_cast<Datum>(0);
}
