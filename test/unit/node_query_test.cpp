// Slots and queries together: distances, guaranteed bounds, estimates, for every metric, width and scale.
// SPDX-License-Identifier: PostgreSQL
#include "core/node_query.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "core/node_writer.hpp"
#include "core/row_encoder.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {
namespace {

struct Node {
  explicit Node(const NodeShape &node_shape)
      : shape(node_shape),
        bytes(node_shape.slot_bytes / sizeof(uint64_t) + 8),
        slot(shape, reinterpret_cast<char *>(bytes.data())) {}
  ConstSlot read() const { return {shape, reinterpret_cast<const char *>(bytes.data())}; }
  NodeShape shape;
  std::vector<uint64_t> bytes;
  Slot slot;
};

std::vector<float> random_vector(size_t n, float scale, std::mt19937 &random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float &value : values) value = scale * normal(random);
  return values;
}

// What the SQL operator says, in binary32 sums.
double operator_value(Metric metric, const std::vector<float> &a, const std::vector<float> &b) {
  const auto &k = simd::kernels();
  if (metric == Metric::l2) return std::sqrt(static_cast<double>(k.squared_l2(a.data(), b.data(), a.size())));
  if (metric == Metric::inner_product) return -static_cast<double>(k.inner_product(a.data(), b.data(), a.size()));
  const auto sums = k.cosine_sums(a.data(), b.data(), a.size());
  const double cosine = static_cast<double>(sums.dot) /
                        std::sqrt(static_cast<double>(sums.squared_norm_a) * static_cast<double>(sums.squared_norm_b));
  return 1 - (cosine > 1 ? 1 : cosine < -1 ? -1 : cosine);
}

TEST(NodeQueryTest, BoundsNeverExceedTheOperator) {
  std::mt19937 random(8);
  auto *memory = std::pmr::new_delete_resource();
  for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine})
    for (const size_t n : {1, 2, 3, 17, 100, 384, 768, 1500, 5000, 9000}) {
      const NodeShape shape = choose_node_shape(n, 16, n > 500);
      EXPECT_EQ(shape.has_fine(), n != 384 && n < 2000) << n;
      const Rotation rotation(n, 4, memory);
      RowEncoder encoder(shape, metric, rotation, memory);
      NodeWriter writer(shape, memory);
      NodeQuery query(shape, metric, rotation, memory);
      Node node(shape);
      for (const float scale : {1e-42f, 1e-30f, 1e-12f, 1e-3f, 1.0f, 1e8f, 1e17f, 1e19f, 1e30f})
        for (const float query_scale : {1e-20f, 1.0f, 1e18f}) {
          const std::vector<float> row = random_vector(n, scale, random);
          std::vector<float> aim = random_vector(n, query_scale, random);
          if (random() % 4 == 0) aim = row;  // the nearest possible
          if (random() % 4 == 0)
            for (size_t i = 0; i < n; ++i) aim[i] = row[i] * (1.0f + 1e-6f * static_cast<float>(random() % 10));
          if (!encoder.encode(VectorView::dense(row.data(), row.size())) ||
              !query.aim(VectorView::dense(aim.data(), aim.size())))
            continue;
          writer.write_own(node.slot, encoder.code(), encoder.codes(), {0, 1, 1});
          const double value = operator_value(metric, row, aim);
          const Reading reading = query.read(node.read());
          EXPECT_LE(reading.bound, reading.ceiling);
          if (!std::isnan(value)) {
            EXPECT_GE(reading.ceiling, value)
                << static_cast<int>(metric) << " n " << n << " scale " << scale << " query " << query_scale;
            EXPECT_LE(reading.bound, value)
                << static_cast<int>(metric) << " n " << n << " scale " << scale << " query " << query_scale;
          }
        }
    }
}

// Without a fine part a range is a few hundredths wide; with one it tells the order of rows that differ by a
// thousandth.
TEST(NodeQueryTest, BoundsAreTight) {
  std::mt19937 random(9);
  auto *memory = std::pmr::new_delete_resource();
  for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine})
    for (const size_t n : {128, 384, 768, 1000, 1536}) {
      const NodeShape shape = choose_node_shape(n, 16, n > 500);
      ASSERT_EQ(shape.has_fine(), n != 384);
      const double most = shape.has_fine() ? 0.0007 : 0.05;
      const Rotation rotation(n, 4, memory);
      RowEncoder encoder(shape, metric, rotation, memory);
      NodeWriter writer(shape, memory);
      NodeQuery query(shape, metric, rotation, memory);
      Node node(shape);
      for (int round = 0; round < 50; ++round) {
        const auto row = random_vector(n, 1.0f, random), aim = random_vector(n, 1.0f, random);
        ASSERT_TRUE(encoder.encode(VectorView::dense(row.data(), row.size())) &&
                    query.aim(VectorView::dense(aim.data(), aim.size())));
        writer.write_own(node.slot, encoder.code(), encoder.codes(), {0, 1, 1});
        const Reading reading = query.read(node.read());
        const double scale = metric == Metric::inner_product ? static_cast<double>(n) : reading.ceiling;
        EXPECT_LE(reading.ceiling - reading.bound, most * scale) << static_cast<int>(metric) << " " << n;
      }
    }
}

// Where a range hardly tells two rows apart, the distance itself is known to some hundredths, with none of what the
// error of a decoded vector adds to it, and lies within reach.
TEST(NodeQueryTest, CoarseDistancesAreUnbiased) {
  std::mt19937 random(11);
  auto *memory = std::pmr::new_delete_resource();
  for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine})
    for (const size_t n : {5000, 9000}) {
      const NodeShape shape = choose_node_shape(n, 16, true);
      ASSERT_TRUE(shape.is_coarse());
      const Rotation rotation(n, 4, memory);
      RowEncoder encoder(shape, metric, rotation, memory);
      NodeWriter writer(shape, memory);
      NodeQuery query(shape, metric, rotation, memory);
      Node node(shape);
      double bias = 0.0;
      const int rounds = 60;
      for (int round = 0; round < rounds; ++round) {
        const std::vector<float> row = random_vector(n, 1.0f, random), other = random_vector(n, 1.0f, random);
        const float share = static_cast<float>(round) / rounds, length = 0.5f + static_cast<float>(round % 4) / 3.0f;
        std::vector<float> aim(n);  // from far to near
        for (size_t i = 0; i < n; ++i) aim[i] = length * (share * row[i] + std::sqrt(1.0f - share * share) * other[i]);
        ASSERT_TRUE(encoder.encode(VectorView::dense(row.data(), n)) && query.aim(VectorView::dense(aim.data(), n)));
        writer.write_own(node.slot, encoder.code(), encoder.codes(), {0, 1, 1});
        const NodeReading reading = query.read(node.read());
        const double distance = ordering_distance(metric, operator_value(metric, row, aim));
        const double scale = metric == Metric::cosine ? 1.0 : static_cast<double>(length) * static_cast<double>(n);
        EXPECT_LE(reading.reach, distance + 1e-6 * scale);
        EXPECT_GE(reading.reach, distance - 0.13 * scale);
        EXPECT_NEAR(reading.distance, distance, 0.03 * scale);
        bias += (reading.distance - distance) / scale / rounds;
      }
      EXPECT_NEAR(bias, 0.0, 0.004) << static_cast<int>(metric) << " " << n;
    }
}

TEST(NodeQueryTest, EstimatesAreCloseToDistances) {
  std::mt19937 random(10);
  auto *memory = std::pmr::new_delete_resource();
  for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine})
    for (const size_t n : {32, 100, 128, 384, 1536}) {
      const NodeShape shape = choose_node_shape(n, 16, false);
      const Rotation rotation(n, 4, memory);
      RowEncoder encoder(shape, metric, rotation, memory);
      NodeWriter writer(shape, memory);
      NodeQuery query(shape, metric, rotation, memory);
      Node node(shape);
      const std::vector<float> center = random_vector(n, 1.0f, random);
      ASSERT_TRUE(encoder.encode(VectorView::dense(center.data(), center.size())));
      writer.write_own(node.slot, encoder.code(), encoder.codes(), {0, 1, 1});
      writer.aim(encoder.code(), encoder.codes());
      std::vector<std::vector<float>> rows;
      for (uint32_t lane = 0; lane < shape.lanes; ++lane) {
        std::vector<float> row = random_vector(n, 0.4f, random);
        for (size_t i = 0; i < n; ++i) row[i] += center[i];
        ASSERT_TRUE(encoder.encode(VectorView::dense(row.data(), row.size())));
        writer.write_lane(node.slot, lane, lane, encoder.code(), encoder.codes());
        rows.push_back(row);
      }
      node.slot.header()->lanes_used = static_cast<uint8_t>(shape.lanes);
      std::vector<float> aim = random_vector(n, 0.4f, random);
      for (size_t i = 0; i < n; ++i) aim[i] += center[i];
      ASSERT_TRUE(query.aim(VectorView::dense(aim.data(), aim.size())));
      std::vector<float> estimates(shape.lanes);
      query.estimate(node.read(), shape.lanes, query.read(node.read()).distance, estimates.data());
      double squared_error = 0, squared_spread = 0;
      for (uint32_t lane = 0; lane < shape.lanes; ++lane) {
        const double value = operator_value(metric, rows[lane], aim);
        const double exact = metric == Metric::l2 ? value * value : metric == Metric::cosine ? 2 * value : value;
        squared_error += std::pow(estimates[lane] - exact, 2.0);
        squared_spread += exact * exact;
      }
      // Relative noise of the estimator falls with the square root of the dimension.
      EXPECT_LT(std::sqrt(squared_error / squared_spread), 2.5 / std::sqrt(static_cast<double>(n)))
          << static_cast<int>(metric) << " " << n;
    }
}

TEST(NodeQueryTest, CosineHasNoDirectionForZero) {
  auto *memory = std::pmr::new_delete_resource();
  const NodeShape shape = choose_node_shape(4, 16, false);
  const Rotation rotation(4, 4, memory);
  RowEncoder encoder(shape, Metric::cosine, rotation, memory);
  NodeQuery query(shape, Metric::cosine, rotation, memory);
  const std::vector<float> zero(4, 0.0f);
  EXPECT_FALSE(encoder.encode(VectorView::dense(zero.data(), zero.size())));
  EXPECT_FALSE(query.aim(VectorView::dense(zero.data(), zero.size())));
}

TEST(NodeWriterTest, KeptLanesFillTheGaps) {
  std::mt19937 random(11);
  auto *memory = std::pmr::new_delete_resource();
  const NodeShape shape = choose_node_shape(100, 16, false);
  const Rotation rotation(100, 4, memory);
  RowEncoder encoder(shape, Metric::l2, rotation, memory);
  NodeWriter writer(shape, memory);
  Node node(shape);
  const auto center = random_vector(100, 1.0f, random);
  ASSERT_TRUE(encoder.encode(VectorView::dense(center.data(), center.size())));
  writer.write_own(node.slot, encoder.code(), encoder.codes(), {0, 1, 1});
  writer.aim(encoder.code(), encoder.codes());
  std::vector<std::vector<uint8_t>> codes;
  for (uint32_t lane = 0; lane < 10; ++lane) {
    const auto row = random_vector(100, 1.0f, random);
    ASSERT_TRUE(encoder.encode(VectorView::dense(row.data(), row.size())));
    writer.write_lane(node.slot, lane, 100 + lane, encoder.code(), encoder.codes());
    codes.emplace_back(node.slot.code(lane), node.slot.code(lane) + shape.code.bytes());
  }
  node.slot.header()->lanes_used = 10;
  const uint8_t kept[] = {1, 2, 4, 9};
  writer.keep_lanes(node.slot, kept, 4);
  EXPECT_EQ(node.slot.header()->lanes_used, 4);
  const uint8_t places[] = {4, 1, 2, 9};  // lanes that need not move stay
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(node.slot.ids()[i], 100u + places[i]);
    EXPECT_TRUE(std::equal(codes[places[i]].begin(), codes[places[i]].end(), node.slot.code(i)));
  }
  for (size_t lane = 4; lane < shape.lanes; ++lane) EXPECT_EQ(node.slot.ids()[lane], kNullNode);
  // Lanes may change places; one that is to be written is left as it was.
  const uint8_t from[] = {3, 1, NodeWriter::kNewLane, 0, 2};
  writer.arrange_lanes(node.slot, from, 5);
  EXPECT_EQ(node.slot.header()->lanes_used, 5);
  const uint8_t arranged[] = {9, 1, 2, 4, 2};
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(node.slot.ids()[i], 100u + arranged[i]);
    EXPECT_TRUE(std::equal(codes[arranged[i]].begin(), codes[arranged[i]].end(), node.slot.code(i)));
  }
}

}  // namespace
}  // namespace quiver::core
