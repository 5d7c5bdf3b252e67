// Random pages of a table.
// SPDX-License-Identifier: PostgreSQL
#include "pg/heap_sample.hpp"

#include <algorithm>
#include <climits>
#include <cmath>

extern "C" {
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/sampling.h"
}

namespace quiver::pg {

double estimate_rows(Relation heap) {
  constexpr BlockNumber kSample = 300;
  const BlockNumber blocks = RelationGetNumberOfBlocks(heap);
  if (blocks == 0) return 0.0;
  const BlockNumber sampled = Min(blocks, kSample);
  const BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
  double sum = 0.0, squares = 0.0;
  for (BlockNumber i = 0; i < sampled; ++i) {
    CHECK_FOR_INTERRUPTS();
    // One block of each of so many equal stretches.
    const uint64 first = static_cast<uint64>(blocks) * i / sampled,
                 last = static_cast<uint64>(blocks) * (i + 1) / sampled;
    const auto block =
        static_cast<BlockNumber>(first + pg_prng_uint64_range(&pg_global_prng_state, 0, last - first - 1));
    const Buffer buffer = ReadBufferExtended(heap, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    const Page page = BufferGetPage(buffer);
    const double lines = PageIsNew(page) ? 0.0 : PageGetMaxOffsetNumber(page);
    UnlockReleaseBuffer(buffer);
    sum += lines;
    squares += lines * lines;
  }
  FreeAccessStrategy(strategy);
  const double mean = sum / sampled;
  const double deviation = std::sqrt(Max(0.0, squares / sampled - mean * mean) / sampled);
  return blocks * (mean * 1.02 + 4.0 * deviation) + 100.0;
}

void scan_sample(Relation heap, Relation index, IndexInfo *info, size_t wanted, IndexBuildCallback row, void *state) {
  const BlockNumber blocks = RelationGetNumberOfBlocks(heap);
  if (blocks == 0 || wanted == 0) return;
  const double rows_per_block = std::max(1.0, estimate_rows(heap) / blocks);
  const double enough = 1.2 * static_cast<double>(wanted) / rows_per_block + 8.0;
  const auto chosen = static_cast<int>(std::min({enough, static_cast<double>(blocks), static_cast<double>(INT_MAX)}));
  BlockSamplerData sampler;
  BlockSampler_Init(&sampler, blocks, chosen, pg_prng_uint32(&pg_global_prng_state));
  while (BlockSampler_HasMore(&sampler)) {
    CHECK_FOR_INTERRUPTS();
    // A concurrent build sees the rows of its snapshot only.
    table_index_build_range_scan(heap, index, info, false, !info->ii_Concurrent, false, BlockSampler_Next(&sampler), 1,
                                 row, state, nullptr);
  }
}

}  // namespace quiver::pg
