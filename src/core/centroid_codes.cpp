// Coding of centroids and estimates of their distances.
// SPDX-License-Identifier: PostgreSQL
#include "core/centroid_codes.hpp"

#include <cmath>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// Distances that are compared with the estimates are binary32 sums: off by so much of the squared lengths.
constexpr float kRounding = 0x1p-20f;
constexpr size_t kLanes = simd::kBlockLanes;

}  // namespace

CentroidCodes::CentroidCodes(std::pmr::memory_resource *memory)
    : memory_(memory),
      mean_(memory),
      zeros_(memory),
      codes_(memory),
      add_(memory),
      product_add_(memory),
      rescale_(memory),
      error_(memory) {}

void CentroidCodes::begin(const CodeShape &shape, bool by_product, size_t count) {
  shape_ = shape;
  count_ = count;
  blocks_ = (count + kLanes - 1) / kLanes;
  mean_.assign(shape.dimensions, 0.0f);
  zeros_.assign(shape.dimensions, 0.0f);
  codes_.assign(blocks_ * code_groups(shape) * kGroupBytes, 0);
  for (auto *factors : {&add_, &rescale_, &error_}) factors->assign(blocks_ * kLanes, 0.0f);
  product_add_.assign(by_product ? blocks_ * kLanes : 0, 0.0f);
  // A table's step is at most this for a difference of length 1; each group's value is off by up to half of it, some
  // up, some down: the standard error of their sum.
  const float axes = 4.0f / static_cast<float>(shape.bits), top = static_cast<float>((1u << shape.bits) - 1u);
  const float step = top * std::sqrt(axes) / 255.0f;
  table_error_ = step * std::sqrt(static_cast<float>(code_groups(shape)) / 12.0f);
}

void CentroidCodes::encode(size_t number, float *values, ListEncoder *encoder) {
  const auto squared = static_cast<float>(simd::kernels().squared_norm(values, shape_.dimensions));
  for (size_t i = 0; i < shape_.dimensions; ++i) values[i] -= mean_[i];
  const ListFactors factors = encoder->encode(values, zeros_.data());
  const size_t place = place_of(number);
  write_block_lane(shape_, encoder->levels(), place % kLanes,
                   &codes_[place / kLanes * code_groups(shape_) * kGroupBytes]);
  add_[place] = factors.add - kRounding * squared;
  rescale_[place] = factors.rescale;
  error_[place] = factors.error + std::fabs(factors.rescale) * table_error_;
  if (!product_add_.empty()) product_add_[place] = add_[place] - squared;
}

// Eight at a time: compilers keep the order of comparisons that may meet what is not a number.
float NearCentroids::least_of(const float *lows) {
  float least[8];
  std::copy_n(lows, 8, least);
  for (size_t lane = 8; lane < kLanes; lane += 8)
    for (size_t i = 0; i < 8; ++i) least[i] = lows[lane + i] < least[i] ? lows[lane + i] : least[i];
  return *std::min_element(least, least + 8);
}

// Of the squared distance s: -<q, c> = (s - |q|^2 - |c|^2) / 2.
void NearCentroids::aim(const CentroidCodes &codes, const float *vector, bool by_product, float errors) {
  const CodeShape &shape = codes.shape_;
  codes_ = &codes;
  difference_.resize(shape.dimensions);
  lows_.resize(codes.blocks_ * kLanes);
  least_.resize(codes.blocks_);
  const simd::Kernels &kernels = simd::kernels();
  const float squared = kernels.subtract(vector, codes.mean_.data(), shape.dimensions, difference_.data());
  tables_.prepare(shape, nullptr, difference_.data());
  const auto length = static_cast<float>(kernels.squared_norm(vector, shape.dimensions));
  const float own = squared - (by_product ? length : 0.0f) - kRounding * length;
  const float width = errors * std::sqrt(squared), scale = by_product ? 0.5f : 1.0f;
  const float *add = by_product ? codes.product_add_.data() : codes.add_.data();
  const size_t block_bytes = code_groups(shape) * kGroupBytes;
  const float largest = std::numeric_limits<float>::max();
  for (size_t block = 0; block < codes.blocks_; ++block) {
    const size_t first = block * kLanes;
    float *lows = &lows_[first];
    tables_.estimate({&codes.codes_[block * block_bytes], add + first, &codes.rescale_[first], &codes.error_[first]},
                     own, width, lows);
    // What is not a finite number may be anywhere.
    for (size_t lane = 0; lane < kLanes; ++lane)
      lows[lane] = std::fabs(lows[lane]) <= largest ? scale * lows[lane] : -kInfinity;
    if (codes.number_of(first + kLanes - 1) >= codes.count_)
      for (size_t lane = 0; lane < kLanes; ++lane)
        if (codes.number_of(first + lane) >= codes.count_) lows[lane] = kInfinity;
    least_[block] = least_of(lows);
  }
}

float NearCentroids::limit_for(size_t wanted) {
  if (wanted == 0 || wanted > least_.size()) return kInfinity;
  if (wanted == 1) return *std::min_element(least_.begin(), least_.end());
  scratch_.assign(least_.begin(), least_.end());
  const auto last = scratch_.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
  std::nth_element(scratch_.begin(), last, scratch_.end());
  return *last;
}

}  // namespace quiver::core
