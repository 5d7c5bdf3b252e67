// Writes own vectors and lanes into slots.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/node_format.hpp"
#include "core/residual_code.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

// Keeps scratch space, so one per build or insertion.
class NodeWriter {
 public:
  NodeWriter(const NodeShape &shape, std::pmr::memory_resource *memory);

  // Starts a live node without lanes. `codes`: unpacked. The bytes of the slot beyond the used ones stay zero.
  void write_own(const Slot &slot, const ScalarCode &code, const uint8_t *codes, RowId row);

  // The node whose lanes the next calls write, given decoded or by its codes.
  void aim(const ScalarCode &code, const uint8_t *codes);
  void aim(const ConstSlot &slot);

  // Writes lane `lane`, without touching lanes_used. REQUIRES: aim() at this slot's own vector.
  void write_lane(const Slot &slot, size_t lane, NodeId neighbour, const ScalarCode &code, const uint8_t *codes);

  // Drops all lanes but those whose indices stand in `kept` (ascending): the last of them move into the gaps.
  void keep_lanes(const Slot &slot, const uint8_t *kept, size_t count);

  // Makes lane i what lane from[i] was; where that is kNewLane, the caller writes it. Drops all lanes not named.
  static constexpr uint8_t kNewLane = 0xff;
  void arrange_lanes(const Slot &slot, const uint8_t *from, size_t count);

 private:
  NodeShape shape_;
  const simd::Kernels &kernels_;
  ResidualEncoder encoder_;
  std::pmr::vector<float> node_;
  std::pmr::vector<float> neighbour_;
  std::pmr::vector<uint8_t> unpacked_;
  std::pmr::vector<char> before_;  // a slot whose lanes are being arranged
};

}  // namespace quiver::core
