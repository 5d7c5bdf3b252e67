// What a test point does, in the builds that have them: make QUIVER_TEST_POINTS=1.
// SPDX-License-Identifier: PostgreSQL
#include "pg/test_points.hpp"

#ifdef QUIVER_TEST_POINTS

#include <csignal>

extern "C" {
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/guc.h"
}

namespace quiver::pg {

namespace {

enum class Action { count, error, kill, wait };

// The setting in its read form: plain data in one piece, as guc.c wants it.
struct Order {
  char name[64];
  Action action;
  int64 pass;
  int64 key;
};

struct Passes {
  const char *name;
  int64 count;
};

constexpr int kMaxPoints = 128;

char *setting = nullptr;
char *no_setting = nullptr;
Order order{};
Passes passes[kMaxPoints];
int points = 0;

bool read_action(const char *text, Action *action) {
  constexpr const char *kNames[] = {"count", "error", "kill", "wait"};
  for (int i = 0; i < 4; ++i) {
    if (strcmp(text, kNames[i]) != 0) continue;
    *action = static_cast<Action>(i);
    return true;
  }
  return false;
}

bool check_order(char **text, void **extra, GucSource) {
  auto *read = static_cast<Order *>(compat::allocate_for_setting(sizeof(Order)));
  if (read == nullptr) return false;
  *read = {"", Action::count, 1, 1};
  char action[16] = "count";
  long long pass = 1, key = 1;
  const int fields = **text == '\0' ? 4 : sscanf(*text, "%63[^:]:%15[a-z]:%lld:%lld", read->name, action, &pass, &key);
  read->pass = pass;
  read->key = key;
  *extra = read;
  return fields >= 2 && read_action(action, &read->action);
}

void assign_order(const char *, void *extra) {
  order = *static_cast<Order *>(extra);
  points = 0;
}

const char *show_passes() {
  StringInfoData text;
  initStringInfo(&text);
  for (int i = 0; i < points; ++i) appendStringInfo(&text, "%s=" INT64_FORMAT " ", passes[i].name, passes[i].count);
  return text.data;
}

int64 count_pass(const char *name) {
  int i = 0;
  while (i < points && strcmp(passes[i].name, name) != 0) ++i;
  if (i == kMaxPoints) return 0;
  if (i == points) passes[points++] = {name, 0};
  return ++passes[i].count;
}

// An advisory lock, so that whoever watches sees a session that waits.
void wait_for_key(int64 key) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(key >> 32), static_cast<uint32>(key), 1);
  LockAcquire(&tag, ShareLock, false, false);
  LockRelease(&tag, ShareLock, false);
}

}  // namespace

void define_test_points() {
  DefineCustomStringVariable("quiver.test_point", "Makes something happen at a named point of the code.", nullptr,
                             &setting, "", PGC_SUSET, GUC_NOT_IN_SAMPLE, check_order, assign_order, nullptr);
  DefineCustomStringVariable("quiver.test_point_passes", "Shows how often each point was passed.", nullptr, &no_setting,
                             "", PGC_INTERNAL, GUC_NOT_IN_SAMPLE, nullptr, nullptr, show_passes);
}

void test_point(const char *name) {
  if (order.name[0] == '\0') return;
  const int64 pass = count_pass(name);
  if ((order.pass != 0 && pass != order.pass) || strcmp(order.name, name) != 0) return;
  switch (order.action) {
    case Action::count:
      return;
    case Action::error:
      ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("test point %s, pass " INT64_FORMAT, name, pass)));
      return;
    case Action::kill:
      kill(MyProcPid, SIGKILL);
      return;
    case Action::wait:
      wait_for_key(order.key + (order.pass == 0 ? (pass - 1) % 2 : 0));
      return;
  }
}

}  // namespace quiver::pg

#endif
