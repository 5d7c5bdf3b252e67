// The pages of an index without rows, and the init fork of an unlogged one.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_new_index.hpp"

#include <algorithm>

#include "core/own_vector.hpp"
#include "ivfpq/ivfpq_codebook.hpp"
#include "ivfpq/ivfpq_internal.hpp"
#include "ivfpq/ivfpq_options.hpp"
#include "pg/boundary.hpp"

extern "C" {
#include "access/xloginsert.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
}

namespace quiver::ivfpq {

namespace {

void check_code_fits(int dimensions, int bits) {
  if (dimensions <= 1 || bits == 1) return;
  const size_t most = max_code_axes(static_cast<unsigned>(bits));
  if (static_cast<size_t>(dimensions) > most)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("column cannot have more than %zu dimensions with bits = %d", most, bits),
                    errhint("Use bits = 1, which takes every dimension.")));
}

// Sub-vectors as asked for. Raises when they do not divide the dimensions or fit a page.
uint32 check_parts(uint32 dimensions, unsigned bits, uint32 wanted) {
  const uint32 divisor = std::min(wanted, dimensions);
  uint32 below = divisor;
  while (dimensions % below != 0) --below;
  if (below != wanted)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("subvectors must divide the %u dimensions of the column", dimensions),
                    errhint("Use a divisor, such as %u.", below)));
  const uint32 fitting = fitting_parts(dimensions, bits, wanted);
  if (fitting != wanted)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("a page has no room for %u subvectors with bits = %u", wanted, bits),
                    errhint("Use at most %u.", fitting)));
  return wanted;
}

ListShape choose_codes(Relation index, int dimensions) {
  const auto d = static_cast<uint32>(dimensions);
  if (option_quantizer(index) == Quantizer::sq8) return codeless_shape(core::OwnKind::rotated, d);
  int bits = option_bits(index);
  if (option_quantizer(index) == Quantizer::pq) {
    const auto word_bits = static_cast<unsigned>(bits == 0 ? 4 : bits);
    const auto wanted = static_cast<uint32>(option_subvectors(index));
    const uint32 parts = wanted == 0 ? default_parts(d, word_bits) : check_parts(d, word_bits, wanted);
    return make_shape(d, word_bits, parts, option_rerank(index));
  }
  if (bits == 0) bits = static_cast<int>(core::default_code_shape(d).bits);
  check_code_fits(dimensions, bits);
  return choose_shape(d, static_cast<unsigned>(bits), option_rerank(index));
}

void refuse_codes_of_bits(Relation index) {
  if (option_bits(index) == 0 && option_quantizer(index) == Quantizer::bits && option_rerank(index) == Rerank::index)
    return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("bit strings are indexed without codes"),
                  errhint("Leave out the options bits, quantizer, rerank and subvectors.")));
}

}  // namespace

size_t lists_for(const MetaPage &meta, double rows) {
  if (meta.wanted_lists > 0) return meta.wanted_lists;
  return static_cast<size_t>(std::clamp(rows / kRowsPerList, 1.0, static_cast<double>(kMaxLists)));
}

MetaPage make_meta(Relation index) {
  const types::IndexOps ops = types::index_ops_for(index);
  const int dimensions = types::indexed_dimensions(index, *ops.type);
  const bool is_bits = ops.type->kind == core::ElementKind::bits;
  const bool is_dense = ops.type->kind == core::ElementKind::dense;
  const bool supported = is_bits ? ops.metric == core::Metric::hamming : is_dense && ops.metric != core::Metric::l1;
  if (!supported)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("type not supported for %s index", types::method_name(index))));
  if (ops.metric == core::Metric::cosine && dimensions == 1)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("dimensions must be greater than one for this opclass")));
  if (is_bits) refuse_codes_of_bits(index);
  const ListShape shape =
      is_bits ? codeless_shape(core::OwnKind::bits, static_cast<size_t>(dimensions)) : choose_codes(index, dimensions);
  MetaPage meta{};
  meta.magic = kIndexMagic;
  meta.format_version = kFormatVersion;
  meta.metric = ops.metric;
  meta.dimensions = static_cast<uint32>(dimensions);
  meta.own_bits = static_cast<uint16>(shape.own.own_bits);
  meta.quantizer = is_bits ? Quantizer::verbatim : option_quantizer(index);
  meta.codebook = InvalidBlockNumber;
  meta.code_bits = static_cast<uint16>(shape.code.bits);
  meta.code_axes = static_cast<uint32>(shape.code.axes);
  meta.blocks = static_cast<uint16>(shape.blocks);
  meta.vectors = static_cast<uint16>(shape.vectors);
  meta.rotation_seed = pg_prng_uint64(&pg_global_prng_state);
  meta.wanted_lists = static_cast<uint32>(option_lists(index));
  return meta;
}

namespace {

// The pages of an index without rows, in order: meta page, directory, a page for each list, words.
class EmptyLists {
 public:
  // As for write_empty_lists. In the caller's memory.
  EmptyLists(const MetaPage &meta, const float *centroids, std::span<const float> codebook)
      : meta_(meta),
        shape_(shape_of(meta)),
        centroids_(centroids),
        codes_(static_cast<uint8_t *>(palloc0(meta.dimensions))),
        codebook_(codebook),
        directory_end_(kDirectoryBlock + directory_pages()),
        lists_end_(directory_end_ + meta.lists) {
    if (!codebook.empty()) meta_.codebook = lists_end_;
  }

  BlockNumber end() const { return lists_end_ + codebook_pages(codebook_); }

  void fill(Page page, BlockNumber block) const {
    if (block == kMetaBlock)
      initialize_meta_page(page, meta_);
    else if (block < directory_end_)
      fill_directory(page, block - kDirectoryBlock);
    else if (block < lists_end_)
      initialize_codes_page(page, shape_, block - directory_end_);
    else
      fill_codebook_page(page, codebook_, block, block - lists_end_);
  }

 private:
  BlockNumber directory_pages() const {
    return (meta_.lists + shape_.entries_per_page() - 1) / shape_.entries_per_page();
  }

  // Page `number` of the directory.
  void fill_directory(Page page, uint32 number) const {
    const uint32 first = number * shape_.entries_per_page();
    initialize_directory_page(page, shape_);
    PageInfo *info = page_info(page);
    info->used = static_cast<uint16>(std::min(shape_.entries_per_page(), meta_.lists - first));
    if (kDirectoryBlock + number + 1 < directory_end_) info->next = kDirectoryBlock + number + 1;
    for (uint32 place = 0; place < info->used; ++place) {
      ListEntry *entry = entry_at(page, shape_, place);
      entry->head = directory_end_ + first + place;
      entry->centroid = core::encode_own(shape_.own, centroids_ + Size{first + place} * meta_.dimensions, codes_);
      shape_.own.pack_own(codes_, centroid_bytes(entry));
    }
  }

  MetaPage meta_;
  ListShape shape_;
  const float *centroids_;
  uint8_t *codes_;
  std::span<const float> codebook_;
  BlockNumber directory_end_, lists_end_;
};

}  // namespace

void write_empty_lists(Relation index, const MetaPage &meta, const float *centroids, std::span<const float> codebook) {
  const EmptyLists lists(meta, centroids, codebook);
  for (BlockNumber block = kMetaBlock; block < lists.end(); ++block) {
    CHECK_FOR_INTERRUPTS();
    const Buffer buffer = pg::extend(index);
    lists.fill(BufferGetPage(buffer), block);
    MarkBufferDirty(buffer);
    UnlockReleaseBuffer(buffer);
  }
}

namespace {

// In the caller's memory.
std::span<const float> normal_codebook(const MetaPage &meta) {
  if (meta.quantizer != Quantizer::pq) return {};
  auto *memory = pg::make<pg::ContextResource>(CurrentMemoryContext, CurrentMemoryContext);
  auto *book = pg::make<core::ProductBook>(CurrentMemoryContext, product_shape(meta), memory);
  pg::ServerInterrupt interrupt;
  core::assume_normal_words(book, interrupt, memory);
  return *pg::make<std::pmr::vector<float>>(CurrentMemoryContext, stored_codebook(*book, memory));
}

}  // namespace

// One list round zero. The init fork of an unlogged index is WAL-logged although the index is not: recovery may drop
// and recreate the files around it.
void build_empty(Relation index) {
  MetaPage meta = make_meta(index);
  meta.lists = 1;
  const auto *centroid = static_cast<float *>(palloc0(meta.dimensions * sizeof(float)));
  const EmptyLists lists(meta, centroid, normal_codebook(meta));
  for (BlockNumber block = kMetaBlock; block < lists.end(); ++block) {
    const Buffer buffer = compat::extend_locked(index, INIT_FORKNUM);
    START_CRIT_SECTION();
    lists.fill(BufferGetPage(buffer), block);
    MarkBufferDirty(buffer);
    log_newpage_buffer(buffer, true);
    END_CRIT_SECTION();
    UnlockReleaseBuffer(buffer);
  }
}

}  // namespace quiver::ivfpq
