// Codes of lists: the kernel against scalar look-ups on every tier, round trips, and how good estimates and bounds are.
// SPDX-License-Identifier: PostgreSQL
#include "core/list_code.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "supported_tiers.hpp"

namespace quiver::core {
namespace {

class BlockKernelsTest : public testing::TestWithParam<const simd::Kernels *> {};

// Sums are whole numbers, so that no lane may differ at all. 700 groups: more than 16 bits can add up.
TEST_P(BlockKernelsTest, SumsOfLookUpsAreExact) {
  std::mt19937 random(1);
  size_t mismatches = 0, compared = 0;
  for (size_t groups = 0; groups < 700; groups += groups < 80 ? 1 : 53) {
    for (const size_t offset : {0, 1, 7}) {
      std::vector<uint8_t> codes(16 * groups + offset), tables(16 * groups + offset);
      for (auto &byte : codes) byte = static_cast<uint8_t>(random());
      const bool extreme = random() % 3 == 0;
      for (auto &byte : tables) byte = extreme ? 255 : static_cast<uint8_t>(random());
      const std::vector<float> zeros(32, 0.0f), ones(32, 1.0f);
      float out[32];
      GetParam()->estimate_block({tables.data() + offset, groups, 1.0f, 0.0f},
                                 {codes.data() + offset, zeros.data(), ones.data(), zeros.data()}, 0.0f, 0.0f, out);
      for (size_t lane = 0; lane < 32; ++lane) {
        uint32_t sum = 0;
        for (size_t group = 0; group < groups; ++group) {
          const unsigned byte = codes[offset + 16 * group + lane % 16];
          sum += tables[offset + 16 * group + (lane < 16 ? byte & 15 : byte >> 4)];
        }
        ++compared;
        mismatches += out[lane] != static_cast<float>(sum);
      }
    }
  }
  EXPECT_EQ(mismatches, 0u);
  EXPECT_GT(compared, 8000u);
}

TEST_P(BlockKernelsTest, SumsOfBytesAreExact) {
  std::mt19937 random(5);
  size_t mismatches = 0, compared = 0;
  for (const size_t groups : {0, 1, 2, 7, 31, 64, 200}) {
    for (const size_t offset : {0, 1, 7}) {
      std::vector<uint8_t> codes(32 * groups + offset), tables(256 * groups + offset);
      for (auto &byte : codes) byte = static_cast<uint8_t>(random());
      for (auto &byte : tables) byte = static_cast<uint8_t>(random());
      std::vector<float> add(32), ones(32, 1.0f), zeros(32, 0.0f);
      for (auto &factor : add) factor = static_cast<float>(random() % 100);
      float out[32];
      GetParam()->estimate_block_8bit({tables.data() + offset, groups, 1.0f, 0.0f},
                                      {codes.data() + offset, add.data(), ones.data(), zeros.data()}, 3.0f, 0.0f, out);
      for (size_t lane = 0; lane < 32; ++lane) {
        uint32_t sum = 3 + static_cast<uint32_t>(add[lane]);
        for (size_t group = 0; group < groups; ++group)
          sum += tables[offset + 256 * group + codes[offset + 32 * group + lane]];
        ++compared;
        mismatches += out[lane] != static_cast<float>(sum);
      }
    }
  }
  EXPECT_EQ(mismatches, 0u);
  EXPECT_EQ(compared, 7u * 3u * 32u);
}

TEST_P(BlockKernelsTest, FactorsAreApplied) {
  std::mt19937 random(2);
  std::uniform_real_distribution<float> uniform(-3.0f, 3.0f);
  std::vector<uint8_t> codes(16 * 9), tables(16 * 9);
  for (auto &byte : codes) byte = static_cast<uint8_t>(random());
  for (auto &byte : tables) byte = static_cast<uint8_t>(random());
  std::vector<float> add(32), rescale(32), error(32);
  for (auto *factors : {&add, &rescale, &error})
    for (auto &factor : *factors) factor = uniform(random);
  float plain[32], out[32];
  const std::vector<float> zeros(32, 0.0f), ones(32, 1.0f);
  GetParam()->estimate_block({tables.data(), 9, 1.0f, 0.0f}, {codes.data(), zeros.data(), ones.data(), zeros.data()},
                             0.0f, 0.0f, plain);
  GetParam()->estimate_block({tables.data(), 9, 0.25f, -3.0f}, {codes.data(), add.data(), rescale.data(), error.data()},
                             7.0f, 0.5f, out);
  for (size_t i = 0; i < 32; ++i)
    EXPECT_NEAR(out[i], 7.0f + add[i] + rescale[i] * (0.25f * plain[i] - 3.0f) - 0.5f * error[i], 1e-2f);
}

INSTANTIATE_TEST_SUITE_P(Tiers, BlockKernelsTest, testing::ValuesIn(simd::supported_tables()),
                         [](const auto &tier) { return std::string(tier.param->tier); });

TEST(ListCodeTest, LanesComeBack) {
  std::mt19937 random(3);
  for (const unsigned bits : {1u, 2u, 4u, 8u})
    for (const size_t axes : {1, 2, 3, 5, 64, 101}) {
      const CodeShape shape{axes, axes, bits};
      std::vector<uint8_t> block(code_groups(shape) * kGroupBytes, 0xa5), levels(axes), back(axes);
      std::vector<std::vector<uint8_t>> written;
      for (size_t lane = 0; lane < 32; ++lane) {
        for (auto &level : levels) level = static_cast<uint8_t>(random() % (1u << bits));
        write_block_lane(shape, levels.data(), lane, block.data());
        written.push_back(levels);
      }
      for (size_t lane = 0; lane < 32; ++lane) {
        read_block_lane(shape, block.data(), lane, back.data());
        EXPECT_EQ(back, written[lane]);
      }
    }
}

struct Quality {
  double mean_error;  // relative to the distance
  double outside;     // share of rows whose distance lies below estimate - 2 error
};

Quality quality(unsigned bits, size_t dimensions, size_t axes, bool inner_product) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  const CodeShape shape{dimensions, axes, bits};
  auto *memory = std::pmr::new_delete_resource();
  ListEncoder encoder(shape, nullptr, inner_product, memory);
  PreparedListQuery query(memory);
  std::vector<float> centroid(dimensions), row(dimensions), asked(dimensions);
  std::vector<uint8_t> block(code_groups(shape) * kGroupBytes);
  double errors = 0.0, outside = 0.0;
  constexpr int kTrials = 400;
  for (int trial = 0; trial < kTrials; ++trial) {
    double own = 0.0, to_centroid = 0.0, distance = 0.0, squared = 0.0;
    for (size_t i = 0; i < dimensions; ++i) {
      centroid[i] = 2.0f * normal(random);
      row[i] = centroid[i] + normal(random);
      asked[i] = centroid[i] + normal(random);
      const double off_centroid = asked[i] - centroid[i], off_row = asked[i] - row[i];
      to_centroid += off_centroid * off_centroid;
      squared += off_row * off_row;
      own += inner_product ? -static_cast<double>(asked[i]) * centroid[i] : off_centroid * off_centroid;
      distance += inner_product ? -static_cast<double>(asked[i]) * row[i] : off_row * off_row;
    }
    const ListFactors factors = encoder.encode(row.data(), centroid.data());
    write_block_lane(shape, encoder.levels(), 17, block.data());
    std::vector<float> add(32, factors.add), rescale(32, factors.rescale), error(32, factors.error);
    query.prepare(shape, nullptr, asked.data());
    float estimates[32];
    const simd::CodeBlock codes{block.data(), add.data(), rescale.data(), error.data()};
    const auto base = static_cast<float>(own);
    query.estimate(codes, base, 0.0f, estimates);
    errors += std::fabs(estimates[17] - distance) / squared;
    query.estimate(codes, base, 2.0f * static_cast<float>(std::sqrt(to_centroid)), estimates);
    outside += estimates[17] > distance ? 1.0 : 0.0;
  }
  return {errors / kTrials, outside / kTrials};
}

TEST(ListCodeTest, EstimatesAreCloseAndBoundsHoldNearlyAlways) {
  for (const bool inner_product : {false, true}) {
    const auto expect = [=](unsigned bits, size_t dimensions, size_t axes, double most_error) {
      const Quality measured = quality(bits, dimensions, axes, inner_product);
      EXPECT_LT(measured.mean_error, most_error);
      EXPECT_LT(measured.outside, 0.06);  // two standard deviations on one side
    };
    expect(1, 128, 128, 0.06);
    expect(2, 128, 128, 0.03);
    expect(4, 128, 128, 0.012);
    expect(1, 1000, 700, 0.04);
  }
}

TEST(ListCodeTest, ExtremesStayVisible) {
  auto *memory = std::pmr::new_delete_resource();
  ListEncoder encoder({4, 4, 2}, nullptr, false, memory);
  const float zero[4] = {}, huge[4] = {3e38f, 1.0f, 1.0f, 1.0f}, tiny[4] = {1e-30f, 0.0f, 0.0f, 0.0f};
  EXPECT_LT(encoder.encode(huge, zero).add, -1e38f);
  EXPECT_EQ(encoder.encode(zero, zero).add, 0.0f);
  EXPECT_TRUE(std::isfinite(encoder.encode(tiny, zero).add));
  PreparedListQuery query(memory);
  query.prepare({4, 4, 2}, nullptr, huge);
  const std::vector<uint8_t> codes(2 * kGroupBytes);
  const std::vector<float> zeros(32, 0.0f), ones(32, 1.0f);
  float estimates[32];
  query.estimate({codes.data(), zeros.data(), ones.data(), zeros.data()}, 0.0f, 0.0f, estimates);
  EXPECT_FALSE(std::isnan(estimates[0]));
}

}  // namespace
}  // namespace quiver::core
