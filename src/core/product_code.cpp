// Finding words.
// SPDX-License-Identifier: PostgreSQL
#include "core/product_code.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

constexpr size_t kFewVectors = 4;

// A word is nearest when its product with the values less half its square, both weighted, is largest.
template <size_t kWords>
uint8_t nearest_of(const float *words, const float *halves, const float *values, size_t axes) {
  float scores[kWords];
  for (size_t word = 0; word < kWords; ++word) scores[word] = -halves[word];
  for (size_t axis = 0; axis < axes; ++axis) {
    const float value = values[axis], *row = words + axis * kWords;
    for (size_t word = 0; word < kWords; ++word) scores[word] += value * row[word];
  }
  size_t nearest = 0;
  for (size_t word = 1; word < kWords; ++word) nearest = scores[word] > scores[nearest] ? word : nearest;
  return static_cast<uint8_t>(nearest);
}

}  // namespace

ProductBook::ProductBook(const ProductShape &shape, std::pmr::memory_resource *memory)
    : words(shape.words() * shape.dimensions, memory),
      weights(shape.dimensions, 1.0f, memory),
      rotation(memory),
      origin(shape.dimensions, 0.0f, memory),
      shape_(shape),
      weighted_(memory),
      halves_(memory) {}

void ProductBook::finish() {
  const size_t count = shape_.words();
  weighted_.resize(words.size());
  halves_.assign(shape_.parts * count, 0.0f);
  for (size_t axis = 0; axis < shape_.dimensions; ++axis)
    for (size_t word = 0; word < count; ++word) {
      const float value = words[axis * count + word];
      weighted_[axis * count + word] = weights[axis] * value;
      halves_[axis / shape_.axes() * count + word] += 0.5f * weights[axis] * value * value;
    }
}

void ProductBook::rotate(const float *values, size_t count, float *rotated) const {
  const size_t d = shape_.dimensions;
  const simd::Kernels &kernels = simd::kernels();
  if (rotation.empty()) {
    std::copy_n(values, count * d, rotated);
  } else if (count > kFewVectors) {
    kernels.inner_products(values, count, rotation.data(), d, d, rotated);
  } else {
    // Packing the matrix would cost more than the products.
    for (size_t axis = 0; axis < d; ++axis)
      for (size_t i = 0; i < count; ++i)
        rotated[i * d + axis] = kernels.inner_product(values + i * d, &rotation[axis * d], d);
  }
}

uint8_t ProductBook::nearest_word(size_t part, const float *values) const {
  const float *weighted = &weighted_[part * shape_.axes() * shape_.words()], *halves = &halves_[part * shape_.words()];
  return shape_.bits == 4 ? nearest_of<16>(weighted, halves, values, shape_.axes())
                          : nearest_of<256>(weighted, halves, values, shape_.axes());
}

ProductEncoder::ProductEncoder(const ProductBook &book, std::pmr::memory_resource *memory)
    : book_(book), values_(2 * book.shape().dimensions, memory), rotated_(2 * book.shape().dimensions, memory) {}

ProductSums ProductEncoder::encode(const float *residual, float length, const float *other, uint8_t *codes) {
  const ProductShape &shape = book_.shape();
  const size_t d = shape.dimensions, axes = shape.axes();
  const float scale = std::sqrt(static_cast<float>(d) / length);
  for (size_t i = 0; i < d; ++i) values_[i] = residual[i] * scale;
  for (size_t i = 0; i < d; ++i) values_[d + i] = other[i] - book_.origin[i];
  book_.rotate(values_.data(), 2, rotated_.data());
  ProductSums sums{0.0f, 0.0f, 0.0f};
  for (size_t part = 0; part < shape.parts; ++part) {
    const float *values = &rotated_[part * axes], *others = &rotated_[d + part * axes];
    const size_t word = codes[part] = book_.nearest_word(part, values);
    for (size_t axis = 0; axis < axes; ++axis) {
      const float value = book_.word_value(part, word, axis);
      sums.alignment += values[axis] * value;
      sums.squared_norm += value * value;
      sums.other_product += others[axis] * value;
    }
  }
  sums.alignment /= scale;
  return sums;
}

}  // namespace quiver::core
