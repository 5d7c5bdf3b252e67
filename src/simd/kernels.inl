// All kernels of one tier, gathered in its table. Included once by each tier_<name>.cpp.
// SPDX-License-Identifier: PostgreSQL
//
// QUIVER_TIER names the table, QUIVER_TIER_NAME what users call it, QUIVER_LANE_BITS the register width. QUIVER_VNNI
// and QUIVER_VPOPCNT choose kernels that need those instructions.

#include "simd/kernels.hpp"

#include "simd/lanes.inl"

using quiver::simd::BitCounts;
using quiver::simd::BlockQuery;
using quiver::simd::CodeBlock;
using quiver::simd::CosineSums;
using quiver::simd::kAddedId;
using quiver::simd::kIdBucket;
using quiver::simd::kMostItems;
using quiver::simd::kNoId;
using quiver::simd::kQueryPlanes;
using quiver::simd::LaneBlock;
using quiver::simd::LaneQuery;
using quiver::simd::LevelSums;
using quiver::simd::SignSums;
using quiver::simd::SparseTerms;

// clang-format off: dense.inl loads the elements of half.inl.
#include "simd/half.inl"
#include "simd/bits.inl"
#include "simd/blocks.inl"
#include "simd/codes.inl"
#include "simd/dense.inl"
#include "simd/ids.inl"
#include "simd/matrix.inl"
#include "simd/near.inl"
#include "simd/sparse.inl"
// clang-format on

namespace quiver::simd {

extern const Kernels QUIVER_TIER;
constinit const Kernels QUIVER_TIER = {
    .tier = QUIVER_TIER_NAME,
    .squared_l2 = squared_l2<float>,
    .inner_product = inner_product<float>,
    .l1 = l1<float>,
    .cosine_sums = cosine_sums<float>,
    .half_squared_l2 = squared_l2<Half>,
    .half_inner_product = inner_product<Half>,
    .half_l1 = l1<Half>,
    .half_cosine_sums = cosine_sums<Half>,
    .widen_halves = widen_halves,
    .narrow_to_halves = narrow_to_halves,
    .hamming = hamming,
    .count_common_bits = count_common_bits,
    .sparse_squared_l2 = sparse_squared_l2,
    .sparse_inner_product = sparse_inner_product,
    .sparse_l1 = sparse_l1,
    .squared_norm = squared_norm,
    .inner_products = inner_products,
    .find_near = find_near,
    .keep_least = keep_least,
    .hadamard = hadamard,
    .dot_float_u8 = dot_float_u8,
    .dot_float_u14 = dot_float_u14,
    .dot_u8 = dot_u8,
    .sum_u8 = sum_u8,
    .l1_float_u8 = l1_float_u8,
    .dot_u8_s8 = dot_u8_s8,
    .decode_u8 = decode_u8,
    .subtract = subtract,
    .quantize_levels = quantize_levels,
    .quantize_signs = quantize_signs,
    .estimate_lanes_2bit = estimate_lanes_2bit,
    .estimate_lanes_1bit = estimate_lanes_1bit,
    .add_ids = add_ids,
    .estimate_block = estimate_block,
    .estimate_block_8bit = estimate_block_8bit,
};

}  // namespace quiver::simd
