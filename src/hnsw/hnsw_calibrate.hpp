// The recall curve of an index, measured on its pages and kept in the meta page.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "core/calibration.hpp"
#include "core/random.hpp"
#include "hnsw/hnsw_mend.hpp"
#include "pg/page_stream.hpp"

namespace quiver::hnsw {

// The graph as it would be without one node: what led to it leads to what vacuum would put there, or, without a mender,
// nowhere.
class GraphWithout {
 public:
  using Payload = PageGraph::Payload;

  GraphWithout(PageGraph &graph, core::NodeQuery &query, NodeId absent, LaneMender *mender)
      : graph_(graph), query_(query), absent_(absent), mender_(mender) {}

  template <class Sink>
  void entries(Sink &sink) {
    graph_.entries(sink);
  }

  template <class Sink>
  core::Visit expand(NodeId id, float estimate, Sink &sink, Payload *payload) {
    const core::Visit visit = graph_.expand(id, estimate, sink, payload);
    const std::span<const NodeId> lanes = graph_.lanes();
    if (mender_ == nullptr || std::find(lanes.begin(), lanes.end(), absent_) == lanes.end()) return visit;
    pg::call([&, this] {
      const core::ConstSlot slot = mender_->mended(id);
      const size_t count = slot.header()->lanes_used;
      query_.estimate(slot, count, visit.distance, estimates_);
      sink.offer(slot.ids(), estimates_, count);
    });
    return visit;
  }

  float horizon_shift() const { return graph_.horizon_shift(); }

 private:
  PageGraph &graph_;
  core::NodeQuery &query_;
  NodeId absent_;
  LaneMender *mender_;
  float estimates_[core::kMaxLanes];
};

// Searches for a sample of the index's own rows, each as if it had never been there, beside the truth from one pass
// over all pages. Lives in a context; no lock is held for longer than a page takes to copy.
class Calibrator {
 public:
  Calibrator(const OpenIndex &index, MemoryContext context);

  // Not measured when the index is too small to tell. In the plain format it understates recall a little.
  core::RecallCurve measure();

 private:
  // Nodes that are compared with all samples at once, by one product of matrices.
  struct NodeBlock {
    explicit NodeBlock(std::pmr::memory_resource *memory)
        : ids(memory), norms(memory), values(memory), products(memory) {}
    std::pmr::vector<NodeId> ids;
    std::pmr::vector<float> norms, values, products;
  };
  struct Sample {
    NodeId id;
    struct Neighbour {
      float distance;
      NodeId id;
    };
    core::NearestRows<Neighbour> nearest;
  };

  void choose_samples();
  void find_truth();
  bool copy_page(Buffer buffer);
  BlockNumber copy_next(pg::PageStream *pages);
  bool copy_slot(BlockNumber block, uint32 place, core::ScalarCode *code);
  void compare(NodeId id, const core::ScalarCode &code);
  void take_into_block(NodeId id, const core::ScalarCode &code);
  void compare_block();
  float norm_for_order(const core::ScalarCode &code) const;
  void offer(size_t sample, NodeId id, float distance);
  float cutoff(const Sample &sample);
  void follow(const Sample &sample, core::CurveMeasurement *measurement);

  pg::ContextResource memory_;
  const OpenIndex &index_;
  core::Random random_;
  BlockNumber blocks_;
  PGAlignedBlock page_;
  std::pmr::vector<uint8_t> codes_;  // of one slot, unpacked
  std::pmr::vector<Sample> samples_;
  // In the coded format, of each sample: decoded, back to back; the squared length; what is nearer than so is wanted.
  std::pmr::vector<float> sample_values_, sample_norms_, bounds_;
  std::pmr::vector<uint32_t> near_;
  NodeBlock block_;
  std::pmr::vector<core::NodeQuery> queries_;  // one for each sample
  NodeSet absent_;                             // the sample that is searched for
  LaneMender mender_;
  uint64 live_nodes_ = 0;
};

// Whether the index has changed so much since its curve was measured that vacuum should measure it again.
bool is_curve_stale(const OpenIndex &index);

// Measures the curve and writes it into the meta page.
void calibrate(Relation index, pg::Logging logging);

}  // namespace quiver::hnsw
