// The module's entry point: lists everything the library registers when it is loaded.
// SPDX-License-Identifier: PostgreSQL
#include "pg/boundary.hpp"

#include "hnsw/hnsw_index.hpp"
#include "hnsw/hnsw_options.hpp"
#include "pg/pages.hpp"
#include "pg/test_points.hpp"
#include "types/quiver_diagnostics.hpp"

extern "C" {
#include "utils/guc.h"

QUIVER_MODULE_MAGIC("quiver", QUIVER_VERSION);

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
  quiver::pg::enter([] {
    quiver::types::define_settings();
    quiver::pg::define_page_settings();
    quiver::pg::define_test_points();
    quiver::hnsw::define_settings();
    quiver::hnsw::register_cache_callback();
    MarkGUCPrefixReserved("quiver");
  });
}
}
