// Encoding of residuals in lists, and tables of queries.
// SPDX-License-Identifier: PostgreSQL
#include "core/list_code.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// Steps of the quantizers of a normal variable that lose least (Max 1960), times the three tries.
constexpr float kFourLevelStep = 0.9957f, kSixteenLevelStep = 0.3352f;
constexpr float kStepTries[] = {0.85f, 1.0f, 1.18f};

// Every query finds these worth a look.
constexpr ListFactors kUnknown = {-0.5f * std::numeric_limits<float>::max(), 0.0f, 0.0f};

constexpr size_t kGroupValues = 16;  // of a group of four bits

float middle_level(const CodeShape &shape) { return 0.5f * static_cast<float>((1u << shape.bits) - 1u); }

}  // namespace

ListEncoder::ListEncoder(CodeShape shape, const ProductBook *book, bool inner_product,
                         std::pmr::memory_resource *memory)
    : shape_(shape),
      inner_product_(inner_product),
      kernels_(simd::kernels()),
      residual_(shape.dimensions, memory),
      levels_(shape.axes, memory),
      tried_levels_(shape.axes, memory) {
  if (book == nullptr) return;
  product_.emplace(*book, memory);
  error_ratio_ = book->error_ratio;
}

ListFactors ListEncoder::encode(const float *row, const float *centroid) {
  const float length = kernels_.subtract(row, centroid, shape_.dimensions, residual_.data());
  std::fill(levels_.begin(), levels_.end(), uint8_t{0});
  if (!std::isfinite(length)) return kUnknown;
  const bool covers_all = product_ || shape_.axes == shape_.dimensions;
  const float coded_length =
      covers_all ? length : kernels_.inner_product(residual_.data(), residual_.data(), shape_.axes);
  const float centroid_product =
      inner_product_ ? kernels_.inner_product(residual_.data(), centroid, shape_.dimensions) : 0.0f;
  const float own_part = inner_product_ ? -centroid_product : length;
  const float factor = inner_product_ ? 1.0f : 2.0f;
  const ProductSums sums = choose_code(length, coded_length, centroid);
  const auto dimensions = static_cast<float>(shape_.dimensions);
  const float axes = covers_all ? dimensions : static_cast<float>(shape_.axes);
  if (!(sums.alignment > 0.0f)) return {own_part, 0.0f, factor * std::sqrt(length)};
  const float cross = factor * (dimensions / axes) * coded_length / sums.alignment;
  // What the code leaves open, and where it covers some axes only, what the others do. Errors of words lie along some
  // axes more than along others.
  const float spread = coded_length * sums.squared_norm / (sums.alignment * sums.alignment) - axes / dimensions;
  const float error = factor * error_ratio_ * std::sqrt(length * std::max(0.0f, spread) / std::max(1.0f, axes - 1.0f));
  const ListFactors factors = {own_part + cross * sums.other_product, -cross, error};
  const bool finite = std::isfinite(factors.add) && std::isfinite(cross) && std::isfinite(error);
  return finite ? factors : kUnknown;
}

ProductSums ListEncoder::choose_code(float length, float coded_length, const float *centroid) {
  if (product_) {
    if (!(length > 0.0f)) return {0.0f, 0.0f, 0.0f};
    return product_->encode(residual_.data(), length, centroid, levels_.data());
  }
  const simd::LevelSums sums = choose_levels(coded_length);
  float sum = 0.0f;
  for (size_t i = 0; i < shape_.axes; ++i) sum += centroid[i];
  const float product = kernels_.dot_float_u8(centroid, levels_.data(), shape_.axes) - middle_level(shape_) * sum;
  return {sums.alignment, sums.squared_norm, product};
}

simd::LevelSums ListEncoder::quantize(float inverse_step, uint8_t *levels) const {
  if (shape_.bits == 2) return kernels_.quantize_levels(residual_.data(), shape_.axes, inverse_step, levels);
  const float middle = middle_level(shape_), top = 2.0f * middle;
  simd::LevelSums sums{0.0f, 0.0f};
  for (size_t i = 0; i < shape_.axes; ++i) {
    const float scaled = std::clamp(residual_[i] * inverse_step + (middle + 0.5f), 0.0f, top + 0.5f);
    levels[i] = static_cast<uint8_t>(scaled);
    const float level = static_cast<float>(levels[i]) - middle;
    sums.alignment += residual_[i] * level;
    sums.squared_norm += level * level;
  }
  return sums;
}

// The levels of the tries that point closest to the residual; the step itself cancels out of the estimate. With one bit
// every step gives the signs.
simd::LevelSums ListEncoder::choose_levels(float coded_length) {
  const float deviation = std::sqrt(coded_length / static_cast<float>(shape_.axes));
  simd::LevelSums best{0.0f, 0.0f};
  if (!(deviation > 0.0f)) return best;
  const float step = deviation * (shape_.bits == 4 ? kSixteenLevelStep : kFourLevelStep);
  float best_cosine = -1.0f;
  for (const float factor : kStepTries) {
    const float inverse = shape_.bits == 1 ? std::numeric_limits<float>::max() : 1.0f / (step * factor);
    if (!std::isfinite(inverse)) continue;
    const simd::LevelSums sums = quantize(inverse, tried_levels_.data());
    const float cosine = sums.alignment / std::sqrt(sums.squared_norm);
    if (!(cosine > best_cosine)) continue;
    best_cosine = cosine;
    best = sums;
    levels_.swap(tried_levels_);
    if (shape_.bits == 1) break;
  }
  return best;
}

void write_block_lane(const CodeShape &shape, const uint8_t *levels, size_t lane, uint8_t *block) {
  if (shape.bits == 8) {
    for (size_t axis = 0; axis < shape.axes; ++axis) block[axis * simd::kBlockLanes + lane] = levels[axis];
    return;
  }
  const size_t axes_per_group = 4 / shape.bits, groups = code_groups(shape);
  const unsigned shift = lane < kGroupBytes ? 0 : 4;
  const auto keep = static_cast<uint8_t>(0xf0u >> shift);
  for (size_t group = 0; group < groups; ++group) {
    unsigned nibble = 0;
    for (size_t i = 0; i < axes_per_group; ++i) {
      const size_t axis = group * axes_per_group + i;
      if (axis < shape.axes) nibble |= static_cast<unsigned>(levels[axis]) << (i * shape.bits);
    }
    uint8_t &byte = block[group * kGroupBytes + lane % kGroupBytes];
    byte = static_cast<uint8_t>((byte & keep) | nibble << shift);
  }
}

void read_block_lane(const CodeShape &shape, const uint8_t *block, size_t lane, uint8_t *levels) {
  if (shape.bits == 8) {
    for (size_t axis = 0; axis < shape.axes; ++axis) levels[axis] = block[axis * simd::kBlockLanes + lane];
    return;
  }
  const size_t axes_per_group = 4 / shape.bits;
  const unsigned shift = lane < kGroupBytes ? 0 : 4, mask = (1u << shape.bits) - 1u;
  for (size_t axis = 0; axis < shape.axes; ++axis) {
    const unsigned byte = block[axis / axes_per_group * kGroupBytes + lane % kGroupBytes];
    levels[axis] = static_cast<uint8_t>(byte >> (shift + axis % axes_per_group * shape.bits) & mask);
  }
}

namespace {

// What each value of a group's bits adds to <levels, query>. Returns what levels that count from their middle take
// away.
double fill_levels(const CodeShape &shape, const float *query, std::pmr::vector<float> *values) {
  const size_t groups = code_groups(shape), axes_per_group = 4 / shape.bits;
  const unsigned mask = (1u << shape.bits) - 1u;
  values->resize(groups * kGroupValues);
  double sum = 0.0;
  for (size_t axis = 0; axis < shape.axes; ++axis) sum += query[axis];
  float levels[4][kGroupValues];  // of each value of a group, its axes' levels
  for (size_t i = 0; i < axes_per_group; ++i)
    for (unsigned value = 0; value < kGroupValues; ++value)
      levels[i][value] = static_cast<float>(value >> (i * shape.bits) & mask);
  for (size_t group = 0; group < groups; ++group) {
    float *row = &(*values)[group * kGroupValues];
    std::fill_n(row, kGroupValues, 0.0f);
    const size_t first = group * axes_per_group, axes = std::min(axes_per_group, shape.axes - first);
    for (size_t i = 0; i < axes; ++i)
      for (size_t value = 0; value < kGroupValues; ++value) row[value] += levels[i][value] * query[first + i];
  }
  return -static_cast<double>(middle_level(shape)) * sum;
}

// The product of each word with its part of the query, from the book's origin on.
void fill_words(const ProductBook &book, const float *query, std::pmr::vector<float> *values) {
  const ProductShape &shape = book.shape();
  const size_t words = shape.words(), axes = shape.axes();
  auto *memory = values->get_allocator().resource();
  std::pmr::vector<float> moved(shape.dimensions, memory), rotated(shape.dimensions, memory);
  simd::kernels().subtract(query, book.origin.data(), shape.dimensions, moved.data());
  book.rotate(moved.data(), 1, rotated.data());
  values->assign(shape.parts * words, 0.0f);
  for (size_t part = 0; part < shape.parts; ++part)
    for (size_t axis = 0; axis < axes; ++axis) {
      const float value = rotated[part * axes + axis], *row = book.words_of(part) + axis * words;
      for (size_t word = 0; word < words; ++word) (*values)[part * words + word] += value * row[word];
    }
}

}  // namespace

void PreparedListQuery::prepare(const CodeShape &shape, const ProductBook *book, const float *query) {
  estimate_ = shape.bits == 8 ? simd::kernels().estimate_block_8bit : simd::kernels().estimate_block;
  std::pmr::vector<float> values(tables_.get_allocator().resource());
  if (book != nullptr) {
    fill_words(*book, query, &values);
    round_tables(&values, book->shape().parts, 0.0);
  } else {
    const double offset = fill_levels(shape, query, &values);
    round_tables(&values, code_groups(shape), offset);
  }
}

namespace {

// The least and the largest of a group's values. Side by side: compilers keep the order of comparisons that may meet
// what is not a number.
struct Range {
  float least, largest;
};
Range range_of(const float *values, size_t count) {
  constexpr size_t kSide = 8;
  static_assert(kGroupValues % kSide == 0);
  float least[kSide], largest[kSide];
  std::copy_n(values, kSide, least);
  std::copy_n(values, kSide, largest);
  for (size_t first = kSide; first < count; first += kSide)
    for (size_t i = 0; i < kSide; ++i) {
      const float value = values[first + i];
      least[i] = value < least[i] ? value : least[i];
      largest[i] = value > largest[i] ? value : largest[i];
    }
  return {*std::min_element(least, least + kSide), *std::max_element(largest, largest + kSide)};
}

}  // namespace

// One step for all groups, whose values count from their least.
void PreparedListQuery::round_tables(std::pmr::vector<float> *values, size_t groups, double offset) {
  const size_t count = groups > 0 ? values->size() / groups : 0;
  tables_.resize(values->size());
  float widest = 0.0f;
  for (size_t group = 0; group < groups; ++group) {
    float *row = &(*values)[group * count];
    const Range range = range_of(row, count);
    for (size_t i = 0; i < count; ++i) row[i] -= range.least;
    offset += range.least;
    widest = std::max(widest, range.largest - range.least);
  }
  const float step = std::isfinite(widest) ? widest / 255.0f : 0.0f, inverse = step > 0.0f ? 1.0f / step : 0.0f;
  const bool usable = std::isfinite(inverse);
  for (size_t i = 0; i < tables_.size(); ++i)
    tables_[i] = usable ? static_cast<uint8_t>(std::min(255.0f, (*values)[i] * inverse + 0.5f)) : uint8_t{0};
  query_ = {tables_.data(), groups, usable ? step : 0.0f, static_cast<float>(offset)};
}

}  // namespace quiver::core
