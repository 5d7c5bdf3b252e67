# The tiers of kernels, best first, and the compiler flags of each. Read by the Makefile and by CMakeLists.txt.
# The AVX-512 tiers silence two warnings that GCC 12 raises inside its own intrinsics header.
# Every tier is one object: tier_<name>.cpp. Only baseline exists on processors other than x86-64, where it is NEON.
TIERS_x86_64 = avx512_vnni avx512 avx2 sse42 baseline
TIERS_other = baseline
FLAGS_avx512_vnni = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd -mavx512vnni -mavx512vpopcntdq -mavx2 -mf16c -mfma -mbmi -mbmi2 -mpopcnt -Wno-uninitialized -Wno-maybe-uninitialized
FLAGS_avx512 = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd -mavx2 -mf16c -mfma -mbmi -mbmi2 -mpopcnt -Wno-uninitialized -Wno-maybe-uninitialized
FLAGS_avx2 = -mavx2 -mf16c -mfma -mbmi -mbmi2 -mpopcnt
FLAGS_sse42 = -msse4.2 -mpopcnt
FLAGS_baseline =
