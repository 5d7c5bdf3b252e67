// The recall curve: what one search tells of all widths, and what lies between the points.
// SPDX-License-Identifier: PostgreSQL
#include "core/calibration.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory_resource>
#include <random>
#include <vector>

#include "core/graph_browser.hpp"

namespace quiver::core {
namespace {

// A ring of points on a line, each knowing its neighbours within a reach, with estimates that are off by a little.
class NoisyGraph {
 public:
  struct Payload {};
  static constexpr NodeId kNodes = 2000;

  explicit NoisyGraph(unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> place(0.0f, 1.0f);
    for (auto &axes : points_)
      for (float &axis : axes) axis = place(random);
    for (NodeId a = 0; a < kNodes; ++a) {
      std::vector<std::pair<float, NodeId>> near;
      for (NodeId b = 0; b < kNodes; ++b)
        if (a != b) near.push_back({between(points_[a], points_[b]), b});
      std::partial_sort(near.begin(), near.begin() + kLanes, near.end());
      for (size_t i = 0; i < kLanes; ++i) lanes_[a][i] = near[i].second;
      for (float &noise : noise_[a]) noise = 1.0f + 0.3f * (place(random) - 0.5f);
    }
  }

  void aim(NodeId target) { query_ = points_[target]; }
  float distance(NodeId id) const { return between(points_[id], query_); }
  template <class Sink>
  void entries(Sink &sink) const {
    for (NodeId id = 0; id < 4; ++id) {
      const float estimate = distance(id);
      sink.offer(&id, &estimate, 1);
    }
  }
  template <class Sink>
  Visit expand(NodeId id, float, Sink &sink, Payload *) const {
    float estimates[kLanes];
    for (size_t i = 0; i < kLanes; ++i) estimates[i] = distance(lanes_[id][i]) * noise_[id][i];
    sink.offer(&lanes_[id][0], estimates, kLanes);
    const float bound = distance(id) - slack_;
    return {true, distance(id), bound, distance(id), bound};
  }
  float horizon_shift() const { return 0.0f; }
  // Bounds lie so far below distances.
  void loosen(float slack) { slack_ = slack; }

 private:
  static constexpr size_t kLanes = 12;
  using Point = std::array<float, 4>;
  static float between(const Point &a, const Point &b) {
    float sum = 0.0f;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
  }
  std::array<Point, kNodes> points_;
  std::array<std::array<NodeId, kLanes>, kNodes> lanes_;
  std::array<std::array<float, kLanes>, kNodes> noise_;
  Point query_{};
  float slack_ = 0.0f;
};

float tenth_distance(const NoisyGraph &graph, NodeId absent) {
  std::vector<float> all;
  for (NodeId id = 0; id < NoisyGraph::kNodes; ++id)
    if (id != absent) all.push_back(graph.distance(id));
  std::nth_element(all.begin(), all.begin() + 9, all.end());
  return all[9];
}

BrowseOptions options_with(float gamma) {
  BrowseOptions options;
  options.gamma = gamma;
  options.base_k = kCalibratedRows;
  return options;
}

TEST(Browser, RowsTakenToBeSureWidenNothing) {
  auto graph = std::make_unique<NoisyGraph>(9);
  graph->aim(700);
  graph->loosen(0.02f);
  Browser<NoisyGraph> browser(*graph, options_with(0.2f), std::pmr::new_delete_resource());
  browser.start();
  browser.settle();
  const size_t visits = browser.visits();
  std::vector<float> found;
  for (const auto &node : browser.found()) found.push_back(node.distance);
  std::nth_element(found.begin(), found.begin() + 9, found.end());
  // The first whose bound lies beyond the tenth distance makes ten rows certain; who then asks again wants more.
  size_t rows = 0;
  for (const auto *node = browser.next(); node->reach < found[9]; node = browser.next()) {
    ++rows;
    ASSERT_EQ(browser.visits(), visits);
  }
  EXPECT_GT(rows, 10u);
  for (size_t more = 0; more < 10; ++more) ASSERT_NE(browser.next(), nullptr);
  EXPECT_GT(browser.visits(), visits);
}

TEST(Calibration, OneSearchTellsWhatSearchesOfEachWidthFind) {
  auto graph = std::make_unique<NoisyGraph>(3);
  std::pmr::memory_resource *memory = std::pmr::new_delete_resource();
  constexpr NodeId kTargets = 40;
  CurveMeasurement measurement;
  for (NodeId target = 100; target < 100 + kTargets; ++target) {
    graph->aim(target);
    Browser<NoisyGraph> browser(*graph, options_with(1e30f), memory);
    browser.start(target);
    measurement.follow(browser, tenth_distance(*graph, target), kCalibratedRows, true);
  }
  const RecallCurve curve = measurement.curve(NoisyGraph::kNodes);
  EXPECT_EQ(curve.queries, kTargets);
  for (const size_t point : {size_t{0}, size_t{6}, size_t{12}, size_t{16}}) {
    double hits = 0.0, visits = 0.0;
    for (NodeId target = 100; target < 100 + kTargets; ++target) {
      graph->aim(target);
      Browser<NoisyGraph> browser(*graph, options_with(kCalibratedGammas[point]), memory);
      browser.start(target);
      browser.settle();
      const float cutoff = tenth_distance(*graph, target);
      for (const auto &found : browser.found()) {
        EXPECT_NE(found.id, target);
        hits += found.distance <= cutoff;
      }
      visits += static_cast<double>(browser.visits());
    }
    EXPECT_NEAR(curve.recall[point], hits / (kTargets * 10.0), 1e-5) << point;
    EXPECT_NEAR(curve.visits[point], visits / kTargets, 1e-3) << point;
  }
  for (size_t i = 1; i < kCalibrationPoints; ++i) EXPECT_GE(curve.recall[i], curve.recall[i - 1]);
}

TEST(Calibration, RecallIsTheSameWhereVisitsAreNotCounted) {
  auto graph = std::make_unique<NoisyGraph>(5);
  std::pmr::memory_resource *memory = std::pmr::new_delete_resource();
  CurveMeasurement all, few;
  double visits = 0.0;
  for (NodeId target = 100; target < 120; ++target) {
    graph->aim(target);
    for (CurveMeasurement *measurement : {&all, &few}) {
      Browser<NoisyGraph> browser(*graph, options_with(1e30f), memory);
      browser.start(target);
      measurement->follow(browser, tenth_distance(*graph, target), kCalibratedRows,
                          measurement == &all || target == 100);
      if (measurement == &few && target > 100) visits += static_cast<double>(browser.visits());
    }
  }
  const RecallCurve counted = all.curve(NoisyGraph::kNodes), curve = few.curve(NoisyGraph::kNodes);
  EXPECT_EQ(curve.queries, 20u);
  for (size_t i = 0; i < kCalibrationPoints; ++i) EXPECT_FLOAT_EQ(curve.recall[i], counted.recall[i]) << i;
  EXPECT_LT(visits, 19.0 * counted.visits[kCalibrationPoints - 1] / 2);
  EXPECT_GT(curve.visits[20], 10.0f);
}

TEST(Calibration, CurvesAreReadBothWays) {
  RecallCurve curve{};
  curve.queries = 100;
  for (size_t i = 0; i < kCalibrationPoints; ++i) {
    curve.recall[i] = std::min(0.995f, 0.5f + 0.02f * static_cast<float>(i));
    curve.visits[i] = 10.0f * static_cast<float>(i);
  }
  EXPECT_EQ(curve.gamma_for(0.4), 0.0f);
  EXPECT_EQ(curve.gamma_for(0.9999), kCalibratedGammas.back());
  // No width finds .9999 here: what finds .994 will do, and lesser targets stay what they are.
  EXPECT_FLOAT_EQ(curve.reachable_gamma_for(0.9999), curve.gamma_for(0.994));
  EXPECT_LT(curve.reachable_gamma_for(0.9999), kCalibratedGammas.back());
  EXPECT_EQ(curve.reachable_gamma_for(0.95), curve.gamma_for(0.95));
  for (const double target : {0.51, 0.7, 0.85, 0.95, 0.99})
    EXPECT_NEAR(curve.recall_at(curve.gamma_for(target)), target, 0.003) << target;
  EXPECT_FLOAT_EQ(curve.gamma_for(static_cast<double>(curve.recall[7])), kCalibratedGammas[7]);
  EXPECT_FLOAT_EQ(curve.visits_at(kCalibratedGammas[9]), 90.0f);
  EXPECT_FLOAT_EQ(curve.visits_at(100.0f), curve.visits[kCalibrationPoints - 1]);
}

TEST(Calibration, NothingMeasuredIsNoCurve) {
  EXPECT_FALSE(CurveMeasurement().curve(5).is_measured());
  EXPECT_FALSE(RecallCurve{}.is_measured());
}

TEST(CurveMeasurementTest, CountsWhatIsKnownWithoutASearch) {
  CurveMeasurement measurement;
  const float early = kCalibratedGammas[4], late = kCalibratedGammas[20];
  measurement.note_visits(0.0f, 10);
  measurement.note_visits(late, 5);
  measurement.note_visits(1e30f, 1000);  // beyond every width
  measurement.note_hit(early, 2);
  measurement.note_hit(late, 2);
  measurement.count_query();
  const RecallCurve curve = measurement.curve(77);
  EXPECT_EQ(curve.nodes, 77u);
  for (size_t i = 0; i < kCalibrationPoints; ++i) {
    EXPECT_FLOAT_EQ(curve.visits[i], i < 20 ? 10.0f : 15.0f);
    EXPECT_FLOAT_EQ(curve.recall[i], i < 4 ? 0.0f : i < 20 ? 0.5f : 1.0f);
  }
}

TEST(NearestRowsTest, KeepsTheNearestTen) {
  struct Row {
    float distance;
    int id;
  };
  NearestRows<Row> nearest;
  for (int id = 0; id < 1000; ++id) {
    const float distance = static_cast<float>((id * 367) % 1000);
    if (nearest.wants(distance)) nearest.add({distance, id});
  }
  ASSERT_EQ(nearest.known, kCalibratedRows);
  for (size_t i = 0; i < nearest.known; ++i) EXPECT_EQ(nearest.rows[i].distance, static_cast<float>(i));
  EXPECT_EQ(nearest.cutoff(), 9.0f);
}

}  // namespace
}  // namespace quiver::core
