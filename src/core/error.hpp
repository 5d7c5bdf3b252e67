// The one exception that core throws on purpose, and its kinds.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdio>
#include <exception>

namespace quiver::core {

// Each kind maps to one SQLSTATE, in pg/boundary.cpp.
enum class Errc {
  invalid_argument,  // 22023
  invalid_text,      // 22P02
  data_exception,    // 22000
  out_of_range,      // 22003
  null_not_allowed,  // 22004
  limit_exceeded,    // 54000
  corrupt_index,     // XX002
  internal,          // XX000
};

// Carries plain data only, so that the boundary can copy it out of a catch block without allocating.
class Error : public std::exception {
 public:
  template <class... Args>
  Error(Errc code, const char *format, Args... args) : code_(code) {
    if constexpr (sizeof...(args) == 0)
      std::snprintf(message_, sizeof message_, "%s", format);
    else
      std::snprintf(message_, sizeof message_, format, args...);
  }
  Errc code() const noexcept { return code_; }
  const char *what() const noexcept override { return message_; }

 private:
  Errc code_;
  char message_[256];
};

}  // namespace quiver::core
