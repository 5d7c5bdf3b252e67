// How lists of a graph under construction are shared: whole words read without a lock, changes under a byte's.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace quiver::core {

template <class T>
T load_shared(T &value) {
  return std::atomic_ref<T>(value).load(std::memory_order_acquire);
}
template <class T>
void store_shared(T &value, T now) {
  std::atomic_ref<T>(value).store(now, std::memory_order_release);
}

// A byte as a lock, held for microseconds. Nothing under it throws or waits.
class ListLock {
 public:
  explicit ListLock(uint8_t &byte) : byte_(byte) {
    constexpr int kSpins = 1000;
    for (int spins = 0; byte_.exchange(1, std::memory_order_acquire) != 0; ++spins)
      if (spins >= kSpins) sched_yield();
  }
  ~ListLock() { byte_.store(0, std::memory_order_release); }
  ListLock(const ListLock &) = delete;
  ListLock &operator=(const ListLock &) = delete;

 private:
  std::atomic_ref<uint8_t> byte_;
};

}  // namespace quiver::core
