// Everything that differs between PostgreSQL 15 and 18. The only file that looks at PG_VERSION_NUM.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp, which includes this file"
#endif

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "access/nbtxlog.h"
#include "access/reloptions.h"
#include "access/relscan.h"
#include "access/rmgr.h"
#include "access/xloginsert.h"
#include "commands/vacuum.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "postmaster/autovacuum.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/spccache.h"
#if PG_VERSION_NUM >= 170000
#include "storage/read_stream.h"
#endif
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_class.h"
#include "varatt.h"
#endif
}

#if PG_VERSION_NUM < 150000
#error "quiver needs PostgreSQL 15 or newer"
#endif

// We compile with -fvisibility=hidden, and until 16 the server's macro is empty on Linux: without this the magic block
// and every fmgr entry point would stay inside the library.
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

// The module's magic block; 18 lets it carry a name and a version that pg_get_loaded_modules() shows.
#if PG_VERSION_NUM >= 180000
#define QUIVER_MODULE_MAGIC(module_name, module_version) \
  PG_MODULE_MAGIC_EXT(.name = module_name, .version = module_version)
#else
#define QUIVER_MODULE_MAGIC(module_name, module_version) PG_MODULE_MAGIC
#endif

// Soft errors arrived in 16 (pg_input_is_valid, COPY ... ON_ERROR). Before that an input error is always hard.
#if PG_VERSION_NUM < 160000
#define ereturn(context, dummy_value, ...) ereport(ERROR, __VA_ARGS__)
#endif

namespace quiver::compat {

// Sets what both access methods share, in every field that some version added; makeNode has zeroed the rest. A handler
// then sets only what it means to set.
inline void fill_common(IndexAmRoutine &routine) {
  routine.amcanorderbyop = true;  // the only way to use either index is ORDER BY column <operator> value
  routine.amoptionalkey = true;   // no WHERE clause has to mention the column
  routine.amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
#if PG_VERSION_NUM >= 160000
  routine.amsummarizing = false;
#endif
#if PG_VERSION_NUM >= 170000
  routine.amcanbuildparallel =
      true;  // up to 16 the planner offers workers to btree only; both builds ask by themselves
  routine.aminsertcleanup = nullptr;
#endif
#if PG_VERSION_NUM >= 180000
  routine.amcanhash = false;
  routine.amconsistentequality = false;
  routine.amconsistentordering = false;
  routine.amgettreeheight = nullptr;
  routine.amtranslatestrategy = nullptr;
  routine.amtranslatecmptype = nullptr;
#endif
}

// One search of the index, for EXPLAIN ANALYZE's "Index Searches" (18).
inline void count_index_search([[maybe_unused]] IndexScanDesc scan) {
#if PG_VERSION_NUM >= 180000
  if (scan->instrument != nullptr) scan->instrument->nsearches++;
#endif
}

// Marks a path that cannot be executed; from 18 on an infinite cost alone does not keep the planner away.
inline void disable_path([[maybe_unused]] IndexPath *path) {
#if PG_VERSION_NUM >= 180000
  path->path.disabled_nodes = 2;
#endif
}

inline void vacuum_delay() {
#if PG_VERSION_NUM >= 180000
  vacuum_delay_point(false);
#else
  vacuum_delay_point();
#endif
}

// Whether a vacuum was started by autovacuum, whose workers may have an allowance of memory of their own.
inline bool is_autovacuum_worker() {
#if PG_VERSION_NUM >= 170000
  return AmAutoVacuumWorkerProcess();
#else
  return IsAutoVacuumWorkerProcess();
#endif
}

// Whether the current user owns a relation.
inline bool owns_relation(Oid relation) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(RelationRelationId, relation, GetUserId());
#else
  return pg_class_ownercheck(relation, GetUserId());
#endif
}

// Whether the current user may maintain a table without owning it.
inline bool may_maintain([[maybe_unused]] Oid table) {
#if PG_VERSION_NUM >= 170000
  return pg_class_aclcheck(table, GetUserId(), ACL_MAINTAIN) == ACLCHECK_OK;
#else
  return false;
#endif
}

// What the server does to search_path, from 17 on, wherever it runs a table owner's code.
inline void restrict_search_path() {
#if PG_VERSION_NUM >= 170000
  RestrictSearchPath();
#endif
}

// A reloption of ours; 18 adds a member to the struct.
inline relopt_parse_elt parse_element(const char *name, relopt_type type, size_t offset) {
  relopt_parse_elt element{};
  element.optname = name;
  element.opttype = type;
  element.offset = static_cast<int>(offset);
  return element;
}

// Memory for what a check hook makes of a setting. The server frees it, and from 16 on not by free(). Null when there
// is none.
inline void *allocate_for_setting(Size size) {
#if PG_VERSION_NUM >= 160000
  return guc_malloc(LOG, size);
#else
  return malloc(size);
#endif
}

// How many workers the planner grants to CREATE INDEX.
inline int build_workers(Relation heap, Relation index, [[maybe_unused]] const IndexInfo *info) {
#if PG_VERSION_NUM >= 170000
  (void)heap, (void)index;
  return info->ii_ParallelWorkers;
#else
  return plan_create_index_workers(RelationGetRelid(heap), RelationGetRelid(index));
#endif
}

// The file behind a relation (RelFileNode until 15, RelFileLocator from 16).
#if PG_VERSION_NUM >= 160000
using Locator = RelFileLocator;
inline Locator locator(Relation relation) { return relation->rd_locator; }
inline bool same_file(const Locator &a, const Locator &b) { return RelFileLocatorEquals(a, b); }
#else
using Locator = RelFileNode;
inline Locator locator(Relation relation) { return relation->rd_node; }
inline bool same_file(const Locator &a, const Locator &b) { return RelFileNodeEquals(a, b); }
#endif

// Appends a block: pinned, exclusively locked, all zero.
inline Buffer extend_locked(Relation relation, ForkNumber fork) {
#if PG_VERSION_NUM >= 160000
  return ExtendBufferedRel(BMR_REL(relation), fork, nullptr, EB_LOCK_FIRST);
#else
  // Also while this transaction makes the relation: workers of the build extend it as well.
  const bool shared = !RelationUsesLocalBuffers(relation);
  if (shared) LockRelationForExtension(relation, ExclusiveLock);
  const Buffer buffer = ReadBufferExtended(relation, fork, P_NEW, RBM_ZERO_AND_LOCK, nullptr);
  if (shared) UnlockRelationForExtension(relation, ExclusiveLock);
  return buffer;
#endif
}

// Whether no snapshot can still depend on what happened before `id`. Without the heap (until 15) the horizon is that of
// the whole cluster, which is only later.
inline bool is_removable_for_all([[maybe_unused]] Relation heap, FullTransactionId id) {
#if PG_VERSION_NUM >= 160000
  return GlobalVisCheckRemovableFullXid(heap, id);
#else
  return GlobalVisCheckRemovableFullXid(nullptr, id);
#endif
}
inline bool is_removable_for_all([[maybe_unused]] const IndexVacuumInfo *info, FullTransactionId id) {
#if PG_VERSION_NUM >= 160000
  return is_removable_for_all(info->heaprel, id);
#else
  return is_removable_for_all(Relation{nullptr}, id);
#endif
}

// Makes standbys wait for, or cancel, queries whose snapshot is not beyond `id`, before they replay what comes next. It
// is the record that btree writes before it uses a deleted page again; its replay touches no page.
inline void log_page_reuse(Relation index, [[maybe_unused]] Relation heap, BlockNumber block, FullTransactionId id) {
  xl_btree_reuse_page record{};
  record.block = block;
#if PG_VERSION_NUM >= 160000
  record.locator = index->rd_locator;
  record.snapshotConflictHorizon = id;
  record.isCatalogRel = RelationIsAccessibleInLogicalDecoding(heap);
#else
  record.node = index->rd_node;
  record.latestRemovedFullXid = id;
#endif
  XLogBeginInsert();
  XLogRegisterData(reinterpret_cast<char *>(&record), SizeOfBtreeReusePage);
  XLogInsert(RM_BTREE_ID, XLOG_BTREE_REUSE_PAGE);
}

// The blocks that a pass has yet to read.
struct BlockRange {
  BlockNumber next, end;
};

// Reads the blocks of a range in order and sees to those ahead. From 17 on the server's read streams do it, several
// blocks to a read; before that the kernel is told of as many blocks as the tablespace's I/O concurrency says.
// `range` lives as long as the reading does.
#if PG_VERSION_NUM >= 170000
using BlockReading = ReadStream *;

inline BlockNumber take_block(ReadStream *, void *range_pointer, void *) {
  auto *range = static_cast<BlockRange *>(range_pointer);
  return range->next < range->end ? range->next++ : InvalidBlockNumber;
}

inline BlockReading begin_reading(Relation relation, BlockRange *range, BufferAccessStrategy strategy,
                                  bool is_maintenance) {
  const int flags = READ_STREAM_SEQUENTIAL | (is_maintenance ? READ_STREAM_MAINTENANCE : 0);
  return read_stream_begin_relation(flags, strategy, relation, MAIN_FORKNUM, take_block, range, 0);
}

// The next block, pinned; InvalidBuffer at the end.
inline Buffer read_next(BlockReading *reading) { return read_stream_next_buffer(*reading, nullptr); }

inline void end_reading(BlockReading *reading) { read_stream_end(*reading); }
#else
struct BlockReading {
  Relation relation;
  BlockRange *range;
  BufferAccessStrategy strategy;
  BlockNumber concurrency, advised;
};

inline BlockReading begin_reading(Relation relation, BlockRange *range, BufferAccessStrategy strategy,
                                  bool is_maintenance) {
  const Oid tablespace = relation->rd_rel->reltablespace;
  const int concurrency = is_maintenance ? get_tablespace_maintenance_io_concurrency(tablespace)
                                         : get_tablespace_io_concurrency(tablespace);
  return {relation, range, strategy, static_cast<BlockNumber>(concurrency), range->next};
}

inline Buffer read_next(BlockReading *reading) {
  BlockRange *range = reading->range;
  if (range->next >= range->end) return InvalidBuffer;
  const BlockNumber ahead = Min(range->end - range->next, reading->concurrency);
  for (; reading->advised < range->next + ahead; ++reading->advised)
    PrefetchBuffer(reading->relation, MAIN_FORKNUM, reading->advised);
  return ReadBufferExtended(reading->relation, MAIN_FORKNUM, range->next++, RBM_NORMAL, reading->strategy);
}

inline void end_reading(BlockReading *) {}
#endif

}  // namespace quiver::compat
