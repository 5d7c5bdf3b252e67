// The order of nodes where the collected rows lie in a file.
// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cstring>

#include "core/build_graph.hpp"
#include "core/build_rank.hpp"
#include "core/build_spill.hpp"

namespace quiver::core {

namespace {

constexpr size_t kItemsAtATime = 64;
constexpr size_t kItemsPerPoll = 256;

}  // namespace

// Rows in their order become nodes: each record goes to the block or to its file, its heap row to another.
class BuildGraph::SortedRows {
 public:
  SortedRows(BuildGraph &graph, std::pmr::memory_resource *memory)
      : graph_(graph),
        in_file_(graph.header_->records_in_file != 0),
        last_(graph.record_bytes_, 0, memory),
        records_(&graph.spill_->files(), SpillFile::records, memory),
        rows_(&graph.spill_->files(), SpillFile::rows, memory),
        extra_rows_(&graph.spill_->files(), SpillFile::extra_rows, memory) {}

  // `record`: followed by its row.
  void add(const uint8_t *record) {
    RowId row;
    std::memcpy(&row, record + graph_.record_bytes_, sizeof row);
    if (nodes_ > 0 && graph_.same_code(last_.data(), record)) {
      auto *code = reinterpret_cast<ScalarCode *>(last_.data());
      code->error = std::max(code->error, code_in(record).error);
      ExtraRow extra;
      std::memset(static_cast<void *>(&extra), 0, sizeof extra);
      extra.node = static_cast<NodeId>(nodes_ - 1);
      extra.row = row;
      extra_rows_.append(&extra, sizeof extra);
      ++extra_;
      return;
    }
    write_last();
    std::memcpy(last_.data(), record, graph_.record_bytes_);
    rows_.append(&row, sizeof row);
    ++nodes_;
  }

  void finish() {
    write_last();
    records_.flush();
    rows_.flush();
    extra_rows_.flush();
    graph_.header_->size = nodes_;
    graph_.header_->extra_count = extra_;
  }

 private:
  void write_last() {
    if (nodes_ == 0) return;
    if (in_file_)
      records_.append(last_.data(), graph_.record_bytes_);
    else
      std::memcpy(graph_.records_in_block_ + (nodes_ - 1) * graph_.record_bytes_, last_.data(), graph_.record_bytes_);
  }

  BuildGraph &graph_;
  bool in_file_;
  std::pmr::vector<uint8_t> last_;  // of the nodes: rows that equal it may still come
  uint64_t nodes_ = 0, extra_ = 0;
  SpillWriter records_, rows_, extra_rows_;
};

void BuildGraph::rank_collected(size_t first, size_t last, Interrupt &interrupt) {
  load_pivots();
  std::pmr::vector<uint8_t> items(memory_);
  const size_t bytes = spill_->item_bytes();
  std::pmr::vector<uint8_t> ranked(sizeof(Rank) + bytes, memory_);
  for (size_t i = first; i < last; i += kItemsAtATime) {
    interrupt.poll();
    const size_t count = std::min(kItemsAtATime, last - i);
    spill_->read_collected(i, count, &items);
    for (size_t k = 0; k < count; ++k) {
      const uint8_t *item = &items[k * bytes];
      const Rank rank = rank_of(item);
      std::memcpy(ranked.data(), &rank, sizeof rank);
      std::memcpy(ranked.data() + sizeof rank, item, bytes);
      spill_->sorted.append(rank.nearest(), ranked.data(), ranked.size());
    }
  }
  spill_->sorted.flush();
}

void BuildGraph::sort_into_files(Crew &crew, Interrupt &interrupt) {
  header_->size = header_->taken.load();
  header_->records_in_file = header_->size > spill_->plan().record_capacity ? 1 : 0;
  header_->extra_count = 0;
  if (size() == 0) return;
  choose_pivots();
  lead(crew, BuildStep::rank_rows, size(), interrupt);
  SortedRows rows(*this, memory_);
  for (size_t bucket = 0; bucket < header_->pivot_count; ++bucket) sort_bucket(bucket, rows, interrupt);
  rows.finish();
  begin_step();
}

// As much of a bucket as the piece allows at a time. Equal rows in different pieces stay nodes of their own.
void BuildGraph::sort_bucket(size_t bucket, SortedRows &rows, Interrupt &interrupt) {
  struct Item {
    Rank rank;
    uint32_t place;
    bool operator<(const Item &other) const { return rank != other.rank ? rank < other.rank : place < other.place; }
  };
  const size_t bytes = sizeof(Rank) + spill_->item_bytes();
  std::pmr::vector<uint8_t> piece(memory_);
  std::pmr::vector<Item> order(memory_);
  size_t left = spill_->sorted.chunks(bucket);
  while (left > 0) {
    piece.clear();
    order.clear();
    for (; left > 0 && piece.size() < spill_->plan().piece_bytes; --left) {
      interrupt.poll();
      const auto items = spill_->sorted.pop(bucket);
      piece.insert(piece.end(), items.begin(), items.end());
    }
    for (size_t i = 0; i < piece.size() / bytes; ++i) {
      Item item{{}, static_cast<uint32_t>(i)};
      std::memcpy(&item.rank, &piece[i * bytes], sizeof item.rank);
      order.push_back(item);
    }
    sort_while_polling(order.data(), order.data() + order.size(), interrupt);
    for (size_t i = 0; i < order.size(); ++i) {
      if (i % kItemsPerPoll == 0) interrupt.poll();
      rows.add(&piece[order[i].place * bytes + sizeof(Rank)]);
    }
  }
}

}  // namespace quiver::core
