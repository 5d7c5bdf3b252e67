// Items sorted into buckets on the way out of memory, and taken back bucket by bucket.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/spill.hpp"

namespace quiver::core {

inline constexpr size_t kMostBuckets = 1024;

// What participants share of one set of buckets; zero bytes are its start. A bucket is a chain of chunks of one file.
struct BucketsState {
  std::atomic<uint32_t> chunks;               // of the file, given away
  std::atomic<uint32_t> heads[kMostBuckets];  // the chunk written last, plus one
  std::atomic<uint32_t> counts[kMostBuckets];
};

// One participant's hand on a set of buckets. In one step a bucket is filled or emptied, by any number of participants,
// not both.
class SpillBuckets {
 public:
  // All participants name the same size of chunks. Memory while a step fills buckets: a chunk for each.
  SpillBuckets(SpillFiles *files, SpillFile file, BucketsState *state, size_t chunk_bytes,
               std::pmr::memory_resource *memory);

  // Adds an item, which never lies in two chunks. REQUIRES: it fits a chunk beside its head.
  void append(size_t bucket, const void *item, size_t bytes);
  // Lets others see what was added, and gives the memory back. Due before the step ends.
  void flush();

  // Chunks in a bucket, when nobody adds any.
  size_t chunks(size_t bucket) const { return state_->counts[bucket].load(); }
  // Takes a chunk out; empty when there is none. The items are valid until the next call.
  std::span<const uint8_t> pop(size_t bucket);

  static constexpr size_t kHeadBytes = 8;

 private:
  struct ChunkHead {
    uint32_t previous;
    uint32_t bytes;
  };
  static_assert(sizeof(ChunkHead) == kHeadBytes);

  void write_chunk(size_t bucket);

  SpillFiles *files_;
  SpillFile file_;
  BucketsState *state_;
  size_t chunk_bytes_;
  std::pmr::memory_resource *memory_;
  std::pmr::vector<uint8_t> buffers_;
  std::pmr::vector<uint32_t> used_;  // bytes of each buffer, its head included
  std::pmr::vector<uint8_t> popped_;
};

}  // namespace quiver::core
