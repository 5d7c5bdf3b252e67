#!/usr/bin/env bash
# Builds quiver, installs it into the server of this machine, and runs every test. Installs what is missing; asks nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/packages.sh build test
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
echo "check: building (about a minute)"
make -s -j"$(nproc)"
$as_root make -s install >/dev/null
# Another extension of that name stays: then the tests of the alias are left out.
$as_root make -s install-alias >/dev/null 2>&1 || echo "check: CREATE EXTENSION vector belongs to another package here; the alias is not tested"
exec bash scripts/verify.sh
