// Nanoseconds of each kernel, by tier and dimension. Google Benchmark; method: bench/README.md.
// SPDX-License-Identifier: PostgreSQL
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "simd/dispatch.hpp"

namespace {

using quiver::simd::Kernels;

constexpr size_t kDimensions[] = {100, 128, 384, 768, 1536};
constexpr size_t kLanes = 32;

struct Data {
  explicit Data(size_t n)
      : a(n),
        b(n),
        out(n),
        bytes(n),
        more_bytes(n),
        signed_bytes(n),
        codes(kLanes * (n + 3) / 4 + 64),
        factors(kLanes),
        query(4096) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < n; ++i) {
      a[i] = normal(random);
      b[i] = normal(random);
      bytes[i] = static_cast<uint8_t>(random());
      more_bytes[i] = static_cast<uint8_t>(random());
      signed_bytes[i] = static_cast<int8_t>(static_cast<int>(random() % 127) - 63);
    }
    for (uint8_t &code : codes) code = static_cast<uint8_t>(random());
    for (uint64_t &word : query) word = random() & 0x3f3f3f3f3f3f3f3fu;
  }
  std::vector<float> a, b, out;
  std::vector<uint8_t> bytes, more_bytes;
  std::vector<int8_t> signed_bytes;
  std::vector<uint8_t> codes;
  std::vector<uint16_t> factors;
  std::vector<uint64_t> query;
};

template <class Body>
void add(const std::string &kernel, const Kernels &kernels, size_t n, Body body) {
  benchmark::RegisterBenchmark((kernel + "/" + kernels.tier + "/" + std::to_string(n)).c_str(),
                               [n, body](benchmark::State &state) {
                                 Data data(n);
                                 for (auto unused : state) {
                                   (void)unused;
                                   benchmark::DoNotOptimize(body(data));
                                   benchmark::ClobberMemory();
                                 }
                               });
}

// 32 neighbours of one node, codes of `bits` bits an axis.
void add_lanes(const Kernels &kernels, size_t n, unsigned bits) {
  const size_t code_bytes = (n * bits + 7) / 8;
  add("estimate_lanes_" + std::to_string(bits) + "bit_x32", kernels, n, [&kernels, code_bytes, bits](Data &data) {
    const auto address = (reinterpret_cast<uintptr_t>(data.query.data()) + 63) / 64 * 64;
    const quiver::simd::LaneQuery query{reinterpret_cast<const void *>(address), (code_bytes + 63) / 64 * 64, 0.1f,
                                        0.0f};
    const quiver::simd::LaneBlock block{data.codes.data(), code_bytes, data.factors.data(), data.factors.data(),
                                        kLanes};
    float estimates[kLanes];
    (bits == 2 ? kernels.estimate_lanes_2bit : kernels.estimate_lanes_1bit)(query, block, 1.0f, estimates);
    return estimates[0];
  });
}

void add_all(const Kernels &k, size_t n) {
  add("squared_l2", k, n, [&k, n](Data &d) { return k.squared_l2(d.a.data(), d.b.data(), n); });
  add("inner_product", k, n, [&k, n](Data &d) { return k.inner_product(d.a.data(), d.b.data(), n); });
  add("l1", k, n, [&k, n](Data &d) { return k.l1(d.a.data(), d.b.data(), n); });
  add("cosine_sums", k, n, [&k, n](Data &d) { return k.cosine_sums(d.a.data(), d.b.data(), n).dot; });
  add("squared_norm", k, n, [&k, n](Data &d) { return k.squared_norm(d.a.data(), n); });
  add("dot_float_u8", k, n, [&k, n](Data &d) { return k.dot_float_u8(d.a.data(), d.bytes.data(), n); });
  add("dot_u8", k, n, [&k, n](Data &d) { return k.dot_u8(d.bytes.data(), d.more_bytes.data(), n); });
  add("dot_u8_s8", k, n, [&k, n](Data &d) { return k.dot_u8_s8(d.bytes.data(), d.signed_bytes.data(), n); });
  add("subtract", k, n, [&k, n](Data &d) { return k.subtract(d.a.data(), d.b.data(), n, d.out.data()); });
  add("quantize_levels", k, n,
      [&k, n](Data &d) { return k.quantize_levels(d.a.data(), n, 1.0f, d.more_bytes.data()).alignment; });
  add("quantize_signs", k, n,
      [&k, n](Data &d) { return k.quantize_signs(d.a.data(), d.b.data(), n, d.more_bytes.data()).magnitude; });
  add_lanes(k, n, n < 200 ? 2 : 1);
}

}  // namespace

int main(int argc, char **argv) {
  quiver::simd::Tier tiers[quiver::simd::kMaxTiers];
  const size_t count = quiver::simd::list_tiers(tiers, quiver::simd::kMaxTiers);
  for (size_t i = 0; i < count; ++i)
    if (tiers[i].supported)
      for (const size_t n : kDimensions) add_all(*tiers[i].kernels, n);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
