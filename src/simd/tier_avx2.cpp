// Kernels for x86-64 with AVX2 and FMA.
// SPDX-License-Identifier: PostgreSQL
#define QUIVER_TIER kernels_avx2
#define QUIVER_TIER_NAME "avx2"
#define QUIVER_LANE_BITS 256
#include "simd/kernels.inl"
