// C++ memory that lives and dies with a MemoryContext: a std::pmr adapter, and objects destroyed at context reset.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include <sys/mman.h>

#include <memory_resource>
#include <new>
#include <utility>

namespace quiver::pg {

// Hands the memory of `context` to std::pmr containers. The memory counts in the context's totals and goes with it.
// Failure is std::bad_alloc, never a jump. Alignment up to kMaxAlignment.
class ContextResource final : public std::pmr::memory_resource {
 public:
  static constexpr size_t kMaxAlignment = 64;
  static constexpr size_t kHugePage = size_t{2} << 20;
  static constexpr size_t kWorthHugePages = 4 * kHugePage;

  explicit ContextResource(MemoryContext context) noexcept : context_(context) {}
  MemoryContext context() const noexcept { return context_; }

 private:
  void *do_allocate(size_t bytes, size_t alignment) override {
    if (alignment <= MAXIMUM_ALIGNOF) return allocate_raw(bytes);
    if (alignment > kMaxAlignment || bytes > MaxAllocHugeSize - kMaxAlignment - sizeof(void *)) throw std::bad_alloc();
    // The word before the aligned block remembers where the server's chunk starts.
    char *raw = static_cast<char *>(allocate_raw(bytes + alignment + sizeof(void *)));
    const uintptr_t first = reinterpret_cast<uintptr_t>(raw) + sizeof(void *);
    char *aligned = raw + sizeof(void *) + ((alignment - first % alignment) % alignment);
    reinterpret_cast<void **>(aligned)[-1] = raw;
    return aligned;
  }

  void do_deallocate(void *block, size_t, size_t alignment) override {
    pfree(alignment <= MAXIMUM_ALIGNOF ? block : static_cast<void **>(block)[-1]);
  }

  bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override { return this == &other; }

  // The size check comes first: above the limit the server raises an error whatever the flags say.
  void *allocate_raw(size_t bytes) const {
    if (bytes > MaxAllocHugeSize) throw std::bad_alloc();
    void *block = MemoryContextAllocExtended(context_, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
    if (block == nullptr) throw std::bad_alloc();
    if (bytes >= kWorthHugePages) ask_for_huge_pages(block, bytes);
    return block;
  }

  // A graph under construction is read at random: with small pages every read misses the translation buffer too. Only
  // advice; where the system knows no huge pages nothing changes.
  static void ask_for_huge_pages(void *block, size_t bytes) noexcept {
#ifdef MADV_HUGEPAGE
    const auto first = (reinterpret_cast<uintptr_t>(block) + kHugePage - 1) / kHugePage * kHugePage;
    const auto end = (reinterpret_cast<uintptr_t>(block) + bytes) / kHugePage * kHugePage;
    if (first < end) madvise(reinterpret_cast<void *>(first), end - first, MADV_HUGEPAGE);
#endif
  }

  MemoryContext context_;
};

// An insertion or a scan of long vectors takes some hundred kilobytes and frees them at its end. glibc's malloc would
// give them back to the system each time and have the next statement fault them in page by page; once a block as large
// as this was freed, it keeps twice as much.
inline constexpr size_t kKeptWhenFreed = size_t{1} << 20;
inline void keep_freed_memory() { pfree(MemoryContextAlloc(TopMemoryContext, kKeptWhenFreed)); }

// A T that lives in `context`: its destructor runs when the context is reset or deleted, also on abort. T's own
// containers must use `context` itself or memory outside it, not a child of it: children are deleted first.
// The destructor must not raise.
template <class T, class... Args>
T *make(MemoryContext context, Args &&...args) {
  struct Holder {
    MemoryContextCallback callback;
    alignas(T) unsigned char storage[sizeof(T)];
  };
  ContextResource resource(context);
  Holder *holder = ::new (resource.allocate(sizeof(Holder), alignof(Holder))) Holder;
  T *object = ::new (static_cast<void *>(holder->storage)) T(std::forward<Args>(args)...);
  holder->callback.func = [](void *argument) noexcept { static_cast<T *>(argument)->~T(); };
  holder->callback.arg = object;
  MemoryContextRegisterResetCallback(context, &holder->callback);
  return object;
}

}  // namespace quiver::pg
