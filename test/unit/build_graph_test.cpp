// The graph in memory and the browser over it: complete, in order, reachable, within its budget.
// SPDX-License-Identifier: PostgreSQL
#include "core/build_graph.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <memory_resource>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/build_plan.hpp"
#include "core/row_encoder.hpp"
#include "core/spill.hpp"

namespace quiver::core {
namespace {

class FilesInMemory final : public SpillFiles {
 public:
  void read(SpillFile file, uint64_t offset, void *to, size_t bytes) override {
    const std::lock_guard lock(mutex_);
    const auto &contents = files_[static_cast<size_t>(file)];
    if (offset + bytes > contents.size()) throw std::runtime_error("read beyond the end");
    std::copy_n(contents.data() + offset, bytes, static_cast<uint8_t *>(to));
  }
  void write(SpillFile file, uint64_t offset, const void *from, size_t bytes) override {
    const std::lock_guard lock(mutex_);
    auto &contents = files_[static_cast<size_t>(file)];
    if (offset + bytes > contents.size()) contents.resize(offset + bytes);
    std::copy_n(static_cast<const uint8_t *>(from), bytes, contents.data() + offset);
  }

 private:
  std::mutex mutex_;
  std::array<std::vector<uint8_t>, kSpillFiles> files_;
};

// Threads stand for the processes that share a block in the server.
class ThreadCrew final : public Crew {
 public:
  struct Bell {
    std::mutex mutex;
    std::condition_variable rung;
  };
  ThreadCrew(SharedWork *work, Bell *bell) : Crew(work), bell_(bell) {}

  void wake_all() override {
    { const std::lock_guard lock(bell_->mutex); }
    bell_->rung.notify_all();
  }

 protected:
  void wait(bool (*holds)(const void *), const void *argument) override {
    std::unique_lock lock(bell_->mutex);
    bell_->rung.wait(lock, [=] { return holds(argument); });
  }

 private:
  Bell *bell_;
};

class BuildGraphTest : public testing::Test {
 protected:
  static constexpr size_t kDimensions = 24;
  static constexpr uint32_t kEnd = kFirstOtherStep;

  void help(Metric metric, ThreadCrew::Bell *bell) {
    BuildGraph graph(shape_, BuildOptions{metric, 64}, *layout_, block_->get(), memory_, files_.get());
    graph.end_adding();
    ThreadCrew crew(graph.work(), bell);
    NoInterrupt interrupt;
    for (uint32_t step = crew.follow(); step != kEnd; step = crew.follow())
      graph.take_part(crew, static_cast<BuildStep>(step), interrupt);
  }

  void finish_with(size_t helpers, Metric metric) {
    NoInterrupt interrupt;
    ThreadCrew::Bell bell;
    ThreadCrew crew(graph_->work(), &bell);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < helpers; ++i) threads.emplace_back([=, this, &bell] { help(metric, &bell); });
    graph_->finish(crew, interrupt);
    crew.announce(kEnd);
    for (std::thread &thread : threads) thread.join();
  }

  void build(size_t rows, size_t distinct, size_t budget = SIZE_MAX, Metric metric = Metric::l2, size_t helpers = 0) {
    shape_ = choose_node_shape(kDimensions, 8, false);
    rotation_ = std::make_unique<Rotation>(kDimensions, 1, memory_);
    encoder_ = std::make_unique<RowEncoder>(shape_, Metric::l2, *rotation_, memory_);
    const size_t near_width = by_leaves_ ? BuildLayout::near_width_for(shape_, metric, 64) : 0;
    const size_t capacity = BuildLayout::capacity_for(shape_, rows, budget, near_width);
    const double expected = static_cast<double>(expected_ > 0 ? expected_ : rows);
    layout_ = spills_ ? std::make_unique<BuildLayout>(
                            shape_, plan_build(shape_, metric, {expected, expected, 64, budget, helpers + 1}))
                      : std::make_unique<BuildLayout>(shape_, capacity, near_width);
    block_ = std::make_unique<PrivateBlock>(*layout_, memory_);
    files_ = std::make_unique<FilesInMemory>();
    graph_ =
        std::make_unique<BuildGraph>(shape_, BuildOptions{metric, 64}, *layout_, block_->get(), memory_, files_.get());
    added_ = 0;
    std::mt19937 random(12);
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < distinct; ++i) {
      std::vector<float> row(kDimensions);
      float spread = random() % 100 < alike_percent_ ? 0.01f : 1.0f;
      if (lengths_differ_) spread *= std::exp(normal(random));
      for (float &value : row) value = spread * normal(random);
      vectors_.push_back(row);
    }
    for (size_t i = 0; i < rows; ++i) {
      ASSERT_TRUE(encoder_->encode(VectorView::dense(vectors_[i % distinct].data(), vectors_[i % distinct].size())));
      if (!graph_->add(encoder_->code(), encoder_->codes(), {0, static_cast<uint16_t>(i), 1})) break;
      ++added_;
    }
    graph_->end_adding();
    finish_with(helpers, metric);
    read_lists();
  }

  // Lists of other windows are not at hand.
  void read_lists() {
    NoInterrupt interrupt;
    lists_.clear();
    for (size_t window = 0; window < graph_->windows(); ++window) {
      graph_->open_window(window, interrupt);
      for (size_t i = 0; i < graph_->window_rows(); ++i) {
        const auto list = graph_->neighbours(graph_->window_first() + static_cast<NodeId>(i));
        lists_.emplace_back(list.begin(), list.end());
      }
    }
  }

  // Nodes that have given edges to others which nothing led to have fewer expendable lanes.
  void expect_room_for_later_edges() {
    size_t without_room = 0;
    for (NodeId id = 0; id < graph_->size(); ++id)
      without_room += lists_[id].size() - graph_->expendable(id) > lasting_lanes(shape_.lanes);
    EXPECT_LT(without_room, graph_->size() / 100);
  }

  void expect_sound_lists() {
    for (NodeId id = 0; id < graph_->size(); ++id) {
      const auto &list = lists_[id];
      EXPECT_LE(list.size(), shape_.lanes);
      const std::set<NodeId> distinct(list.begin(), list.end());
      EXPECT_EQ(distinct.size(), list.size());
      EXPECT_EQ(distinct.count(id), 0u);
      for (const NodeId neighbour : distinct) EXPECT_LT(neighbour, graph_->size());
    }
  }

  void expect_reachable() {
    std::set<NodeId> reached(graph_->entries().begin(), graph_->entries().end());
    std::vector<NodeId> queue(reached.begin(), reached.end());
    while (!queue.empty()) {
      const NodeId id = queue.back();
      queue.pop_back();
      for (const NodeId next : lists_[id])
        if (reached.insert(next).second) queue.push_back(next);
    }
    EXPECT_EQ(reached.size(), graph_->size());
  }

  // Share of the ten nearest of fifty nodes that a narrow search finds.
  double recall_of_neighbours() {
    BuildGraph::View view(*graph_, Metric::l2, memory_);
    BrowseOptions options;
    options.gamma = 0.2f;
    options.max_lanes = shape_.lanes * 2;
    Browser<BuildGraph::View> browser(view, options, memory_);
    double hits = 0;
    for (NodeId target = 0; target < 50; ++target) {
      view.aim(graph_->scalar_code(target), graph_->codes(target));
      browser.start();
      browser.settle();
      std::vector<std::pair<float, NodeId>> exact;
      for (NodeId id = 0; id < graph_->size(); ++id) exact.push_back({view.distance_to(id), id});
      std::partial_sort(exact.begin(), exact.begin() + 10, exact.end());
      for (size_t i = 0; i < 10; ++i)
        hits += std::any_of(browser.found().begin(), browser.found().end(),
                            [&](const auto &found) { return found.id == exact[i].second; });
    }
    return hits / 500.0;
  }

  // Share of the five nearest of fifty nodes that their lists name.
  double nearest_in_lists() {
    BuildGraph::View view(*graph_, Metric::l2, memory_);
    double hits = 0;
    for (NodeId target = 0; target < graph_->size(); target += static_cast<NodeId>(graph_->size() / 50)) {
      view.aim(graph_->scalar_code(target), graph_->codes(target));
      std::vector<std::pair<float, NodeId>> exact;
      for (NodeId id = 0; id < graph_->size(); ++id)
        if (id != target) exact.push_back({view.distance_to(id), id});
      std::partial_sort(exact.begin(), exact.begin() + 5, exact.end());
      const auto &list = lists_[target];
      for (size_t i = 0; i < 5; ++i) hits += std::find(list.begin(), list.end(), exact[i].second) != list.end();
    }
    return hits / 250.0;
  }

  std::pmr::memory_resource *memory_ = std::pmr::new_delete_resource();
  NodeShape shape_;
  std::unique_ptr<Rotation> rotation_;
  std::unique_ptr<RowEncoder> encoder_;
  std::unique_ptr<BuildLayout> layout_;
  std::unique_ptr<PrivateBlock> block_;
  std::unique_ptr<BuildGraph> graph_;
  std::vector<std::vector<float>> vectors_;
  size_t added_ = 0;
  std::unique_ptr<FilesInMemory> files_;
  std::vector<std::vector<NodeId>> lists_;
  bool by_leaves_ = false;
  bool spills_ = false;
  size_t expected_ = 0;         // rows that the plan is made for; 0: as many as come
  unsigned alike_percent_ = 0;  // rows in one small ball
  bool lengths_differ_ = false;
};

TEST_F(BuildGraphTest, ListsAreSound) {
  for (const bool by_leaves : {false, true}) {
    by_leaves_ = by_leaves;
    vectors_.clear();
    build(2000, 2000);
    ASSERT_EQ(graph_->size(), 2000u);
    expect_sound_lists();
    expect_room_for_later_edges();
  }
}

TEST_F(BuildGraphTest, EveryNodeIsReachable) {
  for (const Metric metric : {Metric::l2, Metric::inner_product})
    for (const size_t rows : {700, 1500, 3000}) {
      vectors_.clear();
      build(rows, rows, SIZE_MAX, metric);
      expect_reachable();
    }
}

// Under inner product nearly all edges lead to the few longest rows: what a mended edge displaces is often the only
// one.
TEST_F(BuildGraphTest, EveryNodeIsReachableWhereFewHaveMostEdges) {
  lengths_differ_ = true;
  for (const size_t rows : {1500, 3000, 6000}) {
    vectors_.clear();
    build(rows, rows, SIZE_MAX, Metric::inner_product);
    expect_sound_lists();
    expect_reachable();
  }
}

TEST_F(BuildGraphTest, LeavesServeAnyNumberOfRows) {
  by_leaves_ = true;
  for (const size_t rows : {1, 2, 60, 1000, 1100, 6000}) {
    vectors_.clear();
    build(rows, rows);
    ASSERT_EQ(graph_->size(), rows);
    expect_sound_lists();
    expect_reachable();
    if (rows >= 60) {
      EXPECT_GT(recall_of_neighbours(), 0.97) << rows << " rows";
    }
  }
}

// Pivots hardly divide such rows.
TEST_F(BuildGraphTest, LeavesCopeWithRowsThatAreAlike) {
  by_leaves_ = true;
  for (const unsigned percent : {95, 100}) {
    vectors_.clear();
    alike_percent_ = percent;
    build(5000, 5000);
    expect_sound_lists();
    expect_reachable();
    EXPECT_GT(recall_of_neighbours(), 0.95) << percent << " %";
  }
}

TEST_F(BuildGraphTest, LeavesAreForProductsAndOrdinaryBeams) {
  shape_ = choose_node_shape(kDimensions, 8, false);
  EXPECT_GT(BuildLayout::near_width_for(shape_, Metric::cosine, 96), 0u);
  EXPECT_EQ(BuildLayout::near_width_for(shape_, Metric::inner_product, 96), 0u);
  EXPECT_EQ(BuildLayout::near_width_for(shape_, Metric::l2, 1000), 0u);
}

TEST_F(BuildGraphTest, EqualVectorsShareANode) {
  build(900, 100);
  EXPECT_EQ(graph_->size(), 100u);
  EXPECT_EQ(graph_->extra_count(), 800u);
  for (size_t i = 1; i < graph_->extra_count(); ++i)
    EXPECT_LE(graph_->extra_row(i - 1).node, graph_->extra_row(i).node);
}

TEST_F(BuildGraphTest, SeveralBuildAsWellAsOne) {
  for (const bool by_leaves : {false, true})
    for (const size_t helpers : {0, 3}) {
      by_leaves_ = by_leaves;
      vectors_.clear();
      build(6000, 6000, SIZE_MAX, Metric::l2, helpers);
      expect_sound_lists();
      EXPECT_GT(recall_of_neighbours(), 0.97) << helpers << " helpers, " << (by_leaves ? "leaves" : "insertion");
    }
}

// Lists are asked for the nearest themselves: a graph in windows cannot be browsed.
TEST_F(BuildGraphTest, FilesTakeTheLeavesGraphsPlaceInAnyMemory) {
  by_leaves_ = spills_ = true;
  double in_memory = 0.0;
  for (const size_t budget : {SIZE_MAX / 2, size_t{3} << 20, size_t{1} << 20, size_t{1} << 16})
    for (const size_t helpers : {0, 3}) {
      vectors_.clear();
      build(5000, 5000, budget, Metric::l2, helpers);
      ASSERT_EQ(graph_->size(), 5000u);
      expect_sound_lists();
      expect_reachable();
      if (budget > (size_t{3} << 20)) {
        EXPECT_EQ(graph_->windows(), 1u);
        in_memory = nearest_in_lists();
      } else {
        EXPECT_GT(graph_->windows(), 1u) << budget;
        EXPECT_GT(nearest_in_lists(), in_memory - 0.02) << budget << " bytes, " << helpers << " helpers";
      }
    }
}

TEST_F(BuildGraphTest, FilesServeAnyNumberOfRows) {
  by_leaves_ = spills_ = true;
  for (const size_t rows : {1, 2, 60, 1000, 1100, 6000}) {
    vectors_.clear();
    expected_ = 5000;
    build(rows, rows, size_t{1} << 20);
    ASSERT_TRUE(layout_->plan().spills);
    ASSERT_EQ(graph_->size(), rows);
    expect_sound_lists();
    expect_reachable();
  }
}

TEST_F(BuildGraphTest, FilesMergeEqualRowsAndCopeWithRowsThatAreAlike) {
  by_leaves_ = spills_ = true;
  build(9000, 100, size_t{1} << 20);
  EXPECT_GE(graph_->size(), 100u);
  EXPECT_LT(graph_->size(), 400u);  // pieces that were sorted apart have nodes of their own
  EXPECT_EQ(graph_->size() + graph_->extra_count(), 9000u);
  std::set<uint16_t> rows;
  for (NodeId id = 0; id < graph_->size(); ++id) rows.insert(graph_->row(id).block_low);
  for (size_t i = 0; i < graph_->extra_count(); ++i) rows.insert(graph_->extra_row(i).row.block_low);
  EXPECT_EQ(rows.size(), 9000u);
  vectors_.clear();
  alike_percent_ = 100;
  build(8000, 8000, size_t{1} << 20);
  expect_sound_lists();
  expect_reachable();
}

TEST_F(BuildGraphTest, PlansKeepToTheirBudget) {
  for (const size_t dimensions : {3, 100, 768, 2000}) {
    shape_ = choose_node_shape(dimensions, 16, false);
    for (const double rows : {1000.0, 340479.0, 1e7})
      for (const size_t megabytes : {1, 16, 64, 256, 1024})
        for (const size_t participants : {1, 3}) {
          const size_t budget = megabytes << 20;
          const BuildPlan plan = plan_build(shape_, Metric::l2, {rows, rows, 96, budget, participants});
          if (!plan.spills) continue;
          const BuildLayout layout(shape_, plan);
          const size_t own = plan.cached_records * layout.record_bytes() + plan.piece_bytes;
          // Whatever the budget: a window of a 256th of the rows, and a few megabytes.
          const size_t least =
              static_cast<size_t>(rows / 256 + 32) * BuildLayout::window_bytes_each(shape_, plan.near_width);
          EXPECT_LE(layout.bytes() + own * participants, std::max(budget, least + ((6 + 4 * participants) << 20)))
              << dimensions << " dimensions, " << rows << " rows, " << megabytes << " MB";
        }
  }
}

TEST_F(BuildGraphTest, StopsAtItsBudget) {
  build(2000, 2000, 100 * 1024);
  EXPECT_GT(added_, 100u);
  EXPECT_LT(added_, 2000u);
  EXPECT_EQ(graph_->size(), added_);
}

TEST_F(BuildGraphTest, BrowserFindsNodesOnceAndTheNearestFirst) {
  build(1500, 1500);
  BuildGraph::View view(*graph_, Metric::l2, memory_);
  BrowseOptions options;
  options.gamma = 0.2f;
  options.max_lanes = shape_.lanes * 2;
  Browser<BuildGraph::View> browser(view, options, memory_);
  double hits = 0;
  for (NodeId target = 0; target < 50; ++target) {
    view.aim(graph_->scalar_code(target), graph_->codes(target));
    browser.start();
    const auto *first = browser.next();
    ASSERT_NE(first, nullptr);
    std::vector<std::pair<float, NodeId>> exact;
    for (NodeId id = 0; id < graph_->size(); ++id) exact.push_back({view.distance_to(id), id});
    std::sort(exact.begin(), exact.end());
    std::vector<NodeId> found;
    for (const auto &node : browser.found()) found.push_back(node.id);
    for (size_t i = 0; i < 10; ++i) hits += std::find(found.begin(), found.end(), exact[i].second) != found.end();
    if (target > 0) continue;
    std::set<NodeId> all{first->id};
    for (const auto *node = browser.next(); node != nullptr; node = browser.next())
      EXPECT_TRUE(all.insert(node->id).second);
    // A node that only a distant entry leads to is left to the sweep.
    EXPECT_GE(all.size(), graph_->size() * 995 / 1000);
  }
  EXPECT_GT(hits / 500.0, 0.97);
}

TEST_F(BuildGraphTest, ALimitedSearchStillHandsOutItsFirstRows) {
  build(1500, 1500);
  BuildGraph::View view(*graph_, Metric::l2, memory_);
  BrowseOptions options;
  options.gamma = 10.0f;
  options.max_lanes = shape_.lanes * 2;
  options.max_visits = 40;
  Browser<BuildGraph::View> browser(view, options, memory_);
  view.aim(graph_->scalar_code(7), graph_->codes(7));
  browser.start();
  size_t rows = 0;
  while (browser.next() != nullptr) ++rows;
  EXPECT_TRUE(browser.is_limited());
  EXPECT_EQ(rows, options.base_k);
  EXPECT_EQ(browser.visits(), options.max_visits);
}

}  // namespace
}  // namespace quiver::core
