// Samples, their neighbours, and what those say of every width.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pg/boundary.hpp"

extern "C" {
#include "common/pg_prng.h"
#include "miscadmin.h"
}

namespace quiver::ivfpq {

namespace {

// With so many samples the recall of ten rows is known to about half a point at .95.
constexpr size_t kMaxSamples = 500, kMinSamples = 50;
constexpr uint64 kRowsPerSample = 100, kLeastRows = 200;
constexpr size_t kSampleMemory = size_t{32} << 20;
// Standard errors below which no true neighbour lies, all but surely.
constexpr float kTruthErrors = 3.5f;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

size_t most_samples(const ListShape &shape) {
  const size_t tables = core::code_groups(shape.code) * 5 * core::kGroupBytes;
  return std::clamp(kSampleMemory / (6 * shape.own.dimensions + tables + 512), kMinSamples, kMaxSamples);
}

bool is_curve_stale(const OpenIndex &index, double rows) {
  constexpr double kGrowth = 1.25;
  if (rows < static_cast<double>(kLeastRows)) return false;
  const double blocks = RelationGetNumberOfBlocks(index.relation), then = index.meta.measured_blocks;
  return !index.meta.curve.is_measured() || blocks > kGrowth * then ||
         static_cast<double>(index.meta.curve.nodes) > kGrowth * rows;
}

}  // namespace

ListCalibrator::ListCalibrator(const OpenIndex &index, HeapVectors *heap, MemoryContext context)
    : memory_(context),
      index_(index),
      random_(pg_prng_uint64(&pg_global_prng_state)),
      most_samples_(most_samples(index.shape())),
      pages_(index.cache->lists.size(), &memory_),
      places_(&memory_),
      samples_(&memory_),
      codes_(index.meta.dimensions, &memory_),
      ranking_(index, &memory_),
      distances_(index.cache->lists.size(), &memory_),
      vectors_(static_cast<PGAlignedBlock *>(
          MemoryContextAlloc(context, index.shape().vector_pages() * sizeof(PGAlignedBlock)))),
      heap_(heap),
      heap_rows_(&memory_),
      heap_codes_(heap_ != nullptr ? index.shape().lanes() : 0, &memory_),
      heap_levels_(heap_codes_.size() * index.meta.dimensions, &memory_) {}

core::RecallCurve ListCalibrator::measure() {
  core::CurveMeasurement measurement;
  choose_places();
  if (rows_ < kLeastRows) return measurement.curve(rows_);
  samples_.reserve(places_.size());
  for (const Place &place : places_) read_sample(place);
  for (uint32 list = 0; list < pages_.size(); ++list) compare_list(list);
  for (const Sample &sample : samples_) note(sample, &measurement);
  return measurement.curve(rows_);
}

// Copies the pages of a list one after the other.
template <class Body>
void ListCalibrator::for_each_page(uint32 list, const Body &body) {
  BlockNumber steps = 0;
  for (BlockNumber block = index_.cache->lists[list].head; block != InvalidBlockNumber;) {
    ++steps;
    pg::call([=, this] {
      CHECK_FOR_INTERRUPTS();
      copy_codes(index_, block, list, &page_);
      if (steps > index_.cache->hints.capacity && steps > RelationGetNumberOfBlocks(index_.relation))
        pg::raise_corrupted(index_.relation, block, "the pages of a list lead in a circle");
    });
    const BlockNumber next = page_info(page_.data)->next;
    body(block);
    block = next;
  }
}

// Of the page of codes copied last.
void ListCalibrator::copy_all_vectors(BlockNumber owner) {
  for (uint32 i = 0; i < index_.shape().vector_pages(); ++i) {
    const BlockNumber block = vector_blocks(page_.data)[i];
    if (block == InvalidBlockNumber) continue;
    copy_vectors(index_, block, owner, &vectors_[i]);
  }
}

// A fair choice of all rows; counts them and the pages.
void ListCalibrator::choose_places() {
  places_.reserve(most_samples_);
  for (uint32 list = 0; list < pages_.size(); ++list)
    for_each_page(list, [&](BlockNumber block) {
      ++pages_[list];
      for (uint32 lane = 0; lane < page_info(page_.data)->used; ++lane) {
        const RowId row = rows_of(page_.data, index_.shape())[lane];
        if (row.is_valid()) offer({row, block, vectors_block(page_.data, block, index_.shape(), lane), lane});
      }
    });
  const size_t wanted = std::clamp<size_t>(rows_ / kRowsPerSample, kMinSamples, most_samples_);
  if (places_.size() > wanted) places_.resize(wanted);
}

void ListCalibrator::offer(const Place &place) {
  ++rows_;
  if (places_.size() < most_samples_) {
    places_.push_back(place);
    return;
  }
  const auto at = static_cast<size_t>(random_.below(rows_));
  if (at < places_.size()) places_[at] = place;
}

// Into codes_. False when nobody sees the row any more. Raises server errors.
bool ListCalibrator::read_vector(const Place &place, core::ScalarCode *code) {
  if (heap_ != nullptr) {
    if (!heap_->read(place.row)) return false;
    *code = heap_->row().code();
    std::copy_n(heap_->row().codes(), codes_.size(), codes_.begin());
    return true;
  }
  const Buffer buffer = pin_page(index_, place.vectors);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  check_vectors(index_, buffer, place.codes);
  core::ScalarCode *vector = vector_at(BufferGetPage(buffer), index_.shape(), place.lane % index_.shape().vectors);
  *code = *vector;
  index_.shape().own.unpack_own(vector_codes(vector), codes_.data());
  UnlockReleaseBuffer(buffer);
  return true;
}

void ListCalibrator::read_sample(const Place &place) {
  const ListShape &shape = index_.shape();
  core::ScalarCode code;
  if (!pg::call([=, this, &code] { return read_vector(place, &code); })) return;
  if (!std::isfinite(code.squared_norm)) return;
  core::VectorQuery query(shape.own, index_.meta.metric, index_.cache->rotation, &memory_);
  query.aim(code, codes_.data());
  core::PreparedListQuery tables(&memory_);
  if (shape.has_codes()) tables.prepare(shape.code, index_.book(), query.rotated());
  samples_.push_back({place.row, std::move(query), std::move(tables), {}, {}});
}

void ListCalibrator::compare_list(uint32 list) {
  for (Sample &sample : samples_) sample.centroid = centroid_distance(index_, sample.query, list);
  for_each_page(list, [&](BlockNumber owner) {
    pg::call([=, this] { copy_all_vectors(owner); });
    heap_rows_.assign(heap_codes_.size(), HeapRow::unread);
    const uint32 used = page_info(page_.data)->used;
    for (Sample &sample : samples_)
      for (uint32 block = 0; block * simd::kBlockLanes < used; ++block) compare_block(&sample, list, block);
  });
}

// Puts the rows of a block among the sample's nearest that belong there.
void ListCalibrator::compare_block(Sample *sample, uint32 list, uint32 block) {
  const ListShape &shape = index_.shape();
  const float length = sample->centroid.length;
  // Many rows are equally far by Hamming distance. Any of them will do: those of nearer lists, which a search meets.
  const bool is_whole = index_.meta.metric == core::Metric::hamming;
  const float tie = is_whole ? 0.5f * sample->centroid.own / static_cast<float>(index_.meta.dimensions) : 0.0f;
  float lows[simd::kBlockLanes];
  estimate_rows(shape, sample->tables, sample->query, page_.data, block * simd::kBlockLanes, sample->centroid.own,
                kTruthErrors * length, codes_.data(), lows);
  const float limit = sample->nearest.wants(kInfinity) ? kInfinity : sample->nearest.cutoff();
  int near = 0;
  for (size_t i = 0; i < simd::kBlockLanes; ++i) near += lows[i] > limit ? 0 : 1;
  if (near == 0) return;
  for (uint32 i = 0; i < simd::kBlockLanes; ++i) {
    const uint32 lane = block * simd::kBlockLanes + i;
    if (lows[i] > limit || lane >= page_info(page_.data)->used) continue;
    const RowId row = rows_of(page_.data, shape)[lane];
    if (!row.is_valid() || row == sample->row || !read_heap_row(lane, row)) continue;
    const float distance = distance_of(*sample, lane) + tie;
    if (!sample->nearest.wants(distance)) continue;
    const float error = shape.has_codes() ? code_block(page_.data, shape, block).error[i] : 0.0f;
    sample->nearest.add({distance, lows[i] + (kTruthErrors - kSearchedErrors) * length * error, list});
  }
}

// Once for all samples. False when nobody sees the row any more.
bool ListCalibrator::read_heap_row(uint32 lane, RowId row) {
  if (heap_ == nullptr) return true;
  if (heap_rows_[lane] == HeapRow::unread) {
    heap_rows_[lane] = pg::call([=, this] { return heap_->read(row); }) ? HeapRow::seen : HeapRow::gone;
    heap_codes_[lane] = heap_->row().code();
    std::copy_n(heap_->row().codes(), codes_.size(), &heap_levels_[lane * codes_.size()]);
  }
  return heap_rows_[lane] == HeapRow::seen;
}

float ListCalibrator::distance_of(const Sample &sample, uint32 lane) {
  const ListShape &shape = index_.shape();
  if (heap_ != nullptr) return sample.query.distance(heap_codes_[lane], &heap_levels_[lane * codes_.size()]);
  Page page = shape.has_codes() ? vectors_[lane / shape.vectors].data : page_.data;
  core::ScalarCode *vector = vector_at(page, shape, lane % shape.vectors);
  return sample.query.distance(*vector, unpacked_codes(shape, vector, codes_.data()));
}

// A neighbour is found when its list is read and its code lets it be nearer than the one that comes after it: else that
// one goes out first, and it is late.
void ListCalibrator::note(const Sample &sample, core::CurveMeasurement *measurement) {
  if (sample.nearest.known == 0) return;
  ranking_.rank(sample.query);
  ranking_.measure_all();
  for (size_t i = 0; i < ranking_.size(); ++i) {
    distances_[ranking_[i].list] = ranking_[i].distance;
    measurement->note_visits(ranking_.gamma_of(ranking_[i].distance), pages_[ranking_[i].list]);
  }
  const size_t last = sample.nearest.known - 1;
  for (size_t i = 0; i <= last; ++i) {
    const Neighbour &neighbour = sample.nearest.rows[i];
    if (neighbour.low <= sample.nearest.rows[std::min(i + 1, last)].distance)
      measurement->note_hit(ranking_.gamma_of(distances_[neighbour.list]), sample.nearest.known);
  }
  measurement->count_query();
}

void calibrate(Relation relation, Relation heap, pg::Logging logging) {
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "ivfpq calibration", ALLOCSET_DEFAULT_SIZES);
  auto *index = static_cast<OpenIndex *>(MemoryContextAlloc(context, sizeof(OpenIndex)));
  open_index(relation, index);
  HeapVectors *vectors = open_heap_vectors(*index, heap, context);
  const core::RecallCurve curve = pg::make<ListCalibrator>(context, *index, vectors, context)->measure();
  if (vectors != nullptr) vectors->close();
  MemoryContextDelete(context);
  const Buffer buffer = ReadBuffer(relation, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(relation, buffer, logging);
  meta_of(change.page)->curve = curve;
  meta_of(change.page)->measured_blocks = RelationGetNumberOfBlocks(relation);
  pg::finish_change(change);
}

void calibrate_if_stale(Relation relation, Relation heap, double rows) {
  OpenIndex index;
  open_index(relation, &index);
  if (is_curve_stale(index, rows)) calibrate(relation, heap, pg::Logging::each_change);
}

}  // namespace quiver::ivfpq
