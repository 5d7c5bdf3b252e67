// The meta page of a new index, and the init fork of an unlogged one.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_new_index.hpp"

#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_options.hpp"
#include "hnsw/hnsw_survey.hpp"
#include "pg/test_points.hpp"
#include "types/index_ops.hpp"

extern "C" {
#include "access/xloginsert.h"
#include "common/pg_prng.h"
#include "access/heaptoast.h"
#include "miscadmin.h"
}

namespace quiver::hnsw {

namespace {

// Whether a row's vector is so long that the server keeps it outside the row, and has to look it up.
bool lies_out_of_line(const types::IndexType &type, int dimensions) {
  constexpr int kRestOfRow = 64;
  return type.element_bytes * dimensions + kRestOfRow > static_cast<int>(TOAST_TUPLE_THRESHOLD);
}

// `sparse_elements`: how many a sparse own vector should hold.
core::NodeShape choose_shape(const types::IndexOps &ops, int dimensions, int m, size_t sparse_elements) {
  const auto d = static_cast<size_t>(dimensions), half_lanes = static_cast<size_t>(m);
  switch (ops.type->kind) {
    case core::ElementKind::bits:
      return core::choose_plain_shape(core::OwnKind::bits, d, half_lanes, 0);
    case core::ElementKind::sparse:
      return core::choose_plain_shape(core::OwnKind::sparse, d, half_lanes, sparse_elements);
    case core::ElementKind::dense:
      break;
  }
  if (ops.metric == core::Metric::l1) return core::choose_plain_shape(core::OwnKind::scalar, d, half_lanes, 0);
  return core::choose_node_shape(d, half_lanes, lies_out_of_line(*ops.type, dimensions));
}

}  // namespace

MetaPage make_meta(Relation index, size_t sparse_elements) {
  const types::IndexOps ops = types::index_ops_for(index);
  const int dimensions = types::indexed_dimensions(index, *ops.type);
  const int m = option_m(index);
  if (option_ef_construction(index) < 2 * m)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("ef_construction must be greater than or equal to 2 * m")));
  const core::NodeShape shape = choose_shape(ops, dimensions, m, sparse_elements);
  MetaPage meta{};
  meta.magic = kIndexMagic;
  meta.format_version = kFormatVersion;
  meta.metric = ops.metric;
  meta.dimensions = shape.dimensions;
  meta.m = static_cast<uint16>(m);
  meta.ef_construction = static_cast<uint16>(option_ef_construction(index));
  meta.own = shape.own;
  meta.own_bits = static_cast<uint16>(shape.own_bits);
  meta.fine_bits = static_cast<uint16>(shape.fine_bits);
  meta.capacity = shape.capacity;
  meta.code_bits = static_cast<uint16>(shape.code.bits);
  meta.code_axes = static_cast<uint32>(shape.code.axes);
  meta.lanes = static_cast<uint16>(shape.lanes);
  meta.slots_per_page = static_cast<uint16>(shape.slots_per_page);
  meta.slot_bytes = shape.slot_bytes;
  meta.rotation_seed = pg_prng_uint64(&pg_global_prng_state);
  meta.rows_block = InvalidBlockNumber;
  if (shape.slots_per_page == 1 && shape.lanes < static_cast<uint32>(2 * m))
    ereport(NOTICE, (errmsg("a page has room for %u neighbours, not for 2 * m = %d", shape.lanes, 2 * m),
                     errdetail("The index is built with %u neighbours for each node.", shape.lanes)));
  return meta;
}

// Block 0, not logged yet: the whole file is, at the end.
void write_first_meta_page(Relation index, const MetaPage &meta) {
  const Buffer buffer = pg::extend(index);
  initialize_meta_page(BufferGetPage(buffer), meta);
  MarkBufferDirty(buffer);
  UnlockReleaseBuffer(buffer);
}

// The init fork of an unlogged index is WAL-logged although the index is not: recovery may drop and recreate the files
// around it.
void build_empty(Relation index) {
  const MetaPage meta = make_meta(index, kDefaultSparseElements);
  const Buffer buffer = compat::extend_locked(index, INIT_FORKNUM);
  START_CRIT_SECTION();
  initialize_meta_page(BufferGetPage(buffer), meta);
  MarkBufferDirty(buffer);
  log_newpage_buffer(buffer, true);
  END_CRIT_SECTION();
  UnlockReleaseBuffer(buffer);
  pg::test_point("build_init_fork_written");
}

}  // namespace quiver::hnsw
