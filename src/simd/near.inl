// Distances from products of matrices, and the least among few.
// SPDX-License-Identifier: PostgreSQL

namespace {

size_t find_near(float *products, const float *norms, float own, const float *bounds, float bound, size_t n,
                 uint32_t *places) {
  const Floats all_own = broadcast(own), all_bound = broadcast(bound), factor = broadcast(-2.0f);
  size_t i = 0, count = 0;
  for (; i + kFloats <= n; i += kFloats) {
    const Floats distances = multiply_add(factor, load(products + i), add(all_own, load(norms + i)));
    store(products + i, distances);
    uint32_t near = positive_lanes(subtract_lanes(larger(load(bounds + i), all_bound), distances));
    for (; near != 0; near &= near - 1)
      places[count++] = static_cast<uint32_t>(i) + static_cast<uint32_t>(__builtin_ctz(near));
  }
  for (; i < n; ++i) {
    products[i] = own + norms[i] - 2.0f * products[i];
    places[count] = static_cast<uint32_t>(i);
    count += products[i] < bounds[i] || products[i] < bound;
  }
  return count;
}

// A value stays by how many of the others are less, counted for all of a register at once: no branch depends on values.
size_t keep_least(float *values, uint32_t *ids, size_t n, size_t wanted) {
  float less[kMostItems];
  const Floats one = broadcast(1.0f);
  for (size_t i = 0; i < n; i += kFloats) {
    const Floats mine = load(values + i);
    Floats count = zero();
    for (size_t j = 0; j < n; ++j) count = add(count, where_positive(subtract_lanes(mine, broadcast(values[j])), one));
    store(less + i, count);
  }
  const auto limit = static_cast<float>(wanted);
  size_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    values[kept] = values[i];
    ids[kept] = ids[i];
    kept += less[i] < limit;
  }
  // Of equal ones too many.
  while (kept > wanted) {
    size_t largest = 0;
    for (size_t i = 1; i < kept; ++i) largest = values[i] > values[largest] ? i : largest;
    --kept;
    values[largest] = values[kept];
    ids[largest] = ids[kept];
  }
  return kept;
}

}  // namespace
