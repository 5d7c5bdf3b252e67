// Kernels for x86-64 with AVX-512, VNNI and VPOPCNTDQ.
// SPDX-License-Identifier: PostgreSQL
#define QUIVER_TIER kernels_avx512_vnni
#define QUIVER_TIER_NAME "avx512_vnni"
#define QUIVER_LANE_BITS 512
#define QUIVER_VNNI
#define QUIVER_VPOPCNT
#include "simd/kernels.inl"
