// The words of `quantizer = pq` in an index: chosen by the build, on pages of their own, copied once by each backend.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <span>
#include <vector>

#include "core/product_training.hpp"
#include "ivfpq/ivfpq_index.hpp"

namespace quiver::ivfpq {

// Parts of a vector that get a word each, for an index that was not told how many. At most as many as divide the
// dimensions and fit a page of codes; 0 when none do.
uint32 default_parts(uint32 dimensions, unsigned bits);
// The most that do, not above `wanted`; 0 when none do.
uint32 fitting_parts(uint32 dimensions, unsigned bits, uint32 wanted);

core::ProductShape product_shape(const MetaPage &meta);

// Rows that words learn from, at best.
size_t codebook_sample_rows(const MetaPage &meta);

// What the pages of words hold, value by value, from a book.
std::pmr::vector<float> stored_codebook(const core::ProductBook &book, std::pmr::memory_resource *memory);
BlockNumber codebook_pages(std::span<const float> values);
// Page `number` of them; the others follow it, as the blocks do.
void fill_codebook_page(Page page, std::span<const float> values, BlockNumber block, BlockNumber number);

// Copies the book into the cache, if the index has one and the cache does not.
void load_codebook(Relation relation, const MetaPage &meta, IndexCache *cache);

}  // namespace quiver::ivfpq
