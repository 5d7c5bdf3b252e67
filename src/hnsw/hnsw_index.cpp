// Opening an index, the backend's copies, and checked access to its pages.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_index.hpp"

#include "hnsw/hnsw_options.hpp"
#include "pg/index_cache.hpp"

namespace quiver::hnsw {

namespace {

using Caches = pg::IndexCaches<IndexCache>;

// Copies one entry's own vector; false when its slot no longer holds a node.
bool load_entry(const OpenIndex &index, NodeId id, IndexCache::Entry *entry, uint8_t *codes) {
  const Buffer buffer = pin_node_page(index, id);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  bool usable = holds_nodes(index, buffer);
  if (usable) {
    const core::ConstSlot slot = read_slot(index, BufferGetPage(buffer), id);
    check_slot(index, buffer, slot);
    usable = slot.header()->state != core::SlotState::free;
    if (usable) {
      *entry = {id, slot.header()->scalar_code()};
      index.shape().unpack_own(slot.own(), codes);
    }
  }
  UnlockReleaseBuffer(buffer);
  return usable;
}

// Brings the copies of the entries up to date; those that did not change are kept.
void load_entries(const OpenIndex &index) {
  IndexCache &cache = *index.cache;
  const Size code_bytes = cache.shape.unpacked_bytes();
  cache.entries_loaded = false;
  cache.entries.resize(kMaxEntries);
  cache.entry_codes.resize(kMaxEntries * code_bytes);
  Size kept = 0;
  for (uint32 i = 0; i < index.meta.entry_count; ++i) {
    const NodeId id = index.meta.entries[i];
    if (id == kNullNode) continue;
    if (cache.entries[kept].id != id &&
        !load_entry(index, id, &cache.entries[kept], &cache.entry_codes[kept * code_bytes]))
      continue;
    ++kept;
  }
  cache.entries.resize(kept);
  cache.entries_version = index.meta.entries_version;
  cache.entries_loaded = true;
}

}  // namespace

IndexCache::IndexCache(MemoryContext context, const MetaPage &meta, const core::NodeShape &node_shape)
    : memory(context),
      shape(node_shape),
      metric(meta.metric),
      rotation(node_shape.has_codes() ? meta.dimensions : 1, meta.rotation_seed, &memory),
      entries(&memory),
      entry_codes(&memory) {}

core::NodeShape shape_of(const MetaPage &meta) {
  core::NodeShape shape{};
  shape.dimensions = meta.dimensions;
  shape.own = meta.own;
  shape.own_bits = meta.own_bits;
  shape.fine_bits = meta.fine_bits;
  shape.capacity = meta.capacity;
  if (shape.has_codes()) shape.code = {meta.dimensions, meta.code_axes, meta.code_bits};
  shape.lanes = meta.lanes;
  shape.slots_per_page = meta.slots_per_page;
  shape.slot_bytes = meta.slot_bytes;
  return shape;
}

core::Metric ordering_metric(const MetaPage &meta) { return meta.one_length != 0 ? core::Metric::l2 : meta.metric; }

void read_meta(Relation index, MetaPage *meta) {
  const Buffer buffer = ReadBuffer(index, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const bool there = pg::check_page(index, buffer, kIndexMagic);
  if (there) memcpy(meta, meta_of(BufferGetPage(buffer)), sizeof *meta);
  UnlockReleaseBuffer(buffer);
  if (!there || meta->magic != kIndexMagic)
    ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED), errmsg("hnsw index is not valid"),
                    errdetail("Block 0 of \"%s\" is no meta page.", RelationGetRelationName(index)),
                    errhint("Please REINDEX it.")));
  if (meta->format_version != kFormatVersion)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("hnsw index \"%s\" has format version %d, this library reads version %d",
                           RelationGetRelationName(index), meta->format_version, kFormatVersion),
                    errhint("Please REINDEX it.")));
  const core::NodeShape shape = shape_of(*meta);
  const bool sane =
      meta->dimensions >= 1 && meta->own <= core::OwnKind::sparse && meta->lanes >= 1 &&
      meta->lanes <= core::kMaxLanes && (meta->own_bits == 8 || meta->own_bits == 4 || meta->own_bits == 2) &&
      (meta->fine_bits == 0 || (meta->fine_bits == core::kFineBits && meta->own_bits == 8 && shape.has_codes())) &&
      (shape.has_codes() ? meta->code_bits == 1 || meta->code_bits == 2 : meta->code_bits == 0) &&
      meta->one_length <= 1 && meta->code_axes <= meta->dimensions && meta->slots_per_page >= 1 &&
      meta->slots_per_page <= core::kMaxSlots && meta->entry_count <= kMaxEntries &&
      shape.used_bytes() <= meta->slot_bytes &&
      static_cast<Size>(meta->slots_per_page) * meta->slot_bytes <= core::kSlotLines * core::kLineBytes;
  if (!sane) pg::raise_corrupted(index, kMetaBlock, "impossible meta page");
}

bool peek_meta(Relation index, MetaPage *meta) {
  if (RelationGetNumberOfBlocks(index) == 0) return false;
  const Buffer buffer = ReadBuffer(index, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  memcpy(meta, meta_of(BufferGetPage(buffer)), sizeof *meta);
  UnlockReleaseBuffer(buffer);
  return meta->magic == kIndexMagic && meta->format_version == kFormatVersion;
}

float search_gamma(const MetaPage &meta) {
  if (settings.target_recall > 0.0 && meta.curve.is_measured()) return meta.curve.gamma_for(settings.target_recall);
  const int ef_search = settings.target_recall > 0.0 ? cautious_ef_search(settings.target_recall) : settings.ef_search;
  return gamma_for(ef_search, meta.code_bits, ordering_metric(meta), meta.dimensions);
}

void open_index(Relation relation, bool load, OpenIndex *index) {
  index->relation = relation;
  read_meta(relation, &index->meta);
  index->cache = Caches::find(relation);
  if (index->cache == nullptr) index->cache = Caches::make_cache(relation, index->meta, shape_of(index->meta));
  pg::grow_hints(relation, index->cache->memory.context(), &index->cache->hints);
  if (load && (!index->cache->entries_loaded || index->cache->entries_version != index->meta.entries_version))
    load_entries(*index);
}

void check_kind(const OpenIndex &index, const core::VectorView &vector) {
  core::ElementKind kind = core::ElementKind::dense;
  if (index.shape().own == core::OwnKind::bits) kind = core::ElementKind::bits;
  if (index.shape().own == core::OwnKind::sparse) kind = core::ElementKind::sparse;
  if (vector.kind != kind) pg::raise_corrupted(index.relation, kMetaBlock, "the meta page belongs to another type");
}

void register_cache_callback() { Caches::watch(); }

namespace {

// Beyond the array of hints may mean beyond the end: ask, rather than let a damaged link end in a read error.
Buffer pin_linked(const OpenIndex &index, BlockNumber block, const char *beyond) {
  if (block >= index.cache->hints.capacity && block >= RelationGetNumberOfBlocks(index.relation))
    pg::raise_corrupted(index.relation, block, beyond);
  return pg::read_block(index.relation, block, &index.cache->hints);
}

}  // namespace

Buffer pin_node_page(const OpenIndex &index, NodeId id) {
  return pin_linked(index, block_of(id, index.shape()), "a lane points beyond the end of the index");
}

Buffer pin_rows_page(const OpenIndex &index, BlockNumber block) {
  return pin_linked(index, block, "a chain of rows points beyond the end of the index");
}

bool holds_nodes(const OpenIndex &index, Buffer buffer) {
  const Page page = BufferGetPage(buffer);
  if (PageIsNew(page)) return false;
  const PageInfo *info = page_info(page);
  if (reinterpret_cast<PageHeader>(page)->pd_special != BLCKSZ - sizeof(pg::PageTail) ||
      info->format_version != kFormatVersion)
    pg::raise_corrupted(index.relation, BufferGetBlockNumber(buffer), "impossible page header");
  if (info->kind == PageKind::rows) return false;
  if (info->kind != PageKind::nodes || info->slots != index.shape().slots_per_page)
    pg::raise_corrupted(index.relation, BufferGetBlockNumber(buffer), "not a page of nodes");
  return true;
}

void check_slot(const OpenIndex &index, Buffer buffer, const core::ConstSlot &slot) {
  const core::SlotHeader &header = *slot.header();
  if (header.state > core::SlotState::unlinked || header.lanes_used > index.shape().lanes ||
      header.expendable > header.lanes_used)
    pg::raise_corrupted(index.relation, BufferGetBlockNumber(buffer), "impossible node header");
}

namespace {

void initialize(Page page, PageKind kind, Size lower) {
  pg::initialize_page(page, kIndexMagic, lower);
  PageInfo *info = page_info(page);
  memset(info, 0, sizeof *info);
  info->kind = kind;
  info->format_version = kFormatVersion;
}

}  // namespace

void initialize_nodes_page(Page page, const core::NodeShape &shape) {
  const Size bytes = static_cast<Size>(shape.slots_per_page) * shape.slot_bytes;
  initialize(page, PageKind::nodes, kSlotsStart + bytes);
  memset(page + kSlotsStart, 0, bytes);
  page_info(page)->slots = static_cast<uint16>(shape.slots_per_page);
}

void initialize_rows_page(Page page) {
  initialize(page, PageKind::rows, kSlotsStart + kChunksPerPage * sizeof(RowChunk));
  for (uint32 i = 0; i < kChunksPerPage; ++i) {
    RowChunk *chunk = chunk_at(page, i);
    memset(chunk, 0, sizeof *chunk);
    chunk->owner = chunk->next = kNullNode;
  }
}

void initialize_meta_page(Page page, const MetaPage &meta) {
  initialize(page, PageKind::meta, kSlotsStart + sizeof(MetaPage));
  memcpy(meta_of(page), &meta, sizeof meta);
}

}  // namespace quiver::hnsw
