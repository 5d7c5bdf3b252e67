// The comparison of an index with its table, and the SQL function.
// SPDX-License-Identifier: PostgreSQL
#include "core/row_encoder.hpp"
#include "hnsw/hnsw_check.hpp"
#include "hnsw/hnsw_info.hpp"
#include "pg/boundary.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "funcapi.h"
#include "utils/snapmgr.h"
}

namespace quiver::hnsw {

namespace {

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

void compare_row(HeapComparison *comparison, RowId row, Datum value) {
  const core::VectorView vector = comparison->ops.type->view(value);
  check_kind(comparison->index, vector);
  if (!comparison->encoder.encode(vector)) return;  // no direction: not indexed
  const NodeId id = comparison->check.find_row(row);
  const auto heap_block = static_cast<unsigned>((uint32{row.block_high} << 16) | row.block_low);
  if (id == kNullNode) {
    comparison->findings->add(kEveryRowIsIndexed, true, kMetaBlock, -1, "the index lacks row (%u,%u)", heap_block,
                              row.position);
    return;
  }
  const OpenIndex &index = comparison->index;
  const Buffer buffer = pin_node_page(index, id);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const core::ConstSlot slot = read_slot(index, BufferGetPage(buffer), id);
  const core::ScalarCode code = slot.header()->scalar_code();
  index.shape().unpack_own(slot.own(), comparison->codes.data());
  UnlockReleaseBuffer(buffer);
  const double distance = comparison->encoder.distance_to(code, comparison->codes.data());
  // Another machine may have rotated the vector with other roundings.
  const double slack = index.cache->rotation.relative_error() * std::sqrt(static_cast<double>(code.squared_norm));
  if (static_cast<double>(code.error) + slack >= distance) return;
  comparison->findings->add(kErrorCoversRows, true, block_of(id, index.shape()),
                            static_cast<int>(slot_of(id, index.shape())),
                            "row (%u,%u) is %g away from the node's vector, which allows %g", heap_block, row.position,
                            distance, static_cast<double>(code.error));
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

// Vacuum would take slots away while they are compared; writers may go on. A standby allows no such lock, and needs
// none as long as nothing is replayed.
LOCKMODE check_lock() { return RecoveryInProgress() ? AccessShareLock : ShareUpdateExclusiveLock; }

struct CheckMemory {
  explicit CheckMemory(MemoryContext context) : resource(context) {}
  pg::ContextResource resource;
  OpenIndex index;
};

void check_index(Relation index, Relation heap, Findings *findings) {
  const Snapshot snapshot = heap != nullptr ? RegisterSnapshot(GetTransactionSnapshot()) : nullptr;
  const MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hnsw check", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext caller = MemoryContextSwitchTo(context);
  auto *memory = pg::make<CheckMemory>(context, context);
  open_index(index, false, &memory->index);
  auto *check = pg::make<IndexCheck>(context, memory->index, findings, &memory->resource);
  check->run();
  if (heap != nullptr) {
    check->compare_with_heap(heap, snapshot, &memory->resource);
    UnregisterSnapshot(snapshot);
  }
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(context);
}

}  // namespace

// Sees the rows of `snapshot`, by the addresses of their HOT chains' roots, as the index stores them.
void IndexCheck::compare_with_heap(Relation heap, Snapshot snapshot, std::pmr::memory_resource *memory) {
  const Relation index = index_.relation;
  if (index->rd_index->indcheckxmin &&
      !TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), snapshot->xmin))
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("index \"%s\" cannot be compared with the table as this transaction sees it",
                           RelationGetRelationName(index))));
  auto *comparison = pg::make<HeapComparison>(CurrentMemoryContext, index_, *this, findings_, memory);
  IndexInfo *info = BuildIndexInfo(index);
  info->ii_Concurrent = true;  // heed the snapshot
  info->ii_Unique = false;
  const TableScanDesc scan = table_beginscan_strat(heap, snapshot, 0, nullptr, true, true);
  table_index_build_scan(heap, index, info, true, false, heap_row, comparison, scan);
}

}  // namespace quiver::hnsw

QUIVER_FUNCTION(quiver_verify) {
  using namespace quiver::hnsw;
  const Oid index_oid = PG_GETARG_OID(0);
  const bool with_heap = PG_GETARG_BOOL(1);
  require_own_index(index_oid);
  const LOCKMODE lock = check_lock();
  const Relation heap = table_open(IndexGetRelation(index_oid, false), lock);
  const Relation index = open_own_index(index_oid, lock);
  InitMaterializedSRF(fcinfo, 0);
  Findings findings(reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo));
  check_index(index, with_heap ? heap : nullptr, &findings);
  index_close(index, lock);
  table_close(heap, lock);
  return static_cast<Datum>(0);
}
