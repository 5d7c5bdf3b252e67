// Product quantization: a vector's parts, a few axes each, named by the nearest of 16 or 256 words of a codebook.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "simd/kernels.hpp"

namespace quiver::core {

// After Jegou, Douze and Schmid 2011. Parts are of equal length: part m has axes [m * axes(), (m + 1) * axes()).
struct ProductShape {
  size_t dimensions, parts;
  unsigned bits;  // 4 or 8
  size_t axes() const { return dimensions / parts; }
  size_t words() const { return size_t{1} << bits; }
  bool operator==(const ProductShape &) const = default;
};

// What an index stores of it: the rotation, weights and words, and how its errors compare.
//
// A word is chosen by weighted squares: what it misses matters on an axis as much as queries reach along it. Words are
// of vectors with a mean square of 1 on an axis: codes tell the direction, whatever the length.
class ProductBook {
 public:
  ProductBook(const ProductShape &shape, std::pmr::memory_resource *memory);

  const ProductShape &shape() const { return shape_; }

  // Words of part m: axis by axis the values of all words. A weight for each axis. The rotation: a row for each new
  // axis, or nothing. The origin, not rotated: tables of a query are of what it differs from there, which is less, and
  // so are their roundings.
  std::pmr::vector<float> words, weights, rotation, origin;
  // Errors of products with queries, of those that words would make which miss every axis alike.
  float error_ratio = 1.0f;
  const float *words_of(size_t part) const { return &words[part * shape_.axes() * shape_.words()]; }
  float word_value(size_t part, size_t word, size_t axis) const { return words_of(part)[axis * shape_.words() + word]; }

  // To be called when words or weights have changed, before those below.
  void finish();

  // `count` vectors into the space of the words. `rotated` != `values`.
  void rotate(const float *values, size_t count, float *rotated) const;
  // The nearest word of a part; `values`: those of its axes.
  uint8_t nearest_word(size_t part, const float *values) const;

 private:
  ProductShape shape_;
  std::pmr::vector<float> weighted_, halves_;  // words times weights; half the weighted square of each word
};

// How a residual agrees with its code: <residual, c>, |c|^2 and <other - origin, c>, where c is what the code stands
// for.
struct ProductSums {
  float alignment, squared_norm, other_product;
};

// Encodes residuals; keeps scratch space.
class ProductEncoder {
 public:
  ProductEncoder(const ProductBook &book, std::pmr::memory_resource *memory);
  // `length`: the residual's, squared. A code byte for each part.
  ProductSums encode(const float *residual, float length, const float *other, uint8_t *codes);

 private:
  const ProductBook &book_;
  std::pmr::vector<float> values_, rotated_;
};

}  // namespace quiver::core
