// Which lists are split, merged or rewritten; quiver_maintain().
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_maintain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/own_vector.hpp"
#include "ivfpq/ivfpq_calibrate.hpp"
#include "ivfpq/ivfpq_new_index.hpp"
#include "ivfpq/ivfpq_options.hpp"
#include "ivfpq/ivfpq_split.hpp"
#include "pg/boundary.hpp"
#include "pg/heap_sample.hpp"
#include "simd/dispatch.hpp"
#include "types/index_check.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "storage/indexfsm.h"
#include "utils/memutils.h"
}

namespace quiver::ivfpq {

namespace {

using Listed = Directory::Listed;

// A list is split when it has so many times the rows that it should: parts of three quarters, so that lists are of the
// right size on average.
constexpr double kTooLong = 1.5;
// Where the number of lists was given, a list is worth its centroid for so few rows.
constexpr double kLeastWorth = 16.0;
// Lists are merged when there are so many times as many as there should be.
constexpr double kTooMany = 2.0;
// Lists of giant size come apart in several rounds.
constexpr int kMaxRounds = 8;
constexpr size_t kMaxMerged = 4096;  // in one round: each is compared with all others

class Maintenance {
 public:
  Maintenance(const OpenIndex &index, Relation heap, MemoryContext context)
      : memory_(context),
        context_(context),
        index_(index),
        directory_(index_, heap, &memory_),
        table_(heap),
        heap_(open_heap_vectors(index_, heap, context)),
        lists_(&memory_),
        centroids_(&memory_),
        halves_(&memory_),
        codes_(index.meta.dimensions, &memory_),
        taken_(&memory_) {}

  MaintenanceReport run();

 private:
  void collect();
  bool split_round();
  size_t split(const Listed &list);
  void tidy_sparse();
  size_t nearest_partner(size_t i, size_t count);
  void merge_sparse(std::pmr::vector<Listed> *sparse);
  void rewrite(const Listed &list);
  size_t replace(std::span<const Listed> lists, size_t parts, bool even_one);
  double capacity(const Listed &list) const { return static_cast<double>(list.pages) * index_.shape().lanes(); }

  pg::ContextResource memory_;
  MemoryContext context_;
  OpenIndex index_;
  Directory directory_;
  Relation table_;
  HeapVectors *heap_;  // where the index keeps no vectors
  std::pmr::vector<Listed> lists_;
  // To merge: centroids, half their squared lengths, who has a partner.
  std::pmr::vector<float> centroids_, halves_;
  std::pmr::vector<uint8_t> codes_, taken_;
  double worth_ = 0.0;   // rows that a list should have
  double wanted_ = 0.0;  // lists that there should be
  size_t most_ = 0;      // lists that there may be
  MaintenanceReport report_{};
};

Size memory_budget() {
  const int kilobytes =
      compat::is_autovacuum_worker() && autovacuum_work_mem != -1 ? autovacuum_work_mem : maintenance_work_mem;
  return static_cast<Size>(kilobytes) * 1024;
}

// False while a HOT chain may begin with an older value than the one that CREATE INDEX found in it: then only own
// vectors tell what a row is.
bool tells_heap_all(Relation index, Relation heap) {
  if (!index->rd_index->indcheckxmin) return true;
  const TransactionId created = HeapTupleHeaderGetXmin(index->rd_indextuple->t_data);
  return !TransactionIdIsNormal(created) || GlobalVisCheckRemovableXid(heap, created);
}

void Maintenance::collect() {
  lists_.clear();
  directory_.collect(&lists_);
  double rows = 0.0;
  for (const Listed &list : lists_) rows += capacity(list);
  // Lanes are an upper limit of the rows, about half a page too much for each list.
  rows -= 0.5 * static_cast<double>(lists_.size()) * index_.shape().lanes();
  wanted_ = static_cast<double>(lists_for(index_.meta, std::max(rows, 1.0)));
  most_ = index_.meta.wanted_lists > 0 ? index_.meta.wanted_lists : static_cast<size_t>(kMaxLists);
  worth_ = std::max(index_.meta.wanted_lists > 0 ? kLeastWorth : kRowsPerList, rows / wanted_);
}

MaintenanceReport Maintenance::run() {
  directory_.tidy();
  collect();
  report_.lists_before = lists_.size();
  const bool may_replace = heap_ == nullptr || tells_heap_all(index_.relation, table_);
  if (may_replace) tidy_sparse();
  for (int round = 0; may_replace && round < kMaxRounds; ++round) {
    collect();
    if (!split_round()) break;
  }
  directory_.tidy();
  collect();
  report_.lists_after = lists_.size();
  report_.freed_pages = directory_.freed_pages();
  if (report_.freed_pages > 0) IndexFreeSpaceMapVacuum(index_.relation);
  if (heap_ != nullptr) heap_->close();
  return report_;
}

// The longest first, as long as there may be more lists.
bool Maintenance::split_round() {
  std::sort(lists_.begin(), lists_.end(), [](const Listed &a, const Listed &b) { return a.pages > b.pages; });
  size_t count = lists_.size();
  for (const Listed &list : lists_) {
    if (capacity(list) <= kTooLong * worth_ || count >= most_) break;
    if (list.settled > 0 && list.pages < list.settled + list.settled / 2 + 1) continue;
    count += split(list) - 1;
  }
  return count > lists_.size();
}

size_t Maintenance::replace(std::span<const Listed> lists, size_t parts, bool even_one) {
  const MemoryContext context = AllocSetContextCreate(context_, "ivfpq replacement", ALLOCSET_DEFAULT_SIZES);
  auto *replacement = pg::make<Replacement>(context, index_, &directory_, heap_, memory_budget(), context);
  const auto rows = static_cast<double>(replacement->look_at(lists));
  size_t made = 1;
  if (parts == 0) {
    const double fair = std::round(rows / worth_);
    parts = static_cast<size_t>(std::clamp(fair, 1.0, static_cast<double>(replacement->max_parts())));
    if (rows <= kTooLong * worth_) parts = 1;
  }
  if (parts > 1 || even_one) made = replacement->replace(parts, even_one);
  MemoryContextDelete(context);
  return made;
}

// Returns how many lists it has become.
size_t Maintenance::split(const Listed &list) {
  const size_t made = replace({&list, 1}, 0, false);
  if (made > 1) {
    ++report_.split;
    return made;
  }
  // Too few rows, or all alike.
  const uint32 pages = list.pages;
  directory_.change_entry(list.number, [pages](ListEntry *entry) { entry->settled = pages; });
  return 1;
}

// Lists that vacuum found to be nearly empty: two make one when there are too many, others get shorter.
void Maintenance::tidy_sparse() {
  std::pmr::vector<Listed> &lists = lists_;
  std::erase_if(lists, [](const Listed &list) { return !list.is_sparse; });
  if (lists.empty()) return;
  const double rows = std::max(1.0, static_cast<double>(index_.meta.rows));
  const bool too_many =
      static_cast<double>(report_.lists_before) > kTooMany * static_cast<double>(lists_for(index_.meta, rows));
  if (too_many) merge_sparse(&lists);
  for (const Listed &list : lists) rewrite(list);
}

void Maintenance::rewrite(const Listed &list) {
  if (list.pages > 1) {
    replace({&list, 1}, 1, true);
    ++report_.rewritten;
    return;
  }
  directory_.change_entry(list.number, [](ListEntry *entry) { entry->is_sparse = false; });
}

size_t Maintenance::nearest_partner(size_t i, size_t count) {
  const size_t d = index_.meta.dimensions;
  size_t nearest = count;
  float least = std::numeric_limits<float>::infinity();
  for (size_t j = i + 1; j < count; ++j) {
    if (taken_[j] != 0) continue;
    const float distance = halves_[j] - simd::kernels().inner_product(&centroids_[i * d], &centroids_[j * d], d);
    if (!(distance < least)) continue;
    least = distance;
    nearest = j;
  }
  return nearest;
}

// Each with the nearest of those that are left. Those without a partner stay in the vector.
void Maintenance::merge_sparse(std::pmr::vector<Listed> *sparse) {
  const size_t d = index_.meta.dimensions, affordable = memory_budget() / 2 / (d * sizeof(float));
  const size_t count = std::min({sparse->size(), kMaxMerged, std::max<size_t>(affordable, 2)});
  centroids_.resize(count * d);
  halves_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const ListEntry entry = directory_.read_entry((*sparse)[i].number, codes_.data());
    core::decode_own(index_.shape().own, entry.centroid, codes_.data(), &centroids_[i * d]);
    halves_[i] = 0.5f * entry.centroid.squared_norm;
  }
  taken_.assign(sparse->size(), 0);
  for (size_t i = 0; i < count; ++i) {
    CHECK_FOR_INTERRUPTS();
    const size_t partner = taken_[i] != 0 ? count : nearest_partner(i, count);
    if (partner == count) continue;
    taken_[i] = taken_[partner] = 1;
    const Listed pair[] = {(*sparse)[i], (*sparse)[partner]};
    replace(pair, 1, true);
    report_.merged += 2;
  }
  size_t kept = 0;
  for (size_t i = 0; i < sparse->size(); ++i)
    if (taken_[i] == 0) (*sparse)[kept++] = (*sparse)[i];
  sparse->resize(kept);
}

}  // namespace

MaintenanceReport maintain(Relation index, Relation heap) {
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "ivfpq maintenance", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext caller = MemoryContextSwitchTo(context);
  auto *opened = static_cast<OpenIndex *>(palloc(sizeof(OpenIndex)));
  open_index(index, opened);
  const MaintenanceReport report = pg::make<Maintenance>(context, *opened, heap, context)->run();
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(context);
  return report;
}

}  // namespace quiver::ivfpq

QUIVER_FUNCTION(quiver_maintain) {
  using namespace quiver;
  PreventCommandDuringRecovery("quiver_maintain()");
  PreventCommandIfReadOnly("quiver_maintain()");
  const Oid index_oid = PG_GETARG_OID(0);
  types::require_maintained_index(index_oid, "an ivfpq");
  const Relation heap = table_open(IndexGetRelation(index_oid, false), ShareUpdateExclusiveLock);
  const Relation index = types::open_own_index(index_oid, RowExclusiveLock, nullptr, "an ivfpq");
  if (!ivfpq::is_lists(index))
    ereport(ERROR,
            (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("index \"%s\" has no lists", RelationGetRelationName(index)),
             errhint("Only indexes of ivfpq and ivfflat need maintenance of their own.")));
  const types::OwnerRights rights = types::assume_owner(heap);
  const ivfpq::MaintenanceReport report = ivfpq::maintain(index, heap);
  ivfpq::calibrate_if_stale(index, heap, pg::estimate_rows(heap));
  types::resume_user(rights);
  index_close(index, NoLock);
  table_close(heap, NoLock);
  TupleDesc columns;
  get_call_result_type(fcinfo, nullptr, &columns);
  const uint64 counts[] = {report.lists_before, report.lists_after, report.split,
                           report.merged,       report.rewritten,   report.freed_pages};
  Datum values[lengthof(counts)];
  bool nulls[lengthof(counts)] = {};
  for (size_t i = 0; i < lengthof(counts); ++i) values[i] = Int64GetDatum(static_cast<int64>(counts[i]));
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}
