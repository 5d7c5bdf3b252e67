// Fuzzing of the text of dense vectors: whatever is read must be printed in a way that reads back the same.
// SPDX-License-Identifier: PostgreSQL
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/float_text.hpp"
#include "core/vector_text.hpp"

namespace {

using namespace quiver::core;

constexpr float kHalfLimit = 65520.0f;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_read(const std::string &text, float limit) {
  // As the type's input function does: as many elements as there are commas, and one.
  std::vector<float> values(count_elements(text.c_str()));
  const ParsedVector parsed = parse_vector(text.c_str(), values.data(), values.size(), limit);
  check(parsed.dimensions <= values.size());
  if (parsed.problem == TextProblem::out_of_range)
    check(parsed.token >= text.c_str() && parsed.token + parsed.token_bytes <= text.c_str() + text.size());
  if (parsed.problem != TextProblem::none) return;
  std::string printed = "[";
  for (size_t i = 0; i < parsed.dimensions; ++i) {
    check(std::isfinite(values[i]) && std::fabs(values[i]) < limit);
    char number[kMaxFloatText];
    printed.append(i > 0 ? "," : "").append(number, write_float(values[i], number));
  }
  printed += "]";
  std::vector<float> again(parsed.dimensions);
  check(parse_vector(printed.c_str(), again.data(), again.size(), limit).problem == TextProblem::none);
  check(std::memcmp(again.data(), values.data(), again.size() * sizeof(float)) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string text(std::string(reinterpret_cast<const char *>(data), size).c_str());
  check_read(text, HUGE_VALF);
  check_read(text, kHalfLimit);
  return 0;
}
