// Where a collected row belongs in the order of nodes.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>

#include "core/build_graph.hpp"
#include "core/interrupt.hpp"

namespace quiver::core {

struct BuildGraph::Rank {
  uint32_t pivots;  // ranks of the nearest and the second nearest
  uint32_t hash;    // of the own code
  uint32_t nearest() const { return pivots >> 16; }
  auto operator<=>(const Rank &) const = default;
};

// Rows that are all alike have one pivot: a sort of any number of them stays cancellable.
template <class T>
void sort_while_polling(T *first, T *last, Interrupt &interrupt) {
  constexpr uint32_t kComparisonsPerPoll = 16384;
  uint32_t comparisons = 0;
  std::sort(first, last, [&](const T &a, const T &b) {
    if (++comparisons % kComparisonsPerPoll == 0) interrupt.poll();
    return a < b;
  });
}

}  // namespace quiver::core
