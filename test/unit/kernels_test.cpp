// Every kernel on every tier that this processor has, against loops in binary64: all lengths 0-130, odd alignments.
// SPDX-License-Identifier: PostgreSQL
#include "simd/kernels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "supported_tiers.hpp"

namespace quiver::simd {
namespace {

class KernelsTest : public testing::TestWithParam<const Kernels *> {
 protected:
  static constexpr size_t kMaxLength = 130;

  // Values at an address that is `offset` elements off any alignment, surrounded by NaNs that a stray read would show.
  struct Floats {
    Floats(size_t n, size_t offset, std::mt19937 &random) : storage(n + offset + 64, NAN), data(&storage[offset]) {
      std::uniform_real_distribution<float> uniform(-2.0f, 2.0f);
      for (size_t i = 0; i < n; ++i) data[i] = uniform(random);
    }
    std::vector<float> storage;
    float *data;
  };
  struct Bytes {
    Bytes(size_t n, size_t offset, std::mt19937 &random) : storage(n + offset + 64, 0xee), data(&storage[offset]) {
      for (size_t i = 0; i < n; ++i) data[i] = static_cast<uint8_t>(random());
    }
    std::vector<uint8_t> storage;
    uint8_t *data;
  };

  template <class Body>
  void for_lengths(Body body) {
    for (size_t n = 0; n <= kMaxLength; ++n)
      for (const size_t offset : {0, 1, 3}) {
        SCOPED_TRACE(std::string(GetParam()->tier) + ", length " + std::to_string(n));
        body(n, offset);
      }
    for (const size_t n : {768, 1000, 16000}) body(n, 1);
  }

  std::mt19937 random_{20240517};
};

// Rounding of n binary32 additions of terms whose absolute values sum to `magnitude`.
double tolerance(size_t n, double magnitude) { return (static_cast<double>(n) + 4.0) * magnitude * 0x1p-24; }

TEST_P(KernelsTest, DenseDistancesAgreeWithDoubles) {
  for_lengths([this](size_t n, size_t offset) {
    const Floats a(n, offset, random_), b(n, offset + 1, random_);
    double l2 = 0, dot = 0, l1 = 0, aa = 0, bb = 0, absolute = 0;
    for (size_t i = 0; i < n; ++i) {
      const double x = a.data[i], y = b.data[i];
      l2 += (x - y) * (x - y);
      dot += x * y;
      absolute += std::fabs(x * y);
      l1 += std::fabs(x - y);
      aa += x * x;
      bb += y * y;
    }
    const Kernels &k = *GetParam();
    EXPECT_NEAR(k.squared_l2(a.data, b.data, n), l2, tolerance(n, l2));
    EXPECT_NEAR(k.inner_product(a.data, b.data, n), dot, tolerance(n, absolute));
    EXPECT_NEAR(k.l1(a.data, b.data, n), l1, tolerance(n, l1));
    EXPECT_NEAR(k.squared_norm(a.data, n), aa, aa * static_cast<double>(n + 4) * 0x1p-53);
    const CosineSums sums = k.cosine_sums(a.data, b.data, n);
    EXPECT_NEAR(sums.dot, dot, tolerance(n, absolute));
    EXPECT_NEAR(sums.squared_norm_a, aa, tolerance(n, aa));
    EXPECT_NEAR(sums.squared_norm_b, bb, tolerance(n, bb));
  });
}

TEST_P(KernelsTest, InnerProductsOfManyVectors) {
  for (const size_t rows : {0, 1, 5, 67})
    for (const size_t columns : {1, 8, 130})
      for (const size_t n : {1, 3, 100, 768}) {
        const Floats a(rows * n, 1, random_), b(columns * n, 3, random_);
        std::vector<float> products(rows * columns + 1, 7.0f);
        GetParam()->inner_products(a.data, rows, b.data, columns, n, products.data());
        EXPECT_EQ(products.back(), 7.0f);
        for (size_t i = 0; i < rows; ++i)
          for (size_t j = 0; j < columns; ++j) {
            double sum = 0, magnitude = 0;
            for (size_t k = 0; k < n; ++k) {
              const double term = static_cast<double>(a.data[i * n + k]) * b.data[j * n + k];
              sum += term, magnitude += std::abs(term);
            }
            ASSERT_NEAR(products[i * columns + j], sum, tolerance(n, magnitude)) << rows << " " << columns << " " << n;
          }
      }
}

TEST_P(KernelsTest, InfinityAndNanAreNotLost) {
  std::vector<float> a(37, 1.0f), b(37, 1.0f);
  const Kernels &k = *GetParam();
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = 3e38f;
    b[i] = -3e38f;
    EXPECT_TRUE(std::isinf(k.squared_l2(a.data(), b.data(), a.size())));
    EXPECT_TRUE(std::isinf(k.inner_product(a.data(), b.data(), a.size())));
    a[i] = b[i] = 1.0f;
  }
}

TEST_P(KernelsTest, HadamardGivesTheSameBitsAsTheTextbook) {
  for (size_t n = 1; n <= 4096; n *= 2) {
    Floats a(n, 1, random_);
    std::vector<float> expected(a.data, a.data + n);
    for (size_t half = 1; half < n; half *= 2)
      for (size_t i = 0; i < n; ++i)
        if ((i & half) == 0) {
          const float x = expected[i], y = expected[i + half];
          expected[i] = x + y;
          expected[i + half] = x - y;
        }
    GetParam()->hadamard(a.data, n);
    EXPECT_EQ(std::memcmp(a.data, expected.data(), n * sizeof(float)), 0) << n;
  }
}

TEST_P(KernelsTest, CodesOfBytes) {
  for_lengths([this](size_t n, size_t offset) {
    const Floats query(n, offset, random_);
    Bytes a(n, offset, random_), b(n, offset + 1, random_);
    if (n % 2 == 1) {
      std::memset(a.data, 255, n);
      std::memset(b.data, 255, n);
    }
    double dot = 0, absolute = 0;
    uint64_t integer = 0, sum = 0;
    for (size_t i = 0; i < n; ++i) {
      dot += static_cast<double>(query.data[i]) * a.data[i];
      absolute += std::fabs(static_cast<double>(query.data[i]) * a.data[i]);
      integer += static_cast<uint64_t>(a.data[i]) * b.data[i];
      sum += a.data[i];
    }
    const Kernels &k = *GetParam();
    EXPECT_NEAR(k.dot_float_u8(query.data, a.data, n), dot, tolerance(n, absolute));
    EXPECT_EQ(k.dot_u8(a.data, b.data, n), integer);
    EXPECT_EQ(k.sum_u8(a.data, n), sum);
  });
}

TEST_P(KernelsTest, CodesOfFourteenBits) {
  for_lengths([this](size_t n, size_t offset) {
    const Floats query(n, offset, random_);
    const Bytes code(n, offset, random_);
    const size_t blocks = (n + kFineBlock - 1) / kFineBlock;
    const Bytes levels(blocks * kFineBlockBytes, offset + 1, random_);
    double dot = 0, absolute = 0;
    for (size_t i = 0; i < n; ++i) {
      const uint8_t *block = levels.data + i / kFineBlock * kFineBlockBytes;
      const int upper = block[i % 16] >> (i / 16 % 2 * 4) & 15, lower = block[16 + i % 8] >> (i / 8 % 4 * 2) & 3;
      const double term = static_cast<double>(query.data[i]) * (64 * code.data[i] + 4 * upper + lower - kFineMiddle);
      dot += term;
      absolute += std::fabs(term);
    }
    EXPECT_NEAR(GetParam()->dot_float_u14(query.data, code.data, levels.data, n), dot, tolerance(n, absolute));
  });
}

TEST_P(KernelsTest, SignedQueries) {
  for_lengths([this](size_t n, size_t offset) {
    Bytes code(n, offset, random_);
    if (n % 3 == 1) std::memset(code.data, 255, n);
    std::vector<int8_t> storage(n + offset + 1);
    int8_t *query = &storage[offset];
    int64_t expected = 0;
    for (size_t i = 0; i < n; ++i) {
      query[i] =
          static_cast<int8_t>(n % 3 == 1 ? (n % 2 == 0 ? kMaxSignedQuery : -kMaxSignedQuery)
                                         : static_cast<int>(random_() % (2 * kMaxSignedQuery + 1)) - kMaxSignedQuery);
      expected += static_cast<int64_t>(code.data[i]) * query[i];
    }
    EXPECT_EQ(GetParam()->dot_u8_s8(code.data, query, n), expected);
  });
}

TEST_P(KernelsTest, DecodingAndSubtraction) {
  for_lengths([this](size_t n, size_t offset) {
    const Bytes code(n, offset, random_);
    const Floats a(n, offset, random_), b(n, offset + 1, random_);
    std::vector<float> out(n + offset + 1, 0.0f);
    float *values = &out[offset];
    GetParam()->decode_u8(code.data, n, -1.25f, 0.01f, values);
    for (size_t i = 0; i < n; ++i) EXPECT_NEAR(values[i], -1.25 + 0.01f * static_cast<double>(code.data[i]), 1e-6);
    double length = 0;
    const float got = GetParam()->subtract(a.data, b.data, n, values);
    for (size_t i = 0; i < n; ++i) {
      EXPECT_EQ(values[i], a.data[i] - b.data[i]);
      length += static_cast<double>(values[i]) * values[i];
    }
    EXPECT_NEAR(got, length, tolerance(n, length));
  });
}

TEST_P(KernelsTest, FourLevels) {
  for_lengths([this](size_t n, size_t offset) {
    const Floats a(n, offset, random_);
    std::vector<uint8_t> levels(n + 1, 0);
    const LevelSums sums = GetParam()->quantize_levels(a.data, n, 1.5f, levels.data());
    double alignment = 0, squares = 0;
    for (size_t i = 0; i < n; ++i) {
      const double exact = std::floor(std::min(3.5, std::max(0.0, static_cast<double>(a.data[i]) * 1.5 + 2.0)));
      // At a boundary between levels the fused and the separate rounding may differ.
      EXPECT_NEAR(levels[i], exact, std::fabs(a.data[i] * 1.5 - std::round(a.data[i] * 1.5)) < 1e-5 ? 1.0 : 0.0);
      alignment += a.data[i] * (levels[i] - 1.5);
      squares += (levels[i] - 1.5) * (levels[i] - 1.5);
    }
    EXPECT_NEAR(sums.alignment, alignment, tolerance(n, 3.0 * static_cast<double>(n)));
    EXPECT_NEAR(sums.squared_norm, squares, tolerance(n, squares));
  });
}

TEST_P(KernelsTest, TwoLevels) {
  for_lengths([this](size_t n, size_t offset) {
    Floats a(n, offset, random_);
    const Floats b(n, offset + 1, random_);
    for (size_t i = 0; i < n; i += 5) a.data[i] = i % 2 == 0 ? 0.0f : -0.0f;
    std::vector<uint8_t> bits((n + 7) / 8 + 1, 0xa5);
    const SignSums sums = GetParam()->quantize_signs(a.data, b.data, n, bits.data());
    double magnitude = 0, chosen = 0, terms = 0;
    for (size_t i = 0; i < n; ++i) {
      EXPECT_EQ((bits[i / 8] >> i % 8 & 1) != 0, a.data[i] > 0.0f) << i;
      magnitude += std::fabs(static_cast<double>(a.data[i]));
      chosen += a.data[i] > 0.0f ? static_cast<double>(b.data[i]) : 0.0;
      terms += std::fabs(static_cast<double>(b.data[i]));
    }
    for (size_t i = n; i < (n + 7) / 8 * 8; ++i) EXPECT_EQ(bits[i / 8] >> i % 8 & 1, 0) << i;
    EXPECT_EQ(bits[(n + 7) / 8], 0xa5);
    EXPECT_NEAR(sums.magnitude, magnitude, tolerance(n, magnitude));
    EXPECT_NEAR(sums.chosen, chosen, tolerance(n, terms));
  });
}

uint16_t bf16_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}
float widened(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

// One node's lanes and a query of `fields` rows of signed bytes or bits.
class LaneFixture {
 public:
  LaneFixture(size_t code_bytes, size_t lanes, size_t fields, bool is_bits, std::mt19937 &random)
      : codes(code_bytes * lanes + 32 + 1), stride((code_bytes + 63) / 64 * 64) {
    for (uint8_t &byte : codes) byte = static_cast<uint8_t>(random());
    std::uniform_real_distribution<float> uniform(-3.0f, 3.0f);
    for (size_t i = 0; i < lanes; ++i) {
      add.push_back(bf16_of(uniform(random)));
      rescale.push_back(bf16_of(uniform(random)));
    }
    values.resize((fields * stride + 64) / 8 + 8, 0);
    auto address = reinterpret_cast<uintptr_t>(values.data());
    bytes = reinterpret_cast<int8_t *>((address + 63) / 64 * 64);
    for (size_t field = 0; field < fields; ++field)
      for (size_t i = 0; i < code_bytes; ++i)
        bytes[field * stride + i] =
            is_bits ? static_cast<int8_t>(random()) : static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
    block = {&codes[1], code_bytes, add.data(), rescale.data(), lanes};
    query = {bytes, stride, 0.037f, -1.5f};
  }
  float expected(size_t lane, int64_t integer, float own) const {
    return own + widened(add[lane]) +
           widened(rescale[lane]) * (static_cast<float>(integer) * query.scale + query.offset);
  }

  std::vector<uint8_t> codes;
  size_t stride;
  std::vector<uint16_t> add, rescale;
  std::vector<uint64_t> values;
  int8_t *bytes;
  LaneBlock block;
  LaneQuery query;
};

TEST_P(KernelsTest, TwoBitLanes) {
  for (size_t code_bytes = 1; code_bytes <= 130; ++code_bytes)
    for (const size_t lanes : {0, 1, 3, 4, 7, 32, 33}) {
      LaneFixture fixture(code_bytes, lanes, 4, false, random_);
      std::vector<float> out(lanes + 1, 0.0f);
      GetParam()->estimate_lanes_2bit(fixture.query, fixture.block, 2.5f, out.data());
      for (size_t lane = 0; lane < lanes; ++lane) {
        int64_t integer = 0;
        for (size_t i = 0; i < code_bytes; ++i)
          for (size_t field = 0; field < 4; ++field)
            integer += ((fixture.codes[1 + lane * code_bytes + i] >> (2 * field)) & 3) *
                       fixture.bytes[field * fixture.stride + i];
        const float expected = fixture.expected(lane, integer, 2.5f);
        ASSERT_NEAR(out[lane], expected,
                    1e-5 * (std::fabs(expected) + 3.0 * std::fabs(0.037 * static_cast<double>(integer)) + 10.0))
            << GetParam()->tier << ", " << code_bytes << " bytes, lane " << lane;
      }
    }
}

TEST_P(KernelsTest, OneBitLanes) {
  for (size_t code_bytes = 1; code_bytes <= 130; ++code_bytes)
    for (const size_t lanes : {0, 1, 3, 4, 7, 21, 33}) {
      LaneFixture fixture(code_bytes, lanes, kQueryPlanes, true, random_);
      std::vector<float> out(lanes + 1, 0.0f);
      GetParam()->estimate_lanes_1bit(fixture.query, fixture.block, 2.5f, out.data());
      for (size_t lane = 0; lane < lanes; ++lane) {
        int64_t integer = 0;
        for (size_t plane = 0; plane < kQueryPlanes; ++plane) {
          const int64_t weight = plane + 1 == kQueryPlanes ? -(1 << plane) : 1 << plane;
          for (size_t i = 0; i < code_bytes; ++i)
            integer +=
                weight *
                std::popcount(static_cast<uint8_t>(fixture.codes[1 + lane * code_bytes + i] &
                                                   static_cast<uint8_t>(fixture.bytes[plane * fixture.stride + i])));
        }
        const float expected = fixture.expected(lane, integer, 2.5f);
        ASSERT_NEAR(out[lane], expected,
                    1e-5 * (std::fabs(expected) + 3.0 * std::fabs(0.037 * static_cast<double>(integer)) + 10.0))
            << GetParam()->tier << ", " << code_bytes << " bytes, lane " << lane;
      }
    }
}

INSTANTIATE_TEST_SUITE_P(AllKernels, KernelsTest, testing::ValuesIn(supported_tables()),
                         [](const auto &info) { return std::string(info.param->tier); });

TEST(KernelsDispatchTest, FirstSupportedTierIsInForce) {
  Tier tiers[kMaxTiers];
  const size_t count = list_tiers(tiers, kMaxTiers);
  ASSERT_GT(count, 0u);
  EXPECT_TRUE(tiers[count - 1].supported);
  EXPECT_STREQ(tiers[count - 1].name, "baseline");
  EXPECT_FALSE(force_tier("no such tier"));
  ASSERT_TRUE(force_tier("baseline"));
  EXPECT_STREQ(kernels().tier, "baseline");
  ASSERT_TRUE(force_tier("auto"));
  for (size_t i = 0; i < count; ++i)
    if (tiers[i].supported) {
      EXPECT_STREQ(kernels().tier, tiers[i].name);
      break;
    } else {
      EXPECT_FALSE(force_tier(tiers[i].name));
    }
}

TEST_P(KernelsTest, NearAmongMany) {
  for_lengths([this](size_t n, size_t offset) {
    const Floats norms(n, offset, random_), bounds(n, offset + 1, random_);
    Floats products(n, offset + 2, random_);
    const std::vector<float> before(products.data, products.data + n);
    std::vector<uint32_t> places(n), expected;
    const float own = 0.25f, bound = -1.0f;
    const auto distance = [&](size_t i) { return own + norms.data[i] - 2.0f * before[i]; };
    for (size_t i = 0; i < n; ++i)
      if (distance(i) < std::max(bounds.data[i], bound) - 1e-5f) expected.push_back(static_cast<uint32_t>(i));
    places.resize(GetParam()->find_near(products.data, norms.data, own, bounds.data, bound, n, places.data()));
    EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
    EXPECT_TRUE(std::includes(places.begin(), places.end(), expected.begin(), expected.end()));
    for (size_t i = 0; i < n; ++i) EXPECT_NEAR(products.data[i], distance(i), 1e-5f);
    for (const uint32_t i : places) EXPECT_LT(products.data[i], std::max(bounds.data[i], bound));
  });
}

TEST_P(KernelsTest, LeastOfFew) {
  for (const size_t n : {size_t{16}, size_t{48}, kMostItems})
    for (const size_t wanted : {size_t{1}, n / 2, n - 1, n})
      for (const uint32_t different : {1u, 3u, 10000u}) {  // values: all equal, many equal, few or none
        std::vector<float> values(n);
        std::vector<uint32_t> ids(n);
        for (size_t i = 0; i < n; ++i) {
          values[i] = static_cast<float>(random_() % different) - 1.0f;
          ids[i] = static_cast<uint32_t>(i);
        }
        const std::vector<float> before = values;
        std::vector<float> sorted = values;
        std::sort(sorted.begin(), sorted.end());
        ASSERT_EQ(GetParam()->keep_least(values.data(), ids.data(), n, wanted), wanted);
        for (size_t i = 0; i < wanted; ++i) EXPECT_EQ(values[i], before[ids[i]]);
        std::sort(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(wanted));
        EXPECT_TRUE(std::equal(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(wanted), values.begin()));
        std::sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(wanted));
        EXPECT_EQ(std::adjacent_find(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(wanted)),
                  ids.begin() + static_cast<std::ptrdiff_t>(wanted));
      }
}

TEST_P(KernelsTest, SetsOfIds) {
  for (const size_t places : {kIdBucket, size_t{64}, size_t{4096}}) {
    std::vector<uint32_t> table(places, kNoId);
    std::map<uint32_t, uint32_t> reference;
    while (reference.size() + 4 < places) {
      uint32_t ids[3], found[3];
      for (uint32_t &id : ids) id = static_cast<uint32_t>(random_()) % (2 * static_cast<uint32_t>(places)) * 0x10001u;
      GetParam()->add_ids(table.data(), places, ids, 3, found);
      for (size_t i = 0; i < 3; ++i) {
        const auto [known, added] = reference.emplace(ids[i], found[i] & ~kAddedId);
        ASSERT_EQ((found[i] & kAddedId) != 0, added);
        ASSERT_EQ(found[i] & ~kAddedId, known->second);
        ASSERT_EQ(table[known->second], ids[i]);
      }
    }
    // Nobody's id is never new.
    uint32_t found;
    GetParam()->add_ids(table.data(), places, &kNoId, 1, &found);
    EXPECT_EQ(found & kAddedId, 0u);
  }
}

}  // namespace
}  // namespace quiver::simd
