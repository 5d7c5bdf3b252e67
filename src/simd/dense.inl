// Kernels over float32 vectors: distances, norms, the Hadamard butterflies.
// SPDX-License-Identifier: PostgreSQL

namespace {

// Folds n elements in four accumulators, so that additions do not wait for each other. `step(sum, i, load)` adds the
// elements at i; `load(p)` loads a whole register there or, at the end, what is left and zeros.
template <class Step>
inline Floats fold(size_t n, Step step) {
  const auto whole = [](const auto *p) { return load(p); };
  if (n <= kFloats) {  // short vectors should not pay for adding up four accumulators
    if (n == kFloats) return step(zero(), 0, whole);
    return step(zero(), 0, [n](const auto *p) { return load_part(p, n); });
  }
  Floats sums[4] = {zero(), zero(), zero(), zero()};
  size_t i = 0;
  for (; i + 4 * kFloats <= n; i += 4 * kFloats)
    for (size_t k = 0; k < 4; ++k) sums[k] = step(sums[k], i + k * kFloats, whole);
  for (; i + kFloats <= n; i += kFloats) sums[0] = step(sums[0], i, whole);
  if (i < n) sums[3] = step(sums[3], i, [count = n - i](const auto *p) { return load_part(p, count); });
  return add(add(sums[0], sums[1]), add(sums[2], sums[3]));
}

template <class Element>
float squared_l2(const Element *a, const Element *b, size_t n) {
  return sum(fold(n, [a, b](Floats total, size_t i, auto at) {
    const Floats difference = subtract_lanes(at(a + i), at(b + i));
    return multiply_add(difference, difference, total);
  }));
}

template <class Element>
float inner_product(const Element *a, const Element *b, size_t n) {
  return sum(fold(n, [a, b](Floats total, size_t i, auto at) { return multiply_add(at(a + i), at(b + i), total); }));
}

template <class Element>
float l1(const Element *a, const Element *b, size_t n) {
  return sum(fold(n, [a, b](Floats total, size_t i, auto at) {
    return add(total, absolute(subtract_lanes(at(a + i), at(b + i))));
  }));
}

template <class Element>
CosineSums cosine_sums(const Element *a, const Element *b, size_t n) {
  if (n <= kFloats) {
    const Floats x = n == kFloats ? load(a) : load_part(a, n), y = n == kFloats ? load(b) : load_part(b, n);
    return {sum(multiply(x, y)), sum(multiply(x, x)), sum(multiply(y, y))};
  }
  Floats dot[2] = {zero(), zero()}, norm_a[2] = {zero(), zero()}, norm_b[2] = {zero(), zero()};
  const auto step = [&](size_t k, Floats x, Floats y) {
    dot[k] = multiply_add(x, y, dot[k]);
    norm_a[k] = multiply_add(x, x, norm_a[k]);
    norm_b[k] = multiply_add(y, y, norm_b[k]);
  };
  size_t i = 0;
  for (; i + 2 * kFloats <= n; i += 2 * kFloats) {
    step(0, load(a + i), load(b + i));
    step(1, load(a + i + kFloats), load(b + i + kFloats));
  }
  if (i + kFloats <= n) {
    step(0, load(a + i), load(b + i));
    i += kFloats;
  }
  if (i < n) step(1, load_part(a + i, n - i), load_part(b + i, n - i));
  return {sum(add(dot[0], dot[1])), sum(add(norm_a[0], norm_a[1])), sum(add(norm_b[0], norm_b[1]))};
}

double squared_norm(const float *a, size_t n) {
  double sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t k = 0; k < 8; ++k) sums[k] += static_cast<double>(a[i + k]) * static_cast<double>(a[i + k]);
  for (; i < n; ++i) sums[i % 8] += static_cast<double>(a[i]) * static_cast<double>(a[i]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

float subtract(const float *a, const float *b, size_t n, float *out) {
  Floats total = zero();
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) {
    const Floats difference = subtract_lanes(load(a + i), load(b + i));
    store(out + i, difference);
    total = multiply_add(difference, difference, total);
  }
  float rest = 0.0f;
  for (; i < n; ++i) {
    out[i] = a[i] - b[i];
    rest += out[i] * out[i];
  }
  return sum(total) + rest;
}

// Sum and difference, as one stage leaves them in two places.
inline void butterfly(simde__m128 &a, simde__m128 &b) {
  const simde__m128 difference = simde_mm_sub_ps(a, b);
  a = simde_mm_add_ps(a, b);
  b = difference;
}

// The first four stages of 16 values: pairs within a register of four are joined while rows and columns are exchanged.
inline void hadamard_16(float *values) {
  simde__m128 a = simde_mm_loadu_ps(values), b = simde_mm_loadu_ps(values + 4);
  simde__m128 c = simde_mm_loadu_ps(values + 8), d = simde_mm_loadu_ps(values + 12);
  SIMDE_MM_TRANSPOSE4_PS(a, b, c, d);
  butterfly(a, b), butterfly(c, d);
  butterfly(a, c), butterfly(b, d);
  SIMDE_MM_TRANSPOSE4_PS(a, b, c, d);
  butterfly(a, b), butterfly(c, d);
  butterfly(a, c), butterfly(b, d);
  simde_mm_storeu_ps(values, a), simde_mm_storeu_ps(values + 4, b);
  simde_mm_storeu_ps(values + 8, c), simde_mm_storeu_ps(values + 12, d);
}

// One stage: joins two blocks of `half` values, whole registers.
inline void join_two(float *low, size_t half) {
  for (float *end = low + half; low != end; low += kFloats) {
    const Floats a = load(low), b = load(low + half);
    store(low, add(a, b));
    store(low + half, subtract_lanes(a, b));
  }
}

// Two stages in one pass: joins four blocks of `half` values, whole registers.
inline void join_four(float *low, size_t half) {
  for (float *end = low + half; low != end; low += kFloats) {
    const Floats a = load(low), b = load(low + half), c = load(low + 2 * half), d = load(low + 3 * half);
    const Floats ab = add(a, b), a_b = subtract_lanes(a, b), cd = add(c, d), c_d = subtract_lanes(c, d);
    store(low, add(ab, cd));
    store(low + half, add(a_b, c_d));
    store(low + 2 * half, subtract_lanes(ab, cd));
    store(low + 3 * half, subtract_lanes(a_b, c_d));
  }
}

// Every stage adds and subtracts the same pairs in every tier: results are equal to the last bit.
void hadamard(float *values, size_t n) {
  size_t half = 1;
  if (n >= 16) {
    for (size_t block = 0; block < n; block += 16) hadamard_16(values + block);
    for (half = 16; 4 * half <= n; half *= 4) {
      for (size_t block = 0; block < n; block += 4 * half) join_four(values + block, half);
    }
    if (half < n) join_two(values, half);
    return;
  }
  for (; half < n; half *= 2) {
    for (size_t i = 0; i < n; ++i) {
      if ((i & half) != 0) continue;
      const float x = values[i], y = values[i + half];
      values[i] = x + y;
      values[i + half] = x - y;
    }
  }
}

}  // namespace
