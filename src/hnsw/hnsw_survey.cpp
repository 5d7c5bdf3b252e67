// Passes over the table, or over a sample of it, that decide how an index is built.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_survey.hpp"

#include "core/row_encoder.hpp"
#include "pg/boundary.hpp"
#include "pg/heap_sample.hpp"
#include "pg/memory.hpp"
#include "types/index_ops.hpp"

namespace quiver::hnsw {

namespace {

// How many elements the rows of a sparse column have: own vectors are made to hold those of all but the longest.
struct ElementSurvey {
  static constexpr size_t kMost = 2048;  // no page holds so many
  const types::IndexType *type;
  MemoryContext row_context;
  uint64 rows;
  uint64 by_count[kMost + 1];
};

void survey_row(Relation, ItemPointer, Datum *values, bool *nulls, bool, void *state) {
  if (nulls[0]) return;
  auto *survey = static_cast<ElementSurvey *>(state);
  const MemoryContext caller = MemoryContextSwitchTo(survey->row_context);
  const size_t count = survey->type->view(values[0]).terms.count;
  MemoryContextSwitchTo(caller);
  MemoryContextReset(survey->row_context);
  survey->by_count[Min(count, ElementSurvey::kMost)]++;
  survey->rows++;
}

constexpr double kCoveredShare = 0.99;

}  // namespace

size_t survey_elements(Relation heap, Relation index, IndexInfo *info) {
  const types::IndexType *type = types::index_ops_for(index).type;
  if (type->kind != core::ElementKind::sparse) return 0;
  auto *survey = static_cast<ElementSurvey *>(palloc0(sizeof(ElementSurvey)));
  survey->type = type;
  survey->row_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw survey row", ALLOCSET_DEFAULT_SIZES);
  table_index_build_scan(heap, index, info, true, false, survey_row, survey, nullptr);
  const auto wanted = static_cast<uint64>(static_cast<double>(survey->rows) * kCoveredShare);
  size_t count = 0;
  for (uint64 covered = 0; count < ElementSurvey::kMost; ++count)
    if ((covered += survey->by_count[count]) > wanted) break;
  MemoryContextDelete(survey->row_context);
  return survey->rows == 0 ? kDefaultSparseElements : Max(count, size_t{1});
}

namespace {

// The shortest and the longest vector of a sample, by their own codes.
class LengthSurvey {
 public:
  static constexpr size_t kWanted = 1000, kLeast = 100;  // rows

  LengthSurvey(Relation index, const MetaPage &meta, MemoryContext context)
      : memory_(context),
        ops_(types::index_ops_for(index)),
        rotation_(meta.dimensions, meta.rotation_seed, &memory_),
        encoder_(shape_of(meta), meta.metric, rotation_, &memory_),
        row_context_(AllocSetContextCreate(context, "hnsw survey row", ALLOCSET_DEFAULT_SIZES)) {}

  static void heap_row(Relation, ItemPointer, Datum *values, bool *nulls, bool, void *survey) {
    if (nulls[0]) return;
    pg::enter([=] { static_cast<LengthSurvey *>(survey)->add(values[0]); });
  }

  // A hundredth of difference in length moves hardly any neighbour.
  bool is_one_length() const { return rows_ >= kLeast && largest_ <= 1.02f * smallest_; }

 private:
  void add(Datum value) {
    const MemoryContext caller = MemoryContextSwitchTo(row_context_);
    encoder_.encode(ops_.type->view(value));
    MemoryContextSwitchTo(caller);
    MemoryContextReset(row_context_);
    const float norm = encoder_.code().squared_norm;
    smallest_ = rows_ == 0 ? norm : Min(smallest_, norm);
    largest_ = rows_ == 0 ? norm : Max(largest_, norm);
    ++rows_;
  }

  pg::ContextResource memory_;
  types::IndexOps ops_;
  core::Rotation rotation_;
  core::RowEncoder encoder_;
  MemoryContext row_context_;
  uint64 rows_ = 0;
  float smallest_ = 0.0f, largest_ = 0.0f;
};

}  // namespace

bool survey_lengths(Relation heap, Relation index, IndexInfo *info, const MetaPage &meta) {
  if (meta.metric != core::Metric::inner_product || !shape_of(meta).has_codes()) return false;
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw survey", ALLOCSET_DEFAULT_SIZES);
  auto *survey = pg::make<LengthSurvey>(context, index, meta, context);
  pg::scan_sample(heap, index, info, LengthSurvey::kWanted, LengthSurvey::heap_row, survey);
  const bool one_length = survey->is_one_length();
  MemoryContextDelete(context);
  return one_length;
}

}  // namespace quiver::hnsw
