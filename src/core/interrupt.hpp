// How long loops stay cancellable: core polls, the server decides.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>

namespace quiver::core {

// Implemented by pg (checks the server's interrupt flags) and by unit tests. poll() may throw; call it where no lock is
// held and all data are valid, at least every millisecond of work.
class Interrupt {
 public:
  virtual ~Interrupt() = default;
  virtual void poll() = 0;
  // Tells whoever watches how much of the work is done, in the units of the caller's contract.
  virtual void report(uint64_t) {}
};

// For callers that cannot be interrupted.
class NoInterrupt final : public Interrupt {
 public:
  void poll() override {}
};

}  // namespace quiver::core
