// Files of a build: collected rows, records, offers.
// SPDX-License-Identifier: PostgreSQL
#include "core/build_spill.hpp"

#include <cstring>

#include "core/leaf_search.hpp"

namespace quiver::core {

namespace {

// Chunks are filled by all participants at once: the more buckets, the smaller.
size_t chunk_bytes_for(size_t buckets, size_t largest_item) {
  const size_t bytes = buckets <= 64 ? 4096 : buckets <= 256 ? 1024 : 512;
  return std::max(bytes, SpillBuckets::kHeadBytes + largest_item);
}

constexpr size_t kNearOfferBytes = sizeof(NearOffer) + LeafSearch::kKeptOfLeaf * sizeof(NearNode);

}  // namespace

BuildSpill::BuildSpill(SpillFiles *files, const NodeShape &shape, const BuildLayout &layout, BuildHeader *header,
                       std::pmr::memory_resource *memory)
    : sorted(files, SpillFile::sorted, &header->sorted,
             chunk_bytes_for(kMaxPivots, sizeof(uint64_t) + layout.record_bytes() + kRowIdBytes), memory),
      cells(files, SpillFile::cells, &header->cells, chunk_bytes_for(kMaxCells, sizeof(NodeId)), memory),
      near(files, SpillFile::near, &header->near, chunk_bytes_for(layout.plan().windows, kNearOfferBytes), memory),
      offers(files, SpillFile::offers, &header->offers, chunk_bytes_for(layout.plan().windows, sizeof(EdgeOffer)),
             memory),
      files_(files),
      plan_(layout.plan()),
      record_bytes_(layout.record_bytes()),
      code_bytes_(shape.unpacked_bytes()),
      header_(header),
      collected_(memory),
      cache_(memory),
      cached_(memory),
      rows_(files, SpillFile::rows, memory),
      extra_rows_(files, SpillFile::extra_rows, memory) {}

void BuildSpill::collect(const ScalarCode &code, const uint8_t *codes, RowId row) {
  if (collected_.size() + item_bytes() > kCollectedBytes) flush_collected();
  const size_t first = collected_.size();
  collected_.resize(first + item_bytes());
  std::memcpy(&collected_[first], &code, sizeof code);
  std::memcpy(&collected_[first + sizeof code], codes, code_bytes_);
  std::memcpy(&collected_[first + record_bytes_], &row, sizeof row);
}

void BuildSpill::flush_collected() {
  const uint64_t first = header_->taken.fetch_add(collected_.size() / item_bytes());
  if (!collected_.empty())
    files_->write(SpillFile::collected, first * item_bytes(), collected_.data(), collected_.size());
  collected_.clear();
}

void BuildSpill::read_collected(uint64_t first, size_t count, std::pmr::vector<uint8_t> *items) {
  items->resize(count * item_bytes());
  files_->read(SpillFile::collected, first * item_bytes(), items->data(), items->size());
}

// Near ids have places of their own.
const uint8_t *BuildSpill::record(NodeId id) {
  const size_t place = id & (plan_.cached_records - 1);
  if (cached_.empty()) {
    cached_.assign(plan_.cached_records, kNullNode);
    cache_.resize(plan_.cached_records * record_bytes_);
  }
  uint8_t *bytes = &cache_[place * record_bytes_];
  if (cached_[place] == id) return bytes;
  cached_[place] = kNullNode;
  files_->read(SpillFile::records, uint64_t{id} * record_bytes_, bytes, record_bytes_);
  cached_[place] = id;
  return bytes;
}

void BuildSpill::offer_edge(NodeId from, NodeId to) {
  const EdgeOffer offer{from, to};
  offers.append(window_of(from), &offer, sizeof offer);
}

void BuildSpill::offer_near(NodeId id, const NearNode *nodes, size_t count) {
  uint8_t item[kNearOfferBytes];
  const NearOffer head{id, static_cast<uint32_t>(count)};
  std::memcpy(item, &head, sizeof head);
  std::memcpy(item + sizeof head, nodes, count * sizeof *nodes);
  near.append(window_of(id), item, sizeof head + count * sizeof *nodes);
}

}  // namespace quiver::core
