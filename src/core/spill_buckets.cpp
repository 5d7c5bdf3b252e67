// Chains of chunks.
// SPDX-License-Identifier: PostgreSQL
#include "core/spill_buckets.hpp"

#include <cstring>
#include <limits>

#include "core/error.hpp"

namespace quiver::core {

SpillBuckets::SpillBuckets(SpillFiles *files, SpillFile file, BucketsState *state, size_t chunk_bytes,
                           std::pmr::memory_resource *memory)
    : files_(files),
      file_(file),
      state_(state),
      chunk_bytes_(chunk_bytes),
      memory_(memory),
      buffers_(memory),
      used_(memory),
      popped_(memory) {}

void SpillBuckets::append(size_t bucket, const void *item, size_t bytes) {
  if (bucket >= used_.size()) {
    buffers_.resize((bucket + 1) * chunk_bytes_);
    used_.resize(bucket + 1, kHeadBytes);
  }
  if (used_[bucket] + bytes > chunk_bytes_) write_chunk(bucket);
  std::memcpy(&buffers_[bucket * chunk_bytes_ + used_[bucket]], item, bytes);
  used_[bucket] += static_cast<uint32_t>(bytes);
}

void SpillBuckets::flush() {
  for (size_t bucket = 0; bucket < used_.size(); ++bucket)
    if (used_[bucket] > kHeadBytes) write_chunk(bucket);
  buffers_ = std::pmr::vector<uint8_t>(memory_);
  used_ = std::pmr::vector<uint32_t>(memory_);
}

void SpillBuckets::write_chunk(size_t bucket) {
  const uint32_t chunk = state_->chunks.fetch_add(1);
  if (chunk == std::numeric_limits<uint32_t>::max()) throw Error(Errc::limit_exceeded, "too much to spill");
  uint8_t *bytes = &buffers_[bucket * chunk_bytes_];
  const ChunkHead head{state_->heads[bucket].exchange(chunk + 1), used_[bucket]};
  std::memcpy(bytes, &head, sizeof head);
  files_->write(file_, uint64_t{chunk} * chunk_bytes_, bytes, used_[bucket]);
  state_->counts[bucket].fetch_add(1);
  used_[bucket] = kHeadBytes;
}

// Nobody adds meanwhile, so that a chunk that was the last one cannot become it again.
std::span<const uint8_t> SpillBuckets::pop(size_t bucket) {
  popped_.resize(chunk_bytes_);
  uint32_t last = state_->heads[bucket].load();
  ChunkHead head;
  do {
    if (last == 0) return {};
    const uint64_t offset = uint64_t{last - 1} * chunk_bytes_;
    files_->read(file_, offset, popped_.data(), sizeof head);
    std::memcpy(&head, popped_.data(), sizeof head);
  } while (!state_->heads[bucket].compare_exchange_weak(last, head.previous));
  state_->counts[bucket].fetch_sub(1);
  files_->read(file_, uint64_t{last - 1} * chunk_bytes_, popped_.data(), head.bytes);
  return std::span<const uint8_t>(popped_).subspan(kHeadBytes, head.bytes - kHeadBytes);
}

}  // namespace quiver::core
