// Steps that several threads take part in: every item is done once, in its own step, whoever comes late or goes early.
// SPDX-License-Identifier: PostgreSQL
#include "core/shared_work.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

namespace quiver::core {
namespace {

constexpr uint32_t kEnd = 0xffffffff;
constexpr size_t kMostItems = 64;

// Looks again and again instead of sleeping: steps shall follow each other closely. When something went wrong the
// condition may never hold, and nobody waits any longer; nor as long as nothing that goes right takes.
class RestlessCrew final : public Crew {
 public:
  RestlessCrew(SharedWork *work, std::atomic<bool> *is_broken) : Crew(work), is_broken_(is_broken) {}
  void wake_all() override {}

 protected:
  void wait(bool (*holds)(const void *), const void *argument) override {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds(argument) && !is_broken_->load()) {
      if (std::chrono::steady_clock::now() > end) is_broken_->store(true);
      std::this_thread::yield();
    }
  }

 private:
  std::atomic<bool> *is_broken_;
};

class SharedWorkTest : public testing::Test {
 protected:
  // A long step after each short one: who still looks for a range of the short one would find one among the long one's.
  static size_t items_of(uint32_t step) { return step % 2 == 0 ? kMostItems : 1 + step % 3; }

  void check(bool is_right, const char *problem) {
    if (is_right) return;
    problem_.store(problem);
    is_broken_.store(true);
  }

  auto body_of(uint32_t step) {
    return [this, step](size_t first, size_t last) {
      check(step == present_.load(), "a range of a step that is over");
      check(first < last && last <= items_of(step), "a range beyond the items of its step");
      for (size_t i = first; i < last && i < kMostItems; ++i)
        check(times_done_[i].fetch_add(1) == 0, "an item that was done before");
    };
  }

  // Follows some steps, looks for ranges of each long after it is over, and goes; then somebody else comes, who has
  // seen none.
  void help(unsigned seed) {
    std::mt19937 random(seed);
    while (!is_broken_.load()) {
      RestlessCrew crew(&work_, &is_broken_);
      for (unsigned steps = 1 + random() % 50; steps > 0; --steps) {
        const uint32_t step = crew.follow();
        if (step == kEnd) return;
        const unsigned chunk = 1 + random() % 4;
        for (unsigned looks = random() % 300; looks > 0 && !is_broken_.load(); --looks)
          crew.take_part(chunk, body_of(step));
      }
    }
  }

  void lead(std::chrono::milliseconds time) {
    RestlessCrew crew(&work_, &is_broken_);
    const auto end = std::chrono::steady_clock::now() + time;
    while (!is_broken_.load() && std::chrono::steady_clock::now() < end) {
      ++steps_;
      for (auto &times : times_done_) times.store(0);
      present_.store(steps_);
      crew.lead(steps_, items_of(steps_), 1, body_of(steps_));
      for (size_t i = 0; i < kMostItems; ++i)
        check(times_done_[i].load() == (i < items_of(steps_) ? 1u : 0u), "an item that was not done once");
    }
    crew.announce(kEnd);
  }

  SharedWork work_{};
  std::atomic<bool> is_broken_{false};
  std::atomic<const char *> problem_{nullptr};
  std::atomic<uint32_t> present_{0};
  std::array<std::atomic<unsigned>, kMostItems> times_done_{};
  uint32_t steps_ = 0;
};

TEST_F(SharedWorkTest, OneAloneDoesEverything) {
  SoloCrew crew(&work_);
  for (const size_t items : {0, 1, 7, 1000}) {
    size_t done = 0;
    crew.lead(++steps_, items, 3, [&](size_t first, size_t last) {
      EXPECT_EQ(first, done);
      done = last;
    });
    EXPECT_EQ(done, items);
  }
}

TEST_F(SharedWorkTest, EveryItemIsDoneOnceInItsOwnStep) {
  std::vector<std::thread> helpers;
  for (unsigned seed = 0; seed < 4; ++seed) helpers.emplace_back([=, this] { help(seed); });
  lead(std::chrono::milliseconds(500));
  for (std::thread &helper : helpers) helper.join();
  const char *problem = problem_.load();
  EXPECT_FALSE(is_broken_.load()) << (problem != nullptr ? problem : "waited in vain") << ", step " << steps_;
  EXPECT_GT(steps_, 100u);
}

}  // namespace
}  // namespace quiver::core
