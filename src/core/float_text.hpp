// The text form of one binary32: the shortest decimal that reads back as the same number.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>

namespace quiver::core {

// The longest text has 15 bytes, such as -1.17549435e-38 or -0.000123456789; the other byte is scratch space.
inline constexpr size_t kMaxFloatText = 16;

// Writes what PostgreSQL prints for `value`, which must be finite, and returns the end; no terminator. Needs room for
// kMaxFloatText bytes at `out` whatever the length of the text, and may leave anything in those after the end.
char *write_float(float value, char *out) noexcept;

}  // namespace quiver::core
