// The steps of a build in their order, and who does what of one.
// SPDX-License-Identifier: PostgreSQL
#include "core/build_graph.hpp"
#include "core/build_spill.hpp"

namespace quiver::core {

namespace {

constexpr size_t kListsPerPoll = 64;

// Items that a participant takes at a time: enough to stay in one region, few enough to end together. What is offered
// to other windows is written at the end of each.
size_t items_per_range(BuildStep step, bool spills) {
  switch (step) {
    case BuildStep::rank_rows:
    case BuildStep::assign_cells:
      return spills ? 16384 : 4096;
    case BuildStep::insert_seeds:
    case BuildStep::insert_rest:
    case BuildStep::insert_sample:
      return 64;
    case BuildStep::link_near:
      return spills ? 1024 : 256;
    case BuildStep::offer_sample:
    case BuildStep::prune:
    case BuildStep::fill:
      return 1024;
    case BuildStep::search_leaves:  // a cell
    case BuildStep::take_offers:    // a chunk
      return 1;
  }
  return 1;
}

}  // namespace

void BuildGraph::lead(Crew &crew, BuildStep step, size_t items, Interrupt &interrupt) {
  begin_step();
  crew.lead(static_cast<uint32_t>(step), items, items_per_range(step, spill_ != nullptr),
            [&, this](size_t first, size_t last) { run(step, first, last, interrupt); });
}

void BuildGraph::take_part(Crew &crew, BuildStep step, Interrupt &interrupt) {
  begin_step();
  crew.take_part(items_per_range(step, spill_ != nullptr),
                 [&, this](size_t first, size_t last) { run(step, first, last, interrupt); });
}

void BuildGraph::run(BuildStep step, size_t first, size_t last, Interrupt &interrupt) {
  if (step == BuildStep::rank_rows && spill_ == nullptr) return rank_rows(first, last, interrupt);
  if (step == BuildStep::rank_rows) return rank_collected(first, last, interrupt);
  if (step == BuildStep::assign_cells) return assign_cells(first, last, interrupt);
  if (step == BuildStep::search_leaves && spill_ == nullptr) return search_leaves(first, last, interrupt);
  if (step == BuildStep::search_leaves) return search_spilled_leaves(first, last, interrupt);
  if (step == BuildStep::insert_seeds) return insert_seeds(first, last, interrupt);
  if (step == BuildStep::insert_rest) return insert_rest(first, last, interrupt);
  if (step == BuildStep::insert_sample) return sample()->insert_unless_seed(first, last, interrupt);
  if (step == BuildStep::offer_sample) return offer_sample(first, last, interrupt);
  if (step == BuildStep::take_offers) return take_offers(first, last, interrupt);
  if (step == BuildStep::link_near) return link_near(first, last, interrupt);
  if (step == BuildStep::prune) return prune_lists(first, last, interrupt);
  if (step == BuildStep::fill) return fill_lists(first, last, interrupt);
}

void BuildGraph::prune_lists(size_t first, size_t last, Interrupt &interrupt) {
  for (size_t i = first; i < last; ++i) {
    const NodeId id = window_first() + static_cast<NodeId>(i);
    if (count_of(id) > shape_.lanes) prune_list(id, shape_.lanes);
    if (i % kListsPerPoll == 0) interrupt.poll();
  }
}

void BuildGraph::fill_lists(size_t first, size_t last, Interrupt &interrupt) {
  for (size_t i = first; i < last; ++i) {
    fill_list(window_first() + static_cast<NodeId>(i));
    if (i % kListsPerPoll == 0) interrupt.poll();
  }
}

// Of the window.
void BuildGraph::complete_lists(Crew &crew, Interrupt &interrupt) {
  lead(crew, BuildStep::prune, window_rows(), interrupt);
  lead(crew, BuildStep::fill, window_rows(), interrupt);
}

void BuildGraph::finish(Crew &crew, Interrupt &interrupt) {
  if (spill_ != nullptr) {
    sort_into_files(crew, interrupt);
    link_window_by_window(crew, interrupt);
  } else {
    sort_by_region(crew, interrupt);
    header_->window_rows = size();
    if (near_ != nullptr)
      link_by_leaves(crew, interrupt);
    else
      insert_all(crew, interrupt);
    interrupt.report(size());
    complete_lists(crew, interrupt);
  }
  link_unreachable(interrupt);
}

}  // namespace quiver::core
