// Loads and conversions of binary16 at this tier's register width, so that dense kernels serve both element types.
// SPDX-License-Identifier: PostgreSQL
//
// Elements are finite: no type lets an infinity or NaN in, and none of these looks for one.

#if defined(__F16C__) || QUIVER_LANE_BITS == 512
#include <simde/x86/f16c.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

using Half = uint16_t;

#if QUIVER_LANE_BITS == 512

inline Floats load(const Half *p) {
  return _mm512_cvtph_ps(simde_mm256_loadu_si256(reinterpret_cast<const simde__m256i *>(p)));
}
inline Floats load_part(const Half *p, size_t count) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(low_bits(count)), p));
}
inline void store_halves(Half *p, Floats x) {
  simde_mm256_storeu_si256(reinterpret_cast<simde__m256i *>(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

#elif defined(__F16C__)

inline Floats load(const Half *p) {
  return simde_mm256_cvtph_ps(simde_mm_loadu_si128(reinterpret_cast<const simde__m128i *>(p)));
}
inline void store_halves(Half *p, Floats x) {
  simde_mm_storeu_si128(reinterpret_cast<simde__m128i *>(p), simde_mm256_cvtps_ph(x, SIMDE_MM_FROUND_TO_NEAREST_INT));
}

#elif defined(__aarch64__)

inline Floats load(const Half *p) { return simde__m128_from_neon_f32(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)))); }
inline void store_halves(Half *p, Floats x) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(simde__m128_to_neon_f32(x))));
}

#else

// The exponent's bias differs by 112: shifted into place, the bits are the value times 2^-112.
inline Floats load(const Half *p) {
  const simde__m128i half = simde_mm_unpacklo_epi16(simde_mm_loadl_epi64(reinterpret_cast<const simde__m128i *>(p)),
                                                    simde_mm_setzero_si128());
  const simde__m128i magnitude = simde_mm_slli_epi32(simde_mm_and_si128(half, simde_mm_set1_epi32(0x7fff)), 13);
  const simde__m128i sign = simde_mm_slli_epi32(simde_mm_and_si128(half, simde_mm_set1_epi32(0x8000)), 16);
  const Floats scaled = simde_mm_mul_ps(simde_mm_castsi128_ps(magnitude), simde_mm_set1_ps(0x1p112f));
  return simde_mm_or_ps(scaled, simde_mm_castsi128_ps(sign));
}

// To nearest, ties to even.
inline Half narrow(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  constexpr uint32_t kTooLarge = 0x47800000u, kSmallestNormal = 0x38800000u, kBias = 0x38000000u;
  if (magnitude >= kTooLarge) return static_cast<Half>(sign | 0x7c00u);
  if (magnitude < kSmallestNormal) {
    // The last place of 0.5 is that of the denormals: the addition rounds as it should.
    float absolute;
    std::memcpy(&absolute, &magnitude, sizeof absolute);
    absolute += 0.5f;
    std::memcpy(&bits, &absolute, sizeof bits);
    return static_cast<Half>(sign | (bits - 0x3f000000u));
  }
  return static_cast<Half>(sign | (magnitude - kBias + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
}

inline void store_halves(Half *p, Floats x) {
  float values[kFloats];
  store(values, x);
  for (size_t i = 0; i < kFloats; ++i) p[i] = narrow(values[i]);
}

#endif

#if QUIVER_LANE_BITS == 256
inline Floats load_part(const Half *p, size_t count) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(p);
  const size_t low = count < 4 ? count : 4;
  return simde_mm256_cvtph_ps(simde_mm_set_epi64x(static_cast<int64_t>(load_word(bytes + 2 * low, 2 * (count - low))),
                                                  static_cast<int64_t>(load_word(bytes, 2 * low))));
}
#elif QUIVER_LANE_BITS == 128
inline Floats load_part(const Half *p, size_t count) {
  const uint64_t word = load_word(reinterpret_cast<const uint8_t *>(p), 2 * count);
  Half part[kFloats];
  std::memcpy(part, &word, sizeof word);
  return load(part);
}
#endif

void widen_halves(const uint16_t *halves, size_t n, float *values) {
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) store(values + i, load(halves + i));
  if (i == n) return;
  float rest[kFloats];
  store(rest, load_part(halves + i, n - i));
  for (size_t k = 0; i < n; ++i, ++k) values[i] = rest[k];
}

void narrow_to_halves(const float *values, size_t n, uint16_t *halves) {
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) store_halves(halves + i, load(values + i));
  if (i == n) return;
  Half rest[kFloats];
  store_halves(rest, load_part(values + i, n - i));
  for (size_t k = 0; i < n; ++i, ++k) halves[i] = rest[k];
}

}  // namespace
