// hnswlib called in-process, as a contender of ann_bench.py: builds, then answers blocks of queries on standard input.
// SPDX-License-Identifier: PostgreSQL
//
// usage: hnswlib_bench BASE.fbin QUERY.fbin l2|cosine|ip ROWS M EF_CONSTRUCTION
// Says "ready CPU_SECONDS BYTES"; then for each line "EF FIRST COUNT" the CPU seconds and ten labels a query, one query
// after the other. One thread. Cosine is the inner product of normalized rows.
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Matrix {
  uint32_t rows = 0;
  uint32_t dimensions = 0;
  std::vector<float> values;

  const float *row(size_t number) const { return values.data() + number * dimensions; }
};

Matrix read_matrix(const char *path, uint32_t limit, bool normalized) {
  std::ifstream file(path, std::ios::binary);
  Matrix matrix;
  file.read(reinterpret_cast<char *>(&matrix.rows), 4);
  file.read(reinterpret_cast<char *>(&matrix.dimensions), 4);
  matrix.rows = std::min(matrix.rows, limit);
  matrix.values.resize(static_cast<size_t>(matrix.rows) * matrix.dimensions);
  file.read(reinterpret_cast<char *>(matrix.values.data()),
            static_cast<std::streamsize>(matrix.values.size() * sizeof(float)));
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  for (size_t i = 0; normalized && i < matrix.rows; ++i) {
    float *row = matrix.values.data() + i * matrix.dimensions;
    double square = 0;
    for (uint32_t j = 0; j < matrix.dimensions; ++j) square += double{row[j]} * row[j];
    for (uint32_t j = 0; square > 0 && j < matrix.dimensions; ++j)
      row[j] = static_cast<float>(row[j] / std::sqrt(square));
  }
  return matrix;
}

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void answer(hnswlib::HierarchicalNSW<float> &graph, const Matrix &queries, size_t ef, size_t first, size_t count) {
  std::vector<hnswlib::labeltype> labels;
  graph.setEf(ef);
  const double start = cpu_seconds();
  for (size_t i = first; i < first + count; ++i) {
    auto found = graph.searchKnn(queries.row(i), 10);
    for (; !found.empty(); found.pop()) labels.push_back(found.top().second);
  }
  std::cout << cpu_seconds() - start;
  for (auto label : labels) std::cout << ' ' << label;
  std::cout << std::endl;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  const std::string metric = argv[3];
  const Matrix base = read_matrix(argv[1], static_cast<uint32_t>(std::stoul(argv[4])), metric == "cosine");
  const Matrix queries = read_matrix(argv[2], UINT32_MAX, metric == "cosine");
  std::unique_ptr<hnswlib::SpaceInterface<float>> space;
  if (metric == "l2")
    space = std::make_unique<hnswlib::L2Space>(base.dimensions);
  else
    space = std::make_unique<hnswlib::InnerProductSpace>(base.dimensions);
  hnswlib::HierarchicalNSW<float> graph(space.get(), base.rows, std::stoul(argv[5]), std::stoul(argv[6]));
  const double start = cpu_seconds();
  for (size_t i = 0; i < base.rows; ++i) graph.addPoint(base.row(i), i);
  std::cout << "ready " << cpu_seconds() - start << ' ' << graph.size_data_per_element_ * base.rows << std::endl;
  for (size_t ef = 0, first = 0, count = 0; std::cin >> ef >> first >> count;) answer(graph, queries, ef, first, count);
}
