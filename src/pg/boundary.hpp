// The two doors between C++ and PostgreSQL: enter (the server calls us) and call (we call the server from C++ frames).
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/postgres.hpp"

#include <type_traits>

#include "core/error.hpp"
#include "core/interrupt.hpp"

namespace quiver::pg {

// Thrown by call() when the server raised an error. A token: the error itself stays on the server's error stack until
// enter() raises it again, with SQLSTATE, DETAIL, HINT, CONTEXT and location intact. Nobody may swallow it.
struct PostgresError {};

// What is left of a C++ exception after its catch block: plain data, safe to hold while the server jumps.
struct Failure {
  enum class Kind { server_error, core_error, out_of_memory, unexpected } kind;
  core::Errc code;
  char message[256];
};

// Describes the exception in flight, in static storage: the frames of every SQL function stay small. Call it inside a
// catch block only; allocates nothing, raises nothing.
const Failure &describe_current_exception() noexcept;

// Turns a failure into a server error. REQUIRES: no C++ object with a destructor is alive in the calling frame.
[[noreturn]] void raise(const Failure &failure);

// The SQLSTATE of a core error, in the server's packed form.
int sqlstate_of(core::Errc code) noexcept;

// First door: runs `body` for the server. C++ exceptions become server errors; server errors raised by `body` itself
// jump through as they would through C, so `body` keeps nothing alive whose destructor matters.
template <class Body>
auto enter(Body &&body) -> decltype(body()) {
  static_assert(std::is_trivially_destructible_v<std::decay_t<Body>>, "a jump would skip this destructor");
  const Failure *failure;
  try {
    return body();
  } catch (...) {
    failure = &describe_current_exception();
  }
  raise(*failure);
}

// What the server's error handling changes under our feet while it jumps, and what call() puts back.
class ServerState {
 public:
  ServerState() noexcept
      : exception_stack_(PG_exception_stack),
        context_stack_(error_context_stack),
        memory_context_(CurrentMemoryContext),
        interrupt_holdoff_(InterruptHoldoffCount),
        cancel_holdoff_(QueryCancelHoldoffCount) {}

  // On every way out: the handler installed by call() must not outlive its frame.
  ~ServerState() {
    PG_exception_stack = exception_stack_;
    error_context_stack = context_stack_;
  }
  ServerState(const ServerState &) = delete;
  ServerState &operator=(const ServerState &) = delete;

  // After a jump. errfinish() zeroes both counters; whoever releases a lock while the C++ frames unwind would then wrap
  // them round, and a session whose counter is not zero ignores cancel and timeouts for ever.
  void restore_after_error() const noexcept {
    CurrentMemoryContext = memory_context_;
    InterruptHoldoffCount = interrupt_holdoff_;
    QueryCancelHoldoffCount = cancel_holdoff_;
  }

 private:
  sigjmp_buf *const exception_stack_;
  ErrorContextCallback *const context_stack_;
  const MemoryContext memory_context_;
  const uint32 interrupt_holdoff_;
  const uint32 cancel_holdoff_;
};

// Second door: runs `body`, which calls the server, below C++ frames that own things. A server error unwinds those
// frames as PostgresError. `body` obeys the server's rules: plain data only. About 5 ns; cross once per hop or chunk.
template <class Body>
auto call(Body &&body) -> decltype(body()) {
  using Result = decltype(body());
  static_assert(std::is_trivially_destructible_v<std::decay_t<Body>>, "a jump would skip this destructor");
  static_assert(std::is_void_v<Result> || std::is_trivially_copyable_v<Result>, "return plain data");
  const ServerState state;  // constructed before sigsetjmp, so the jump does not skip it
  sigjmp_buf here;
  if (sigsetjmp(here, 0) == 0) {
    PG_exception_stack = &here;
    return body();
  }
  state.restore_after_error();
  throw PostgresError{};
}

// The server's wish to stop, for loops in core. One load and one branch while nothing is pending.
class ServerInterrupt : public core::Interrupt {
 public:
  void poll() override {
    if (InterruptPending) call([] { CHECK_FOR_INTERRUPTS(); });
  }
};

}  // namespace quiver::pg

// Defines the SQL-callable function `name`: QUIVER_FUNCTION(vector_dims) { ... PG_RETURN_INT32(...); }
// The body sees `fcinfo`, runs inside enter(), and obeys the server's rules.
#define QUIVER_FUNCTION(name)                                           \
  static Datum name##_body(FunctionCallInfo fcinfo);                    \
  extern "C" {                                                          \
  PGDLLEXPORT Datum name(FunctionCallInfo fcinfo);                      \
  PGDLLEXPORT const Pg_finfo_record *pg_finfo_##name(void);             \
  const Pg_finfo_record *pg_finfo_##name(void) {                        \
    static constexpr Pg_finfo_record version_1 = {1};                   \
    return &version_1;                                                  \
  }                                                                     \
  Datum name(FunctionCallInfo fcinfo) {                                 \
    return quiver::pg::enter([fcinfo] { return name##_body(fcinfo); }); \
  }                                                                     \
  }                                                                     \
  static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
