// Distances of sparse vectors: two ascending lists of indices walked together, four entries of each at a time.
// SPDX-License-Identifier: PostgreSQL
//
// A branch per entry would be mispredicted every other time. Here four indices of one list are compared with four of
// the other in four rotations; the list whose block ends first moves on. 128-bit registers on every tier: wider ones
// compare more pairs for the same four steps forward.

namespace {

constexpr size_t kBlock = 4;

// Four entries of a list and what was found of them in the other list so far.
struct Block {
  simde__m128i indices;
  simde__m128 values;
  simde__m128 partners;     // values that the other list has at the same indices, else 0
  simde__m128i is_matched;  // all ones where it has one
  int32_t last;             // largest index
};

// REQUIRES: start < list.count. `padding`: an index that occurs nowhere.
inline Block load_block(const SparseTerms &list, size_t start, int32_t padding) {
  Block block;
  block.partners = simde_mm_setzero_ps();
  block.is_matched = simde_mm_setzero_si128();
  if (start + kBlock <= list.count) {
    block.indices = simde_mm_loadu_si128(reinterpret_cast<const simde__m128i *>(list.indices + start));
    block.values = simde_mm_loadu_ps(list.values + start);
    block.last = list.indices[start + kBlock - 1];
    return block;
  }
  const size_t count = list.count - start;
  const auto at = [count, start, padding, &list](size_t i) { return i < count ? list.indices[start + i] : padding; };
  const auto value = [count, start, &list](size_t i) { return i < count ? list.values[start + i] : 0.0f; };
  block.indices = simde_mm_set_epi32(padding, at(2), at(1), at(0));
  block.values = simde_mm_set_ps(0.0f, value(2), value(1), value(0));
  block.last = list.indices[list.count - 1];
  return block;
}

// Compares a's entries with b's turned by kTurn places.
template <int kTurn>
inline void match(Block *a, Block *b) {
  constexpr int kForth = (kTurn & 3) | ((kTurn + 1) & 3) << 2 | ((kTurn + 2) & 3) << 4 | ((kTurn + 3) & 3) << 6;
  constexpr int kBack = ((4 - kTurn) & 3) | ((5 - kTurn) & 3) << 2 | ((6 - kTurn) & 3) << 4 | ((7 - kTurn) & 3) << 6;
  const simde__m128i equal = simde_mm_cmpeq_epi32(a->indices, simde_mm_shuffle_epi32(b->indices, kForth));
  const simde__m128 partners = simde_mm_shuffle_ps(b->values, b->values, kForth);
  a->partners = simde_mm_or_ps(a->partners, simde_mm_and_ps(simde_mm_castsi128_ps(equal), partners));
  b->is_matched = simde_mm_or_si128(b->is_matched, simde_mm_shuffle_epi32(equal, kBack));
}

// Adds term(a's value, b's value) over every index that either list has; 0 for a list that does not have it.
// kAlone: whether a term with a zero counts.
template <bool kAlone, class Term>
inline float merge(const SparseTerms &a, const SparseTerms &b, Term term) {
  simde__m128 total = simde_mm_setzero_ps();
  const simde__m128 none = simde_mm_setzero_ps();
  const auto finish_b = [&total, none, term](const Block &block) {
    if constexpr (kAlone)
      total =
          simde_mm_add_ps(total, term(none, simde_mm_andnot_ps(simde_mm_castsi128_ps(block.is_matched), block.values)));
  };
  size_t i = 0, j = 0;
  if (i < a.count && j < b.count) {
    Block x = load_block(a, i, -1), y = load_block(b, j, -2);
    for (;;) {
      match<0>(&x, &y);
      match<1>(&x, &y);
      match<2>(&x, &y);
      match<3>(&x, &y);
      const int32_t x_last = x.last, y_last = y.last;
      if (x_last <= y_last) {
        total = simde_mm_add_ps(total, term(x.values, x.partners));
        i += kBlock;
        if (i < a.count) x = load_block(a, i, -1);
      }
      if (y_last <= x_last) {
        finish_b(y);
        j += kBlock;
        if (j < b.count) y = load_block(b, j, -2);
      }
      if (i >= a.count || j >= b.count) break;
    }
    if (i < a.count) {
      total = simde_mm_add_ps(total, term(x.values, x.partners));
      i += kBlock;
    }
    if (j < b.count) {
      finish_b(y);
      j += kBlock;
    }
  }
  if constexpr (kAlone) {
    for (; i < a.count; i += kBlock) total = simde_mm_add_ps(total, term(load_block(a, i, -1).values, none));
    for (; j < b.count; j += kBlock) total = simde_mm_add_ps(total, term(none, load_block(b, j, -2).values));
  }
  total = simde_mm_add_ps(total, simde_mm_movehl_ps(total, total));
  return simde_mm_cvtss_f32(simde_mm_add_ss(total, simde_mm_shuffle_ps(total, total, 1)));
}

float sparse_squared_l2(const SparseTerms &a, const SparseTerms &b) {
  return merge<true>(a, b, [](simde__m128 x, simde__m128 y) {
    const simde__m128 difference = simde_mm_sub_ps(x, y);
    return simde_mm_mul_ps(difference, difference);
  });
}

float sparse_inner_product(const SparseTerms &a, const SparseTerms &b) {
  return merge<false>(a, b, [](simde__m128 x, simde__m128 y) { return simde_mm_mul_ps(x, y); });
}

float sparse_l1(const SparseTerms &a, const SparseTerms &b) {
  return merge<true>(a, b, [](simde__m128 x, simde__m128 y) {
    return simde_mm_andnot_ps(simde_mm_set1_ps(-0.0f), simde_mm_sub_ps(x, y));
  });
}

}  // namespace
