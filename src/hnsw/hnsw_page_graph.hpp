// The Graph of core/graph_browser.hpp over index pages: one visit reads one page.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "core/graph_browser.hpp"
#include "hnsw/hnsw_index.hpp"
#include "pg/boundary.hpp"

namespace quiver::hnsw {

// Copies of the own vectors of the live nodes that a search visited, for insertion and vacuum to choose among.
class VisitedVectors {
 public:
  VisitedVectors(const core::NodeShape &shape, core::Metric metric, std::pmr::memory_resource *memory)
      : shape_(shape),
        code_bytes_(shape.unpacked_bytes()),
        by_inner_product_(metric == core::Metric::inner_product),
        codes_(memory),
        parameters_(memory),
        plain_(shape, core::edge_metric(metric), memory) {}

  void clear() {
    codes_.clear();
    parameters_.clear();
    aimed_at_ = kNobody;
    largest_squared_norm_ = 0.0f;
  }
  uint32_t add(const core::ScalarCode &code, const uint8_t *codes) {
    parameters_.push_back(code);
    largest_squared_norm_ = Max(largest_squared_norm_, code.squared_norm);
    codes_.insert(codes_.end(), codes, codes + code_bytes_);
    return static_cast<uint32_t>(parameters_.size() - 1);
  }
  size_t size() const { return parameters_.size(); }
  const core::ScalarCode &code(uint32_t i) const { return parameters_[i]; }
  const uint8_t *codes(uint32_t i) const { return &codes_[i * code_bytes_]; }
  // What distance() adds to a negative inner product; 0 under other metrics.
  float shift() const { return by_inner_product_ ? largest_squared_norm_ : 0.0f; }
  // What edges are chosen by: the distance, squared for L2, or the largest squared norm less the inner product. In the
  // plain format calls with the same `a` one after another are the cheaper ones.
  float distance(uint32_t a, uint32_t b);

 private:
  static constexpr uint32_t kNobody = 0xffffffffu;

  core::NodeShape shape_;
  size_t code_bytes_;
  bool by_inner_product_;
  float largest_squared_norm_ = 0.0f;
  std::pmr::vector<uint8_t> codes_;  // unpacked, back to back
  std::pmr::vector<core::ScalarCode> parameters_;
  core::PlainDistance plain_;
  uint32_t aimed_at_ = kNobody;  // where plain_ is aimed
};

// Reads pages through hints, one page ahead of the browser. Holds at most one pin between visits; an error or the end
// of the transaction drops it, finish() does otherwise.
class PageGraph {
 public:
  // What a scan needs of a found node later, read under the same lock as its vector.
  struct Payload {
    RowId rows[2];
    NodeId overflow;
    uint32_t vector;  // in VisitedVectors, when those are kept
  };

  // `visited` may be null.
  PageGraph(const OpenIndex &index, core::NodeQuery &query, VisitedVectors *visited, std::pmr::memory_resource *memory)
      : index_(index),
        query_(query),
        visited_(visited),
        staged_codes_(visited == nullptr ? 0 : index.shape().unpacked_bytes(), memory) {}
  ~PageGraph() = default;
  PageGraph(const PageGraph &) = delete;
  PageGraph &operator=(const PageGraph &) = delete;

  template <class Sink>
  void entries(Sink &sink) {
    core::Candidate best[kBestEntries];
    const size_t count = best_entries(best);
    for (size_t i = 0; i < count; ++i) sink.offer(&best[i].id, &best[i].estimate, 1);
  }

  template <class Sink>
  core::Visit expand(NodeId id, float, Sink &sink, Payload *payload) {
    core::Visit visit;
    pg::call([&, this] {
      read(id, &visit, payload);
      if (index_.shape().has_codes()) {
        sink.offer(ids_, estimates_, lanes_);
      } else {
        lanes_ = static_cast<uint32_t>(sink.admit(ids_, lanes_));
        measure();
        for (uint32_t i = 0; i < lanes_; ++i)
          if (is_there_[i]) sink.take(ids_[i], estimates_[i]);
      }
      if (cold_) prefetch_pages(sink.fresh(), sink.horizon());
      read_ahead(sink.likely_next());
    });
    if (visit.live && visited_ != nullptr) payload->vector = visited_->add(staged_code_, staged_codes_.data());
    return visit;
  }

  float horizon_shift() const { return query_.horizon_shift(); }

  // Of the node visited last.
  std::span<const NodeId> lanes() const { return {ids_, lanes_}; }

  // Drops the page read ahead. Call it before the search is left for longer.
  void finish();

 private:
  static constexpr size_t kBestEntries = 4;
  static constexpr uint32_t kPinnedAhead = 4;
  static constexpr size_t kMaxPrefetched = 32;  // of one visit's neighbours

  void measure();
  void prefetch(Buffer buffer, NodeId id) const;
  void prefetch_pages(std::span<const core::Candidate> candidates, float horizon) const;

  size_t best_entries(core::Candidate *best) const;
  void read(NodeId id, core::Visit *visit, Payload *payload);
  Buffer pin(NodeId id);
  Buffer take_pin(NodeId id);
  void read_ahead(NodeId id);

  const OpenIndex &index_;
  core::NodeQuery &query_;
  VisitedVectors *visited_;
  std::pmr::vector<uint8_t> staged_codes_;
  core::ScalarCode staged_code_{};
  NodeId ids_[core::kMaxLanes];
  float estimates_[core::kMaxLanes];
  bool is_there_[core::kMaxLanes];  // plain format: the lane's node could be measured
  uint32_t lanes_ = 0;
  bool cold_ = false;  // the page pinned last came from the disk
  Buffer ahead_ = InvalidBuffer;
  BlockNumber ahead_block_ = InvalidBlockNumber;
};

}  // namespace quiver::hnsw
