// Counts over bit strings.
// SPDX-License-Identifier: PostgreSQL

namespace {

#if QUIVER_LANE_BITS >= 256

// Bits set in each 64-bit lane.
#ifdef QUIVER_VPOPCNT
inline Integers count_bits(Integers x) { return _mm512_popcnt_epi64(x); }
#else
// Both nibbles of a byte looked up in a table of 16 counts, bytes added up per lane.
inline Integers count_bits(Integers x) {
  const Integers counts = repeat_16_bytes(simde_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const Integers nibble = broadcast_u8(0x0f);
  const Integers low = look_up_bytes(counts, bit_and(x, nibble));
  const Integers high = look_up_bytes(counts, bit_and(shift_right_u16<4>(x), nibble));
  return add_bytes_by_u64(add_u8(low, high));
}
#endif

// Adds the bits of combine(a, b) over n bytes. `Combine` maps zeros to zeros.
template <class Combine>
inline uint64_t count_combined(const uint8_t *a, const uint8_t *b, size_t n, Combine combine) {
  Integers total = zero_integers();
  size_t i = 0;
  for (; i + kBytes <= n; i += kBytes)
    total = add_u64(total, count_bits(combine(load_integers(a + i), load_integers(b + i))));
  if (i < n)
    total = add_u64(total, count_bits(combine(load_integers_part(a + i, n - i), load_integers_part(b + i, n - i))));
  return sum_u64(total);
}

uint64_t hamming(const uint8_t *a, const uint8_t *b, size_t n) {
  return count_combined(a, b, n, [](Integers x, Integers y) { return bit_xor(x, y); });
}

BitCounts count_common_bits(const uint8_t *a, const uint8_t *b, size_t n) {
  return {count_combined(a, b, n, [](Integers x, Integers y) { return bit_and(x, y); }),
          count_combined(a, b, n, [](Integers x, Integers y) { return bit_or(x, y); })};
}

#else

inline uint64_t load_word(const uint8_t *p, size_t count) {
  uint64_t word = 0;
  std::memcpy(&word, p, count);
  return word;
}

template <class Combine>
inline uint64_t count_combined(const uint8_t *a, const uint8_t *b, size_t n, Combine combine) {
  constexpr size_t kWord = sizeof(uint64_t);
  uint64_t totals[4] = {};
  size_t i = 0;
  for (; i + 4 * kWord <= n; i += 4 * kWord)
    for (size_t k = 0; k < 4; ++k)
      totals[k] += popcount(combine(load_word(a + i + k * kWord, kWord), load_word(b + i + k * kWord, kWord)));
  for (; i + kWord <= n; i += kWord) totals[0] += popcount(combine(load_word(a + i, kWord), load_word(b + i, kWord)));
  if (i < n) totals[1] += popcount(combine(load_word(a + i, n - i), load_word(b + i, n - i)));
  return totals[0] + totals[1] + totals[2] + totals[3];
}

uint64_t hamming(const uint8_t *a, const uint8_t *b, size_t n) {
  return count_combined(a, b, n, [](uint64_t x, uint64_t y) { return x ^ y; });
}

BitCounts count_common_bits(const uint8_t *a, const uint8_t *b, size_t n) {
  return {count_combined(a, b, n, [](uint64_t x, uint64_t y) { return x & y; }),
          count_combined(a, b, n, [](uint64_t x, uint64_t y) { return x | y; })};
}

#endif

}  // namespace
