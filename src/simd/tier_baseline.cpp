// Kernels for every processor of the platform: SSE2 on x86-64, NEON on aarch64.
// SPDX-License-Identifier: PostgreSQL
#define QUIVER_TIER kernels_baseline
#define QUIVER_TIER_NAME "baseline"
#define QUIVER_LANE_BITS 128
#include "simd/kernels.inl"
