// Rows in ascending order out of a source too large to sort: pass after pass, each keeping what fits the memory.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory_resource>
#include <vector>

namespace quiver::core {

// The caller reads its whole source in each pass and offers every row; the nearest that fit are handed out before the
// next pass. Row has a `bound`, and operator< orders rows by it and then by what tells them apart.
template <class Row>
class OrderedPasses {
 public:
  OrderedPasses(size_t max_bytes, std::pmr::memory_resource *memory)
      : capacity_(std::max(kMinRows, max_bytes / sizeof(Row))), rows_(memory) {}

  // Restricts what follows to lower <= bound < upper and starts again.
  void restart(double lower, double upper) {
    rows_.clear();
    position_ = 0;
    started_ = complete_ = false;
    lower_ = lower;
    upper_ = upper;
  }

  // The next row, or null: then another pass is due unless this was the last.
  const Row *next() {
    if (position_ == rows_.size()) return nullptr;
    last_ = rows_[position_];
    return &rows_[position_++];
  }
  bool is_complete() const { return complete_; }

  void begin_pass() {
    rows_.clear();
    position_ = 0;
    overflowed_ = false;
  }
  // Whether the row is in the range and was not handed out in an earlier pass.
  bool wants(const Row &row) const { return row.bound >= lower_ && row.bound < upper_ && (!started_ || last_ < row); }
  // A max-heap of the nearest once the memory is full. REQUIRES: wants(row).
  void keep(const Row &row) {
    if (rows_.size() < capacity_) {
      rows_.push_back(row);
      if (rows_.size() == capacity_) std::make_heap(rows_.begin(), rows_.end());
      return;
    }
    overflowed_ = true;
    if (!(row < rows_.front())) return;
    std::pop_heap(rows_.begin(), rows_.end());
    rows_.back() = row;
    std::push_heap(rows_.begin(), rows_.end());
  }
  void finish_pass() {
    std::sort(rows_.begin(), rows_.end());
    started_ = started_ || !rows_.empty();
    complete_ = !overflowed_;
  }

 private:
  static constexpr size_t kMinRows = 1024;

  size_t capacity_;
  std::pmr::vector<Row> rows_;
  size_t position_ = 0;
  Row last_{};
  bool started_ = false;   // last_ is set: only rows after it count
  bool complete_ = false;  // the last pass had room for all
  bool overflowed_ = false;
  double lower_ = 0.0, upper_ = 0.0;
};

}  // namespace quiver::core
