// Passes over the table, or over a sample of it, that decide how an index is built.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_survey.hpp"

#include "pg/heap_sample.hpp"
#include "simd/dispatch.hpp"
#include "types/index_ops.hpp"

namespace quiver::hnsw {

namespace {

// What every survey needs of a row.
struct RowSurvey {
  const types::IndexType *type;
  MemoryContext row_context;
  uint64 rows;
};

void begin(RowSurvey *survey, Relation index) {
  survey->type = types::index_ops_for(index).type;
  survey->row_context = AllocSetContextCreate(CurrentMemoryContext, "hnsw survey row", ALLOCSET_DEFAULT_SIZES);
}

// Shows `look` a row's vector, for as long as it looks.
template <class Look>
void look_at(RowSurvey *survey, Datum value, Look &&look) {
  const MemoryContext caller = MemoryContextSwitchTo(survey->row_context);
  look(survey->type->view(value));
  MemoryContextSwitchTo(caller);
  MemoryContextReset(survey->row_context);
  survey->rows++;
}

// How many elements the rows of a sparse column have: own vectors are made to hold those of all but the longest.
struct ElementSurvey : RowSurvey {
  static constexpr size_t kMost = 2048;  // no page holds so many
  uint64 by_count[kMost + 1];
};
constexpr double kCoveredShare = 0.99;

void count_elements(Relation, ItemPointer, Datum *values, bool *nulls, bool, void *state) {
  auto *survey = static_cast<ElementSurvey *>(state);
  if (nulls[0]) return;
  look_at(survey, values[0],
          [=](const core::VectorView &row) { survey->by_count[Min(row.terms.count, ElementSurvey::kMost)]++; });
}

// The squared lengths of the shortest and the longest vector of a sample.
struct LengthSurvey : RowSurvey {
  static constexpr size_t kWanted = 1000, kLeast = 100;  // rows
  static constexpr double kMostApart = 1.02;             // a hundredth in length moves hardly any neighbour
  double smallest, largest;
};

void measure_length(Relation, ItemPointer, Datum *values, bool *nulls, bool, void *state) {
  auto *survey = static_cast<LengthSurvey *>(state);
  if (nulls[0]) return;
  look_at(survey, values[0], [=](const core::VectorView &row) {
    const double squared = simd::kernels().squared_norm(row.values, row.dimensions);
    survey->smallest = survey->rows == 0 ? squared : Min(survey->smallest, squared);
    survey->largest = Max(survey->largest, squared);
  });
}

}  // namespace

size_t survey_elements(Relation heap, Relation index, IndexInfo *info) {
  if (types::index_ops_for(index).type->kind != core::ElementKind::sparse) return 0;
  auto *survey = static_cast<ElementSurvey *>(palloc0(sizeof(ElementSurvey)));
  begin(survey, index);
  table_index_build_scan(heap, index, info, true, false, count_elements, survey, nullptr);
  const auto wanted = static_cast<uint64>(static_cast<double>(survey->rows) * kCoveredShare);
  size_t count = 0;
  for (uint64 covered = 0; count < ElementSurvey::kMost; ++count)
    if ((covered += survey->by_count[count]) > wanted) break;
  MemoryContextDelete(survey->row_context);
  return survey->rows == 0 ? kDefaultSparseElements : Max(count, size_t{1});
}

bool survey_lengths(Relation heap, Relation index, IndexInfo *info, const MetaPage &meta) {
  if (meta.metric != core::Metric::inner_product || !shape_of(meta).has_codes()) return false;
  LengthSurvey survey{};
  begin(&survey, index);
  pg::scan_sample(heap, index, info, LengthSurvey::kWanted, measure_length, &survey);
  MemoryContextDelete(survey.row_context);
  return survey.rows >= LengthSurvey::kLeast && survey.largest <= LengthSurvey::kMostApart * survey.smallest;
}

}  // namespace quiver::hnsw
