// What a build keeps outside memory: a few files of bytes, which all participants read and write in place.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace quiver::core {

enum class SpillFile : uint32_t { collected, sorted, records, rows, extra_rows, cells, near, offers, windows };
inline constexpr size_t kSpillFiles = 9;

// Implemented by pg over temporary files and by unit tests over memory. Reads are of bytes that were written.
class SpillFiles {
 public:
  virtual ~SpillFiles() = default;
  virtual void read(SpillFile file, uint64_t offset, void *to, size_t bytes) = 0;
  virtual void write(SpillFile file, uint64_t offset, const void *from, size_t bytes) = 0;
};

// Elements of one size, read mostly in order.
template <class T>
class SpillReader {
 public:
  SpillReader(SpillFiles *files, SpillFile file, std::pmr::memory_resource *memory)
      : files_(files), file_(file), window_(memory) {}

  // REQUIRES: i < count, the number of elements in the file.
  const T &at(uint64_t i, uint64_t count) {
    if (i < first_ || i - first_ >= window_.size()) {
      first_ = i / kWindow * kWindow;
      window_.resize(static_cast<size_t>(std::min<uint64_t>(kWindow, count - first_)));
      files_->read(file_, first_ * sizeof(T), window_.data(), window_.size() * sizeof(T));
    }
    return window_[static_cast<size_t>(i - first_)];
  }

 private:
  static constexpr size_t kWindow = 512;

  SpillFiles *files_;
  SpillFile file_;
  uint64_t first_ = 0;
  std::pmr::vector<T> window_;
};

// Bytes written one after another.
class SpillWriter {
 public:
  SpillWriter(SpillFiles *files, SpillFile file, std::pmr::memory_resource *memory)
      : files_(files), file_(file), buffer_(memory) {
    buffer_.reserve(kBuffer);
  }

  void append(const void *bytes, size_t count) {
    if (buffer_.size() + count > kBuffer) flush();
    const auto *first = static_cast<const uint8_t *>(bytes);
    buffer_.insert(buffer_.end(), first, first + count);
  }

  void flush() {
    if (!buffer_.empty()) files_->write(file_, written_, buffer_.data(), buffer_.size());
    written_ += buffer_.size();
    buffer_.clear();
  }

 private:
  static constexpr size_t kBuffer = size_t{32} << 10;

  SpillFiles *files_;
  SpillFile file_;
  uint64_t written_ = 0;
  std::pmr::vector<uint8_t> buffer_;
};

}  // namespace quiver::core
