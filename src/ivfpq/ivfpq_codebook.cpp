// How many parts, and the pages of words.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_codebook.hpp"

#include <algorithm>
#include <utility>

extern "C" {
#include "miscadmin.h"
}

namespace quiver::ivfpq {

namespace {

// Words of so few axes tell most about them; with more parts a block takes too long. From so many axes on a word says
// so little that one for each axis is better where that fits.
struct PartLimits {
  uint32 least_axes, most_parts;
};
constexpr PartLimits kFourBits = {2, 256}, kEightBits = {4, 128};
constexpr uint32 kTooManyAxes = 16;
constexpr uint32 kValuesPerPage = kContentBytes / sizeof(float);
// Before origin, weights, words and the rotation: the ratio of errors, and how many axes the rotation has.
constexpr size_t kHeaderValues = 2;

bool fits(uint32 dimensions, unsigned bits, uint32 parts) {
  return parts <= core::kMaxCodeAxes && make_shape(dimensions, bits, parts).blocks > 0;
}

float *values_on(Page page) { return reinterpret_cast<float *>(page + kContents); }

// Adds a page's values to the `*count` that are there; returns the next page.
BlockNumber read_page(Relation relation, BlockNumber block, size_t most, float *values, size_t *count) {
  if (block >= RelationGetNumberOfBlocks(relation))
    pg::raise_corrupted(relation, kMetaBlock, "the words lead beyond the end of the index");
  const Buffer buffer = ReadBuffer(relation, block);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const bool ours = pg::check_page(relation, buffer, kIndexMagic);
  const PageInfo *info = page_info(BufferGetPage(buffer));
  if (!ours || info->kind != PageKind::codebook || info->used == 0 || info->used > kValuesPerPage ||
      *count + info->used > most)
    pg::raise_corrupted(relation, block, "not a page of words");
  std::copy_n(values_on(BufferGetPage(buffer)), info->used, values + *count);
  *count += info->used;
  const BlockNumber next = info->next;
  UnlockReleaseBuffer(buffer);
  return next;
}

}  // namespace

uint32 fitting_parts(uint32 dimensions, unsigned bits, uint32 wanted) {
  uint32 parts = std::min(wanted, dimensions);
  while (parts > 0 && (dimensions % parts != 0 || !fits(dimensions, bits, parts))) --parts;
  return parts;
}

uint32 default_parts(uint32 dimensions, unsigned bits) {
  const PartLimits limits = bits == 4 ? kFourBits : kEightBits;
  uint32 axes = std::min(limits.least_axes, dimensions);
  while (dimensions % axes != 0 || dimensions / axes > limits.most_parts) ++axes;
  if (axes > kTooManyAxes && fits(dimensions, bits, dimensions)) return dimensions;
  return fitting_parts(dimensions, bits, dimensions / axes);
}

core::ProductShape product_shape(const MetaPage &meta) { return {meta.dimensions, meta.code_axes, meta.code_bits}; }

size_t codebook_sample_rows(const MetaPage &meta) {
  return meta.quantizer == Quantizer::pq ? core::word_sample_rows(product_shape(meta)) : 0;
}

std::pmr::vector<float> stored_codebook(const core::ProductBook &book, std::pmr::memory_resource *memory) {
  std::pmr::vector<float> values(memory);
  const bool rotates = !book.rotation.empty();
  values.reserve(kHeaderValues + book.origin.size() + book.weights.size() + book.words.size() + book.rotation.size());
  values.push_back(book.error_ratio);
  values.push_back(rotates ? static_cast<float>(book.shape().dimensions) : 0.0f);
  for (const auto *part : {&book.origin, &book.weights, &book.words, &book.rotation})
    values.insert(values.end(), part->begin(), part->end());
  return values;
}

BlockNumber codebook_pages(std::span<const float> values) {
  return static_cast<BlockNumber>((values.size() + kValuesPerPage - 1) / kValuesPerPage);
}

void fill_codebook_page(Page page, std::span<const float> values, BlockNumber block, BlockNumber number) {
  const size_t first = size_t{number} * kValuesPerPage, count = std::min<size_t>(kValuesPerPage, values.size() - first);
  initialize_codebook_page(page, kContents + count * sizeof(float));
  PageInfo *info = page_info(page);
  info->used = static_cast<uint16>(count);
  info->position = number;
  if (number + 1 < codebook_pages(values)) info->next = block + 1;
  std::copy_n(values.data() + first, count, values_on(page));
}

void load_codebook(Relation relation, const MetaPage &meta, IndexCache *cache) {
  if (meta.quantizer != Quantizer::pq || cache->book) return;
  const core::ProductShape shape = product_shape(meta);
  const size_t d = shape.dimensions, fixed = kHeaderValues + 2 * d + shape.words() * d, most = fixed + d * d;
  // Plain memory: what is read here may end in a jump.
  auto *values =
      static_cast<float *>(MemoryContextAllocExtended(CurrentMemoryContext, most * sizeof(float), MCXT_ALLOC_HUGE));
  size_t count = 0;
  for (BlockNumber block = meta.codebook; block != InvalidBlockNumber;) {
    CHECK_FOR_INTERRUPTS();
    block = read_page(relation, block, most, values, &count);
  }
  const bool rotates = count == most && values[1] == static_cast<float>(d);
  if (!rotates && (count != fixed || values[1] != 0.0f))
    pg::raise_corrupted(relation, meta.codebook, "the words are not complete");
  core::ProductBook book(shape, &cache->memory);
  const float *next = values + kHeaderValues;
  book.error_ratio = values[0];
  for (auto *part : {&book.origin, &book.weights, &book.words}) {
    std::copy_n(next, part->size(), part->begin());
    next += part->size();
  }
  if (rotates) book.rotation.assign(next, next + d * d);
  book.finish();
  cache->book = std::move(book);
  pfree(values);
}

}  // namespace quiver::ivfpq
