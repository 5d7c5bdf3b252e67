// Sets of ids: many look-ups at once, a bucket compared as a whole.
// SPDX-License-Identifier: PostgreSQL

namespace {

#if QUIVER_LANE_BITS == 128

// Two bits of sixteen for each place of a bucket that holds `id`.
constexpr uint32_t kBitsOfPlace = 2;
struct Bucket {
  simde__m128i first, second;
  explicit Bucket(const uint32_t *ids)
      : first(simde_mm_loadu_si128(reinterpret_cast<const simde__m128i *>(ids))),
        second(simde_mm_loadu_si128(reinterpret_cast<const simde__m128i *>(ids + 4))) {}
  uint32_t places_of(uint32_t wanted) const {
    const simde__m128i id = simde_mm_set1_epi32(static_cast<int32_t>(wanted));
    const simde__m128i equal = simde_mm_packs_epi32(simde_mm_cmpeq_epi32(first, id), simde_mm_cmpeq_epi32(second, id));
    return static_cast<uint32_t>(simde_mm_movemask_epi8(equal));
  }
};

#else

// One bit of eight.
constexpr uint32_t kBitsOfPlace = 1;
struct Bucket {
  simde__m256i all;
  explicit Bucket(const uint32_t *ids) : all(simde_mm256_loadu_si256(ids)) {}
  uint32_t places_of(uint32_t wanted) const {
    const simde__m256i equal = simde_mm256_cmpeq_epi32(all, simde_mm256_set1_epi32(static_cast<int32_t>(wanted)));
    return static_cast<uint32_t>(simde_mm256_movemask_ps(simde_mm256_castsi256_ps(equal)));
  }
};

#endif

void add_ids(uint32_t *table, size_t places, const uint32_t *ids, size_t n, uint32_t *found) {
  static_assert(kIdBucket == 8 && kAddedId == 1u << 31, "a bucket is 256 bits");
  constexpr uint32_t kBits = kIdBucket * kBitsOfPlace;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t id = ids[i];
    size_t bucket = (id * 0x9e3779b97f4a7c15u >> 32) * kIdBucket & (places - 1);
    uint32_t places_there;
    for (;; bucket = (bucket + kIdBucket) & (places - 1)) {
      const Bucket there(table + bucket);
      places_there = there.places_of(id) | there.places_of(kNoId) << kBits;
      if (places_there != 0) break;
    }
    // Without a branch: about every second id is new, which no processor can foresee. Only where the id itself is not
    // there does the lowest bit stand for a free place.
    const auto lowest = static_cast<uint32_t>(__builtin_ctz(places_there));
    const size_t place = bucket + lowest % kBits / kBitsOfPlace;
    table[place] = id;
    found[i] = static_cast<uint32_t>(place) | lowest / kBits << 31;
  }
}

}  // namespace
