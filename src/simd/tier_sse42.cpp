// Kernels for x86-64 with SSE4.2 and POPCNT.
// SPDX-License-Identifier: PostgreSQL
#define QUIVER_TIER kernels_sse42
#define QUIVER_TIER_NAME "sse42"
#define QUIVER_LANE_BITS 128
#include "simd/kernels.inl"
