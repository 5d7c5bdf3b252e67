// The small parts of a graph search: seen set, candidate queue, k-th distance, pruning, node shapes.
// SPDX-License-Identifier: PostgreSQL
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory_resource>
#include <random>
#include <set>
#include <vector>

#include "core/candidate_queue.hpp"
#include "core/node_format.hpp"
#include "core/robust_prune.hpp"
#include "core/seen_set.hpp"

namespace quiver::core {
namespace {

TEST(SeenSetTest, RemembersEveryIdOnce) {
  for (const auto keeps : {SeenSet::Keeps::ids, SeenSet::Keeps::estimates}) {
    SeenSet seen(keeps, std::pmr::new_delete_resource());
    std::mt19937 random(2);
    std::set<uint32_t> reference;
    for (int i = 0; i < 5000; ++i) {
      uint32_t ids[13], found[13];
      for (uint32_t &id : ids) id = random() % 30000;
      const size_t n = random() % 14;
      seen.reserve(n);
      seen.add(ids, n, found);
      for (size_t k = 0; k < n; ++k) ASSERT_EQ(SeenSet::is_new(found[k]), reference.insert(ids[k]).second);
      ASSERT_EQ(seen.size(), reference.size());
    }
    seen.clear();
    const uint32_t id = *reference.begin();
    uint32_t found;
    seen.add(&id, 1, &found);
    EXPECT_TRUE(SeenSet::is_new(found));
  }
}

TEST(SeenSetTest, KeepsTheSmallestEstimate) {
  SeenSet seen(SeenSet::Keeps::estimates, std::pmr::new_delete_resource());
  std::mt19937 random(5);
  std::map<uint32_t, float> reference;
  for (int i = 0; i < 50000; ++i) {
    const uint32_t id = random() % 10000;
    const float estimate = static_cast<float>(random() % 1000);
    seen.reserve(1);
    uint32_t found;
    seen.add(&id, 1, &found);
    const auto [known, added] = reference.emplace(id, estimate);
    ASSERT_EQ(seen.improve(found, estimate), added || estimate < known->second);
    known->second = std::min(known->second, estimate);
    if (i % 100 == 0) {
      seen.mark_visited(id);
      known->second = -std::numeric_limits<float>::infinity();
    }
    ASSERT_EQ(seen.is_visited(id), std::isinf(known->second));
  }
}

TEST(CandidateQueueTest, HandsOutInOrderWhateverTheHorizon) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform;
  for (const float horizon : {0.0f, 0.3f, 2.0f}) {
    CandidateQueue queue(std::pmr::new_delete_resource());
    queue.clear();
    std::vector<float> all;
    for (uint32_t i = 0; i < 3000; ++i) {
      std::vector<Candidate> together(i % 5);
      for (Candidate &candidate : together) candidate = {uniform(random), i};
      for (const Candidate &candidate : together) all.push_back(candidate.estimate);
      queue.reserve(together.size());
      queue.push(together.data(), together.size(), horizon);
    }
    std::sort(all.begin(), all.end());
    for (const float expected : all) {
      const Candidate *best = queue.best(2.0f);
      ASSERT_NE(best, nullptr);
      EXPECT_EQ(best->estimate, expected);
      queue.pop();
    }
    EXPECT_EQ(queue.best(2.0f), nullptr);
  }
}

TEST(KthDistanceTest, FollowsAGrowingK) {
  std::mt19937 random(4);
  std::uniform_real_distribution<float> uniform;
  KthDistance kth(10, true, std::pmr::new_delete_resource());
  std::vector<float> all;
  size_t k = 10;
  for (int i = 0; i < 2000; ++i) {
    if (i % 3 == 0) kth.raise(++k);
    all.push_back(uniform(random));
    kth.add(all.back());
    if (all.size() < k) {
      EXPECT_TRUE(std::isinf(kth.value()));
      continue;
    }
    std::vector<float> sorted = all;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(k - 1), sorted.end());
    EXPECT_EQ(kth.value(), sorted[k - 1]);
  }
}

TEST(KthDistanceTest, AFixedKForgetsTheRest) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform;
  KthDistance kth(7, false, std::pmr::new_delete_resource());
  std::vector<float> all;
  for (int i = 0; i < 500; ++i) {
    all.push_back(uniform(random));
    kth.add(all.back());
    std::vector<float> sorted = all;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(kth.value(), sorted.size() < 7 ? std::numeric_limits<float>::infinity() : sorted[6]);
  }
}

TEST(RobustPruneTest, KeepsTheNearestAndDropsTheCovered) {
  // Points on a line: the one behind another is covered by it.
  const std::vector<float> points{1.0f, 2.0f, -1.5f, 4.0f};
  std::vector<PruneCandidate> candidates;
  for (uint32_t i = 0; i < points.size(); ++i) candidates.push_back({points[i] * points[i], i, 0.0f});
  const size_t chosen = robust_prune(candidates.data(), candidates.size(), 4, [&](uint32_t a) {
    return [&, a](uint32_t b) { return (points[a] - points[b]) * (points[a] - points[b]); };
  });
  ASSERT_EQ(chosen, 2u);
  EXPECT_EQ(candidates[0].index, 0u);
  EXPECT_EQ(candidates[1].index, 2u);
}

// A is the nearest and covers B, but by less than the second alpha; C, the farthest, is covered by nobody.
TEST(RobustPruneTest, WhatTheFirstAlphaCoversComesLast) {
  const std::vector<std::pair<float, float>> points{{1.0f, 0.0f}, {0.62f, 1.1f}, {-3.0f, 0.0f}};
  std::vector<PruneCandidate> candidates;
  const auto between = [&](uint32_t a) {
    return [&, a](uint32_t b) {
      return std::pow(points[a].first - points[b].first, 2.0f) + std::pow(points[a].second - points[b].second, 2.0f);
    };
  };
  for (uint32_t i = 0; i < points.size(); ++i)
    candidates.push_back({points[i].first * points[i].first + points[i].second * points[i].second, i, 0.0f});
  ASSERT_EQ(robust_prune(candidates.data(), candidates.size(), 3, between), 3u);
  EXPECT_EQ(candidates[0].index, 0u);
  EXPECT_EQ(candidates[1].index, 2u);
  EXPECT_EQ(candidates[2].index, 1u);
}

TEST(RobustPruneTest, NeverMoreThanWanted) {
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  std::vector<std::pair<float, float>> points(100);
  for (auto &[x, y] : points) x = normal(random), y = normal(random);
  std::vector<PruneCandidate> candidates;
  for (uint32_t i = 0; i < points.size(); ++i)
    candidates.push_back({points[i].first * points[i].first + points[i].second * points[i].second, i, 0.0f});
  const auto between = [&](uint32_t a) {
    return [&, a](uint32_t b) {
      return std::pow(points[a].first - points[b].first, 2.0f) + std::pow(points[a].second - points[b].second, 2.0f);
    };
  };
  EXPECT_EQ(robust_prune(candidates.data(), candidates.size(), 3, between), 3u);
  std::set<uint32_t> all;
  for (const PruneCandidate &candidate : candidates) all.insert(candidate.index);
  EXPECT_EQ(all.size(), points.size());
}

TEST(NodeFormatTest, EverySlotFitsItsPage) {
  for (size_t dimensions = 1; dimensions <= 16000; dimensions += dimensions < 300 ? 1 : 97)
    for (const size_t m : {2, 5, 16, 48, 100, 216}) {
      const NodeShape shape = choose_node_shape(dimensions, m % 200, m > 200);
      ASSERT_GE(shape.lanes, 1u) << dimensions << " " << m;
      ASSERT_LE(shape.lanes, 2 * (m % 200));
      ASSERT_LE(shape.used_bytes(), shape.slot_bytes) << dimensions << " " << m;
      ASSERT_LE(shape.slots_per_page * shape.slot_bytes, kSlotLines * kLineBytes);
      ASSERT_EQ(shape.slot_bytes % kLineBytes, 0u);
      ASSERT_LE(shape.slots_per_page, 32u);
      // A lane kernel's last load ends on the page: the page has a tail of 16 bytes after its slots.
      ASSERT_LE(kLineBytes + shape.slots_per_page * shape.slot_bytes - shape.slot_bytes + shape.codes_offset() +
                    shape.lanes * shape.code.bytes() + kReadAhead,
                8192u);
    }
  const NodeShape words = choose_node_shape(100, 16, false);
  EXPECT_EQ(words.lanes, 32u);
  EXPECT_EQ(words.slots_per_page, 6u);
  EXPECT_EQ(words.code.bits, 2u);
  const NodeShape text = choose_node_shape(384, 16, false);
  EXPECT_EQ(text.lanes, 20u);
  EXPECT_EQ(text.slots_per_page, 5u);
  EXPECT_EQ(text.code.bits, 1u);
}

}  // namespace
}  // namespace quiver::core
