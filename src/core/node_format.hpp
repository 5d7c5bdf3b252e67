// The bytes of one node of the coded graph: what a slot holds, where, and how many fit a page.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/fine_code.hpp"
#include "core/residual_code.hpp"
#include "core/scalar_code.hpp"

namespace quiver::core {

using NodeId = uint32_t;                          // block * slots per page + slot
inline constexpr NodeId kNullNode = 0xffffffffu;  // an unused lane, an absent chunk
inline constexpr size_t kLineBytes = 64;          // slots start on cache lines
inline constexpr size_t kSlotLines = 126;         // lines of a page that slots may use
inline constexpr size_t kMaxLanes = 200;          // 2 * the largest m
inline constexpr size_t kMaxSlots = 32;           // of a page: bits in its maps
inline constexpr size_t kReadAhead = 32;          // bytes a lane kernel may read beyond the last code

// A heap row's address in the bytes of ItemPointerData. Position 0 means none.
struct RowId {
  uint16_t block_high, block_low, position;

  bool is_valid() const { return position != 0; }
  bool operator==(const RowId &) const = default;
};
static_assert(sizeof(RowId) == 6);

enum class SlotState : uint8_t {
  free = 0,
  live = 1,
  tombstone = 2,  // no rows; still routes searches; lanes elsewhere may point here
  unlinked = 3,   // a tombstone that no lane points to any more; free once its stamp has passed
};

// What a slot's own vector is, and so which of the two formats an index has. Stored in the meta page: never renumber.
enum class OwnKind : uint16_t {
  rotated = 0,  // coded format: scalar code of the rotated vector; lanes carry codes of the neighbours
  scalar = 1,   // plain format, lanes carry ids alone: scalar code of the vector as it is, error summed up (l1)
  bits = 2,     // plain: the bits themselves, as many as a page has room for
  sparse = 3,   // plain: see sparse_code.hpp
};

// The first 40 bytes of a slot. After it, in this order: own vector (own_bytes, the fine part last), codes (lanes *
// code_bytes), ids (lanes * 4, aligned to 4), add factors (lanes * 2), rescale factors (lanes * 2). The codes come
// before the arrays so that a kernel's full-width load of the last code stays inside the slot. In the plain format: own
// vector, ids.
struct SlotHeader {
  SlotState state;
  uint8_t lanes_used;
  uint8_t version;      // counts changes of the lanes and reuse of the slot: optimistic writers compare it
  uint8_t expendable;   // of so many lanes at the end the next edges take the places, first to last
  RowId rows[2];        // a tombstone keeps its stamp (64-bit transaction id) in these bytes
  NodeId overflow;      // first chunk of further rows, kNullNode when there is none
  float minimum, step;  // of the own vector
  float squared_norm;   // of the decoded vector
  float error;          // >= distance of every row of this node to the decoded vector
  uint32_t code_sum;

  ScalarCode scalar_code() const { return {minimum, step, squared_norm, error, code_sum}; }
};
static_assert(sizeof(SlotHeader) == 40);

// Everything that follows from the dimension and m. Fixed when the index is built; kept in the meta page.
struct NodeShape {
  uint32_t dimensions;
  OwnKind own;
  uint32_t own_bits;   // of scalar codes: 8, 4 or 2; else 8
  uint32_t fine_bits;  // of each axis of a rotated own vector of 8 bits, beside them: kFineBits or none
  uint32_t capacity;   // of sparse own vectors: elements; of bits: bytes
  CodeShape code;      // all zero in the plain format
  uint32_t lanes;
  uint32_t slots_per_page;
  uint32_t slot_bytes;

  bool has_codes() const { return own == OwnKind::rotated; }
  bool is_scalar() const { return own == OwnKind::rotated || own == OwnKind::scalar; }
  bool has_fine() const { return fine_bits != 0; }
  // Whether own vectors say so little of a distance that its range tells hardly any two rows apart.
  bool is_coarse() const { return own_bits < 8; }
  // Bytes of an own vector outside its slot: those of scalar codes are then one to an axis, the fine part follows.
  size_t unpacked_bytes() const;
  size_t own_bytes() const {
    return is_scalar() && !has_fine() ? packed_bytes(dimensions, own_bits) : unpacked_bytes();
  }
  // The fine part of an unpacked own vector. REQUIRES: has_fine().
  const uint8_t *fine_of(const uint8_t *unpacked) const { return unpacked + dimensions; }
  void pack_own(const uint8_t *unpacked, uint8_t *own_vector) const;
  void unpack_own(const uint8_t *own_vector, uint8_t *unpacked) const;
  size_t own_offset() const { return sizeof(SlotHeader); }
  size_t codes_offset() const { return own_offset() + own_bytes(); }
  size_t ids_offset() const { return (codes_offset() + lanes * code.bytes() + 3) / 4 * 4; }
  size_t add_offset() const { return ids_offset() + lanes * sizeof(NodeId); }
  size_t rescale_offset() const { return add_offset() + factor_bytes(); }
  size_t used_bytes() const { return rescale_offset() + factor_bytes(); }

 private:
  size_t factor_bytes() const { return has_codes() ? lanes * sizeof(uint16_t) : 0; }
};

// Lanes of a node that last until it is pruned. Those beyond, chosen last or only filling, are expendable, least worth
// first: most edges that come later find a place without a look at the node's other neighbours.
constexpr size_t lasting_lanes(size_t lanes) { return lanes - std::min<size_t>(6, lanes / 4); }

// The rank, best first, of what a lane leads to, where so many of those in use last.
constexpr size_t rank_of_lane(size_t lane, size_t lasting, size_t used) {
  return lane < lasting ? lane : lasting + used - 1 - lane;
}

// Of an own vector alone: dimensions, kind, bits and capacity; no codes, lanes or slots.
NodeShape own_shape(OwnKind own, size_t dimensions);

// The format table of the access method: 2-bit codes below 200 dimensions, else 1 bit; at most 1,024 axes (768 beyond);
// as many slots on a page as leave each a fair share of 2 m lanes. Own vectors have a fine part where
// those slots have room for it; with `long_rows`, which the executor can only look at with some effort, also where
// codes of fewer axes make the room. REQUIRES: 1 <= dimensions <= 16,000, 2 <= m <= 100.
NodeShape choose_node_shape(size_t dimensions, size_t m, bool long_rows);

// The plain format: 2 m lanes and as many slots on a page as fit, with an own vector of `capacity` elements when sparse
// (fewer where a page is too small, more where a slot has room).
// REQUIRES: a plain kind; 2 <= m <= 100; at most 64,000 bits, or 16,000 dimensions when scalar.
NodeShape choose_plain_shape(OwnKind own, size_t dimensions, size_t m, size_t capacity);

// Typed access to one slot's bytes, wherever they lie.
template <class Byte>
class BasicSlot {
 public:
  BasicSlot(const NodeShape &shape, Byte *bytes) : shape_(&shape), bytes_(bytes) {}

  auto *header() const { return at<SlotHeader>(0); }
  auto *own() const { return at<uint8_t>(shape_->own_offset()); }
  auto *code(size_t lane) const { return at<uint8_t>(shape_->codes_offset() + lane * shape_->code.bytes()); }
  auto *ids() const { return at<NodeId>(shape_->ids_offset()); }
  auto *add() const { return at<uint16_t>(shape_->add_offset()); }
  auto *rescale() const { return at<uint16_t>(shape_->rescale_offset()); }
  Byte *bytes() const { return bytes_; }

 private:
  template <class T>
  auto *at(size_t offset) const {
    if constexpr (std::is_const_v<Byte>)
      return reinterpret_cast<const T *>(bytes_ + offset);
    else
      return reinterpret_cast<T *>(bytes_ + offset);
  }

  const NodeShape *shape_;
  Byte *bytes_;
};

using Slot = BasicSlot<char>;
using ConstSlot = BasicSlot<const char>;

}  // namespace quiver::core
