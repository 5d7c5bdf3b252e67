// Fuzzing of the text of sparse vectors, and of their codes in an index.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <string>
#include <vector>

#include "core/sparse_code.hpp"
#include "core/sparse_text.hpp"
#include "simd/dispatch.hpp"

namespace {

using namespace quiver::core;

void check(bool holds) {
  if (!holds) std::abort();
}

// What the type makes of the elements when it takes them, on its way into an index and out again.
void check_code(std::vector<SparseElement> elements) {
  std::sort(elements.begin(), elements.end(), [](const auto &a, const auto &b) { return a.index < b.index; });
  const auto last =
      std::unique(elements.begin(), elements.end(), [](const auto &a, const auto &b) { return a.index == b.index; });
  std::vector<int32_t> indices;
  std::vector<float> values;
  for (auto element = elements.begin(); element != last; ++element) {
    if (element->index < 1) continue;
    indices.push_back(element->index - 1);
    values.push_back(element->value);
  }
  const quiver::simd::SparseTerms terms{indices.data(), values.data(), indices.size()};
  constexpr size_t kCapacity = 7;
  std::vector<uint8_t> code(kCapacity * kSparseElementBytes);
  std::vector<float> decoded(kCapacity);
  const ScalarCode header = encode_sparse(terms, kCapacity, false, code.data(), std::pmr::new_delete_resource());
  const auto kept = decode_sparse(header, code.data(), kCapacity, decoded.data());
  check(kept.count == std::min(terms.count, kCapacity));
  const double distance = std::sqrt(static_cast<double>(quiver::simd::kernels().sparse_squared_l2(terms, kept)));
  check(!(distance > header.error * 1.0001 + 1e-22));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string text(std::string(reinterpret_cast<const char *>(data), size).c_str());
  std::vector<SparseElement> elements(count_sparse_elements(text.c_str()));
  const ParsedSparse parsed = parse_sparse(text.c_str(), elements.data(), elements.size());
  check(parsed.count <= elements.size());
  if (parsed.problem == SparseProblem::out_of_range)
    check(parsed.token >= text.c_str() && parsed.token + parsed.token_bytes <= text.c_str() + text.size());
  if (parsed.problem != SparseProblem::none) return 0;
  elements.resize(parsed.count);
  for (const SparseElement &element : elements) check(std::isfinite(element.value) && element.value != 0.0f);
  check_code(elements);
  return 0;
}
