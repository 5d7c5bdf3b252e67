// Kernels for x86-64 with AVX-512 F, BW, DQ, VL and CD.
// SPDX-License-Identifier: PostgreSQL
#define QUIVER_TIER kernels_avx512
#define QUIVER_TIER_NAME "avx512"
#define QUIVER_LANE_BITS 512
#include "simd/kernels.inl"
