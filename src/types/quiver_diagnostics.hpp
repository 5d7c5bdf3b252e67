// What quiver found on this machine, and the setting that overrules its choice.
// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace quiver::types {

// Defines quiver.simd_tier. Called once, when the library is loaded.
void define_settings();

}  // namespace quiver::types
