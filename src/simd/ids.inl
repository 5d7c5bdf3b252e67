// Sets of ids: many look-ups at once, a bucket compared as a whole.
// SPDX-License-Identifier: PostgreSQL

namespace {

// Two bits of sixteen for each place of a bucket that holds `id`.
inline uint32_t places_of(simde__m128i first, simde__m128i second, simde__m128i id) {
  const simde__m128i equal = simde_mm_packs_epi32(simde_mm_cmpeq_epi32(first, id), simde_mm_cmpeq_epi32(second, id));
  return static_cast<uint32_t>(simde_mm_movemask_epi8(equal));
}

void add_ids(uint32_t *table, size_t places, const uint32_t *ids, size_t n, uint32_t *found) {
  static_assert(kIdBucket == 8 && kAddedId == 1u << 31, "a bucket is two registers of 128 bits");
  const simde__m128i none = simde_mm_set1_epi32(static_cast<int32_t>(kNoId));
  for (size_t i = 0; i < n; ++i) {
    const simde__m128i id = simde_mm_set1_epi32(static_cast<int32_t>(ids[i]));
    size_t bucket = (ids[i] * 0x9e3779b97f4a7c15u >> 32) * kIdBucket & (places - 1);
    uint32_t places_there;
    for (;; bucket = (bucket + kIdBucket) & (places - 1)) {
      const auto *ids_there = reinterpret_cast<const simde__m128i *>(table + bucket);
      const simde__m128i first = simde_mm_loadu_si128(ids_there), second = simde_mm_loadu_si128(ids_there + 1);
      places_there = places_of(first, second, id) | places_of(first, second, none) << 16;
      if (places_there != 0) break;
    }
    // Without a branch: about every second id is new, which no processor can foresee. Only where the id itself is not
    // there does the lowest bit stand for a free place.
    const auto lowest = static_cast<uint32_t>(__builtin_ctz(places_there));
    const size_t place = bucket + lowest % 16 / 2;
    table[place] = ids[i];
    found[i] = static_cast<uint32_t>(place) | lowest / 16 << 31;
  }
}

}  // namespace
