// The least of many items, gathered while they stream by.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory_resource>
#include <vector>

namespace quiver::core {

// Keeps the least `wanted` items of those added, in a buffer of twice as many that is cut whenever it is full: most
// items are turned away by one comparison. operator< orders items, no two equal.
template <class Item>
class LeastItems {
 public:
  explicit LeastItems(std::pmr::memory_resource *memory) : items_(memory) {}

  // Begins to gather; what next() has not handed out stays in.
  void begin(size_t wanted) {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(position_));
    position_ = sorted_ = 0;
    wanted_ = std::max<size_t>(wanted, 1);
    is_limited_ = false;
    items_.reserve(std::max(items_.size(), 2 * wanted_));
  }
  // Whether anything was turned away, and what the largest is that was not. REQUIRES for limit(): is_limited().
  bool is_limited() const { return is_limited_; }
  const Item &limit() const { return limit_; }

  void add(const Item &item) {
    if (is_limited_ && limit_ < item) return;
    if (items_.size() >= 2 * wanted_) cut();
    items_.push_back(item);
  }
  // Turns away what is larger from now on, also of what was added before: for who knows that it will not be asked for.
  void limit_to(const Item &item) {
    if (is_limited_ && !(item < limit_)) return;
    limit_ = item;
    is_limited_ = true;
  }
  void finish() {
    if (is_limited_ || items_.size() > wanted_) cut();
  }

  // The least that is left, or null; and takes it. Items are sorted a piece at a time, as few are ever asked for.
  const Item *next() {
    if (position_ == sorted_) sort_piece();
    return position_ < sorted_ ? &items_[position_] : nullptr;
  }
  void take() { ++position_; }
  // One that follows soon, or null.
  const Item *later(size_t distance) const {
    return position_ + distance < sorted_ ? &items_[position_ + distance] : nullptr;
  }

  size_t bytes() const { return items_.capacity() * sizeof(Item); }
  void clear() {
    items_.clear();
    items_.shrink_to_fit();
    position_ = sorted_ = 0;
  }

 private:
  static constexpr size_t kPiece = 64;

  void cut() {
    if (is_limited_) std::erase_if(items_, [this](const Item &item) { return limit_ < item; });
    if (items_.size() <= wanted_) return;
    const auto last = items_.begin() + static_cast<std::ptrdiff_t>(wanted_ - 1);
    std::nth_element(items_.begin(), last, items_.end());
    limit_ = *last;
    is_limited_ = true;
    items_.resize(wanted_);
  }

  void sort_piece() {
    const size_t end = std::min(items_.size(), sorted_ + kPiece);
    const auto first = items_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    const auto middle = items_.begin() + static_cast<std::ptrdiff_t>(end);
    if (end < items_.size()) std::nth_element(first, middle, items_.end());
    std::sort(first, middle);
    sorted_ = end;
  }

  std::pmr::vector<Item> items_;
  size_t position_ = 0, sorted_ = 0, wanted_ = 1;
  Item limit_{};
  bool is_limited_ = false;
};

}  // namespace quiver::core
