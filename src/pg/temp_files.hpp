// Temporary files of the server for what a build does not keep in memory.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include "core/spill.hpp"

extern "C" {
#include "storage/fd.h"
#include "storage/sharedfileset.h"
}

namespace quiver::pg {

// In the temporary tablespaces, within temp_file_limit, gone with the transaction at the latest. Made when first
// written to, or, for several processes, all at once by the one that makes them.
class TempFiles final : public core::SpillFiles {
 public:
  TempFiles() noexcept;
  enum class Role { makes, joins };
  TempFiles(SharedFileSet *set, Role role);

  void read(core::SpillFile file, uint64_t offset, void *to, size_t bytes) override;
  void write(core::SpillFile file, uint64_t offset, const void *from, size_t bytes) override;

  // Gives the space back. Not by a destructor: after an error the transaction has closed the files already.
  void close();

 private:
  static constexpr File kNotOpen = -1;

  File open(core::SpillFile file);

  SharedFileSet *set_ = nullptr;
  File files_[core::kSpillFiles];
};

}  // namespace quiver::pg
