// The least of many items: all of them and no others, round after round.
// SPDX-License-Identifier: PostgreSQL
#include "core/least_items.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace quiver::core {
namespace {

struct Item {
  float value;
  int id;
  bool operator<(const Item &other) const { return value != other.value ? value < other.value : id < other.id; }
};

std::vector<Item> some_items(int count) {
  std::mt19937 random(7);
  std::vector<Item> items;
  for (int id = 0; id < count; ++id) items.push_back({static_cast<float>(random() % 300), id});
  return items;
}

TEST(LeastItemsTest, HandsOutTheLeastInOrder) {
  const std::vector<Item> source = some_items(5000);
  std::vector<Item> sorted = source;
  std::sort(sorted.begin(), sorted.end());
  for (const size_t wanted : {1, 63, 64, 65, 700, 4999, 5000, 9000}) {
    LeastItems<Item> least(std::pmr::new_delete_resource());
    least.begin(wanted);
    for (const Item &item : source) least.add(item);
    least.finish();
    EXPECT_EQ(least.is_limited(), wanted < source.size());
    size_t count = 0;
    for (; const Item *item = least.next(); least.take(), ++count) ASSERT_EQ(item->id, sorted[count].id) << wanted;
    EXPECT_EQ(count, std::min(wanted, source.size()));
    if (least.is_limited()) {
      EXPECT_EQ(least.limit().id, sorted[wanted - 1].id);
    }
  }
}

// As a scan uses it: each round reads the source again for what lies beyond the limit of the one before; what was
// not taken stays.
void give_every_item_once(bool limits_early) {
  const std::vector<Item> source = some_items(5000);
  LeastItems<Item> least(std::pmr::new_delete_resource());
  std::vector<bool> seen(source.size());
  size_t count = 0, wanted = 20;
  Item passed{}, taken_last{};
  bool is_first = true, has_left = true;
  while (has_left) {
    least.begin(wanted);
    for (const Item &item : source)
      if (is_first || passed < item) {
        least.add(item);
        if (limits_early && item.id % 100 == 99) least.limit_to({item.value + 3.0f, 0});
      }
    least.finish();
    has_left = least.is_limited();
    if (has_left) passed = least.limit();
    is_first = false;
    for (size_t taken = 0; least.next() != nullptr && (taken < wanted / 3 || !has_left); ++taken, ++count) {
      ASSERT_FALSE(seen[static_cast<size_t>(least.next()->id)]);
      seen[static_cast<size_t>(least.next()->id)] = true;
      taken_last = *least.next();
      least.take();
    }
    // A limit may lie below what an earlier round had room for.
    passed = std::max(passed, taken_last);
    wanted = std::min<size_t>(2 * wanted, 5000);
  }
  EXPECT_EQ(count, source.size());
}

TEST(LeastItemsTest, RoundsGiveEveryItemOnce) { give_every_item_once(false); }
TEST(LeastItemsTest, RoundsThatLimitEarlyGiveEveryItemOnce) { give_every_item_once(true); }

TEST(LeastItemsTest, LimitsWhatWasAddedBefore) {
  LeastItems<Item> least(std::pmr::new_delete_resource());
  least.begin(100);
  for (int id = 0; id < 50; ++id) least.add({static_cast<float>(id), id});
  least.limit_to({20.0f, 20});
  least.limit_to({30.0f, 30});  // farther: says nothing new
  least.add({21.0f, 100});
  least.add({19.5f, 101});
  least.finish();
  ASSERT_TRUE(least.is_limited());
  EXPECT_EQ(least.limit().id, 20);
  size_t count = 0;
  for (; const Item *item = least.next(); least.take(), ++count) EXPECT_LE(item->value, 20.0f);
  EXPECT_EQ(count, 22u);
}

TEST(LeastItemsTest, SeesALittleAhead) {
  LeastItems<Item> least(std::pmr::new_delete_resource());
  least.begin(10);
  for (int id = 0; id < 5; ++id) least.add({static_cast<float>(5 - id), id});
  least.finish();
  ASSERT_NE(least.next(), nullptr);
  EXPECT_EQ(least.later(3)->value, 4.0f);
  EXPECT_EQ(least.later(5), nullptr);
}

}  // namespace
}  // namespace quiver::core
