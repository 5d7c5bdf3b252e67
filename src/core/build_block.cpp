// The layout of the block.
// SPDX-License-Identifier: PostgreSQL
#include "core/build_block.hpp"

#include <algorithm>

namespace quiver::core {

namespace {

constexpr size_t kSlackPercent = 130;  // a list is pruned only when this much too long
constexpr size_t kOverhead = 8 * kLineBytes;
constexpr size_t kLeadersBytes = 2;     // a node, outside the block, while what no entry reaches is connected
constexpr size_t kMinListCapacity = 6;  // rows' places, twice, lie where lists do later

size_t aligned(size_t offset) { return (offset + kLineBytes - 1) / kLineBytes * kLineBytes; }

size_t record_bytes_of(const NodeShape &shape) { return aligned(sizeof(ScalarCode) + shape.unpacked_bytes()); }
size_t list_capacity_of(const NodeShape &shape) {
  return std::max(shape.lanes * kSlackPercent / 100 + 1, kMinListCapacity);
}

}  // namespace

BuildLayout::BuildLayout(const NodeShape &shape, size_t capacity)
    : capacity_(capacity), record_bytes_(record_bytes_of(shape)), list_capacity_(list_capacity_of(shape)) {
  size_t end = aligned(sizeof(BuildHeader));
  const auto place = [&end, capacity](size_t bytes_each) {
    const size_t offset = end;
    end = aligned(end + capacity * bytes_each);
    return offset;
  };
  records_ = place(record_bytes_);
  lists_ = place(list_capacity_ * sizeof(NodeId));
  counts_ = place(sizeof(uint16_t));
  chosen_ = place(sizeof(uint8_t));
  locks_ = place(sizeof(uint8_t));
  rows_ = place(sizeof(RowId));
  extra_ = place(sizeof(ExtraRow));
  bytes_ = end;
}

size_t BuildLayout::capacity_for(const NodeShape &shape, size_t wanted, size_t bytes) {
  const size_t fixed = aligned(sizeof(BuildHeader)) + kOverhead;
  const size_t each = record_bytes_of(shape) + list_capacity_of(shape) * sizeof(NodeId) + sizeof(uint16_t) +
                      2 * sizeof(uint8_t) + sizeof(RowId) + sizeof(ExtraRow) + kLeadersBytes;
  const size_t room = bytes > fixed ? (bytes - fixed) / each : 0;
  return std::min({wanted, room, static_cast<size_t>(kNullNode) - 1});
}

}  // namespace quiver::core
