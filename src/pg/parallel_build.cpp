// Parallel contexts: how a team comes together and parts.
// SPDX-License-Identifier: PostgreSQL
#include "pg/parallel_build.hpp"

#include <sys/statvfs.h>

#include "pg/boundary.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/instrument.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/dsm_impl.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"
}

namespace quiver::pg {

// First in the segment.
struct TeamState {
  Oid heap;
  Oid index;
  bool concurrent;
  ConditionVariable changed;
  SharedFileSet files;
};

namespace {

enum Key : uint64 { kState = 1, kPayload, kBlock, kScan, kWalUsage, kBufferUsage, kQueryText };

constexpr Size kLine = 64;
constexpr const char *kLibrary = "quiver";

void *aligned(void *memory) { return reinterpret_cast<void *>(TYPEALIGN(kLine, memory)); }

// Whether the file system of POSIX shared memory has room. The server would raise an error where it has none, and
// containers give it 64 MB.
bool has_shared_memory(Size bytes) {
  constexpr Size kMargin = 16 * 1024 * 1024;
  if (dynamic_shared_memory_type != DSM_IMPL_POSIX) return true;
  struct statvfs room;
  if (statvfs("/dev/shm", &room) != 0) return true;
  return bytes + kMargin <= static_cast<Size>(room.f_bavail) * room.f_frsize;
}

struct Sizes {
  Size scan;
  Size query;
};

void estimate(ParallelContext *context, const TeamPlan &plan, const Sizes &sizes) {
  const Size chunks[] = {sizeof(TeamState),
                         plan.payload_bytes + kLine,
                         plan.block_bytes + kLine,
                         sizes.scan,
                         mul_size(sizeof(WalUsage), static_cast<Size>(context->nworkers)),
                         mul_size(sizeof(BufferUsage), static_cast<Size>(context->nworkers)),
                         sizes.query};
  for (const Size bytes : chunks) {
    shm_toc_estimate_chunk(&context->estimator, bytes);
    shm_toc_estimate_keys(&context->estimator, 1);
  }
}

void *place(ParallelContext *context, Key key, Size bytes) {
  void *memory = shm_toc_allocate(context->toc, bytes);
  shm_toc_insert(context->toc, key, memory);
  return memory;
}

void fill_segment(Team *team, const TeamPlan &plan, const Sizes &sizes, Snapshot snapshot) {
  ParallelContext *context = team->context;
  team->state = static_cast<TeamState *>(place(context, kState, sizeof(TeamState)));
  team->state->heap = RelationGetRelid(plan.heap);
  team->state->index = RelationGetRelid(plan.index);
  team->state->concurrent = plan.info->ii_Concurrent;
  ConditionVariableInit(&team->state->changed);
  SharedFileSetInit(&team->state->files, context->seg);
  team->changed = &team->state->changed;
  team->files = &team->state->files;
  team->payload = aligned(place(context, kPayload, plan.payload_bytes + kLine));
  memset(team->payload, 0, plan.payload_bytes);
  team->block = aligned(place(context, kBlock, plan.block_bytes + kLine));
  team->scan = static_cast<ParallelTableScanDesc>(place(context, kScan, sizes.scan));
  table_parallelscan_initialize(plan.heap, team->scan, snapshot);
  place(context, kWalUsage, mul_size(sizeof(WalUsage), static_cast<Size>(context->nworkers)));
  place(context, kBufferUsage, mul_size(sizeof(BufferUsage), static_cast<Size>(context->nworkers)));
  auto *query = static_cast<char *>(place(context, kQueryText, sizes.query));
  strlcpy(query, debug_query_string != nullptr ? debug_query_string : "", sizes.query);
}

}  // namespace

Team *make_team(const TeamPlan &plan) {
  if (plan.workers <= 0 || !has_shared_memory(plan.block_bytes)) return nullptr;
  auto *team = static_cast<Team *>(palloc0(sizeof(Team)));
  EnterParallelMode();
  team->context = CreateParallelContext(kLibrary, plan.entry, plan.workers);
  if (plan.info->ii_Concurrent) team->snapshot = RegisterSnapshot(GetTransactionSnapshot());
  const Snapshot snapshot = team->snapshot != nullptr ? team->snapshot : SnapshotAny;
  const Size query = debug_query_string != nullptr ? strlen(debug_query_string) + 1 : 1;
  const Sizes sizes = {table_parallelscan_estimate(plan.heap, snapshot), query};
  estimate(team->context, plan, sizes);
  InitializeParallelDSM(team->context);
  if (team->context->seg == nullptr) {
    disband_team(team);
    return nullptr;
  }
  team->heap = plan.heap;
  team->index = plan.index;
  team->info = plan.info;
  fill_segment(team, plan, sizes, snapshot);
  return team;
}

void launch_team(Team *team) { LaunchParallelWorkers(team->context); }

void wait_for_team(Team *team) {
  WaitForParallelWorkersToFinish(team->context);
  auto *wal = static_cast<WalUsage *>(shm_toc_lookup(team->context->toc, kWalUsage, false));
  auto *buffers = static_cast<BufferUsage *>(shm_toc_lookup(team->context->toc, kBufferUsage, false));
  for (int i = 0; i < team->context->nworkers_launched; ++i) InstrAccumParallelQuery(&buffers[i], &wal[i]);
}

void disband_team(Team *team) {
  DestroyParallelContext(team->context);
  if (team->snapshot != nullptr) UnregisterSnapshot(team->snapshot);
  ExitParallelMode();
}

Team *join_team(dsm_segment *segment, shm_toc *toc) {
  auto *team = static_cast<Team *>(palloc0(sizeof(Team)));
  team->toc = toc;
  team->state = static_cast<TeamState *>(shm_toc_lookup(toc, kState, false));
  team->changed = &team->state->changed;
  team->files = &team->state->files;
  SharedFileSetAttach(team->files, segment);
  team->payload = aligned(shm_toc_lookup(toc, kPayload, false));
  team->block = aligned(shm_toc_lookup(toc, kBlock, false));
  team->scan = static_cast<ParallelTableScanDesc>(shm_toc_lookup(toc, kScan, false));
  debug_query_string = static_cast<char *>(shm_toc_lookup(toc, kQueryText, false));
  pgstat_report_activity(STATE_RUNNING, debug_query_string);
  // The locks that the leader holds.
  const bool concurrent = team->state->concurrent;
  team->heap = table_open(team->state->heap, concurrent ? ShareUpdateExclusiveLock : ShareLock);
  team->index = index_open(team->state->index, concurrent ? RowExclusiveLock : AccessExclusiveLock);
  team->info = BuildIndexInfo(team->index);
  team->info->ii_Concurrent = concurrent;
  InstrStartParallelQuery();
  return team;
}

void leave_team(Team *team) {
  auto *wal = static_cast<WalUsage *>(shm_toc_lookup(team->toc, kWalUsage, false));
  auto *buffers = static_cast<BufferUsage *>(shm_toc_lookup(team->toc, kBufferUsage, false));
  InstrEndParallelQuery(&buffers[ParallelWorkerNumber], &wal[ParallelWorkerNumber]);
  const bool concurrent = team->state->concurrent;
  index_close(team->index, concurrent ? RowExclusiveLock : AccessExclusiveLock);
  table_close(team->heap, concurrent ? ShareUpdateExclusiveLock : ShareLock);
}

TableScanDesc begin_team_scan(const Team &team) { return table_beginscan_parallel(team.heap, team.scan); }

void TeamCrew::wake_all() {
  call([this] { ConditionVariableBroadcast(changed_); });
}

void TeamCrew::wait(bool (*holds)(const void *), const void *argument) {
  call([=, this] {
    ConditionVariablePrepareToSleep(changed_);
    while (!holds(argument)) ConditionVariableSleep(changed_, WAIT_EVENT_PARALLEL_CREATE_INDEX_SCAN);
    ConditionVariableCancelSleep();
  });
}

}  // namespace quiver::pg
