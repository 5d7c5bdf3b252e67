// Filling of slots.
// SPDX-License-Identifier: PostgreSQL
#include "core/node_writer.hpp"

#include <algorithm>
#include <cstring>

#include "simd/dispatch.hpp"

namespace quiver::core {

NodeWriter::NodeWriter(const NodeShape &shape, std::pmr::memory_resource *memory)
    : shape_(shape),
      kernels_(simd::kernels()),
      encoder_(shape.code, memory),
      node_(shape.has_codes() ? shape.dimensions : 0, memory),
      neighbour_(node_.size(), memory),
      unpacked_(node_.size(), memory),
      before_(shape.used_bytes(), memory) {}

void NodeWriter::write_own(const Slot &slot, const ScalarCode &code, const uint8_t *codes, RowId row) {
  const uint8_t version = static_cast<uint8_t>(slot.header()->version + 1);
  std::memset(slot.bytes(), 0, shape_.slot_bytes);
  SlotHeader &header = *slot.header();
  header.state = SlotState::live;
  header.version = version;
  header.rows[0] = row;
  header.overflow = kNullNode;
  header.minimum = code.minimum;
  header.step = code.step;
  header.squared_norm = code.squared_norm;
  header.error = code.error;
  header.code_sum = code.code_sum;
  shape_.pack_own(codes, slot.own());
  for (size_t lane = 0; lane < shape_.lanes; ++lane) slot.ids()[lane] = kNullNode;
}

void NodeWriter::aim(const ScalarCode &code, const uint8_t *codes) {
  if (!shape_.has_codes()) return;
  kernels_.decode_u8(codes, shape_.dimensions, code.minimum, code.step, node_.data());
  encoder_.aim(node_.data());
}

void NodeWriter::aim(const ConstSlot &slot) {
  if (!shape_.has_codes()) return;
  unpack_codes(slot.own(), shape_.dimensions, shape_.own_bits, unpacked_.data());
  aim(slot.header()->scalar_code(), unpacked_.data());
}

void NodeWriter::write_lane(const Slot &slot, size_t lane, NodeId neighbour, const ScalarCode &code,
                            const uint8_t *codes) {
  slot.ids()[lane] = neighbour;
  if (!shape_.has_codes()) return;
  kernels_.decode_u8(codes, shape_.dimensions, code.minimum, code.step, neighbour_.data());
  const LaneFactors factors = encoder_.encode(neighbour_.data(), node_.data(), slot.code(lane));
  slot.add()[lane] = factors.add;
  slot.rescale()[lane] = factors.rescale;
}

// Only as many lanes move as were dropped: few bytes to log.
void NodeWriter::keep_lanes(const Slot &slot, const uint8_t *kept, size_t count) {
  uint8_t from[kMaxLanes];
  const uint8_t *stays = kept, *moves = std::lower_bound(kept, kept + count, count);
  for (size_t to = 0; to < count; ++to) from[to] = *stays == to ? *stays++ : *moves++;
  arrange_lanes(slot, from, count);
}

// What lanes beyond the last hold does not matter.
void NodeWriter::arrange_lanes(const Slot &slot, const uint8_t *from, size_t count) {
  std::memcpy(before_.data(), slot.bytes(), before_.size());
  const ConstSlot before(shape_, before_.data());
  for (size_t to = 0; to < count; ++to) {
    if (from[to] == to || from[to] == kNewLane) continue;
    slot.ids()[to] = before.ids()[from[to]];
    if (!shape_.has_codes()) continue;
    std::memcpy(slot.code(to), before.code(from[to]), shape_.code.bytes());
    slot.add()[to] = before.add()[from[to]];
    slot.rescale()[to] = before.rescale()[from[to]];
  }
  for (size_t lane = count; lane < before.header()->lanes_used; ++lane) slot.ids()[lane] = kNullNode;
  slot.header()->lanes_used = static_cast<uint8_t>(count);
  slot.header()->expendable = 0;
}

}  // namespace quiver::core
