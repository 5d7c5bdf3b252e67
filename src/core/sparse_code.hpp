// Own vectors of sparse rows: the largest elements in six bytes each, and the error of leaving out the rest.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "core/scalar_code.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

// An index and a binary16. A code of `capacity` elements holds all indices, then all values.
inline constexpr size_t kSparseElementBytes = sizeof(int32_t) + sizeof(uint16_t);

// Keeps the `capacity` elements of largest magnitude, each as a share of the largest in binary16. Of the result, step
// is that largest magnitude, code_sum the number of elements kept, squared_norm that of the decoded vector, and error
// covers what rounding and leaving out cost: as a length, or summed up when `in_l1`. `scratch` is for sorting.
// REQUIRES: finite values, indices ascending.
ScalarCode encode_sparse(const simd::SparseTerms &terms, size_t capacity, bool in_l1, uint8_t *code,
                         std::pmr::memory_resource *scratch);

// The elements of a code: indices where they lie, values decoded into `values`, which has room for `capacity`.
simd::SparseTerms decode_sparse(const ScalarCode &code, const uint8_t *codes, size_t capacity, float *values);

}  // namespace quiver::core
