// Neighbour choice: near candidates, less those that an already chosen one covers (DiskANN's RobustPrune).
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>

namespace quiver::core {

// How far a chosen neighbour's cover reaches, on squared distances: first none is wasted, then longer edges may stay.
inline constexpr float kPruneAlphas[] = {1.0f, 1.2f};

struct PruneCandidate {
  float distance;   // to the node whose neighbours are chosen
  uint32_t index;   // of the caller
  float occlusion;  // largest ratio (own distance) / (distance to a chosen one); beyond all alphas once chosen
};

// Chooses up to `wanted` of the candidates and moves them to the front in order of choice: ascending by distance what
// the first alpha left, then what only the second did. The others follow, ascending. Returns how many were chosen.
// `distances_from(i)`: a function of j, the squared distance of two callers' indices. Jayaram Subramanya et al. 2019,
// algorithm 2, with the two values of alpha in one list instead of two graph passes.
template <class DistancesFrom>
size_t robust_prune(PruneCandidate *candidates, size_t count, size_t wanted, DistancesFrom &&distances_from) {
  for (size_t i = 0; i < count; ++i) candidates[i].occlusion = 0.0f;
  std::sort(candidates, candidates + count,
            [](const PruneCandidate &a, const PruneCandidate &b) { return a.distance < b.distance; });
  constexpr float kLastAlpha = kPruneAlphas[std::size(kPruneAlphas) - 1];
  constexpr float kChosen = std::numeric_limits<float>::infinity();
  size_t chosen = 0;
  for (const float alpha : kPruneAlphas) {
    const size_t first = chosen;
    for (size_t i = first; i < count && chosen < wanted; ++i) {
      PruneCandidate &candidate = candidates[i];
      if (candidate.occlusion > alpha) continue;
      candidate.occlusion = kChosen;
      if (++chosen == wanted) break;
      const auto distance_to = distances_from(candidate.index);
      for (size_t j = i + 1; j < count; ++j) {
        PruneCandidate &other = candidates[j];
        if (other.occlusion > kLastAlpha) continue;
        const float between = distance_to(other.index);
        // Equal or nearly equal vectors: the later one adds nothing, whatever alpha.
        const float ratio = between > 0.5f * other.distance ? other.distance / between : 2.0f;
        other.occlusion = std::max(other.occlusion, ratio);
      }
    }
    std::stable_partition(candidates + first, candidates + count,
                          [](const PruneCandidate &c) { return c.occlusion == kChosen; });
  }
  return chosen;
}

}  // namespace quiver::core
