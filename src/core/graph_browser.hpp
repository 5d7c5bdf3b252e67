// The search: browses a graph outward from the query, one found node at a time, and stops by distance.
// SPDX-License-Identifier: PostgreSQL
//
// Invariants:
//  1. An estimate orders visits and nothing else; a found node's distance and bound come from the node itself.
//  2. A node is visited at most once.
//  3. The search is settled when the best candidate lies beyond the horizon (1 + gamma) * d_k, where d_k is the k-th
//     distance found. k is base_k until as many found nodes lie within the reach of the last one emitted, then nodes
//     emitted + 1. gamma is 0 once wide_visits were made.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/candidate_queue.hpp"
#include "core/node_format.hpp"
#include "core/seen_set.hpp"

namespace quiver::core {

struct BrowseOptions {
  float gamma = 0.0f;  // width of the horizon beyond the k-th distance
  // After so many visits gamma counts no more: where nothing is near, everything is about equally far, and a horizon in
  // proportion to the distance would take it all in.
  size_t wide_visits = std::numeric_limits<size_t>::max();
  size_t base_k = 10;  // least k of invariant 3
  // Estimates are distances (a graph in memory): then the k-th counts every node met, not only those visited, and the
  // search is HNSW's with ef = base_k.
  bool exact_estimates = false;
  bool keep_smaller_estimate = false;  // what to do when a neighbour is met again: 1-bit codes need the smaller one
  size_t max_lanes = kMaxLanes;
  size_t max_visits = std::numeric_limits<size_t>::max();
  size_t max_bytes = std::numeric_limits<size_t>::max();
};

// What one visit tells; the operator's value lies between `bound` and `ceiling`. `horizon_shift` (inner product only)
// is added to a distance before gamma widens it, since negative products have no scale of their own.
struct Visit {
  bool live = false;
  float distance = 0.0f;
  double bound = 0.0;
  double ceiling = std::numeric_limits<double>::infinity();
  // The row's own distance is not below it. Who was handed the node is certain of the order of all that is nearer.
  float reach = std::numeric_limits<float>::infinity();
};

// Graph provides:
//   using Payload = ...;                                 plain data kept for each found node
//   void entries(Sink &sink);                            offers the first candidates
//   Visit expand(NodeId id, float estimate, Sink &sink, Payload *payload);
//                                                        the node's own distance; offers its neighbours
//   float horizon_shift() const;                         see Visit
// The sink's members never throw and never allocate, so that expand may run where C++ exceptions may not.
template <class Graph>
class Browser {
 public:
  using Payload = typename Graph::Payload;

  struct Found {
    NodeId id;
    float distance;
    double bound;
    double ceiling;
    float reach;
    Payload payload;
  };

  // Takes the neighbours of the node being visited.
  class Sink {
   public:
    // n neighbours with their estimates, met perhaps before; at most max_lanes in a visit.
    void offer(const NodeId *ids, const float *estimates, size_t n) noexcept {
      uint32_t *found = browser_.places_.data();
      browser_.seen_.add(ids, n, found);
      size_t count = browser_.fresh_count_;
      for (size_t i = 0; i < n; ++i) {
        browser_.fresh_[count] = {estimates[i], ids[i]};
        count += browser_.options_.keep_smaller_estimate ? browser_.seen_.improve(found[i], estimates[i])
                                                         : SeenSet::is_new(found[i]);
      }
      // By place, so that no branch depends on estimates; a place more is there for what is not new.
      const Candidate *fresh = browser_.fresh_.data();
      size_t best = browser_.fresh_count_;
      for (size_t i = best + 1; i < count; ++i) best = fresh[i].estimate < fresh[best].estimate ? i : best;
      if (best < count) consider(fresh[best]);
      browser_.fresh_count_ = count;
    }

    // For graphs whose estimates cost more than a look-up: first ask, which moves the ids never met to the front and
    // returns how many they are; then give the estimates of those.
    size_t admit(NodeId *ids, size_t n) noexcept {
      uint32_t *found = browser_.places_.data();
      browser_.seen_.add(ids, n, found);
      size_t count = 0;
      for (size_t i = 0; i < n; ++i) {
        ids[count] = ids[i];
        count += SeenSet::is_new(found[i]);
      }
      return count;
    }
    void take(NodeId id, float estimate) noexcept {
      const Candidate candidate{estimate, id};
      browser_.fresh_[browser_.fresh_count_++] = candidate;
      consider(candidate);
    }

    // What this visit offered so far that was never met.
    std::span<const Candidate> fresh() const noexcept { return {browser_.fresh_.data(), browser_.fresh_count_}; }
    // Candidates beyond it are not visited, unless the search goes on for more rows.
    float horizon() const noexcept { return browser_.horizon(); }

    // The node that will probably be visited next, or kNullNode: for reading ahead.
    NodeId likely_next() const noexcept {
      const float queued = browser_.queue_.near_estimate();
      const float best = std::min(best_.estimate, queued);
      if (!(best <= browser_.horizon())) return kNullNode;
      return best_.estimate <= queued ? best_.id : browser_.queue_.near_id();
    }

   private:
    friend class Browser;
    explicit Sink(Browser &browser) : browser_(browser) {}
    void consider(Candidate candidate) noexcept {
      if (candidate.estimate < best_.estimate) best_ = candidate;
    }
    Browser &browser_;
    Candidate best_{std::numeric_limits<float>::infinity(), kNullNode};
  };

  Browser(Graph &graph, const BrowseOptions &options, std::pmr::memory_resource *memory)
      : graph_(graph),
        options_(options),
        seen_(options.keep_smaller_estimate ? SeenSet::Keeps::estimates : SeenSet::Keeps::ids, memory),
        queue_(memory),
        kth_(options.base_k, !options.exact_estimates, memory),
        found_(memory),
        pending_(memory),
        fresh_(std::max(options.max_lanes, kMaxFirst) + 1, memory),
        places_(fresh_.size(), memory) {}

  // Forgets everything and offers the entries. `absent`: a node that is passed over, as if it were not there.
  void start(NodeId absent = kNullNode) {
    seen_.clear();
    queue_.clear();
    kth_.clear(options_.base_k);
    found_.clear();
    pending_.clear();
    emitted_ = visits_ = 0;
    limited_ = goes_on_ = false;
    make_room();
    if (absent != kNullNode) pass_over(absent);
    Sink sink(*this);
    graph_.entries(sink);
    queue_fresh();
  }

  // One visit. False when the search is settled or a limit is reached.
  bool advance() {
    const float limit = horizon();
    const Candidate *best = best_unvisited(limit);
    if (best == nullptr || !(best->estimate <= limit)) return false;
    if (visits_ >= options_.max_visits || bytes() > options_.max_bytes) {
      limited_ = true;
      return false;
    }
    visit(*best);
    return true;
  }

  // The gamma from which on a search in this state would make one more visit; infinite when nothing is left.
  float needed_gamma() {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const Candidate *best = best_unvisited(kInfinity);
    if (best == nullptr) return kInfinity;
    const float kth = kth_.value();
    if (best->estimate <= kth) return 0.0f;
    const float scale = std::max(0.0f, kth + graph_.horizon_shift());
    return scale > 0.0f ? (best->estimate - kth) / scale : kInfinity;
  }

  // Visits nodes until the search is settled for the present k.
  void settle() {
    while (advance()) {
    }
  }

  // The unemitted found node of least bound once the search is settled; null when the graph is exhausted or the search
  // is over.
  const Found *next() {
    settle();
    if (pending_.empty() && !limited_) settle_for(emitted_ + 1);
    if (pending_.empty() || is_over(emitted_)) return nullptr;
    return pop_pending();
  }

  // For a caller who puts what was found in an order of his own: settles the search for so many rows.
  void settle_for(size_t rows) {
    kth_.raise(rows);
    settle();
  }
  // Whether a limit ended the search after enough rows: what was found until then is as good as a search gets it.
  bool is_over(size_t rows) const { return limited_ && rows >= options_.base_k; }

  // What was found and not emitted, by ascending bound, without visiting more.
  const Found *pop_pending() {
    if (pending_.empty()) return nullptr;
    std::pop_heap(pending_.begin(), pending_.end(), Later());
    const Found *found = &found_[pending_.back().index];
    pending_.pop_back();
    ++emitted_;
    // Whoever comes back with base_k rows certain wants more of them. Until then rows are taken to be sure of the order
    // of others, and widen nothing.
    goes_on_ = goes_on_ || kth_.value() <= found->reach;
    if (goes_on_) kth_.raise(emitted_ + 1);
    return found;
  }
  // The least bound of what was found and not emitted; infinite when there is nothing.
  double next_bound() const { return pending_.empty() ? std::numeric_limits<double>::infinity() : pending_[0].bound; }
  const std::pmr::vector<Found> &found() const { return found_; }
  // True once max_visits or max_bytes ended the search early.
  bool is_limited() const { return limited_; }
  size_t visits() const { return visits_; }
  size_t bytes() const {
    return seen_.bytes() + queue_.bytes() + kth_.bytes() + found_.capacity() * sizeof(Found) +
           pending_.capacity() * sizeof(Pending);
  }

  // Candidates that Graph::entries may offer.
  static constexpr size_t kMaxFirst = 16;

 private:
  struct Pending {
    double bound;
    uint32_t index;
  };
  struct Later {
    bool operator()(const Pending &a, const Pending &b) const { return a.bound > b.bound; }
  };

  float horizon() const noexcept {
    const float kth = kth_.value();
    if (!(kth < std::numeric_limits<float>::max())) return std::numeric_limits<float>::infinity();
    if (visits_ >= options_.wide_visits) return kth;
    return kth + options_.gamma * std::max(0.0f, kth + graph_.horizon_shift());
  }

  // Everything that a visit may add, so that the sink need not allocate.
  void make_room() {
    seen_.reserve(fresh_.size());
    queue_.reserve(fresh_.size());
    fresh_count_ = 0;
  }

  void queue_fresh() {
    if (options_.exact_estimates)
      for (size_t i = 0; i < fresh_count_; ++i) kth_.add(fresh_[i].estimate);
    const float limit = horizon();
    queue_.push(fresh_.data(), fresh_count_, limit);
  }

  void pass_over(NodeId id) {
    uint32_t found;
    seen_.add(&id, 1, &found);
    if (options_.keep_smaller_estimate) seen_.mark_visited(id);
  }

  const Candidate *best_unvisited(float limit) {
    for (;;) {
      const Candidate *best = queue_.best(limit);
      if (best == nullptr || !options_.keep_smaller_estimate || !seen_.is_visited(best->id)) return best;
      queue_.pop();  // an older, larger estimate of a node visited meanwhile
    }
  }

  void visit(Candidate candidate) {
    queue_.pop();
    if (options_.keep_smaller_estimate) seen_.mark_visited(candidate.id);
    make_room();
    ++visits_;
    Sink sink(*this);
    Payload payload{};
    const Visit visit = graph_.expand(candidate.id, candidate.estimate, sink, &payload);
    if (visit.live) {
      if (!options_.exact_estimates) kth_.add(visit.distance);
      pending_.push_back({visit.bound, static_cast<uint32_t>(found_.size())});
      std::push_heap(pending_.begin(), pending_.end(), Later());
      found_.push_back({candidate.id, visit.distance, visit.bound, visit.ceiling, visit.reach, payload});
    }
    queue_fresh();
  }

  Graph &graph_;
  BrowseOptions options_;
  SeenSet seen_;
  CandidateQueue queue_;
  KthDistance kth_;
  std::pmr::vector<Found> found_;
  std::pmr::vector<Pending> pending_;
  // Of fixed size: what the present visit offers, and a place more for what is not new; where seen_ has it.
  std::pmr::vector<Candidate> fresh_;
  std::pmr::vector<uint32_t> places_;
  size_t fresh_count_ = 0;
  size_t emitted_ = 0;
  size_t visits_ = 0;
  bool limited_ = false;
  bool goes_on_ = false;  // more than base_k nodes are wanted
};

}  // namespace quiver::core
