// How C++ exceptions become server errors: one table of SQLSTATEs, one place that raises.
// SPDX-License-Identifier: PostgreSQL
#include "pg/boundary.hpp"

#include <exception>
#include <new>

namespace quiver::pg {

int sqlstate_of(core::Errc code) noexcept {
  switch (code) {
    case core::Errc::invalid_argument:
      return ERRCODE_INVALID_PARAMETER_VALUE;
    case core::Errc::invalid_text:
      return ERRCODE_INVALID_TEXT_REPRESENTATION;
    case core::Errc::data_exception:
      return ERRCODE_DATA_EXCEPTION;
    case core::Errc::out_of_range:
      return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
    case core::Errc::null_not_allowed:
      return ERRCODE_NULL_VALUE_NOT_ALLOWED;
    case core::Errc::limit_exceeded:
      return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
    case core::Errc::corrupt_index:
      return ERRCODE_INDEX_CORRUPTED;
    case core::Errc::internal:
      return ERRCODE_INTERNAL_ERROR;
  }
  return ERRCODE_INTERNAL_ERROR;
}

const Failure &describe_current_exception() noexcept {
  static Failure failure;
  failure = {Failure::Kind::unexpected, core::Errc::internal, ""};
  const auto copy = [](const char *what) { strlcpy(failure.message, what, sizeof failure.message); };
  try {
    throw;
  } catch (const PostgresError &) {
    failure.kind = Failure::Kind::server_error;
  } catch (const core::Error &error) {
    failure.kind = Failure::Kind::core_error;
    failure.code = error.code();
    copy(error.what());
  } catch (const std::bad_alloc &) {
    failure.kind = Failure::Kind::out_of_memory;
  } catch (const std::exception &error) {
    copy(error.what());
  } catch (...) {
    copy("unknown C++ exception");
  }
  return failure;
}

void raise(const Failure &failure) {
  switch (failure.kind) {
    case Failure::Kind::server_error:
      // call() put the counters back for the frames that unwound; an error arrives at its handler with both at zero.
      InterruptHoldoffCount = 0;
      QueryCancelHoldoffCount = 0;
      PG_RE_THROW();
    case Failure::Kind::core_error:
      ereport(ERROR, (errcode(sqlstate_of(failure.code)), errmsg_internal("%s", failure.message),
                      failure.code == core::Errc::corrupt_index ? errhint("Please REINDEX it.") : 0));
    case Failure::Kind::out_of_memory:
      ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    case Failure::Kind::unexpected:
      break;
  }
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg_internal("unexpected C++ exception: %s", failure.message)));
  pg_unreachable();
}

}  // namespace quiver::pg
