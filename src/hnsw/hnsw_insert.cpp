// Insertion: search, choose, write the node, then offer it to its neighbours.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_insert.hpp"

#include <algorithm>

#include "hnsw/hnsw_options.hpp"
#include "hnsw/hnsw_rows.hpp"
#include "pg/compat.hpp"
#include "pg/test_points.hpp"

extern "C" {
#include "common/pg_prng.h"
#include "port/pg_bitutils.h"
#include "storage/indexfsm.h"
}

namespace quiver::hnsw {

namespace {

core::BrowseOptions insertion_options(const core::NodeShape &shape, int ef_construction) {
  core::BrowseOptions options;
  options.base_k = beam_for(ef_construction);
  options.keep_smaller_estimate = shape.code.bits == 1;
  options.max_lanes = shape.lanes;
  return options;
}

}  // namespace

Inserter::Inserter(const OpenIndex &index, int ef_construction, pg::Logging logging, MemoryContext context)
    : memory_(context),
      index_(index),
      logging_(logging),
      random_(pg_prng_uint64(&pg_global_prng_state)),
      encoder_(index_.shape(), index_.meta.metric, index_.cache->rotation, &memory_),
      query_(index_.shape(), core::edge_metric(index_.meta.metric), index_.cache->rotation, &memory_),
      visited_(index_.shape(), index_.meta.metric, &memory_),
      graph_(index_, query_, &visited_, &memory_),
      browser_(graph_, insertion_options(index_.shape(), ef_construction), &memory_),
      linker_(index_, logging, &memory_),
      writer_(index_.shape(), &memory_),
      neighbours_(&memory_),
      ids_(&memory_) {}

void Inserter::insert(const core::VectorView &vector, RowId row) {
  pg::call([this, &vector] {
    open_index(index_.relation, true, &index_);
    check_kind(index_, vector);
    if (vector.dimensions != index_.meta.dimensions)
      pg::raise_corrupted(index_.relation, kMetaBlock, "the meta page has other dimensions than the column");
  });
  if (!encoder_.encode(vector)) return;
  query_.aim(encoder_.indexed());
  visited_.clear();
  pg::guarded_test_point("insert_opened");
  browser_.start();
  browser_.settle();
  pg::call([this] { graph_.finish(); });
  pg::guarded_test_point("insert_searched");
  if (join_equal_node(row)) return;
  choose_neighbours();
  const NodeId id = pg::call([this, row] { return store(row); });
  pg::guarded_test_point("insert_node_written");
  // As in HNSW, m neighbours at most get an edge back, though a node has room for twice as many.
  const size_t linked = std::min<size_t>(chosen_, (index_.shape().lanes + 1) / 2);
  for (size_t i = 0; i < linked; ++i) {
    linker_.add_edge(ids_[neighbours_[i].index], id, encoder_.code(), encoder_.codes());
    pg::guarded_test_point("insert_edge_added");
  }
  pg::call([this, id] { offer_entry(id); });
  pg::guarded_test_point("insert_entry_offered");
}

// Equal vectors share a node: an update of another column then costs one small record.
bool Inserter::join_equal_node(RowId row) {
  const core::ScalarCode &code = encoder_.code();
  for (const auto &found : browser_.found()) {
    const core::ScalarCode &other = visited_.code(found.payload.vector);
    if (other.minimum != code.minimum || other.step != code.step || other.code_sum != code.code_sum ||
        memcmp(visited_.codes(found.payload.vector), encoder_.codes(), index_.shape().unpacked_bytes()) != 0)
      continue;
    const bool added =
        pg::call([&, this] { return add_row(index_, logging_, found.id, code, encoder_.codes(), code.error, row); });
    if (added) return true;
  }
  return false;
}

void Inserter::choose_neighbours() {
  const uint32_t self = visited_.add(encoder_.code(), encoder_.codes());
  neighbours_.clear();
  ids_.assign(visited_.size(), kNullNode);
  for (const auto &found : browser_.found()) {
    ids_[found.payload.vector] = found.id;
    neighbours_.push_back({visited_.distance(self, found.payload.vector), found.payload.vector, 0.0f});
  }
  const size_t lanes = index_.shape().lanes;
  chosen_ = core::robust_prune(neighbours_.data(), neighbours_.size(), lanes, [this](uint32_t a) {
    return [this, a](uint32_t b) { return visited_.distance(a, b); };
  });
  // robust_prune left the rest in ascending order of distance: the nearest of them fill the lanes.
  filled_ = std::min(lanes, neighbours_.size());
}

// Writes the whole node into a free slot of a locked page and releases the page. kNullNode when it has none.
NodeId Inserter::write_node(Buffer buffer, bool fresh, RowId row) {
  const core::NodeShape &shape = index_.shape();
  const BlockNumber block = BufferGetBlockNumber(buffer);
  const uint32 all = shape.slots_per_page == 32 ? 0xffffffffu : (1u << shape.slots_per_page) - 1u;
  const uint32 free_slots = fresh ? all : all & ~page_info(BufferGetPage(buffer))->used_slots;
  if (free_slots == 0) return kNullNode;
  const auto place = static_cast<uint32>(pg_rightmost_one_pos32(free_slots));
  const pg::PageChange change = pg::begin_change(index_.relation, buffer, logging_, fresh);
  if (fresh) initialize_nodes_page(change.page, shape);
  const NodeId id = node_id(block, place, shape);
  const core::Slot slot = write_slot(index_, change.page, id);
  if (slot.header()->state != core::SlotState::free)
    pg::raise_corrupted(index_.relation, block, "a slot in use is marked free");
  writer_.write_own(slot, encoder_.code(), encoder_.codes(), row);
  writer_.aim(encoder_.code(), encoder_.codes());
  const size_t lasting = std::min(chosen_, core::lasting_lanes(shape.lanes));
  for (size_t lane = 0; lane < filled_; ++lane) {
    const uint32_t vector = neighbours_[core::rank_of_lane(lane, lasting, filled_)].index;
    writer_.write_lane(slot, lane, ids_[vector], visited_.code(vector), visited_.codes(vector));
  }
  slot.header()->lanes_used = static_cast<uint8_t>(filled_);
  slot.header()->expendable = static_cast<uint8_t>(filled_ - lasting);
  page_info(change.page)->used_slots |= 1u << place;
  pg::finish_change(change);
  return id;
}

// Tries one existing page without waiting for it.
NodeId Inserter::store_on(BlockNumber block, RowId row) {
  if (block == InvalidBlockNumber || block == kMetaBlock || block >= RelationGetNumberOfBlocks(index_.relation))
    return kNullNode;
  const Buffer buffer = pg::read_block(index_.relation, block, &index_.cache->hints);
  if (!ConditionalLockBuffer(buffer)) {
    ReleaseBuffer(buffer);
    return kNullNode;
  }
  const bool fresh = PageIsNew(BufferGetPage(buffer));
  if (fresh || holds_nodes(index_, buffer)) {
    const NodeId id = write_node(buffer, fresh, row);
    if (id != kNullNode) return id;
  }
  UnlockReleaseBuffer(buffer);
  return kNullNode;
}

// Where the heap would look too: the page used last, a page that vacuum freed slots on, the last page, else a new one.
// A busy page is passed over, so that writers spread.
NodeId Inserter::store(RowId row) {
  Relation relation = index_.relation;
  NodeId id = store_on(RelationGetTargetBlock(relation), row);
  if (id == kNullNode) id = store_on(GetFreeIndexPage(relation), row);
  if (id == kNullNode) id = store_on(RelationGetNumberOfBlocks(relation) - 1, row);
  if (id == kNullNode) {
    const Buffer buffer = pg::extend(relation);
    pg::test_point("insert_page_extended");
    if (BufferGetBlockNumber(buffer) >= max_blocks(index_.shape()))
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("hnsw index \"%s\" cannot have more nodes", RelationGetRelationName(relation))));
    id = write_node(buffer, true, row);
  }
  RelationSetTargetBlock(relation, block_of(id, index_.shape()));
  return id;
}

// Keeps the entries a fair sample of the nodes (reservoir sampling against the estimated count), and makes a node that
// found no neighbour one of them, or nothing would lead to it.
void Inserter::offer_entry(NodeId id) {
  const uint32 count = index_.meta.entry_count;
  const uint64 nodes = static_cast<uint64>(RelationGetNumberOfBlocks(index_.relation)) * index_.shape().slots_per_page;
  if (count >= kMaxEntries && chosen_ > 0 && random_.below(Max(nodes, kMaxEntries)) >= kMaxEntries) return;
  const Buffer buffer = ReadBuffer(index_.relation, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const MetaPage *now = meta_of(BufferGetPage(buffer));
  // Vacuum may have met the node and made it one.
  if (std::find(now->entries, now->entries + now->entry_count, id) != now->entries + now->entry_count) {
    UnlockReleaseBuffer(buffer);
    return;
  }
  const pg::PageChange change = pg::begin_change(index_.relation, buffer, logging_);
  MetaPage *meta = meta_of(change.page);
  if (meta->entry_count < kMaxEntries)
    meta->entries[meta->entry_count++] = id;
  else
    meta->entries[random_.below(kMaxEntries)] = id;
  meta->entries_version++;
  pg::finish_change(change);
}

}  // namespace quiver::hnsw
