// The only include of postgres.h, made safe for C++.
// SPDX-License-Identifier: PostgreSQL
#pragma once

// The server's headers include these inside extern "C"; having them first keeps their C++ parts out of it.
#include <cmath>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/elog.h"
#include "utils/memutils.h"
}

// postgres.h renames the printf family and gettext, which breaks std::snprintf and any library that uses `_`. The
// server's variants stay reachable as pg_snprintf and so on; ereport does not need the macros.
#undef fprintf
#undef printf
#undef snprintf
#undef sprintf
#undef strerror
#undef strerror_r
#undef vfprintf
#undef vprintf
#undef vsnprintf
#undef vsprintf
#undef _

#include "pg/compat.hpp"
