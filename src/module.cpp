// The module's entry point: lists everything the library registers when it is loaded.
// SPDX-License-Identifier: PostgreSQL
#include "pg/boundary.hpp"

#include "hnsw/hnsw_check.hpp"
#include "hnsw/hnsw_index.hpp"
#include "hnsw/hnsw_info.hpp"
#include "hnsw/hnsw_options.hpp"
#include "ivfpq/ivfpq_check.hpp"
#include "ivfpq/ivfpq_index.hpp"
#include "ivfpq/ivfpq_info.hpp"
#include "ivfpq/ivfpq_options.hpp"
#include "pg/memory.hpp"
#include "pg/pages.hpp"
#include "pg/test_points.hpp"
#include "types/index_methods.hpp"
#include "types/quiver_diagnostics.hpp"
#include "types/sort_keys.hpp"

extern "C" {
#include "utils/guc.h"

QUIVER_MODULE_MAGIC("quiver", QUIVER_VERSION);

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
  quiver::pg::enter([] {
    quiver::pg::keep_freed_memory();
    quiver::types::define_settings();
    quiver::pg::define_page_settings();
    quiver::pg::define_test_points();
    quiver::hnsw::define_settings();
    quiver::hnsw::register_cache_callback();
    quiver::types::register_index_method({"hnsw", quiver::hnsw::check_index, quiver::hnsw::summarize});
    quiver::ivfpq::define_settings();
    quiver::ivfpq::register_cache_callback();
    for (const char *name : {"ivfflat", "ivfpq"})
      quiver::types::register_index_method({name, quiver::ivfpq::check_index, quiver::ivfpq::summarize});
    quiver::types::leave_out_unread_sort_keys();
    MarkGUCPrefixReserved("quiver");
  });
}
}
