// Visits, recall and CPU time of the coded graph in plain memory: what the index would do if pages cost nothing.
// SPDX-License-Identifier: PostgreSQL
//
// usage: graph_bench BASE.fbin QUERY.fbin TRUTH.ibin l2|cosine|ip [ROWS] [M] [BEAM] [MEGABYTES]
// Builds the graph as CREATE INDEX does, in so many megabytes and temporary files if they do not suffice, fills slots
// as the index's pages hold them, and prints, for a range of gamma, recall@10, visits and microseconds of CPU a query.
// Method and figures: bench/README.md.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/build_graph.hpp"
#include "core/build_plan.hpp"
#include "core/node_query.hpp"
#include "core/node_writer.hpp"
#include "core/row_encoder.hpp"
#include "core/spill.hpp"
#include "simd/dispatch.hpp"

namespace {

using namespace quiver::core;

template <class T>
struct Matrix {
  uint32_t rows = 0, columns = 0;
  std::vector<T> values;
  const T *row(size_t i) const { return &values[i * columns]; }
};

template <class T>
Matrix<T> read_matrix(const char *path, size_t limit) {
  std::ifstream file(path, std::ios::binary);
  Matrix<T> matrix;
  if (!file.read(reinterpret_cast<char *>(&matrix), 8)) throw std::runtime_error(std::string("cannot read ") + path);
  matrix.rows = static_cast<uint32_t>(std::min<size_t>(matrix.rows, limit));
  matrix.values.resize(size_t{matrix.rows} * matrix.columns);
  file.read(reinterpret_cast<char *>(matrix.values.data()),
            static_cast<std::streamsize>(matrix.values.size() * sizeof(T)));
  return matrix;
}

// Large blocks on huge pages, as pg::ContextResource gives them.
class HugePages final : public std::pmr::memory_resource {
  static constexpr size_t kHugePage = size_t{2} << 20;
  static size_t alignment_of(size_t bytes, size_t alignment) {
    return bytes < 4 * kHugePage ? std::max<size_t>(alignment, 16) : kHugePage;
  }
  void *do_allocate(size_t bytes, size_t alignment) override {
    void *block = ::operator new(bytes, std::align_val_t(alignment_of(bytes, alignment)));
    if (bytes >= 4 * kHugePage) madvise(block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
    return block;
  }
  void do_deallocate(void *block, size_t bytes, size_t alignment) override {
    ::operator delete(block, std::align_val_t(alignment_of(bytes, alignment)));
  }
  bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override { return this == &other; }
};

class TemporaryFiles final : public SpillFiles {
 public:
  TemporaryFiles() {
    for (std::FILE *&file : files_)
      if ((file = std::tmpfile()) == nullptr) throw std::runtime_error("cannot make a temporary file");
  }
  ~TemporaryFiles() override {
    for (std::FILE *file : files_) std::fclose(file);
  }
  void read(SpillFile file, uint64_t offset, void *to, size_t bytes) override {
    check(pread(descriptor(file), to, bytes, static_cast<off_t>(offset)), bytes);
  }
  void write(SpillFile file, uint64_t offset, const void *from, size_t bytes) override {
    check(pwrite(descriptor(file), from, bytes, static_cast<off_t>(offset)), bytes);
    written_[static_cast<size_t>(file)] += bytes;
  }
  void print() const {
    std::printf("spilled MB:");
    for (const uint64_t bytes : written_) std::printf(" %.1f", static_cast<double>(bytes) / 1e6);
    std::printf("\n");
  }

 private:
  int descriptor(SpillFile file) const { return fileno(files_[static_cast<size_t>(file)]); }
  static void check(ssize_t done, size_t wanted) {
    if (done != static_cast<ssize_t>(wanted)) throw std::runtime_error("a temporary file failed");
  }
  std::array<std::FILE *, kSpillFiles> files_{};
  std::array<uint64_t, kSpillFiles> written_{};
};

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The Graph of graph_browser.hpp over slots in one block of memory.
class SlotGraph {
 public:
  struct Payload {};

  SlotGraph(BuildGraph &built, std::pmr::memory_resource *memory)
      : shape_(built.shape()), slots_(built.size() * built.shape().slot_bytes + kLineBytes), built_(built) {
    NodeWriter writer(shape_, memory);
    NoInterrupt interrupt;
    for (size_t window = 0, i = 0; window < built.windows(); ++window) {
      built.open_window(window, interrupt);
      for (; i < built.window_first() + built.window_rows(); ++i) write(writer, static_cast<NodeId>(i));
    }
  }

  void write(NodeWriter &writer, NodeId id) {
    const size_t i = id;
    const Slot slot(shape_, &slots_[i * shape_.slot_bytes]);
    writer.write_own(slot, built_.scalar_code(id), built_.codes(id), built_.row(id));
    writer.aim(built_.scalar_code(id), built_.codes(id));
    size_t lane = 0;
    for (const NodeId neighbour : built_.neighbours(id))
      writer.write_lane(slot, lane++, neighbour, built_.scalar_code(neighbour), built_.codes(neighbour));
    slot.header()->lanes_used = static_cast<uint8_t>(lane);
  }

  void aim(NodeQuery *query) { query_ = query; }
  uint32_t base_row(NodeId id) const {
    const RowId row = slot(id).header()->rows[0];
    return (uint32_t{row.block_high} << 16) | row.block_low;
  }
  ConstSlot slot(NodeId id) const { return {shape_, &slots_[size_t{id} * shape_.slot_bytes]}; }

  template <class Sink>
  void entries(Sink &sink) const {
    std::vector<Candidate> all;
    for (const NodeId id : built_.entries()) all.push_back({query_->read(slot(id)).distance, id});
    const size_t best = std::min<size_t>(4, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(best), all.end(),
                      [](const Candidate &a, const Candidate &b) { return a.estimate < b.estimate; });
    for (size_t i = 0; i < best; ++i) sink.offer(&all[i].id, &all[i].estimate, 1);
  }

  template <class Sink>
  Visit expand(NodeId id, float, Sink &sink, Payload *) const {
    const ConstSlot here = slot(id);
    const auto reading = query_->read(here);
    float estimates[kMaxLanes];
    query_->estimate(here, here.header()->lanes_used, reading.distance, estimates);
    sink.offer(here.ids(), estimates, here.header()->lanes_used);
    const NodeId next = sink.likely_next();
    if (next != kNullNode)
      for (size_t line = 0; line < shape_.used_bytes(); line += kLineBytes)
        __builtin_prefetch(slot(next).bytes() + line);
    return {true, reading.distance, reading.bound};
  }

  float horizon_shift() const { return query_->horizon_shift(); }

 private:
  NodeShape shape_;
  std::vector<char> slots_;
  BuildGraph &built_;
  NodeQuery *query_ = nullptr;
};

double recall(const std::vector<NodeId> &found, const int32_t *truth, size_t k) {
  size_t hits = 0;
  for (size_t i = 0; i < std::min(k, found.size()); ++i) hits += std::find(truth, truth + k, found[i]) != truth + k;
  return static_cast<double>(hits) / static_cast<double>(k);
}

// What the executor does with the rows that the index hands it.
float exact_distance(Metric metric, const float *a, const float *b, size_t n) {
  const auto &kernels = quiver::simd::kernels();
  if (metric == Metric::l2) return kernels.squared_l2(a, b, n);
  if (metric == Metric::inner_product) return -kernels.inner_product(a, b, n);
  const auto sums = kernels.cosine_sums(a, b, n);
  return 1.0f - sums.dot / std::sqrt(sums.squared_norm_a * sums.squared_norm_b);
}

// The nearest rows of a prefix of the base, which the file of truths does not know.
Matrix<int32_t> exact_truth(const Matrix<float> &base, Metric metric, const Matrix<float> &queries) {
  constexpr uint32_t kNearest = 10;
  Matrix<int32_t> truth{queries.rows, kNearest, {}};
  std::vector<std::pair<float, int32_t>> all(base.rows);
  for (size_t q = 0; q < queries.rows; ++q) {
    for (size_t i = 0; i < base.rows; ++i)
      all[i] = {exact_distance(metric, queries.row(q), base.row(i), base.columns), static_cast<int32_t>(i)};
    std::partial_sort(all.begin(), all.begin() + kNearest, all.end());
    for (size_t i = 0; i < kNearest; ++i) truth.values.push_back(all[i].second);
  }
  return truth;
}

void measure(SlotGraph &graph, NodeQuery &query, const NodeShape &shape, const Matrix<float> &base, Metric metric,
             const Matrix<float> &queries, const Matrix<int32_t> &truth, float gamma) {
  constexpr size_t kRows = 10, kChecked = 20;
  BrowseOptions options;
  options.gamma = gamma;
  options.keep_smaller_estimate = shape.code.bits == 1;
  options.max_lanes = shape.lanes;
  graph.aim(&query);
  std::pmr::unsynchronized_pool_resource pool;
  Browser<SlotGraph> browser(graph, options, &pool);
  double total_recall = 0.0;
  size_t visits = 0;
  const double start = cpu_seconds();
  for (size_t q = 0; q < queries.rows; ++q) {
    query.aim(VectorView::dense(queries.row(q), shape.dimensions));
    browser.start();
    browser.settle();
    std::vector<std::pair<float, NodeId>> best;
    for (const auto &found : browser.found()) best.push_back({found.distance, found.id});
    const size_t checked = std::min(kChecked, best.size());
    std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(checked), best.end());
    best.resize(checked);
    for (auto &[distance, id] : best) {
      id = graph.base_row(id);
      distance = exact_distance(metric, queries.row(q), base.row(id), base.columns);
    }
    std::sort(best.begin(), best.end());
    std::vector<NodeId> ids;
    for (size_t i = 0; i < std::min(kRows, best.size()); ++i) ids.push_back(best[i].second);
    total_recall += recall(ids, truth.row(q), kRows);
    visits += browser.visits();
  }
  const double seconds = cpu_seconds() - start;
  std::printf("gamma %.2f recall %.4f visits %6.1f us %7.1f\n", static_cast<double>(gamma), total_recall / queries.rows,
              static_cast<double>(visits) / queries.rows, 1e6 * seconds / queries.rows);
}

int run(int argc, char **argv) {
  if (argc < 5)
    throw std::runtime_error("usage: graph_bench BASE QUERY TRUTH l2|cosine|ip [ROWS] [M] [BEAM] [MEGABYTES]");
  const size_t limit = argc > 5 ? std::strtoull(argv[5], nullptr, 10) : SIZE_MAX;
  const size_t m = argc > 6 ? std::strtoull(argv[6], nullptr, 10) : 16;
  const size_t beam = argc > 7 ? std::strtoull(argv[7], nullptr, 10) : 96;
  const auto base = read_matrix<float>(argv[1], limit);
  const auto queries = read_matrix<float>(argv[2], SIZE_MAX);
  const Metric metric = argv[4][0] == 'c' ? Metric::cosine : argv[4][0] == 'i' ? Metric::inner_product : Metric::l2;
  const auto truth = limit == SIZE_MAX ? read_matrix<int32_t>(argv[3], SIZE_MAX) : exact_truth(base, metric, queries);
  HugePages huge_pages;
  auto *memory = &huge_pages;
  const NodeShape shape = choose_node_shape(base.columns, m, false);
  std::printf("%u x %u, m %zu: %u lanes, %u-bit codes, %u slots of %u bytes a page\n", base.rows, base.columns, m,
              shape.lanes, shape.code.bits, shape.slots_per_page, shape.slot_bytes);
  const Rotation rotation(base.columns, 42, memory);
  const size_t budget = argc > 8 ? std::strtoull(argv[8], nullptr, 10) << 20 : SIZE_MAX / 2;
  const double rows = base.rows;
  const BuildLayout layout(shape, plan_build(shape, metric, {rows, rows, beam, budget, 1}));
  const BuildPlan &plan = layout.plan();
  std::printf("block %.1f MB; %zu windows, %s records, a sample of %zu\n", static_cast<double>(layout.bytes()) / 1e6,
              static_cast<size_t>(plan.windows), plan.record_capacity > 0 ? "all" : "no",
              static_cast<size_t>(plan.sample_rows));
  const PrivateBlock block(layout, memory);
  TemporaryFiles files;
  BuildGraph built(shape, {metric, beam}, layout, block.get(), memory, &files);
  RowEncoder encoder(shape, metric, rotation, memory);
  double start = cpu_seconds();
  for (uint32_t i = 0; i < base.rows; ++i)
    if (encoder.encode(VectorView::dense(base.row(i), shape.dimensions)))
      built.add(encoder.code(), encoder.codes(), {static_cast<uint16_t>(i >> 16), static_cast<uint16_t>(i), 1});
  built.end_adding();
  std::printf("insert %.1f s\n", cpu_seconds() - start);
  start = cpu_seconds();
  NoInterrupt interrupt;
  SoloCrew crew(built.work());
  built.finish(crew, interrupt);
  std::printf("finish %.1f s, %zu nodes\n", cpu_seconds() - start, built.size());
  files.print();
  start = cpu_seconds();
  SlotGraph graph(built, memory);
  std::printf("encode %.1f s\n", cpu_seconds() - start);
  NodeQuery query(shape, metric, rotation, memory);
  for (const float gamma : {0.02f, 0.05f, 0.08f, 0.10f, 0.13f, 0.16f, 0.20f, 0.24f, 0.30f, 0.40f})
    measure(graph, query, shape, base, metric, queries, truth, gamma);
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "graph_bench: %s\n", error.what());
    return 1;
  }
}
