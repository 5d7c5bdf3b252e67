// The steps of a replacement: sample, centroids, new lists, the copy, the switch.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_split.hpp"

#include <algorithm>
#include <cmath>

#include "core/own_vector.hpp"
#include "pg/boundary.hpp"
#include "pg/test_points.hpp"
#include "simd/dispatch.hpp"

extern "C" {
#include "common/pg_prng.h"
#include "miscadmin.h"
}

namespace quiver::ivfpq {

namespace {

constexpr size_t kMaxParts = 128;
// Rows that a centroid learns from at least, and at most.
constexpr size_t kLeastSampleRows = 8, kSampleRows = 64;
// Rows that come while others are copied: looked for so many times before their writers have to wait. With more parts
// than kFewParts they go to a list of their own, because each part costs a record.
constexpr int kPatience = 6;
// No page may be locked while heap rows are read and expressions evaluated. With so many tries one finds the end quiet:
// no test could prevent that as often.
constexpr int kHeapPatience = pg::kHasTestPoints ? 10 : 2000;
constexpr size_t kFewParts = 4;

}  // namespace

Replacement::Replacement(const OpenIndex &index, Directory *directory, HeapVectors *heap, Size budget,
                         MemoryContext context)
    : memory_(context),
      index_(index),
      directory_(directory),
      heap_(heap),
      budget_(budget),
      dimensions_(index.meta.dimensions),
      random_(pg_prng_uint64(&pg_global_prng_state)),
      sources_(&memory_),
      group_(index.shape(), &memory_),
      unpacked_(dimensions_, &memory_),
      sample_(&memory_),
      centroids_(&memory_),
      values_(index.shape().lanes() * dimensions_, &memory_),
      lanes_(&memory_),
      labels_(index.shape().lanes(), &memory_),
      writers_(&memory_),
      encoder_(index.shape().code, index.book(), index.meta.metric == core::Metric::inner_product, &memory_) {
  lanes_.reserve(index.shape().lanes());
}

size_t Replacement::max_parts() const {
  return std::clamp<size_t>(budget_ / 2 / PageGroup::bytes(index_.shape()), 2, kMaxParts);
}

size_t Replacement::sample_limit() const {
  const size_t affordable = budget_ / 4 / (dimensions_ * sizeof(float));
  return std::clamp(affordable, 2 * kLeastSampleRows, kMaxParts * kSampleRows);
}

// A row of the page read last, as k-means takes it. False when it is nobody's row any more.
bool Replacement::read_row(uint32 lane, float *values) {
  if (heap_ != nullptr) {
    if (!heap_->read(group_.row(lane))) return false;
    heap_->row().copy_values(values);
    return true;
  }
  core::ScalarCode *vector = group_.vector(lane);
  index_.shape().own.unpack_own(vector_codes(vector), unpacked_.data());
  core::decode_own(index_.shape().own, *vector, unpacked_.data(), values);
  return true;
}

void Replacement::decode_centroid(uint32 list, float *values) {
  const ListEntry entry = directory_->read_entry(list, unpacked_.data());
  core::decode_own(index_.shape().own, entry.centroid, unpacked_.data(), values);
}

uint64 Replacement::look_at(std::span<const Directory::Listed> sources) {
  for (const Directory::Listed &list : sources) {
    sources_.push_back({list, InvalidBlockNumber, InvalidBuffer});
    BlockNumber steps = 0;
    for (BlockNumber block = list.head; block != InvalidBlockNumber;) {
      compat::vacuum_delay();
      group_.read(index_, block, list.number, false);
      sample_page(list.number);
      block = page_info(group_.codes())->next;
      if (++steps > RelationGetNumberOfBlocks(index_.relation))
        pg::raise_corrupted(index_.relation, block, "the pages of a list lead in a circle");
    }
  }
  return rows_;
}

// A fair choice of all rows.
void Replacement::sample_page(uint32 list) {
  const size_t limit = sample_limit();
  for (uint32 lane = 0; lane < group_.used(); ++lane) {
    if (!group_.row(lane).is_valid()) continue;
    ++rows_;
    size_t place = sample_.size() / dimensions_;
    if (place < limit)
      sample_.resize(sample_.size() + dimensions_);
    else if ((place = static_cast<size_t>(random_.below(rows_))) >= limit)
      continue;
    float *values = &sample_[place * dimensions_];
    if (!read_row(lane, values)) decode_centroid(list, values);
    // Only damage makes such rows; k-means wants none.
    if (!std::isfinite(simd::kernels().squared_norm(values, dimensions_))) std::fill_n(values, dimensions_, 0.0f);
  }
}

// The centroid as a list will have it, and as it is stored.
core::ScalarCode Replacement::round_centroid(float *centroid) {
  const core::ScalarCode code = core::encode_own(index_.shape().own, centroid, unpacked_.data());
  core::decode_own(index_.shape().own, code, unpacked_.data(), centroid);
  return code;
}

// Of one part the mean. Of centroids that rounding made equal, as it does to bits, the others would stay empty.
void Replacement::choose_centroids(size_t parts) {
  const core::KMeansOptions options{parts, index_.meta.metric == core::Metric::cosine, 10, random_.next()};
  const size_t rows = sample_.size() / dimensions_;
  auto *kmeans = pg::make<core::KMeans>(memory_.context(), dimensions_, options, &memory_);
  auto *interrupt = pg::make<pg::ServerInterrupt>(memory_.context());
  kmeans->run(sample_.data(), rows, *interrupt);
  const core::CentroidTree &tree = kmeans->tree();
  centroids_.assign(tree.centroids, tree.centroids + tree.count * dimensions_);
  size_t kept = 0;
  for (size_t i = 0; i < tree.count; ++i) {
    float *centroid = &centroids_[i * dimensions_];
    (void)round_centroid(centroid);
    bool is_new = true;
    for (size_t j = 0; j < kept && is_new; ++j)
      is_new = !std::equal(centroid, centroid + dimensions_, &centroids_[j * dimensions_]);
    if (is_new) std::copy_n(centroid, dimensions_, &centroids_[kept++ * dimensions_]);
  }
  centroids_.resize(kept * dimensions_);
}

size_t Replacement::replace(size_t parts, bool even_one) {
  if (rows_ == 0) {
    // Nothing to learn from: the list stays where it is, with an empty page.
    centroids_.resize(dimensions_);
    decode_centroid(sources_[0].list.number, centroids_.data());
  } else {
    choose_centroids(parts);
  }
  const size_t count = centroids_.size() / dimensions_;
  if (count == 1 && !even_one) return 1;
  begin_lists();
  for (Source &source : sources_) copy_source(&source);
  flush();
  int tries = 0;
  const int patience = heap_ != nullptr ? kHeapPatience : kPatience;
  while (!reach_ends() && ++tries < patience) CHECK_FOR_INTERRUPTS();
  if (tries == patience && heap_ != nullptr)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                    errmsg("cannot replace a list of index \"%s\" while so many rows come to it",
                           RelationGetRelationName(index_.relation)),
                    errhint("Try again when fewer sessions write.")));
  if (tries == patience) hold_ends();
  finish();
  return writers_.size();
}

void Replacement::begin_lists() {
  const size_t count = centroids_.size() / dimensions_;
  const uint16 group = directory_->read_entry(sources_[0].list.number, nullptr).group;
  // Where writers are, they stay: other lists refer to nothing of theirs.
  writers_.reserve(count + 1);
  centroids_.reserve((count + 1) * dimensions_);
  for (size_t i = 0; i < count; ++i) begin_list(&centroids_[i * dimensions_], group);
  for (const Source &source : sources_) directory_->end_list(source.list.number);
  whole_[1] = static_cast<uint32>(count);
  tree_ = {dimensions_, count, 1, centroids_.data(), nullptr, whole_};
  nearest_ = pg::make<core::NearestCentroids>(memory_.context(), tree_, &memory_);
}

// Leaves the centroid as the list will have it.
void Replacement::begin_list(float *centroid, uint16 group) {
  const core::ScalarCode code = round_centroid(centroid);
  const Directory::Listed list = directory_->begin_list(code, unpacked_.data(), group);
  writers_.emplace_back(index_, list.number, list.head, &memory_);
}

// The first page that was not copied yet.
BlockNumber Replacement::next_of(const Source &source) {
  if (source.done == InvalidBlockNumber) return source.list.head;
  const Buffer buffer = pin_page(index_, source.done);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const BlockNumber next = page_info(BufferGetPage(buffer))->next;
  UnlockReleaseBuffer(buffer);
  return next;
}

void Replacement::copy_source(Source *source) {
  for (BlockNumber block = next_of(*source); block != InvalidBlockNumber;) {
    compat::vacuum_delay();
    group_.read(index_, block, source->list.number, true);
    copy_page();
    source->done = block;
    block = page_info(group_.codes())->next;
  }
}

void Replacement::flush() {
  for (ChainWriter &writer : writers_) writer.flush();
}

// Locks the page that was copied last. False, and unlocked, when another follows by now.
bool Replacement::lock_end(Source *source) {
  const Buffer buffer = pin_page(index_, source->done);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  if (page_info(BufferGetPage(buffer))->next == InvalidBlockNumber) {
    source->last = buffer;
    return true;
  }
  UnlockReleaseBuffer(buffer);
  return false;
}

// Locks all ends, or copies what came meanwhile.
bool Replacement::reach_ends() {
  pg::test_point("split_end_sought");
  size_t locked = 0;
  while (locked < sources_.size() && lock_end(&sources_[locked])) ++locked;
  if (locked == sources_.size()) return true;
  for (size_t i = 0; i < locked; ++i) UnlockReleaseBuffer(sources_[i].last);
  if (writers_.size() > kFewParts && !has_leftover_) begin_leftover();
  for (Source &source : sources_) copy_source(&source);
  flush();
  return false;
}

// Copies the last pages while they are locked: writers wait for as long as a page takes.
void Replacement::hold_ends() {
  for (Source &source : sources_) {
    while (!lock_end(&source)) {
      const BlockNumber block = next_of(source);
      const Buffer buffer = pin_page(index_, block);
      LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
      const bool is_end = page_info(BufferGetPage(buffer))->next == InvalidBlockNumber;
      if (is_end) {
        group_.read_locked(index_, buffer, source.list.number);
      } else {
        UnlockReleaseBuffer(buffer);
        group_.read(index_, block, source.list.number, true);
      }
      copy_page();
      source.done = block;
      source.last = buffer;
      if (is_end) break;
    }
  }
  flush();
}

// A list for rows that come while others are copied, round the centroid they were given to.
void Replacement::begin_leftover() {
  centroids_.resize(centroids_.size() + dimensions_);
  float *centroid = &centroids_[centroids_.size() - dimensions_];
  decode_centroid(sources_[0].list.number, centroid);
  begin_list(centroid, directory_->read_entry(sources_[0].list.number, nullptr).group);
  has_leftover_ = true;
}

// The rows of the page read last.
void Replacement::copy_page() {
  lanes_.clear();
  for (uint32 lane = 0; lane < group_.used(); ++lane) {
    if (!group_.row(lane).is_valid()) continue;
    float *values = &values_[lanes_.size() * dimensions_];
    // Any place will do for a row that waits for vacuum.
    if (!read_row(lane, values)) std::copy_n(centroids_.data(), dimensions_, values);
    lanes_.push_back(lane);
  }
  if (has_leftover_)
    std::fill_n(labels_.begin(), lanes_.size(), static_cast<uint32>(writers_.size() - 1));
  else
    nearest_->find(values_.data(), lanes_.size(), labels_.data());
  for (size_t i = 0; i < lanes_.size(); ++i) {
    core::ListFactors factors{};
    if (index_.shape().has_codes())
      factors = encoder_.encode(&values_[i * dimensions_], &centroids_[labels_[i] * dimensions_]);
    core::ScalarCode *vector = index_.shape().has_vectors() ? group_.vector(lanes_[i]) : nullptr;
    writers_[labels_[i]].add(group_.row(lanes_[i]), vector, factors, encoder_.levels());
  }
  pg::test_point("split_page_copied");
}

void Replacement::finish() {
  Buffer last[kMaxSources];
  for (size_t i = 0; i < sources_.size(); ++i) last[i] = sources_[i].last;
  const auto begun = static_cast<int32>(writers_.size()), ended = static_cast<int32>(sources_.size());
  directory_->switch_version(last, ended, begun - ended);
  for (const Source &source : sources_) directory_->stamp(source.list.number);
  for (ChainWriter &writer : writers_) {
    const uint32 pages = writer.pages();
    if (pages > 1)
      directory_->change_entry(writer.number(), [pages](ListEntry *entry) { entry->pages = Max(entry->pages, pages); });
  }
  pg::test_point("split_finished");
}

}  // namespace quiver::ivfpq
