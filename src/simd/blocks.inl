// Codes of 32 vectors at once, each group of four bits looked up in a table of the query's (FastScan).
// SPDX-License-Identifier: PostgreSQL

namespace {

// The sums of look-ups of one half register: bytes in even places are even_, those in odd places odd_.
struct LookUps {
  Integers whole = zero_integers();  // even + 256 odd, modulo 2^16
  Integers odd = zero_integers();
  void add(Integers bytes) {
    whole = add_i16(whole, bytes);
    odd = add_i16(odd, shift_right_u16<8>(bytes));
  }
};

// Sums of 16 lanes, eight 16-bit values in each register, lanes in order.
struct LaneSums {
  simde__m128i low, high;
};

inline LaneSums in_order(const LookUps &sums, simde__m128i more_whole, simde__m128i more_odd) {
  const simde__m128i odd = simde_mm_add_epi16(fold_i16(sums.odd), more_odd);
  const simde__m128i whole = simde_mm_add_epi16(fold_i16(sums.whole), more_whole);
  const simde__m128i even = simde_mm_sub_epi16(whole, simde_mm_slli_epi16(odd, 8));
  return {simde_mm_unpacklo_epi16(even, odd), simde_mm_unpackhi_epi16(even, odd)};
}

// Adds up at most 256 groups: so many bytes fit 16 bits.
inline void sum_groups(const uint8_t *codes, const uint8_t *tables, size_t groups, simde__m128i (&sums)[4]) {
  constexpr size_t kGroupBytes = 16, kStep = kBytes / kGroupBytes;
  const Integers nibble = broadcast_u8(0x0f);
  LookUps first, second;  // lanes 0..15 and 16..31
  size_t group = 0;
  for (; group + kStep <= groups; group += kStep) {
    const Integers code = load_integers(codes + group * kGroupBytes),
                   table = load_integers(tables + group * kGroupBytes);
    first.add(look_up_bytes(table, bit_and(code, nibble)));
    second.add(look_up_bytes(table, bit_and(shift_right_u16<4>(code), nibble)));
  }
  simde__m128i whole[2] = {simde_mm_setzero_si128(), simde_mm_setzero_si128()};
  simde__m128i odd[2] = {simde_mm_setzero_si128(), simde_mm_setzero_si128()};
  for (; group < groups; ++group) {
    const simde__m128i code = simde_mm_loadu_si128(codes + group * kGroupBytes),
                       table = simde_mm_loadu_si128(tables + group * kGroupBytes), low = simde_mm_set1_epi8(0x0f);
    const simde__m128i found[2] = {simde_mm_shuffle_epi8(table, simde_mm_and_si128(code, low)),
                                   simde_mm_shuffle_epi8(table, simde_mm_and_si128(simde_mm_srli_epi16(code, 4), low))};
    for (size_t half = 0; half < 2; ++half) {
      whole[half] = simde_mm_add_epi16(whole[half], found[half]);
      odd[half] = simde_mm_add_epi16(odd[half], simde_mm_srli_epi16(found[half], 8));
    }
  }
  const LaneSums lower = in_order(first, whole[0], odd[0]), upper = in_order(second, whole[1], odd[1]);
  sums[0] = lower.low;
  sums[1] = lower.high;
  sums[2] = upper.low;
  sums[3] = upper.high;
}

constexpr size_t kGroupsPerSum = 256;
constexpr size_t kWide = 32 / kFloats;  // registers of floats for 32 lanes

// The product of each lane's code with the query, over all groups, in the tables' units.
inline void sum_all_groups(const BlockQuery &query, const uint8_t *codes, Floats (&totals)[kWide]) {
  for (size_t i = 0; i < kWide; ++i) totals[i] = zero();
  for (size_t group = 0; group < query.groups; group += kGroupsPerSum) {
    const size_t count = query.groups - group < kGroupsPerSum ? query.groups - group : kGroupsPerSum;
    simde__m128i sums[4];
    sum_groups(codes + group * 16, query.tables + group * 16, count, sums);
    for (size_t i = 0; i < kWide; ++i) totals[i] = ::add(totals[i], widen_words(sums, i));
  }
}

// The same for codes of bytes. A look-up of 256 values fits no register: lanes are taken one by one, four at a time so
// that their sums do not wait for each other.
inline void sum_all_bytes(const BlockQuery &query, const uint8_t *codes, Floats (&totals)[kWide]) {
  constexpr size_t kTogether = 4, kLanes = quiver::simd::kBlockLanes;
  float sums[kLanes];
  for (size_t lane = 0; lane < kLanes; lane += kTogether) {
    uint32_t found[kTogether] = {};
    for (size_t group = 0; group < query.groups; ++group)
      for (size_t i = 0; i < kTogether; ++i) found[i] += query.tables[group * 256 + codes[group * kLanes + lane + i]];
    for (size_t i = 0; i < kTogether; ++i) sums[lane + i] = static_cast<float>(found[i]);
  }
  for (size_t i = 0; i < kWide; ++i) totals[i] = load(sums + i * kFloats);
}

// From sums of look-ups to estimates.
inline void apply_factors(const BlockQuery &query, const CodeBlock &block, float own, float width,
                          const Floats (&totals)[kWide], float *out) {
  const Floats scale = broadcast(query.scale), offset = broadcast(query.offset), base = broadcast(own),
               narrow = broadcast(-width);
  for (size_t i = 0; i < kWide; ++i) {
    const size_t lane = i * kFloats;
    const Floats product = ::add(multiply(totals[i], scale), offset);
    const Floats fixed = ::add(base, load(block.add + lane));
    const Floats estimate = ::add(fixed, multiply(load(block.rescale + lane), product));
    store(out + lane, ::add(estimate, multiply(load(block.error + lane), narrow)));
  }
}

void estimate_block(const BlockQuery &query, const CodeBlock &block, float own, float width, float *out) {
  Floats totals[kWide];
  sum_all_groups(query, block.codes, totals);
  apply_factors(query, block, own, width, totals, out);
}

void estimate_block_8bit(const BlockQuery &query, const CodeBlock &block, float own, float width, float *out) {
  Floats totals[kWide];
  sum_all_bytes(query, block.codes, totals);
  apply_factors(query, block, own, width, totals, out);
}

}  // namespace
