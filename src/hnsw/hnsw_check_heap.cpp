// The comparison of an index with its table.
// SPDX-License-Identifier: PostgreSQL
#include <cmath>
#include <limits>

#include "core/row_encoder.hpp"
#include "hnsw/hnsw_check.hpp"
#include "pg/boundary.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "access/tableam.h"
}

namespace quiver::hnsw {

namespace {

unsigned block_of_row(RowId row) { return (uint32{row.block_high} << 16) | row.block_low; }

// State of the scan of the table.
struct HeapComparison {
  HeapComparison(const OpenIndex &opened, const IndexCheck &index_check, Findings *report,
                 std::pmr::memory_resource *memory)
      : index(opened),
        check(index_check),
        findings(report),
        ops(types::index_ops_for(opened.relation)),
        encoder(opened.shape(), opened.meta.metric, opened.cache->rotation, memory),
        codes(opened.shape().unpacked_bytes(), memory),
        row_context(AllocSetContextCreate(CurrentMemoryContext, "hnsw check row", ALLOCSET_DEFAULT_SIZES)) {}

  const OpenIndex &index;
  const IndexCheck &check;
  Findings *findings;
  types::IndexOps ops;
  core::RowEncoder encoder;
  std::pmr::vector<uint8_t> codes;
  MemoryContext row_context;
};

// `slack`: what another machine's roundings may have added.
void compare_fine_part(HeapComparison *comparison, RowId row, NodeId id, const core::ScalarCode &code, double slack) {
  const uint8_t *codes = comparison->codes.data();
  const core::NodeShape &shape = comparison->index.shape();
  const double distance = comparison->encoder.fine_distance_to(code, codes);
  const auto error = static_cast<double>(core::fine_code_of(shape.fine_of(codes)).error);
  if (error + slack >= distance) return;
  comparison->findings->add(kErrorCoversRows, true, block_of(id, shape), static_cast<int>(slot_of(id, shape)),
                            "row (%u,%u) is %g away from the fine part of the node's vector, which allows %g",
                            block_of_row(row), row.position, distance, error);
}

void compare_row(HeapComparison *comparison, RowId row, Datum value) {
  const core::VectorView vector = comparison->ops.type->view(value);
  check_kind(comparison->index, vector);
  if (!comparison->encoder.encode(vector)) return;  // no direction: not indexed
  const NodeId id = comparison->check.find_row(row);
  if (id == kNullNode) {
    comparison->findings->add(kEveryRowIsIndexed, true, kMetaBlock, -1, "the index lacks row (%u,%u)",
                              block_of_row(row), row.position);
    return;
  }
  const OpenIndex &index = comparison->index;
  const Buffer buffer = pin_node_page(index, id);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const core::ConstSlot slot = read_slot(index, BufferGetPage(buffer), id);
  const core::ScalarCode code = slot.header()->scalar_code();
  index.shape().unpack_own(slot.own(), comparison->codes.data());
  UnlockReleaseBuffer(buffer);
  // Of lengths that overflow binary32 nothing is known.
  if (code.error == std::numeric_limits<float>::infinity()) return;
  const double distance = comparison->encoder.distance_to(code, comparison->codes.data());
  // Another machine may have rotated the vector with other roundings.
  const double slack = index.cache->rotation.relative_error() * std::sqrt(static_cast<double>(code.squared_norm));
  if (index.shape().has_fine()) compare_fine_part(comparison, row, id, code, slack);
  if (static_cast<double>(code.error) + slack >= distance) return;
  comparison->findings->add(kErrorCoversRows, true, block_of(id, index.shape()),
                            static_cast<int>(slot_of(id, index.shape())),
                            "row (%u,%u) is %g away from the node's vector, which allows %g", block_of_row(row),
                            row.position, distance, static_cast<double>(code.error));
}

void heap_row(Relation, ItemPointer tid, Datum *values, bool *nulls, bool, void *state) {
  if (nulls[0]) return;
  auto *comparison = static_cast<HeapComparison *>(state);
  pg::enter([=] {
    const MemoryContext caller = MemoryContextSwitchTo(comparison->row_context);
    compare_row(comparison, row_id(*tid), values[0]);
    MemoryContextSwitchTo(caller);
    MemoryContextReset(comparison->row_context);
  });
}

struct CheckMemory {
  explicit CheckMemory(MemoryContext context) : resource(context) {}
  pg::ContextResource resource;
  OpenIndex index;
};

}  // namespace

void check_index(Relation index, Relation heap, Snapshot snapshot, Findings *findings) {
  const MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw check", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext caller = MemoryContextSwitchTo(context);
  auto *memory = pg::make<CheckMemory>(context, context);
  open_index(index, false, &memory->index);
  auto *check = pg::make<IndexCheck>(context, memory->index, findings, &memory->resource);
  check->run();
  if (heap != nullptr) check->compare_with_heap(heap, snapshot, &memory->resource);
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(context);
}

void IndexCheck::compare_with_heap(Relation heap, Snapshot snapshot, std::pmr::memory_resource *memory) {
  auto *comparison = pg::make<HeapComparison>(CurrentMemoryContext, index_, *this, findings_, memory);
  types::read_indexed_rows(index_.relation, heap, snapshot, heap_row, comparison);
}

}  // namespace quiver::hnsw
