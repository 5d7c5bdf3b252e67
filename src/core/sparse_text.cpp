// Reading pairs of index and value between braces.
// SPDX-License-Identifier: PostgreSQL
#include "core/sparse_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/number_text.hpp"
#include "core/vector_text.hpp"

namespace quiver::core {

namespace {

class SparseReader {
 public:
  SparseReader(const char *text, SparseElement *elements, size_t capacity)
      : at_(skip_blanks(text)), end_(text + std::strlen(text)), elements_(elements), capacity_(capacity) {}

  ParsedSparse read() {
    read_all();
    return parsed_;
  }

 private:
  bool refuse(SparseProblem problem) {
    parsed_.problem = problem;
    return false;
  }

  bool read_all() {
    if (*at_ != '{') return refuse(SparseProblem::no_opening_brace);
    at_ = skip_blanks(at_ + 1);
    if (*at_ == '}')
      ++at_;
    else if (!read_elements())
      return false;
    at_ = skip_blanks(at_);
    if (*at_ != '/') return refuse(SparseProblem::no_dimensions);
    at_ = skip_blanks(at_ + 1);
    if (!read_integer(&parsed_.dimensions)) return refuse(SparseProblem::malformed);
    return *skip_blanks(at_) == '\0' || refuse(SparseProblem::junk_after_end);
  }

  // Up to and with the closing brace.
  bool read_elements() {
    for (;; ++at_) {
      if (!read_element()) return false;
      at_ = skip_blanks(at_);
      if (*at_ == '}') {
        ++at_;
        return true;
      }
      if (*at_ != ',') return refuse(SparseProblem::malformed);
    }
  }

  bool read_element() {
    SparseElement element{};
    at_ = skip_blanks(at_);
    if (parsed_.count == capacity_ || !read_integer(&element.index)) return refuse(SparseProblem::malformed);
    at_ = skip_blanks(at_);
    if (*at_ != ':') return refuse(SparseProblem::malformed);
    at_ = skip_blanks(at_ + 1);
    const ReadNumber number = read_number(at_, end_);
    if (number.end == at_) return refuse(SparseProblem::malformed);
    if (number.overflow || number.underflow) {
      parsed_.token = at_;
      parsed_.token_bytes = static_cast<size_t>(number.end - at_);
      return refuse(SparseProblem::out_of_range);
    }
    if (std::isnan(number.value)) return refuse(SparseProblem::nan_element);
    if (std::isinf(number.value)) return refuse(SparseProblem::infinite_element);
    element.value = number.value;
    if (element.value != 0.0f) elements_[parsed_.count++] = element;
    at_ = number.end;
    return true;
  }

  // Clamped, so that a number with any count of digits is out of bounds and nothing worse.
  bool read_integer(int32_t *value) {
    char *rest;
    const long long number = std::strtoll(at_, &rest, 10);
    if (rest == at_) return false;
    at_ = rest;
    *value = static_cast<int32_t>(
        std::clamp<long long>(number, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
    return true;
  }

  const char *at_;
  const char *end_;
  SparseElement *elements_;
  size_t capacity_;
  ParsedSparse parsed_{SparseProblem::none, 0, 0, nullptr, 0};
};

}  // namespace

ParsedSparse parse_sparse(const char *text, SparseElement *elements, size_t capacity) noexcept {
  return SparseReader(text, elements, capacity).read();
}

size_t count_sparse_elements(const char *text) noexcept { return count_elements(text); }

}  // namespace quiver::core
