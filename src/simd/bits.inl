// Counts over bit strings.
// SPDX-License-Identifier: PostgreSQL

namespace {

constexpr size_t kWord = sizeof(uint64_t);

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

// The part that fills registers; returns how far it came.
template <class Combine>
inline size_t count_registers(const uint8_t *a, const uint8_t *b, size_t n, Combine combine, uint64_t *total) {
  Integers counts = zero_integers();
  size_t i = 0;
  for (; i + kBytes <= n; i += kBytes)
    counts = add_u64(counts, count_bits(combine(load_integers(a + i), load_integers(b + i))));
  if (i > 0) *total = sum_u64(counts);
  return i;
}

inline Integers both(Integers x, Integers y) { return bit_and(x, y); }
inline Integers any(Integers x, Integers y) { return bit_or(x, y); }
inline Integers different(Integers x, Integers y) { return bit_xor(x, y); }

#else

// The instruction that counts 64 bits leaves narrow registers nothing to win.
template <class Combine>
inline size_t count_registers(const uint8_t *, const uint8_t *, size_t, Combine, uint64_t *) {
  return 0;
}

#endif

inline uint64_t both(uint64_t x, uint64_t y) { return x & y; }
inline uint64_t any(uint64_t x, uint64_t y) { return x | y; }
inline uint64_t different(uint64_t x, uint64_t y) { return x ^ y; }

// Adds the bits of combine(a, b) over n bytes.
template <class Combine>
inline uint64_t count_combined(const uint8_t *a, const uint8_t *b, size_t n, Combine combine) {
  uint64_t totals[4] = {};
  size_t i = count_registers(a, b, n, combine, &totals[0]);
  for (; i + 4 * kWord <= n; i += 4 * kWord)
    for (size_t k = 0; k < 4; ++k)
      totals[k] += popcount(combine(load_word(a + i + k * kWord, kWord), load_word(b + i + k * kWord, kWord)));
  for (; i + kWord <= n; i += kWord) totals[1] += popcount(combine(load_word(a + i, kWord), load_word(b + i, kWord)));
  if (i < n) totals[2] += popcount(combine(load_word(a + i, n - i), load_word(b + i, n - i)));
  return totals[0] + totals[1] + totals[2] + totals[3];
}

uint64_t hamming(const uint8_t *a, const uint8_t *b, size_t n) {
  return count_combined(a, b, n, [](auto x, auto y) { return different(x, y); });
}

BitCounts count_common_bits(const uint8_t *a, const uint8_t *b, size_t n) {
  return {count_combined(a, b, n, [](auto x, auto y) { return both(x, y); }),
          count_combined(a, b, n, [](auto x, auto y) { return any(x, y); })};
}

}  // namespace
