// How wide a search has to look for a wanted recall, measured on the graph itself.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/node_format.hpp"

namespace quiver::core {

// Neighbours whose recall is measured.
inline constexpr size_t kCalibratedRows = 10;
// Recalls that may be asked for.
inline constexpr double kMinTargetRecall = 0.5, kMaxTargetRecall = 0.9999;
inline constexpr size_t kCalibrationPoints = 36;

// Gammas that are measured: 0, then 0.01 and each 1.2 times the one before, up to 4.9.
inline constexpr std::array<float, kCalibrationPoints> kCalibratedGammas = [] {
  std::array<float, kCalibrationPoints> gammas{};
  double gamma = 0.01;
  for (size_t i = 1; i < kCalibrationPoints; ++i, gamma *= 1.2) gammas[i] = static_cast<float>(gamma);
  return gammas;
}();

// Recall and visits of searches for the first ten rows, over their width: gamma, of a graph the horizon's
// (graph_browser.hpp), of lists how far the farthest may be (ListRanking).
// Plain data of the meta page: never change it without the format's version. All zero means never measured.
struct RecallCurve {
  uint64_t nodes;    // in the index when it was measured; of lists, rows
  uint32_t queries;  // rows of the index that were searched for, each as if it had never been there
  uint32_t unused;
  float recall[kCalibrationPoints];
  float visits[kCalibrationPoints];  // on average; of lists, pages of codes

  bool is_measured() const { return queries > 0; }

  // The least gamma that reaches `target`, between points linear in the logarithm of what is missed; the largest where
  // no point does. REQUIRES: is_measured().
  float gamma_for(double target) const;
  // The same where more than the widest search finds is not sought: a target beyond it takes the gamma that finds
  // hardly less, not one that takes everything and finds no more. REQUIRES: is_measured().
  float reachable_gamma_for(double target) const;
  // Visits of a search with that gamma. REQUIRES: is_measured().
  float visits_at(float gamma) const;
  // Recall of it.
  float recall_at(float gamma) const;
};
static_assert(sizeof(RecallCurve) == 16 + 8 * kCalibrationPoints);

// The ten nearest rows of a sample, by distance.
template <class Row>
struct NearestRows {
  size_t known = 0;
  Row rows[kCalibratedRows];  // ascending

  bool wants(float distance) const { return known < kCalibratedRows || distance < rows[known - 1].distance; }
  // REQUIRES: wants(row.distance).
  void add(const Row &row) {
    if (known < kCalibratedRows) ++known;
    Row *place = rows + known - 1;
    for (; place > rows && place[-1].distance > row.distance; --place) *place = place[-1];
    *place = row;
  }
  // Of the last. REQUIRES: known > 0.
  float cutoff() const { return rows[known - 1].distance; }
};

// Gathers a curve. One search tells of all gammas, because a wider horizon only goes on with the same visits: what
// counts for a node is the widest horizon that was needed before it was visited.
class CurveMeasurement {
 public:
  // Visits are counted for so long, or until all neighbours are found if that is later, but never beyond the second.
  static constexpr size_t kVisits = 3000, kMostVisits = 20000;

  // Follows one search. `cutoff`: distance of the tenth true neighbour as the graph measures it, `wanted` how many
  // there are at most that far, at most kCalibratedRows. Most searches are over when all neighbours are found; only
  // those that `count_visits` go on, because the mean of visits needs far fewer. REQUIRES: the browser is started, its
  // own gamma is infinite, its base_k is kCalibratedRows.
  template <class Browser>
  void follow(Browser &browser, float cutoff, size_t wanted, bool count_visits) {
    const size_t enough = count_visits ? kVisits : 0;
    float widest = 0.0f;
    size_t hits = 0, found = 0;
    for (;;) {
      const float needed = browser.needed_gamma();
      const size_t visits = browser.visits();
      const bool ends = visits >= kMostVisits || (visits >= enough && hits == wanted);
      if (count_visits && (needed > widest || ends)) note_stop(widest, ends ? kEndless : needed, visits);
      widest = std::max(widest, needed);
      if (ends || widest >= kEndless || !browser.advance()) break;
      for (; found < browser.found().size(); ++found) {
        if (hits == wanted || browser.found()[found].distance > cutoff) continue;
        ++hits;
        note_hit(widest, wanted);
      }
    }
    ++queries_;
    counted_ += count_visits;
  }

  // Where what a search needs is known without following it: every search with at least this gamma finds one more of
  // `wanted`, makes so many more visits; and that was one query.
  void note_hit(float gamma, size_t wanted);
  void note_visits(float gamma, size_t visits);
  void count_query() {
    ++queries_;
    ++counted_;
  }

  RecallCurve curve(uint64_t nodes) const;

 private:
  static constexpr float kEndless = 1e30f;

  static size_t first_point_at(float gamma);
  // A search with a gamma in [from, to) ends here.
  void note_stop(float from, float to, size_t visits);

  uint32_t queries_ = 0;
  uint32_t counted_ = 0;  // of them, those whose visits were counted
  std::array<double, kCalibrationPoints> recall_{};
  std::array<double, kCalibrationPoints> visits_{};
  std::array<double, kCalibrationPoints> more_visits_{};  // that begin at a point and count from there on
};

}  // namespace quiver::core
