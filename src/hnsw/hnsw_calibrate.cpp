// Samples, truth, searches.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_calibrate.hpp"

#include <algorithm>
#include <limits>

#include "pg/boundary.hpp"
#include "simd/dispatch.hpp"

extern "C" {
#include "common/pg_prng.h"
#include "miscadmin.h"
}

namespace quiver::hnsw {

namespace {

// With so many samples the recall of ten rows is known to about a point at .8, half of one at .95 (one standard
// error). A small index has fewer, or measuring it would take longer than building it. Of every few the visits are
// counted.
constexpr size_t kMaxSamples = 1000, kMinSamples = 50;
constexpr uint64 kNodesPerSample = 50;
constexpr size_t kSamplesPerCount = 5;
constexpr size_t kSampleMemory = size_t{24} << 20;
constexpr size_t kLeastNodes = 200;
constexpr size_t kTriesPerSample = 16;
constexpr size_t kBlockNodes = 64;

core::BrowseOptions endless_options(const core::NodeShape &shape) {
  core::BrowseOptions options;
  options.gamma = 1e30f;
  options.base_k = core::kCalibratedRows;
  options.keep_smaller_estimate = shape.code.bits == 1;
  options.max_lanes = shape.lanes;
  return options;
}

uint64 likely_nodes(const OpenIndex &index) {
  const uint64 slots = static_cast<uint64>(RelationGetNumberOfBlocks(index.relation)) * index.shape().slots_per_page;
  return slots - Min(slots, index.meta.tombstones);
}

size_t samples_for(const OpenIndex &index) {
  const size_t bytes_each = 14 * (index.shape().unpacked_bytes() + 64);
  const size_t most = std::clamp(kSampleMemory / bytes_each, kMinSamples, kMaxSamples);
  return std::clamp<size_t>(likely_nodes(index) / kNodesPerSample, kMinSamples, most);
}

}  // namespace

Calibrator::Calibrator(const OpenIndex &index, MemoryContext context)
    : memory_(context),
      index_(index),
      random_(pg_prng_uint64(&pg_global_prng_state)),
      blocks_(RelationGetNumberOfBlocks(index.relation)),
      codes_(index.shape().unpacked_bytes(), &memory_),
      samples_(&memory_),
      sample_values_(&memory_),
      sample_norms_(&memory_),
      bounds_(&memory_),
      near_(&memory_),
      block_(&memory_),
      queries_(&memory_),
      absent_(blocks_ * index.shape().slots_per_page, &memory_),
      mender_(index, absent_, &memory_) {}

core::RecallCurve Calibrator::measure() {
  core::CurveMeasurement measurement;
  choose_samples();
  if (samples_.size() >= kMinSamples) {
    find_truth();
    for (size_t i = 0; i < samples_.size() && live_nodes_ >= kLeastNodes; ++i) follow(samples_[i], &measurement);
  }
  return measurement.curve(likely_nodes(index_));
}

void Calibrator::choose_samples() {
  const size_t wanted = samples_for(index_);
  samples_.reserve(wanted);
  queries_.reserve(wanted);
  if (index_.shape().has_codes()) sample_values_.reserve(wanted * index_.shape().dimensions);
  for (size_t i = 0; i < kTriesPerSample * wanted && samples_.size() < wanted && blocks_ > kMetaBlock + 1; ++i) {
    const auto block = static_cast<BlockNumber>(kMetaBlock + 1 + random_.below(blocks_ - kMetaBlock - 1));
    const auto place = static_cast<uint32>(random_.below(index_.shape().slots_per_page));
    core::ScalarCode code;
    const auto copy = [=, this] { return copy_page(pg::read_block(index_.relation, block, &index_.cache->hints)); };
    if (!pg::call(copy) || !copy_slot(block, place, &code)) continue;
    core::NodeQuery query(index_.shape(), index_.meta.metric, index_.cache->rotation, &memory_);
    query.aim(code, codes_.data());
    queries_.push_back(std::move(query));
    samples_.push_back({node_id(block, place, index_.shape()), {}});
    if (!index_.shape().has_codes()) continue;
    const size_t dimensions = index_.shape().dimensions, first = (samples_.size() - 1) * dimensions;
    sample_values_.resize(first + dimensions);
    simd::kernels().decode_u8(codes_.data(), dimensions, code.minimum, code.step, &sample_values_[first]);
    sample_norms_.push_back(norm_for_order(code));
  }
}

// Copies a page and releases it. False when it holds no nodes.
bool Calibrator::copy_page(Buffer buffer) {
  CHECK_FOR_INTERRUPTS();
  const BlockNumber block = BufferGetBlockNumber(buffer);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const bool has_nodes = holds_nodes(index_, buffer);
  for (uint32 place = 0; has_nodes && place < index_.shape().slots_per_page; ++place)
    check_slot(index_, buffer, read_slot(index_, BufferGetPage(buffer), node_id(block, place, index_.shape())));
  if (has_nodes) memcpy(page_.data, BufferGetPage(buffer), BLCKSZ);
  UnlockReleaseBuffer(buffer);
  return has_nodes;
}

// Copies the next page that holds nodes. InvalidBlockNumber at the end.
BlockNumber Calibrator::copy_next(pg::PageStream *pages) {
  for (Buffer buffer = pages->next(); buffer != InvalidBuffer; buffer = pages->next()) {
    const BlockNumber block = BufferGetBlockNumber(buffer);
    if (copy_page(buffer)) return block;
  }
  return InvalidBlockNumber;
}

// Of the page copied last, into codes_. False when the slot holds no live node.
bool Calibrator::copy_slot(BlockNumber block, uint32 place, core::ScalarCode *code) {
  const core::ConstSlot slot = read_slot(index_, page_.data, node_id(block, place, index_.shape()));
  if (slot.header()->state != core::SlotState::live) return false;
  *code = slot.header()->scalar_code();
  index_.shape().unpack_own(slot.own(), codes_.data());
  return true;
}

void Calibrator::find_truth() {
  live_nodes_ = 0;
  bounds_.assign(samples_.size(), std::numeric_limits<float>::infinity());
  near_.resize(samples_.size());
  pg::PageStream pages;
  pg::call([&] { pages.open(index_.relation, kMetaBlock + 1, blocks_, pg::PassPurpose::maintenance); });
  for (;;) {
    const BlockNumber block = pg::call([&] { return copy_next(&pages); });
    if (block == InvalidBlockNumber) break;
    for (uint32 place = 0; place < index_.shape().slots_per_page; ++place) {
      core::ScalarCode code;
      if (!copy_slot(block, place, &code)) continue;
      ++live_nodes_;
      compare(node_id(block, place, index_.shape()), code);
    }
  }
  compare_block();
  pg::call([&] { pages.close(); });
}

// Puts the node copied last among the nearest of every sample that it is near to; in the coded format once its block
// is full.
void Calibrator::compare(NodeId id, const core::ScalarCode &code) {
  if (index_.shape().has_codes()) return take_into_block(id, code);
  for (size_t i = 0; i < samples_.size(); ++i) offer(i, id, queries_[i].distance(code, codes_.data()));
}

void Calibrator::offer(size_t sample, NodeId id, float distance) {
  auto &nearest = samples_[sample].nearest;
  if (samples_[sample].id != id && nearest.wants(distance)) nearest.add({distance, id});
}

// Without lengths, distances are in the order of products.
float Calibrator::norm_for_order(const core::ScalarCode &code) const {
  return index_.meta.metric == core::Metric::inner_product ? 0.0f : code.squared_norm;
}

void Calibrator::take_into_block(NodeId id, const core::ScalarCode &code) {
  const size_t dimensions = index_.shape().dimensions, place = block_.ids.size();
  block_.values.resize(kBlockNodes * dimensions);
  simd::kernels().decode_u8(codes_.data(), dimensions, code.minimum, code.step, &block_.values[place * dimensions]);
  block_.ids.push_back(id);
  block_.norms.push_back(norm_for_order(code));
  if (block_.ids.size() == kBlockNodes) compare_block();
}

void Calibrator::compare_block() {
  const size_t samples = samples_.size(), nodes = block_.ids.size();
  if (nodes == 0) return;
  block_.products.resize(kBlockNodes * samples);
  simd::kernels().inner_products(block_.values.data(), nodes, sample_values_.data(), samples, index_.shape().dimensions,
                                 block_.products.data());
  for (size_t node = 0; node < nodes; ++node) {
    float *distances = &block_.products[node * samples];
    const size_t near = simd::kernels().find_near(distances, sample_norms_.data(), block_.norms[node], bounds_.data(),
                                                  -std::numeric_limits<float>::infinity(), samples, near_.data());
    for (const uint32_t i : std::span(near_).first(near)) {
      offer(i, block_.ids[node], distances[i]);
      const auto &nearest = samples_[i].nearest;
      if (nearest.known == core::kCalibratedRows) bounds_[i] = nearest.cutoff();
    }
  }
  block_.ids.clear();
  block_.norms.clear();
}

// The largest distance to one of the nearest, as the search measures it: finer, perhaps, than they were found by.
float Calibrator::cutoff(const Sample &sample) {
  const auto i = static_cast<size_t>(&sample - samples_.data());
  float largest = -std::numeric_limits<float>::infinity();
  for (size_t near = 0; near < sample.nearest.known; ++near) {
    const NodeId id = sample.nearest.rows[near].id;
    const BlockNumber block = block_of(id, index_.shape());
    const auto copy = [=, this] { return copy_page(pg::read_block(index_.relation, block, &index_.cache->hints)); };
    if (!pg::call(copy)) continue;
    const core::ConstSlot slot = read_slot(index_, page_.data, id);
    if (slot.header()->state == core::SlotState::live) largest = std::max(largest, queries_[i].measure(slot).distance);
  }
  return largest;
}

void Calibrator::follow(const Sample &sample, core::CurveMeasurement *measurement) {
  const auto i = static_cast<size_t>(&sample - samples_.data());
  if (sample.nearest.known == 0) return;
  const float farthest = cutoff(sample);
  absent_.insert(sample.id);
  PageGraph pages(index_, queries_[i], nullptr, &memory_);
  // Mended, the graph leads to the sample's neighbours a little better than one that it was never in; with holes a
  // little worse, about as far off: half of the samples, decision 17.
  const bool mends = index_.shape().has_codes() && i % 2 != 0;
  GraphWithout graph(pages, queries_[i], sample.id, mends ? &mender_ : nullptr);
  core::Browser<GraphWithout> browser(graph, endless_options(index_.shape()), &memory_);
  browser.start(sample.id);
  measurement->follow(browser, farthest, sample.nearest.known, i % kSamplesPerCount == 0);
  pg::call([&pages] { pages.finish(); });
  absent_.erase(sample.id);
}

bool is_curve_stale(const OpenIndex &index) {
  constexpr double kGrowth = 1.25;
  const auto now = static_cast<double>(likely_nodes(index)), then = static_cast<double>(index.meta.curve.nodes);
  if (now < kLeastNodes) return false;
  return !index.meta.curve.is_measured() || now > kGrowth * then || then > kGrowth * now;
}

void calibrate(Relation relation, pg::Logging logging) {
  const MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw calibration", ALLOCSET_DEFAULT_SIZES);
  auto *index = static_cast<OpenIndex *>(MemoryContextAlloc(context, sizeof(OpenIndex)));
  open_index(relation, true, index);
  const core::RecallCurve curve = pg::make<Calibrator>(context, *index, context)->measure();
  MemoryContextDelete(context);
  const Buffer buffer = ReadBuffer(relation, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(relation, buffer, logging);
  meta_of(change.page)->curve = curve;
  pg::finish_change(change);
}

}  // namespace quiver::hnsw
