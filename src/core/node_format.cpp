// Which code, how many lanes and how many slots a page holds, for a dimension and m.
// SPDX-License-Identifier: PostgreSQL
#include "core/node_format.hpp"

#include <algorithm>
#include <cstring>

#include "core/sparse_code.hpp"

namespace quiver::core {

namespace {

unsigned own_bits_for(size_t dimensions) { return dimensions <= 4000 ? 8 : dimensions <= 8000 ? 4 : 2; }

// Lanes that fit a slot of `bytes` with this shape.
size_t lanes_that_fit(const NodeShape &shape, size_t bytes) {
  const size_t fixed = shape.codes_offset() + 3;  // 3: alignment of the ids
  const size_t lane = shape.code.bytes() + sizeof(NodeId) + 2 * sizeof(uint16_t);
  return bytes > fixed ? (bytes - fixed) / lane : 0;
}

// The same with a fine part, if slots have the room, or if it is worth something: then codes of fewer axes make room
// for it beside a fair share of lanes, since they lose little by some hundred axes less and nodes lose much by fewer
// lanes.
NodeShape with_fine_part(const NodeShape &shape, size_t wanted, double fair_share, bool is_worth_something) {
  constexpr size_t kLeastAxes = 448, kStep = 8;
  NodeShape finer = shape;
  finer.fine_bits = kFineBits;
  if (finer.used_bytes() <= shape.slot_bytes) return finer;
  if (!is_worth_something) return shape;
  for (finer.code.axes = shape.code.axes; finer.code.axes >= kLeastAxes;
       finer.code.axes = (finer.code.axes - 1) / kStep * kStep) {
    const size_t lanes = std::min(wanted, lanes_that_fit(finer, shape.slot_bytes));
    if (static_cast<double>(lanes) < fair_share) continue;
    finer.lanes = static_cast<uint32_t>(lanes);
    return finer;
  }
  return shape;
}

}  // namespace

size_t NodeShape::unpacked_bytes() const {
  switch (own) {
    case OwnKind::bits:
      return capacity;
    case OwnKind::sparse:
      return capacity * kSparseElementBytes;
    default:
      return dimensions + (has_fine() ? fine_bytes(dimensions) : 0);
  }
}

void NodeShape::pack_own(const uint8_t *unpacked, uint8_t *own_vector) const {
  if (is_scalar() && !has_fine())
    pack_codes(unpacked, dimensions, own_bits, own_vector);
  else
    std::memcpy(own_vector, unpacked, own_bytes());
}

void NodeShape::unpack_own(const uint8_t *own_vector, uint8_t *unpacked) const {
  if (is_scalar() && !has_fine())
    unpack_codes(own_vector, dimensions, own_bits, unpacked);
  else
    std::memcpy(unpacked, own_vector, own_bytes());
}

NodeShape own_shape(OwnKind own, size_t dimensions) {
  NodeShape shape{};
  shape.dimensions = static_cast<uint32_t>(dimensions);
  shape.own = own;
  shape.own_bits = shape.is_scalar() ? own_bits_for(dimensions) : 8;
  if (own == OwnKind::bits) shape.capacity = static_cast<uint32_t>((dimensions + 7) / 8);
  return shape;
}

NodeShape choose_plain_shape(OwnKind own, size_t dimensions, size_t m, size_t capacity) {
  constexpr size_t kPage = kSlotLines * kLineBytes;
  NodeShape shape = own_shape(own, dimensions);
  shape.lanes = static_cast<uint32_t>(2 * m);
  const size_t most = kPage - sizeof(SlotHeader) - 2 * m * sizeof(NodeId);
  if (own == OwnKind::sparse)
    shape.capacity = static_cast<uint32_t>(std::clamp<size_t>(capacity, 1, most / kSparseElementBytes));
  if (own == OwnKind::bits) shape.capacity = static_cast<uint32_t>(std::min((dimensions + 7) / 8, most));
  if (own == OwnKind::scalar)
    shape.lanes = static_cast<uint32_t>(std::min(2 * m, (kPage - shape.codes_offset() - 3) / sizeof(NodeId)));
  const size_t lines = (shape.used_bytes() + kLineBytes - 1) / kLineBytes;
  shape.slots_per_page = static_cast<uint32_t>(std::min(kSlotLines / lines, kMaxSlots));
  shape.slot_bytes = static_cast<uint32_t>(kSlotLines / shape.slots_per_page * kLineBytes);
  while (own == OwnKind::sparse && shape.used_bytes() + 2 * kSparseElementBytes <= shape.slot_bytes) ++shape.capacity;
  return shape;
}

NodeShape choose_node_shape(size_t dimensions, size_t m, bool long_rows) {
  NodeShape shape = own_shape(OwnKind::rotated, dimensions);
  shape.code = default_code_shape(dimensions);
  const size_t wanted = 2 * m;
  // Words and patches suffer from missing lanes, text embeddings do not.
  const double fair_share = (shape.code.bits == 2 ? 0.95 : 0.56) * static_cast<double>(wanted);
  size_t slots = kSlotLines / 5;
  size_t lanes = 0;
  for (; slots > 1; --slots) {
    lanes = std::min(wanted, lanes_that_fit(shape, kSlotLines / slots * kLineBytes));
    if (static_cast<double>(lanes) >= fair_share) break;
  }
  if (slots == 1) lanes = std::min(wanted, lanes_that_fit(shape, kSlotLines * kLineBytes));
  shape.lanes = static_cast<uint32_t>(lanes);
  shape.slots_per_page = static_cast<uint32_t>(slots);
  shape.slot_bytes = static_cast<uint32_t>(kSlotLines / slots * kLineBytes);
  return shape.own_bits == 8 ? with_fine_part(shape, wanted, fair_share, long_rows) : shape;
}

}  // namespace quiver::core
