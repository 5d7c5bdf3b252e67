// The operations that kernels are written in, at this tier's register width, in SIMDe's names.
// SPDX-License-Identifier: PostgreSQL
//
// QUIVER_LANE_BITS is 128, 256 or 512. Everything is in the including file's anonymous namespace: nothing here may
// become a symbol that another tier could be linked to.

#include <cstddef>
#include <cstdint>
#include <cstring>

#if QUIVER_LANE_BITS == 512
#include <simde/x86/avx512.h>
#endif
#include <simde/x86/avx2.h>
#include <simde/x86/fma.h>
#include <simde/x86/sse4.2.h>

namespace {

constexpr size_t kBytes = QUIVER_LANE_BITS / 8;  // of a register
constexpr size_t kFloats = kBytes / 4;           // float32 lanes of a register

#if QUIVER_LANE_BITS == 512

// Only x86-64 has this width, and SIMDe 0.7 lacks some of its operations: those are the compiler's own (_mm512_...).
using Floats = simde__m512;
using Integers = simde__m512i;

inline uint64_t low_bits(size_t count) { return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1; }

inline Floats zero() { return simde_mm512_setzero_ps(); }
inline Floats broadcast(float x) { return simde_mm512_set1_ps(x); }
inline Floats load(const float *p) { return simde_mm512_loadu_ps(p); }
inline Floats load_part(const float *p, size_t count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(low_bits(count)), p);
}
inline void store(float *p, Floats x) { simde_mm512_storeu_ps(p, x); }
inline Floats add(Floats a, Floats b) { return simde_mm512_add_ps(a, b); }
inline Floats subtract_lanes(Floats a, Floats b) { return simde_mm512_sub_ps(a, b); }
inline Floats multiply(Floats a, Floats b) { return simde_mm512_mul_ps(a, b); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return simde_mm512_fmadd_ps(a, b, c); }
inline Floats absolute(Floats a) { return simde_mm512_abs_ps(a); }
inline Floats smaller(Floats a, Floats b) { return simde_mm512_min_ps(a, b); }
inline Floats larger(Floats a, Floats b) { return simde_mm512_max_ps(a, b); }
inline float sum(Floats a) { return _mm512_reduce_add_ps(a); }
// A bit for each lane that is above zero; the lanes of `b` where `a` is, zero elsewhere.
inline uint32_t positive_lanes(Floats a) { return _mm512_cmp_ps_mask(a, zero(), _CMP_GT_OQ); }
inline Floats where_positive(Floats a, Floats b) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, zero(), _CMP_GT_OQ), b);
}
inline Floats bytes_to_floats(simde__m128i bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)); }
inline Floats load_bytes(const uint8_t *p) { return bytes_to_floats(simde_mm_loadu_si128(p)); }

inline Integers zero_integers() { return simde_mm512_setzero_si512(); }
inline Integers load_integers(const void *p) { return simde_mm512_loadu_si512(p); }
inline Integers load_integers_part(const void *p, size_t count) { return _mm512_maskz_loadu_epi8(low_bits(count), p); }
inline Integers add_i32(Integers a, Integers b) { return simde_mm512_add_epi32(a, b); }
inline Integers add_i16(Integers a, Integers b) { return simde_mm512_add_epi16(a, b); }
inline Integers bit_and(Integers a, Integers b) { return simde_mm512_and_si512(a, b); }
inline Integers bit_or(Integers a, Integers b) { return simde_mm512_or_si512(a, b); }
inline Integers bit_xor(Integers a, Integers b) { return simde_mm512_xor_si512(a, b); }
inline Integers add_u8(Integers a, Integers b) { return simde_mm512_add_epi8(a, b); }
inline Integers add_u64(Integers a, Integers b) { return simde_mm512_add_epi64(a, b); }
// Each 16 bytes look up their bytes (0..15) in their own part of the table.
inline Integers look_up_bytes(Integers table, Integers places) { return simde_mm512_shuffle_epi8(table, places); }
inline Integers add_bytes_by_u64(Integers a) { return _mm512_sad_epu8(a, zero_integers()); }
inline Integers repeat_16_bytes(simde__m128i bytes) { return simde_mm512_broadcast_i32x4(bytes); }
template <int kShift>
inline Integers shift_right_u16(Integers a) {
  return simde_mm512_srli_epi16(a, kShift);
}
inline Integers broadcast_u8(int x) { return simde_mm512_set1_epi8(static_cast<int8_t>(x)); }
inline Integers broadcast_i16(int x) { return simde_mm512_set1_epi16(static_cast<int16_t>(x)); }
inline Integers multiply_pairs_i16(Integers a, Integers b) { return simde_mm512_madd_epi16(a, b); }
inline Integers multiply_pairs_u8_i8(Integers a, Integers b) { return simde_mm512_maddubs_epi16(a, b); }
// Four partial sums of the 32-bit lanes.
inline simde__m128i fold_i32(Integers a) {
  const simde__m256i half = simde_mm256_add_epi32(simde_mm512_castsi512_si256(a), simde_mm512_extracti64x4_epi64(a, 1));
  return simde_mm_add_epi32(simde_mm256_castsi256_si128(half), simde_mm256_extracti128_si256(half, 1));
}

inline simde__m128i fold_i16(Integers a) {
  const simde__m256i half = simde_mm256_add_epi16(simde_mm512_castsi512_si256(a), simde_mm512_extracti64x4_epi64(a, 1));
  return simde_mm_add_epi16(simde_mm256_castsi256_si128(half), simde_mm256_extracti128_si256(half, 1));
}
// The i-th register full of 32 unsigned 16-bit values.
inline Floats widen_words(const simde__m128i (&words)[4], size_t i) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(simde_mm256_set_m128i(words[2 * i + 1], words[2 * i])));
}

#elif QUIVER_LANE_BITS == 256

using Floats = simde__m256;
using Integers = simde__m256i;

inline Floats zero() { return simde_mm256_setzero_ps(); }
inline Floats broadcast(float x) { return simde_mm256_set1_ps(x); }
inline Floats load(const float *p) { return simde_mm256_loadu_ps(p); }
inline Floats load_part(const float *p, size_t count) {
  static constexpr int32_t kMask[2 * kFloats] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  return simde_mm256_maskload_ps(p, simde_mm256_loadu_si256(kMask + kFloats - count));
}
inline void store(float *p, Floats x) { simde_mm256_storeu_ps(p, x); }
inline Floats add(Floats a, Floats b) { return simde_mm256_add_ps(a, b); }
inline Floats subtract_lanes(Floats a, Floats b) { return simde_mm256_sub_ps(a, b); }
inline Floats multiply(Floats a, Floats b) { return simde_mm256_mul_ps(a, b); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return simde_mm256_fmadd_ps(a, b, c); }
inline Floats absolute(Floats a) { return simde_mm256_andnot_ps(broadcast(-0.0f), a); }
inline Floats smaller(Floats a, Floats b) { return simde_mm256_min_ps(a, b); }
inline Floats larger(Floats a, Floats b) { return simde_mm256_max_ps(a, b); }
inline Floats are_positive(Floats a) { return simde_mm256_cmp_ps(a, zero(), SIMDE_CMP_GT_OQ); }
inline uint32_t positive_lanes(Floats a) { return static_cast<uint32_t>(simde_mm256_movemask_ps(are_positive(a))); }
inline Floats where_positive(Floats a, Floats b) { return simde_mm256_and_ps(are_positive(a), b); }
inline float sum(Floats a) {
  simde__m128 half = simde_mm_add_ps(simde_mm256_castps256_ps128(a), simde_mm256_extractf128_ps(a, 1));
  half = simde_mm_add_ps(half, simde_mm_movehl_ps(half, half));
  return simde_mm_cvtss_f32(simde_mm_add_ss(half, simde_mm_movehdup_ps(half)));
}
inline Floats load_bytes(const uint8_t *p) {
  return simde_mm256_cvtepi32_ps(
      simde_mm256_cvtepu8_epi32(simde_mm_loadl_epi64(reinterpret_cast<const simde__m128i *>(p))));
}

inline Integers zero_integers() { return simde_mm256_setzero_si256(); }
inline Integers load_integers(const void *p) { return simde_mm256_loadu_si256(p); }
inline Integers add_i32(Integers a, Integers b) { return simde_mm256_add_epi32(a, b); }
inline Integers add_i16(Integers a, Integers b) { return simde_mm256_add_epi16(a, b); }
inline Integers bit_and(Integers a, Integers b) { return simde_mm256_and_si256(a, b); }
inline Integers bit_or(Integers a, Integers b) { return simde_mm256_or_si256(a, b); }
inline Integers bit_xor(Integers a, Integers b) { return simde_mm256_xor_si256(a, b); }
inline Integers add_u8(Integers a, Integers b) { return simde_mm256_add_epi8(a, b); }
inline Integers add_u64(Integers a, Integers b) { return simde_mm256_add_epi64(a, b); }
inline Integers subtract_i32(Integers a, Integers b) { return simde_mm256_sub_epi32(a, b); }
template <int kShift>
inline Integers shift_left_u64(Integers a) {
  return simde_mm256_slli_epi64(a, kShift);
}
// Each 16 bytes look up their bytes (0..15) in their own part of the table.
inline Integers look_up_bytes(Integers table, Integers places) { return simde_mm256_shuffle_epi8(table, places); }
inline Integers add_bytes_by_u64(Integers a) { return simde_mm256_sad_epu8(a, zero_integers()); }
inline Integers repeat_16_bytes(simde__m128i bytes) { return simde_mm256_broadcastsi128_si256(bytes); }
template <int kShift>
inline Integers shift_right_u16(Integers a) {
  return simde_mm256_srli_epi16(a, kShift);
}
inline Integers broadcast_u8(int x) { return simde_mm256_set1_epi8(static_cast<int8_t>(x)); }
inline Integers broadcast_i16(int x) { return simde_mm256_set1_epi16(static_cast<int16_t>(x)); }
inline Integers multiply_pairs_i16(Integers a, Integers b) { return simde_mm256_madd_epi16(a, b); }
inline Integers multiply_pairs_u8_i8(Integers a, Integers b) { return simde_mm256_maddubs_epi16(a, b); }
inline simde__m128i fold_i32(Integers a) {
  return simde_mm_add_epi32(simde_mm256_castsi256_si128(a), simde_mm256_extracti128_si256(a, 1));
}
inline simde__m128i fold_i16(Integers a) {
  return simde_mm_add_epi16(simde_mm256_castsi256_si128(a), simde_mm256_extracti128_si256(a, 1));
}
inline Floats widen_words(const simde__m128i (&words)[4], size_t i) {
  return simde_mm256_cvtepi32_ps(simde_mm256_cvtepu16_epi32(words[i]));
}

#else

using Floats = simde__m128;
using Integers = simde__m128i;

inline Floats zero() { return simde_mm_setzero_ps(); }
inline Floats broadcast(float x) { return simde_mm_set1_ps(x); }
inline Floats load(const float *p) { return simde_mm_loadu_ps(p); }
// Assembled in registers: a load of what was just stored in pieces would wait for the stores.
inline Floats load_part(const float *p, size_t count) {
  if (count < 2) return count == 0 ? zero() : simde_mm_load_ss(p);
  const Floats two = simde_mm_castsi128_ps(simde_mm_loadl_epi64(reinterpret_cast<const simde__m128i *>(p)));
  return count == 2 ? two : simde_mm_movelh_ps(two, simde_mm_load_ss(p + 2));
}
inline void store(float *p, Floats x) { simde_mm_storeu_ps(p, x); }
inline Floats add(Floats a, Floats b) { return simde_mm_add_ps(a, b); }
inline Floats subtract_lanes(Floats a, Floats b) { return simde_mm_sub_ps(a, b); }
inline Floats multiply(Floats a, Floats b) { return simde_mm_mul_ps(a, b); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return simde_mm_fmadd_ps(a, b, c); }
inline Floats absolute(Floats a) { return simde_mm_andnot_ps(broadcast(-0.0f), a); }
inline Floats smaller(Floats a, Floats b) { return simde_mm_min_ps(a, b); }
inline Floats larger(Floats a, Floats b) { return simde_mm_max_ps(a, b); }
inline Floats are_positive(Floats a) { return simde_mm_cmpgt_ps(a, zero()); }
inline uint32_t positive_lanes(Floats a) { return static_cast<uint32_t>(simde_mm_movemask_ps(are_positive(a))); }
inline Floats where_positive(Floats a, Floats b) { return simde_mm_and_ps(are_positive(a), b); }
inline float sum(Floats a) {
  a = simde_mm_add_ps(a, simde_mm_movehl_ps(a, a));
  return simde_mm_cvtss_f32(simde_mm_add_ss(a, simde_mm_shuffle_ps(a, a, 1)));
}
inline Floats load_bytes(const uint8_t *p) {
  int32_t word;
  std::memcpy(&word, p, sizeof word);
  return simde_mm_cvtepi32_ps(simde_mm_cvtepu8_epi32(simde_mm_cvtsi32_si128(word)));
}

inline Integers zero_integers() { return simde_mm_setzero_si128(); }
inline Integers load_integers(const void *p) { return simde_mm_loadu_si128(p); }
inline Integers add_i32(Integers a, Integers b) { return simde_mm_add_epi32(a, b); }
inline Integers add_i16(Integers a, Integers b) { return simde_mm_add_epi16(a, b); }
inline Integers bit_and(Integers a, Integers b) { return simde_mm_and_si128(a, b); }
template <int kShift>
inline Integers shift_right_u16(Integers a) {
  return simde_mm_srli_epi16(a, kShift);
}
inline Integers broadcast_u8(int x) { return simde_mm_set1_epi8(static_cast<int8_t>(x)); }
inline Integers broadcast_i16(int x) { return simde_mm_set1_epi16(static_cast<int16_t>(x)); }
inline Integers multiply_pairs_i16(Integers a, Integers b) { return simde_mm_madd_epi16(a, b); }
inline Integers multiply_pairs_u8_i8(Integers a, Integers b) { return simde_mm_maddubs_epi16(a, b); }
inline simde__m128i fold_i32(Integers a) { return a; }
inline simde__m128i fold_i16(Integers a) { return a; }
inline Integers look_up_bytes(Integers table, Integers places) { return simde_mm_shuffle_epi8(table, places); }
inline Floats widen_words(const simde__m128i (&words)[4], size_t i) {
  const simde__m128i half = i % 2 == 0 ? words[i / 2] : simde_mm_srli_si128(words[i / 2], 8);
  return simde_mm_cvtepi32_ps(simde_mm_cvtepu16_epi32(half));
}

#endif

#if QUIVER_LANE_BITS != 128
inline uint64_t sum_u64(Integers a) {
  uint64_t parts[kBytes / sizeof(uint64_t)], total = 0;
  std::memcpy(parts, &a, sizeof parts);
  for (const uint64_t part : parts) total += part;
  return total;
}
#endif

#if QUIVER_LANE_BITS != 512
// Bytes beyond `count` read as zero. Never reads beyond it.
inline Integers load_integers_part(const void *p, size_t count) {
  uint8_t part[kBytes] = {};
  std::memcpy(part, p, count);
  return load_integers(part);
}
#endif

inline Floats load_bytes_part(const uint8_t *p, size_t count) {
  uint8_t part[kFloats] = {};
  for (size_t i = 0; i < count; ++i) part[i] = p[i];
  return load_bytes(part);
}

inline int32_t sum_i32(Integers a) {
  simde__m128i quarter = fold_i32(a);
  quarter = simde_mm_add_epi32(quarter, simde_mm_shuffle_epi32(quarter, 0x4E));
  quarter = simde_mm_add_epi32(quarter, simde_mm_shuffle_epi32(quarter, 0xB1));
  return simde_mm_cvtsi128_si32(quarter);
}

// Up to eight bytes, the others zero. Loads that overlap spare a copy in pieces.
inline uint64_t load_word(const uint8_t *p, size_t count) {
  const auto piece = [p](auto kind, size_t offset) {
    std::memcpy(&kind, p + offset, sizeof kind);
    return static_cast<uint64_t>(kind);
  };
  if (count >= 8) return piece(uint64_t{}, 0);
  if (count >= 4) return piece(uint32_t{}, 0) | piece(uint32_t{}, count - 4) << (8 * (count - 4));
  if (count >= 2) return piece(uint16_t{}, 0) | piece(uint16_t{}, count - 2) << (8 * (count - 2));
  return count == 0 ? 0 : p[0];
}

inline uint32_t popcount(uint64_t x) {
#if defined(__POPCNT__) || defined(__aarch64__)
  return static_cast<uint32_t>(__builtin_popcountll(x));
#else
  // Without the instruction the compiler would call a table in libgcc; adding in place is quicker.
  x -= (x >> 1) & 0x5555555555555555u;
  x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  return static_cast<uint32_t>((x * 0x0101010101010101u) >> 56);
#endif
}

}  // namespace
