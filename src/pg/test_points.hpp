// Named places where a test lets an error, a crash or a wait happen; nothing at all in an ordinary build.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/boundary.hpp"

namespace quiver::pg {

#ifdef QUIVER_TEST_POINTS

constexpr bool kHasTestPoints = true;

// Defines quiver.test_point, 'name:action[:pass[:key]]', and quiver.test_point_passes. At the given pass of the point
// (1 at first), counted since it was set: `error` raises one, `kill` ends the process as a crash would, `wait` waits
// for advisory lock `key` (1 if none is given), `count` does nothing. With pass 0 it happens at every pass, and waits
// are for `key` and the one above it in turn, so that who lets a session go on can stop it again. SHOW
// quiver.test_point_passes tells how often every point was passed since then.
void define_test_points();

// A point where a server error may be raised. `wait` is for points that hold no lock on a page.
void test_point(const char *name);

// The same below C++ frames that own things.
inline void guarded_test_point(const char *name) {
  call([name] { test_point(name); });
}

#else

constexpr bool kHasTestPoints = false;

inline void define_test_points() {}
inline void test_point(const char *) {}
inline void guarded_test_point(const char *) {}

#endif

}  // namespace quiver::pg
