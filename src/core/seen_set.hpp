// Open-addressing table of the nodes a search has met, with the best estimate of each.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <vector>

namespace quiver::core {

// Small tables stay in the first-level cache; the table grows fourfold when five eighths full. Ids may be anything but
// 0xffffffff.
class SeenSet {
 public:
  struct Entry {
    uint32_t id;
    float estimate;  // -infinity once visited
  };

  explicit SeenSet(std::pmr::memory_resource *memory) : table_(memory) { table_.assign(kInitialCapacity, kEmpty); }

  // Makes room for `more` insertions, so that find_or_add cannot allocate.
  void reserve(size_t more) {
    if (is_crowded(size_ + more, table_.size())) grow(size_ + more);
  }

  // The entry of `id`; `added` says whether it is new (its estimate then is +infinity).
  Entry *find_or_add(uint32_t id, bool *added) noexcept {
    size_t position = slot_of(id);
    while (table_[position].id != kNone) {
      if (table_[position].id == id) {
        *added = false;
        return &table_[position];
      }
      position = (position + 1) & (table_.size() - 1);
    }
    ++size_;
    *added = true;
    table_[position] = {id, std::numeric_limits<float>::infinity()};
    return &table_[position];
  }

  // The entry of `id`, or null.
  const Entry *find(uint32_t id) const noexcept {
    for (size_t position = slot_of(id);; position = (position + 1) & (table_.size() - 1)) {
      if (table_[position].id == id) return &table_[position];
      if (table_[position].id == kNone) return nullptr;
    }
  }

  static void mark_visited(Entry *entry) noexcept { entry->estimate = -std::numeric_limits<float>::infinity(); }
  static bool is_visited(const Entry *entry) noexcept {
    return entry->estimate == -std::numeric_limits<float>::infinity();
  }

  // Empties the table. A table that grew large is cut back, so that an insert after a wide search starts small again.
  void clear() {
    if (table_.size() > kKeptCapacity) table_.resize(kKeptCapacity);
    std::fill(table_.begin(), table_.end(), kEmpty);
    size_ = 0;
  }

  size_t size() const { return size_; }
  size_t bytes() const { return table_.size() * sizeof(Entry); }

 private:
  static constexpr size_t kInitialCapacity = 4096;
  static constexpr size_t kKeptCapacity = kInitialCapacity;
  static constexpr uint32_t kNone = 0xffffffffu;
  static constexpr Entry kEmpty{kNone, 0.0f};

  static bool is_crowded(size_t entries, size_t capacity) { return entries * 8 > capacity * 5; }

  size_t slot_of(uint32_t id) const noexcept {
    return (static_cast<size_t>(id) * 0x9e3779b97f4a7c15u >> 32) & (table_.size() - 1);
  }

  void grow(size_t wanted) {
    size_t capacity = table_.size();
    while (is_crowded(wanted, capacity)) capacity *= 4;
    std::pmr::vector<Entry> old(capacity, kEmpty, table_.get_allocator());
    old.swap(table_);
    for (const Entry &entry : old) {
      if (entry.id == kNone) continue;
      size_t position = slot_of(entry.id);
      while (table_[position].id != kNone) position = (position + 1) & (capacity - 1);
      table_[position] = entry;
    }
  }

  std::pmr::vector<Entry> table_;
  size_t size_ = 0;
};

}  // namespace quiver::core
