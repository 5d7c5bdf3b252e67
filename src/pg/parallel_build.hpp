// Workers and shared memory of CREATE INDEX, for every index of quiver.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "core/shared_work.hpp"
#include "pg/boundary.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "storage/condition_variable.h"
#include "storage/sharedfileset.h"
#include "utils/rel.h"
}

namespace quiver::pg {

// What a team is made for.
struct TeamPlan {
  Relation heap;
  Relation index;
  IndexInfo *info;
  const char *entry;  // exported function that a worker starts in; calls join_team and leave_team
  int workers;
  Size payload_bytes;  // plain data of the caller
  Size block_bytes;    // aligned to a cache line
};

struct TeamState;

// One participant's view of a team. Plain data in the memory context that was current.
struct Team {
  shm_toc *toc;
  TeamState *state;
  void *payload;
  void *block;
  ParallelTableScanDesc scan;
  ConditionVariable *changed;
  SharedFileSet *files;  // for temporary files of all; gone with the team
  Relation heap;
  Relation index;
  IndexInfo *info;
  ParallelContext *context;  // the leader's
  Snapshot snapshot;         // the leader's, when it registered one
};

// Leader: makes the shared segment, filled with zeros but for what it needs itself, and enters parallel mode. Null, and
// nothing done, when the system is short of shared memory: then build alone.
Team *make_team(const TeamPlan &plan);

// Leader: starts the workers; fewer than planned, or none, may come. REQUIRES: the payload is ready.
void launch_team(Team *team);

// Leader: waits until the workers are gone and takes over what they used. Their errors are raised here at the latest.
void wait_for_team(Team *team);

// Leader: gives the segment back and leaves parallel mode.
void disband_team(Team *team);

// Worker: opens heap and index; and closes them.
Team *join_team(dsm_segment *segment, shm_toc *toc);
void leave_team(Team *team);

// This participant's share of the heap.
TableScanDesc begin_team_scan(const Team &team);

// The crew of a team: sleeps on a condition variable, stays cancellable, hears of errors of the others.
class TeamCrew final : public core::Crew {
 public:
  TeamCrew(core::SharedWork *work, ConditionVariable *changed) : Crew(work), changed_(changed) {}
  void wake_all() override;

 protected:
  void wait(bool (*holds)(const void *), const void *argument) override;

 private:
  ConditionVariable *changed_;
};

}  // namespace quiver::pg

// Defines the function `name` that workers start in: QUIVER_WORKER(hnsw_build_worker) { ... }
// The body sees `segment` and `toc`, runs inside enter(), and obeys the server's rules.
#define QUIVER_WORKER(name)                                    \
  static void name##_body(dsm_segment *segment, shm_toc *toc); \
  extern "C" {                                                 \
  PGDLLEXPORT void name(dsm_segment *segment, shm_toc *toc);   \
  void name(dsm_segment *segment, shm_toc *toc) {              \
    quiver::pg::enter([=] { name##_body(segment, toc); });     \
  }                                                            \
  }                                                            \
  static void name##_body(dsm_segment *segment, shm_toc *toc)
