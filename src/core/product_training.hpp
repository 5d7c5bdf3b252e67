// Codebooks of words for product quantization: learned from a sample, or those of normal variables.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "core/interrupt.hpp"
#include "core/kmeans.hpp"
#include "core/product_code.hpp"

namespace quiver::core {

// Above so many dimensions there is no rotation of a book's own: it would cost each row and query more than it saves.
inline constexpr size_t kMaxBookRotation = 512;

// Rows that learn_words makes use of.
size_t word_sample_rows(const ProductShape &shape);

// Words for residuals of which nothing is known: after a random rotation any two axes are close to normal. The same at
// every call.
void assume_normal_words(ProductBook *book, Interrupt &interrupt, std::pmr::memory_resource *memory);

// Learns a rotation and words from the residuals of n rows to their nearest centroids, or assumes normal words when
// there are too few rows. The rotation is the parametric one of Ge, He, Ke and Sun 2013: principal axes, dealt out so
// that the variances of each part have about the same product. Axes weigh as much as their variance, because queries
// are where rows are: this makes products with queries exact rather than rows themselves. Overwrites `rows`.
void learn_words(ProductBook *book, const CentroidTree &tree, float *rows, size_t n, Interrupt &interrupt,
                 std::pmr::memory_resource *memory);

}  // namespace quiver::core
