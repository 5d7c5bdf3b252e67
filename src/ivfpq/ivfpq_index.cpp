// Opening an index, the backend's copies, checked access to pages, and the layout of empty ones.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_index.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/own_vector.hpp"
#include "ivfpq/ivfpq_codebook.hpp"
#include "pg/index_cache.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
}

namespace quiver::ivfpq {

namespace {

using Caches = pg::IndexCaches<IndexCache>;

constexpr uint32 kMaxBlocks = 32;

// Blocks of 32 that a page has room for.
uint32 blocks_that_fit(ListShape shape) {
  for (shape.blocks = kMaxBlocks; shape.blocks > 0; --shape.blocks)
    if (shape.codes_end() <= kContents + kContentBytes) break;
  return shape.blocks;
}

// Copies the entries that count at that version from a page of the directory. Returns the next page.
BlockNumber load_page(Relation relation, BlockNumber block, uint32 version, IndexCache *cache) {
  const ListShape &shape = cache->shape;
  const Buffer buffer = read_directory_page(relation, shape, block, BUFFER_LOCK_SHARE);
  const PageInfo *info = page_info(BufferGetPage(buffer));
  const auto first = static_cast<uint32>(cache->directory.size()) * shape.entries_per_page();
  cache->directory.push_back(block);
  for (uint32 place = 0; place < info->used; ++place) {
    ListEntry *entry = entry_at(BufferGetPage(buffer), shape, place);
    if (!entry->counts(version)) continue;
    const Size at = cache->centroids.size();
    cache->centroids.resize(at + shape.own.unpacked_bytes());
    shape.own.unpack_own(centroid_bytes(entry), &cache->centroids[at]);
    cache->lists.push_back({entry->head, entry->head, first + place, entry->centroid});
    cache->longest_centroid = std::max(cache->longest_centroid, std::sqrt(entry->centroid.squared_norm));
  }
  const BlockNumber next = info->next;
  const bool is_full = info->used == shape.entries_per_page();
  UnlockReleaseBuffer(buffer);
  if (next != InvalidBlockNumber && !is_full)
    pg::raise_corrupted(relation, block, "a page of the directory has room and a next page");
  return next;
}

// Copies the directory as it stands at the meta page's version: when that changed meanwhile, once more.
void load_directory(OpenIndex *index) {
  IndexCache *cache = index->cache;
  cache->is_loaded = false;
  for (;;) {
    cache->lists.clear();
    cache->centroids.clear();
    cache->centroid_codes.clear();
    cache->directory.clear();
    cache->longest_centroid = 0.0f;
    for (BlockNumber block = kDirectoryBlock; block != InvalidBlockNumber;) {
      CHECK_FOR_INTERRUPTS();
      block = load_page(index->relation, block, index->meta.version, cache);
      if (cache->directory.size() > RelationGetNumberOfBlocks(index->relation))
        pg::raise_corrupted(index->relation, kDirectoryBlock, "the directory leads in a circle");
    }
    const uint32 version = index->meta.version;
    read_meta(index->relation, &index->meta);
    if (index->meta.version == version) break;
  }
  if (cache->lists.size() != index->meta.lists)
    pg::raise_corrupted(index->relation, kMetaBlock, "the directory has not as many lists as the meta page says");
  cache->version = index->meta.version;
  cache->freed = index->meta.freed;
  cache->is_loaded = true;
}

// From so many lists on short codes of the centroids are worth a query's tables.
constexpr size_t kListsWorthCodes = 512;

// Above these no class is of the type.
constexpr uint32 kMaxDimensions = 16000, kMaxBits = 64000;

bool is_code_possible(const MetaPage &meta) {
  const unsigned bits = meta.code_bits;
  if (meta.quantizer == Quantizer::verbatim || meta.quantizer == Quantizer::sq8)
    return bits == 0 && meta.code_axes == 0;
  if (meta.code_axes < 1 || meta.code_axes > Min(meta.dimensions, core::kMaxCodeAxes)) return false;
  if (meta.quantizer == Quantizer::bits) return bits == 1 || bits == 2 || bits == 4;
  return meta.quantizer == Quantizer::pq && (bits == 4 || bits == 8) && meta.dimensions % meta.code_axes == 0;
}

}  // namespace

ListShape make_shape(size_t dimensions, unsigned bits, size_t axes, Rerank rerank) {
  ListShape shape{};
  shape.own = core::own_shape(core::OwnKind::rotated, dimensions);
  shape.code = {dimensions, axes, bits};
  if (rerank == Rerank::index) shape.vectors = static_cast<uint32>(kContentBytes / shape.vector_bytes());
  shape.blocks = blocks_that_fit(shape);
  return shape;
}

ListShape codeless_shape(core::OwnKind own, size_t dimensions) {
  ListShape shape{};
  shape.own = core::own_shape(own, dimensions);
  shape.vectors = static_cast<uint32>(kContentBytes / (shape.vector_bytes() + sizeof(RowId)));
  return shape;
}

size_t max_code_axes(unsigned bits) {
  size_t axes = core::kMaxCodeAxes;
  while (make_shape(axes, bits, axes).blocks == 0) axes -= 4;
  return axes;
}

ListShape choose_shape(size_t dimensions, unsigned bits, Rerank rerank) {
  return make_shape(dimensions, bits, core::default_code_shape(dimensions).axes, rerank);
}

ListShape shape_of(const MetaPage &meta) {
  if (meta.quantizer == Quantizer::verbatim) return codeless_shape(core::OwnKind::bits, meta.dimensions);
  if (meta.quantizer == Quantizer::sq8) return codeless_shape(core::OwnKind::rotated, meta.dimensions);
  return make_shape(meta.dimensions, meta.code_bits, meta.code_axes, meta.vectors == 0 ? Rerank::heap : Rerank::index);
}

size_t rotated_dimensions(const MetaPage &meta) { return meta.quantizer == Quantizer::verbatim ? 1 : meta.dimensions; }

IndexCache::IndexCache(MemoryContext context, const MetaPage &meta, const ListShape &list_shape, uint32 *holders)
    : memory(context),
      hold(holders),
      shape(list_shape),
      rotation(rotated_dimensions(meta), meta.rotation_seed, &memory),
      lists(&memory),
      centroids(&memory),
      centroid_codes(&memory),
      directory(&memory) {}

void read_meta(Relation index, MetaPage *meta) {
  const Buffer buffer = ReadBuffer(index, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  if (!pg::check_page(index, buffer, kIndexMagic)) pg::raise_corrupted(index, kMetaBlock, "the meta page is empty");
  memcpy(meta, meta_of(BufferGetPage(buffer)), sizeof *meta);
  UnlockReleaseBuffer(buffer);
  if (meta->magic != kIndexMagic) pg::raise_corrupted(index, kMetaBlock, "not a meta page");
  if (meta->format_version != kFormatVersion)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("index \"%s\" has format version %d, this library reads version %d",
                           RelationGetRelationName(index), meta->format_version, kFormatVersion),
                    errhint("Please REINDEX it.")));
  const bool is_dense = meta->metric == core::Metric::l2 || meta->metric == core::Metric::inner_product ||
                        meta->metric == core::Metric::cosine;
  const bool is_bits = meta->metric == core::Metric::hamming && meta->quantizer == Quantizer::verbatim;
  bool sane = meta->dimensions >= 1 && meta->dimensions <= (is_bits ? kMaxBits : kMaxDimensions) && meta->lists >= 1 &&
              is_code_possible(*meta) && (is_bits || (is_dense && meta->quantizer != Quantizer::verbatim));
  if (sane) {
    const ListShape shape = shape_of(*meta);
    sane = shape.lanes() >= 1 && shape.blocks == meta->blocks && shape.vectors == meta->vectors &&
           shape.own.own_bits == meta->own_bits;
  }
  if (!sane) pg::raise_corrupted(index, kMetaBlock, "impossible meta page");
}

bool peek_meta(Relation index, MetaPage *meta) {
  if (RelationGetNumberOfBlocks(index) == 0) return false;
  const Buffer buffer = ReadBuffer(index, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  memcpy(meta, meta_of(BufferGetPage(buffer)), sizeof *meta);
  UnlockReleaseBuffer(buffer);
  return meta->magic == kIndexMagic && meta->format_version == kFormatVersion && meta->lists >= 1;
}

void open_index(Relation relation, OpenIndex *index) {
  index->relation = relation;
  read_meta(relation, &index->meta);
  index->cache = Caches::find(relation);
  if (index->cache != nullptr && index->cache->is_loaded && index->cache->version != index->meta.version &&
      !index->cache->hold.is_only()) {
    // A scan still goes by it.
    Caches::forget(relation);
    index->cache = Caches::find(relation);
  }
  if (index->cache == nullptr) {
    auto *holders = static_cast<uint32 *>(MemoryContextAllocZero(CacheMemoryContext, sizeof(uint32)));
    index->cache = Caches::make_cache(relation, index->meta, shape_of(index->meta), holders);
  }
  load_codebook(relation, index->meta, index->cache);
  pg::grow_hints(relation, index->cache->memory.context(), &index->cache->hints);
  if (!index->cache->is_loaded || index->cache->version != index->meta.version) {
    load_directory(index);
    return;
  }
  if (index->cache->freed == index->meta.freed) return;
  for (IndexCache::List &list : index->cache->lists) list.tail = list.head;
  index->cache->freed = index->meta.freed;
}

bool has_short_centroids(const ListShape &shape, size_t lists) {
  return shape.own.has_codes() && lists >= kListsWorthCodes;
}

const core::CentroidCodes *short_centroids(const OpenIndex &index) {
  const std::pmr::vector<IndexCache::List> &lists = index.cache->lists;
  const core::NodeShape &own = index.shape().own;
  if (!has_short_centroids(index.shape(), lists.size())) return nullptr;
  core::CentroidCodes &codes = index.cache->centroid_codes;
  if (codes.is_empty()) {
    const core::CodeShape shape = core::default_code_shape(own.dimensions);
    const bool by_product = index.meta.metric == core::Metric::inner_product;
    codes.assign(shape, by_product, lists.size(), [&](size_t list, float *values) {
      core::decode_own(own, lists[list].centroid, index.centroid_codes(static_cast<uint32>(list)), values);
    });
  }
  return &codes;
}

void register_cache_callback() { Caches::watch(); }

void check_vector(const OpenIndex &index, const core::VectorView &vector) {
  const bool is_scalar = index.shape().own.is_scalar();
  if (vector.kind != (is_scalar ? core::ElementKind::dense : core::ElementKind::bits))
    pg::raise_corrupted(index.relation, kMetaBlock, "the meta page belongs to another type");
}

Buffer pin_page(const OpenIndex &index, BlockNumber block) {
  // Beyond the array of hints may mean beyond the end: ask, rather than let a damaged link end in a read error.
  if (block >= index.cache->hints.capacity && block >= RelationGetNumberOfBlocks(index.relation))
    pg::raise_corrupted(index.relation, block, "a link leads beyond the end of the index");
  return pg::read_block(index.relation, block, &index.cache->hints);
}

void check_codes(const OpenIndex &index, Buffer buffer, uint32 list) {
  check_codes_of(index, buffer, index.cache->lists[list].number);
}

void check_codes_of(const OpenIndex &index, Buffer buffer, uint32 number) {
  const bool ours = pg::check_page(index.relation, buffer, kIndexMagic);
  const PageInfo *info = page_info(BufferGetPage(buffer));
  if (!ours || info->kind != PageKind::codes || info->list != number || info->format_version != kFormatVersion)
    pg::raise_corrupted(index.relation, BufferGetBlockNumber(buffer), "not a page of codes of its list");
  if (info->used > index.shape().lanes() || info->live > info->used)
    pg::raise_corrupted(index.relation, BufferGetBlockNumber(buffer), "impossible counts of lanes");
}

Buffer read_directory_page(Relation index, const ListShape &shape, BlockNumber block, int lock) {
  if (block >= RelationGetNumberOfBlocks(index))
    pg::raise_corrupted(index, kMetaBlock, "the directory leads beyond the end of the index");
  const Buffer buffer = ReadBuffer(index, block);
  LockBuffer(buffer, lock);
  const bool ours = pg::check_page(index, buffer, kIndexMagic);
  const PageInfo *info = page_info(BufferGetPage(buffer));
  if (!ours || info->kind != PageKind::directory || info->used == 0 || info->used > shape.entries_per_page())
    pg::raise_corrupted(index, block, "not a page of the directory");
  return buffer;
}

void check_vectors(const OpenIndex &index, Buffer buffer, BlockNumber owner) {
  const bool ours = pg::check_page(index.relation, buffer, kIndexMagic);
  const PageInfo *info = page_info(BufferGetPage(buffer));
  const bool is_together = !index.shape().has_codes();
  const BlockNumber of = is_together ? BufferGetBlockNumber(buffer) : info->owner;
  if (!ours || info->kind != (is_together ? PageKind::codes : PageKind::vectors) || of != owner)
    pg::raise_corrupted(index.relation, BufferGetBlockNumber(buffer), "not a page of vectors of its page of codes");
}

void copy_codes(const OpenIndex &index, BlockNumber block, uint32 list, PGAlignedBlock *copy) {
  const Buffer buffer = pin_page(index, block);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  check_codes(index, buffer, list);
  memcpy(copy->data, BufferGetPage(buffer), BLCKSZ);
  UnlockReleaseBuffer(buffer);
}

void copy_vectors(const OpenIndex &index, BlockNumber block, BlockNumber owner, PGAlignedBlock *copy) {
  const Buffer buffer = pin_page(index, block);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  check_vectors(index, buffer, owner);
  memcpy(copy->data, BufferGetPage(buffer), BLCKSZ);
  UnlockReleaseBuffer(buffer);
}

namespace {

PageInfo *initialize(Page page, PageKind kind, Size lower) {
  pg::initialize_page(page, kIndexMagic, lower);
  memset(page + SizeOfPageHeaderData, 0, lower - SizeOfPageHeaderData);
  PageInfo *info = page_info(page);
  info->kind = kind;
  info->format_version = kFormatVersion;
  info->next = info->owner = InvalidBlockNumber;
  return info;
}

}  // namespace

void initialize_meta_page(Page page, const MetaPage &meta) {
  initialize(page, PageKind::meta, kContents + sizeof(MetaPage));
  memcpy(meta_of(page), &meta, sizeof meta);
}

void initialize_directory_page(Page page, const ListShape &shape) {
  initialize(page, PageKind::directory, kContents + shape.entries_per_page() * shape.entry_bytes());
}

void initialize_codes_page(Page page, const ListShape &shape, uint32 list) {
  initialize(page, PageKind::codes, shape.codes_end())->list = list;
  std::fill_n(vector_blocks(page), shape.vector_pages(), InvalidBlockNumber);
  for (uint32 lane = 0; lane < shape.lanes(); ++lane) empty_lane(page, shape, lane);
}

void initialize_vectors_page(Page page, const ListShape &shape, BlockNumber owner) {
  initialize(page, PageKind::vectors, kContents + shape.vectors * shape.vector_bytes())->owner = owner;
}

void initialize_free_page(Page page) { initialize(page, PageKind::free, kContents); }

void initialize_codebook_page(Page page, Size lower) { initialize(page, PageKind::codebook, lower); }

bool is_free_page(Page page) {
  const auto *header = reinterpret_cast<PageHeader>(page);
  return header->pd_special == BLCKSZ - sizeof(pg::PageTail) && pg::page_tail(page)->page_id == pg::kPageId &&
         pg::page_tail(page)->index_magic == kIndexMagic && page_info(page)->kind == PageKind::free;
}

}  // namespace quiver::ivfpq
