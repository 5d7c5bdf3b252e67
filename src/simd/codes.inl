// Kernels over codes: own vectors in bytes, neighbour codes in one or two bits, and the encoding of residuals.
// SPDX-License-Identifier: PostgreSQL

namespace {

float dot_float_u8(const float *query, const uint8_t *code, size_t n) {
  Floats sums[4] = {zero(), zero(), zero(), zero()};
  size_t i = 0;
  for (; i + 4 * kFloats <= n; i += 4 * kFloats)
    for (size_t k = 0; k < 4; ++k)
      sums[k] = multiply_add(load(query + i + k * kFloats), load_bytes(code + i + k * kFloats), sums[k]);
  for (; i + kFloats <= n; i += kFloats) sums[0] = multiply_add(load(query + i), load_bytes(code + i), sums[0]);
  if (i < n) sums[1] = multiply_add(load_part(query + i, n - i), load_bytes_part(code + i, n - i), sums[1]);
  return sum(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
}

// A block's codes in words, times 4 and without their sign: a code's byte above the six bits of level and two zeros.
inline void join_levels(const uint8_t *code, const uint8_t *levels, simde__m128i (&words)[4]) {
  const simde__m128i nibbles = simde_mm_loadu_si128(levels), upper = simde_mm_set1_epi8(static_cast<int8_t>(0xf0));
  const simde__m128i pairs = simde_mm_loadl_epi64(reinterpret_cast<const simde__m128i *>(levels + 16)),
                     lower = simde_mm_set1_epi8(0x0c);
  const simde__m128i first_pairs = simde_mm_unpacklo_epi64(simde_mm_slli_epi16(pairs, 2), pairs),
                     second_pairs =
                         simde_mm_unpacklo_epi64(simde_mm_srli_epi16(pairs, 2), simde_mm_srli_epi16(pairs, 4));
  const simde__m128i first = simde_mm_or_si128(simde_mm_and_si128(simde_mm_slli_epi16(nibbles, 4), upper),
                                               simde_mm_and_si128(first_pairs, lower)),
                     second =
                         simde_mm_or_si128(simde_mm_and_si128(nibbles, upper), simde_mm_and_si128(second_pairs, lower));
  const simde__m128i first_code = simde_mm_loadu_si128(code), second_code = simde_mm_loadu_si128(code + 16);
  words[0] = simde_mm_unpacklo_epi8(first, first_code);
  words[1] = simde_mm_unpackhi_epi8(first, first_code);
  words[2] = simde_mm_unpacklo_epi8(second, second_code);
  words[3] = simde_mm_unpackhi_epi8(second, second_code);
}

float dot_float_u14(const float *query, const uint8_t *code, const uint8_t *levels, size_t n) {
  constexpr size_t kBlock = quiver::simd::kFineBlock, kBlockBytes = quiver::simd::kFineBlockBytes;
  constexpr float kTimes = 4.0f;
  const Floats middle = broadcast(kTimes * quiver::simd::kFineMiddle);
  Floats sums[4] = {zero(), zero(), zero(), zero()};
  const auto add_block = [&](const float *values, const uint8_t *codes, const uint8_t *level, size_t turn) {
    simde__m128i words[4];
    join_levels(codes, level, words);
    for (size_t k = 0; k < kBlock / kFloats; ++k) {
      Floats &part = sums[(turn + k) % 4];
      part = multiply_add(load(values + k * kFloats), subtract_lanes(widen_words(words, k), middle), part);
    }
  };
  size_t block = 0, i = 0;
  for (; i + kBlock <= n; i += kBlock, ++block) add_block(query + i, code + i, levels + block * kBlockBytes, 2 * block);
  if (i < n) {
    float values[kBlock] = {};
    uint8_t codes[kBlock] = {};
    std::memcpy(values, query + i, (n - i) * sizeof(float));
    std::memcpy(codes, code + i, n - i);
    add_block(values, codes, levels + block * kBlockBytes, 0);
  }
  return sum(add(add(sums[0], sums[1]), add(sums[2], sums[3]))) / kTimes;
}

float l1_float_u8(const float *query, const uint8_t *code, size_t n, float minimum, float step) {
  const Floats lowest = broadcast(minimum), width = broadcast(step);
  Floats sums[2] = {zero(), zero()};
  size_t i = 0;
  const auto difference = [&](size_t at) {
    return absolute(subtract_lanes(load(query + at), multiply_add(width, load_bytes(code + at), lowest)));
  };
  for (; i + 2 * kFloats <= n; i += 2 * kFloats)
    for (size_t k = 0; k < 2; ++k) sums[k] = add(sums[k], difference(i + k * kFloats));
  for (; i + kFloats <= n; i += kFloats) sums[0] = add(sums[0], difference(i));
  float rest = 0.0f;
  for (; i < n; ++i) rest += __builtin_fabsf(query[i] - (minimum + step * static_cast<float>(code[i])));
  return sum(add(sums[0], sums[1])) + rest;
}

#ifdef QUIVER_VNNI

// dpbusd multiplies unsigned by signed bytes: b - 128 is signed, and 128 * sum(a) makes up for it.
inline void multiply_add_u8(Integers a, Integers b, Integers *product, Integers *total_a) {
  *product = _mm512_dpbusd_epi32(*product, a, simde_mm512_xor_si512(b, broadcast_u8(0x80)));
  *total_a = _mm512_dpbusd_epi32(*total_a, a, broadcast_u8(1));
}

uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n) {
  Integers product = zero_integers(), total_a = zero_integers();
  size_t i = 0;
  for (; i + kBytes <= n; i += kBytes) multiply_add_u8(load_integers(a + i), load_integers(b + i), &product, &total_a);
  if (i < n) multiply_add_u8(load_integers_part(a + i, n - i), load_integers_part(b + i, n - i), &product, &total_a);
  return static_cast<uint32_t>(sum_i32(product)) + 128u * static_cast<uint32_t>(sum_i32(total_a));
}

#else

// Even and odd bytes as 16-bit lanes; products of two such pairs fit 32 bits.
inline Integers multiply_add_u8(Integers a, Integers b, Integers total) {
  const Integers even = broadcast_i16(0x00ff);
  total = add_i32(total, multiply_pairs_i16(bit_and(a, even), bit_and(b, even)));
  return add_i32(total, multiply_pairs_i16(shift_right_u16<8>(a), shift_right_u16<8>(b)));
}

uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n) {
  Integers totals[2] = {zero_integers(), zero_integers()};
  size_t i = 0;
  for (; i + 2 * kBytes <= n; i += 2 * kBytes)
    for (size_t k = 0; k < 2; ++k)
      totals[k] = multiply_add_u8(load_integers(a + i + k * kBytes), load_integers(b + i + k * kBytes), totals[k]);
  for (; i + kBytes <= n; i += kBytes)
    totals[0] = multiply_add_u8(load_integers(a + i), load_integers(b + i), totals[0]);
  uint32_t rest = 0;
  if (n >= kBytes && i < n) {
    // The last register ends at n; what was counted before is masked out of one factor.
    const size_t start = n - kBytes;
    uint8_t mask[2 * kBytes];
    std::memset(mask, 0, kBytes);
    std::memset(mask + kBytes, 0xff, kBytes);
    const Integers fresh = bit_and(load_integers(a + start), load_integers(mask + (n - i)));
    totals[1] = multiply_add_u8(fresh, load_integers(b + start), totals[1]);
  } else {
    for (; i < n; ++i) rest += static_cast<uint32_t>(a[i]) * b[i];
  }
  return static_cast<uint32_t>(sum_i32(add_i32(totals[0], totals[1]))) + rest;
}

#endif

#ifdef QUIVER_VNNI
inline Integers multiply_add_signed(Integers code, Integers query, Integers total) {
  return _mm512_dpbusd_epi32(total, code, query);
}
#else
inline Integers multiply_add_signed(Integers code, Integers query, Integers total) {
  return add_i32(total, multiply_pairs_i16(multiply_pairs_u8_i8(code, query), broadcast_i16(1)));
}
#endif

int32_t dot_u8_s8(const uint8_t *code, const int8_t *query, size_t n) {
  Integers totals[2] = {zero_integers(), zero_integers()};
  size_t i = 0;
  for (; i + 2 * kBytes <= n; i += 2 * kBytes)
    for (size_t k = 0; k < 2; ++k)
      totals[k] =
          multiply_add_signed(load_integers(code + i + k * kBytes), load_integers(query + i + k * kBytes), totals[k]);
  for (; i + kBytes <= n; i += kBytes)
    totals[0] = multiply_add_signed(load_integers(code + i), load_integers(query + i), totals[0]);
  int32_t rest = 0;
  for (; i < n; ++i) rest += static_cast<int32_t>(code[i]) * query[i];
  return sum_i32(add_i32(totals[0], totals[1])) + rest;
}

uint32_t sum_u8(const uint8_t *a, size_t n) {
  uint32_t total = 0;
  for (size_t i = 0; i < n; ++i) total += a[i];
  return total;
}

void decode_u8(const uint8_t *code, size_t n, float minimum, float step, float *values) {
  const Floats lowest = broadcast(minimum), width = broadcast(step);
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) store(values + i, multiply_add(width, load_bytes(code + i), lowest));
  for (; i < n; ++i) values[i] = minimum + step * static_cast<float>(code[i]);
}

LevelSums quantize_levels(const float *values, size_t n, float inverse_step, uint8_t *levels) {
  const Floats inverse = broadcast(inverse_step), two = broadcast(2.0f), top = broadcast(3.5f),
               middle = broadcast(-1.5f);
  Floats alignment = zero(), squares = zero();
  size_t i = 0;
  float scaled[kFloats], whole[kFloats];
  for (; i + kFloats <= n; i += kFloats) {
    const Floats value = load(values + i);
    store(scaled, smaller(top, larger(zero(), multiply_add(value, inverse, two))));
    for (size_t k = 0; k < kFloats; ++k) {
      levels[i + k] = static_cast<uint8_t>(static_cast<int32_t>(scaled[k]));
      whole[k] = static_cast<float>(static_cast<int32_t>(scaled[k]));
    }
    const Floats level = add(load(whole), middle);
    alignment = multiply_add(value, level, alignment);
    squares = multiply_add(level, level, squares);
  }
  LevelSums sums{sum(alignment), sum(squares)};
  for (; i < n; ++i) {
    const float clamped = values[i] * inverse_step + 2.0f;
    levels[i] = static_cast<uint8_t>(clamped < 0.0f ? 0.0f : clamped > 3.5f ? 3.5f : clamped);
    const float level = static_cast<float>(levels[i]) - 1.5f;
    sums.alignment += values[i] * level;
    sums.squared_norm += level * level;
  }
  return sums;
}

SignSums quantize_signs(const float *values, const float *other, size_t n, uint8_t *bits) {
  constexpr size_t kStep = kFloats < 8 ? 8 : kFloats;
  Floats magnitude = zero(), chosen = zero();
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    uint32_t positive = 0;
    for (size_t k = 0; k < kStep; k += kFloats) {
      const Floats value = load(values + i + k);
      positive |= positive_lanes(value) << k;
      magnitude = add(magnitude, absolute(value));
      chosen = add(chosen, where_positive(value, load(other + i + k)));
    }
    for (size_t byte = 0; byte < kStep / 8; ++byte) bits[i / 8 + byte] = static_cast<uint8_t>(positive >> (8 * byte));
  }
  SignSums sums{sum(magnitude), sum(chosen)};
  for (; i < n; ++i) {
    const bool is_positive = values[i] > 0.0f;
    if (i % 8 == 0) bits[i / 8] = 0;
    bits[i / 8] = static_cast<uint8_t>(bits[i / 8] | (is_positive ? 1u : 0u) << (i % 8));
    sums.magnitude += __builtin_fabsf(values[i]);
    sums.chosen += is_positive ? other[i] : 0.0f;
  }
  return sums;
}

// The estimates of four lanes from their integer products.
inline void finish_four(const LaneQuery &query, const LaneBlock &block, size_t lane, simde__m128i integers, float own,
                        float *out) {
  const auto factors = [lane](const uint16_t *bf16) {
    const simde__m128i halves = simde_mm_loadl_epi64(reinterpret_cast<const simde__m128i *>(bf16 + lane));
    return simde_mm_castsi128_ps(simde_mm_slli_epi32(simde_mm_cvtepu16_epi32(halves), 16));
  };
  const simde__m128 product = simde_mm_add_ps(
      simde_mm_mul_ps(simde_mm_cvtepi32_ps(integers), simde_mm_set1_ps(query.scale)), simde_mm_set1_ps(query.offset));
  const simde__m128 fixed = simde_mm_add_ps(factors(block.add), simde_mm_set1_ps(own));
  simde_mm_storeu_ps(out + lane, simde_mm_add_ps(fixed, simde_mm_mul_ps(factors(block.rescale), product)));
}

inline float finish_one(const LaneQuery &query, const LaneBlock &block, size_t lane, int32_t integer, float own) {
  const auto widen = [](uint16_t bf16) {
    const uint32_t bits = static_cast<uint32_t>(bf16) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  };
  const float product = static_cast<float>(integer) * query.scale + query.offset;
  return own + widen(block.add[lane]) + widen(block.rescale[lane]) * product;
}

// Runs `product(code)`, four partial sums of a lane's integer product in a 128-bit register, over all lanes.
template <class Product>
inline void estimate_lanes(const LaneQuery &query, const LaneBlock &block, float own, float *out, Product product) {
  const uint8_t *code = block.codes;
  size_t lane = 0;
  for (; lane + 4 <= block.lanes; lane += 4, code += 4 * block.code_bytes) {
    const simde__m128i first = simde_mm_hadd_epi32(product(code), product(code + block.code_bytes));
    const simde__m128i second =
        simde_mm_hadd_epi32(product(code + 2 * block.code_bytes), product(code + 3 * block.code_bytes));
    finish_four(query, block, lane, simde_mm_hadd_epi32(first, second), own, out);
  }
  for (; lane < block.lanes; ++lane, code += block.code_bytes) {
    const simde__m128i pairs = simde_mm_hadd_epi32(product(code), product(code));
    out[lane] = finish_one(query, block, lane, simde_mm_cvtsi128_si32(simde_mm_hadd_epi32(pairs, pairs)), own);
  }
}

// A load of a code at `offset` that stays within 32 bytes of its end.
inline Integers load_code(const uint8_t *code, size_t offset, size_t code_bytes) {
#if QUIVER_LANE_BITS == 512
  return load_integers_part(code + offset, code_bytes - offset);
#else
  (void)code_bytes;
  return load_integers(code + offset);
#endif
}

// Products of the four levels in each byte with the query's four fields; at most 3,048 in each 16-bit sum.
inline Integers multiply_levels(Integers code, const Integers (&fields)[4]) {
  const Integers level = broadcast_u8(3);
  const Integers low = add_i16(multiply_pairs_u8_i8(bit_and(code, level), fields[0]),
                               multiply_pairs_u8_i8(bit_and(shift_right_u16<2>(code), level), fields[1]));
  const Integers high = add_i16(multiply_pairs_u8_i8(bit_and(shift_right_u16<4>(code), level), fields[2]),
                                multiply_pairs_u8_i8(bit_and(shift_right_u16<6>(code), level), fields[3]));
  return multiply_pairs_i16(add_i16(low, high), broadcast_i16(1));
}

#if QUIVER_LANE_BITS == 512

// The same for two codes of at most 32 bytes, one in each half; what is read beyond a code meets zeros of the query.
inline Integers multiply_level_pairs(const uint8_t *first, const uint8_t *second, const Integers (&fields)[4]) {
  const Integers codes = simde_mm512_inserti64x4(simde_mm512_castsi256_si512(simde_mm256_loadu_si256(first)),
                                                 simde_mm256_loadu_si256(second), 1);
#ifdef QUIVER_VNNI
  const Integers level = broadcast_u8(3);
  const Integers low = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(zero_integers(), bit_and(codes, level), fields[0]),
                                           bit_and(shift_right_u16<2>(codes), level), fields[1]);
  return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(low, bit_and(shift_right_u16<4>(codes), level), fields[2]),
                             bit_and(shift_right_u16<6>(codes), level), fields[3]);
#else
  return multiply_levels(codes, fields);
#endif
}

// All lanes of short codes but those beyond the last four. Returns how many.
inline size_t estimate_short_lanes_2bit(const LaneQuery &query, const LaneBlock &block, float own, float *out) {
  const auto *values = static_cast<const uint8_t *>(query.values);
  const size_t bytes = block.code_bytes;
  Integers fields[4];
  for (size_t field = 0; field < 4; ++field)
    fields[field] = _mm512_broadcast_i64x4(simde_mm256_loadu_si256(values + field * query.stride));
  const uint8_t *code = block.codes;
  size_t lane = 0;
  for (; lane + 4 <= block.lanes; lane += 4, code += 4 * bytes) {
    const Integers even = multiply_level_pairs(code, code + bytes, fields);                 // lanes 0, 1
    const Integers odd = multiply_level_pairs(code + 2 * bytes, code + 3 * bytes, fields);  // lanes 2, 3
    // Each 128 bits: two sums of lane 0 or 1, two of lane 2 or 3.
    const Integers sums = add_i32(_mm512_unpacklo_epi64(even, odd), _mm512_unpackhi_epi64(even, odd));
    const simde__m256i first = simde_mm512_castsi512_si256(sums), second = simde_mm512_extracti64x4_epi64(sums, 1);
    const simde__m128i lanes_0_2 =
        simde_mm_add_epi32(simde_mm256_castsi256_si128(first), simde_mm256_extracti128_si256(first, 1));
    const simde__m128i lanes_1_3 =
        simde_mm_add_epi32(simde_mm256_castsi256_si128(second), simde_mm256_extracti128_si256(second, 1));
    const simde__m128i lanes_0_2_1_3 = simde_mm_hadd_epi32(lanes_0_2, lanes_1_3);
    finish_four(query, block, lane, simde_mm_shuffle_epi32(lanes_0_2_1_3, 0xD8), own, out);
  }
  return lane;
}

#endif

inline void load_fields(const LaneQuery &query, size_t offset, Integers (&fields)[4]) {
  const auto *values = static_cast<const uint8_t *>(query.values);
  for (size_t field = 0; field < 4; ++field) fields[field] = load_integers(values + field * query.stride + offset);
}

void estimate_lanes_2bit(const LaneQuery &query, const LaneBlock &block, float own, float *out) {
  const size_t bytes = block.code_bytes;
  size_t done = 0;
#if QUIVER_LANE_BITS == 512
  if (bytes <= kBytes / 2) done = estimate_short_lanes_2bit(query, block, own, out);
  if (done == block.lanes) return;
#endif
  const LaneBlock rest{block.codes + done * bytes, bytes, block.add + done, block.rescale + done, block.lanes - done};
  if (bytes <= kBytes) {
    Integers fields[4];  // stay in registers for all lanes
    load_fields(query, 0, fields);
    estimate_lanes(query, rest, own, out + done,
                   [&](const uint8_t *code) { return fold_i32(multiply_levels(load_code(code, 0, bytes), fields)); });
    return;
  }
  estimate_lanes(query, rest, own, out + done, [&](const uint8_t *code) {
    Integers total = zero_integers();
    for (size_t offset = 0; offset < bytes; offset += kBytes) {
      Integers fields[4];
      load_fields(query, offset, fields);
      total = add_i32(total, multiply_levels(load_code(code, offset, bytes), fields));
    }
    return fold_i32(total);
  });
}

#ifdef QUIVER_VPOPCNT

// Counts of all planes at once, weighted by shifts; the sign plane is subtracted.
inline simde__m128i bit_product(const LaneQuery &query, const uint8_t *code, size_t code_bytes) {
  const auto *planes = static_cast<const uint8_t *>(query.values);
  Integers total = zero_integers();
  for (size_t offset = 0; offset < code_bytes; offset += kBytes) {
    const Integers bits = load_code(code, offset, code_bytes);
    for (size_t plane = 0; plane < kQueryPlanes; ++plane) {
      const Integers counts = _mm512_popcnt_epi64(bit_and(bits, load_integers(planes + plane * query.stride + offset)));
      const Integers weighted = simde_mm512_slli_epi64(counts, static_cast<unsigned>(plane));
      total = plane + 1 == kQueryPlanes ? simde_mm512_sub_epi32(total, weighted) : add_i32(total, weighted);
    }
  }
  return fold_i32(total);
}

#elif QUIVER_LANE_BITS == 256

// Counts of a nibble's bits, times the plane's weight, looked up: the planes but the sign's come to at most 8 * 31 a
// byte.
inline simde__m128i bit_product(const LaneQuery &query, const uint8_t *code, size_t code_bytes) {
  const auto *planes = static_cast<const uint8_t *>(query.values);
  const Integers nibble = broadcast_u8(0x0f);
  const Integers counts = repeat_16_bytes(simde_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  Integers total = zero_integers();
  for (size_t offset = 0; offset < code_bytes; offset += kBytes) {
    const Integers bits = load_code(code, offset, code_bytes);
    const Integers low = bit_and(bits, nibble), high = bit_and(shift_right_u16<4>(bits), nibble);
    Integers weighted = zero_integers(), table = counts;
    for (size_t plane = 0; plane < kQueryPlanes; ++plane) {
      const Integers mask = load_integers(planes + plane * query.stride + offset);
      const Integers count = add_u8(look_up_bytes(table, bit_and(low, mask)),
                                    look_up_bytes(table, bit_and(high, shift_right_u16<4>(mask))));
      if (plane + 1 == kQueryPlanes) {
        const Integers negative = shift_left_u64<kQueryPlanes - 1>(add_bytes_by_u64(count));
        total = add_i32(total, subtract_i32(add_bytes_by_u64(weighted), negative));
      } else {
        weighted = add_u8(weighted, count);
        table = plane + 2 == kQueryPlanes ? counts : add_u8(table, table);
      }
    }
  }
  return fold_i32(total);
}

#else

inline simde__m128i bit_product(const LaneQuery &query, const uint8_t *code, size_t code_bytes) {
  const auto *planes = static_cast<const uint8_t *>(query.values);
  int32_t counts[kQueryPlanes] = {};
  for (size_t offset = 0; offset < code_bytes; offset += sizeof(uint64_t)) {
    uint64_t bits;
    std::memcpy(&bits, code + offset, sizeof bits);
    for (size_t plane = 0; plane < kQueryPlanes; ++plane) {
      uint64_t mask;
      std::memcpy(&mask, planes + plane * query.stride + offset, sizeof mask);
      counts[plane] += static_cast<int32_t>(popcount(bits & mask));
    }
  }
  int32_t total = -(counts[kQueryPlanes - 1] << (kQueryPlanes - 1));
  for (size_t plane = 0; plane + 1 < kQueryPlanes; ++plane) total += counts[plane] << plane;
  return simde_mm_cvtsi32_si128(total);
}

#endif

void estimate_lanes_1bit(const LaneQuery &query, const LaneBlock &block, float own, float *out) {
  estimate_lanes(query, block, own, out,
                 [&](const uint8_t *code) { return bit_product(query, code, block.code_bytes); });
}

}  // namespace
