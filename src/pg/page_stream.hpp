// A pass over the blocks of an index in physical order: pinned one by one, those ahead on their way from disk.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "pg/compat.hpp"

namespace quiver::pg {

// Whose I/O concurrency bounds how far ahead the pass reads: effective_io_concurrency or maintenance_io_concurrency.
enum class PassPurpose { search, maintenance };

// Plain data that stays where it is: the server keeps a pointer to the range. Pins of pages ahead belong to the present
// resource owner, so an error that leaves a pass unclosed leaks nothing.
class PageStream {
 public:
  PageStream() = default;
  PageStream(const PageStream &) = delete;
  PageStream &operator=(const PageStream &) = delete;

  // Blocks first .. end - 1. `strategy` may be null.
  void open(Relation index, BlockNumber first, BlockNumber end, PassPurpose purpose,
            BufferAccessStrategy strategy = nullptr);

  // The next block, pinned and not locked; the caller releases it. InvalidBuffer at the end.
  Buffer next() { return compat::read_next(&reading_); }

  void close() { compat::end_reading(&reading_); }

 private:
  compat::BlockRange range_;
  compat::BlockReading reading_;
};

}  // namespace quiver::pg
