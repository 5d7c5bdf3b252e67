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
# The alias is for the tests only. Another extension of that name stays: then they are left out.
if [ ! -e "$(pg_config --sharedir)/extension/vector.control" ]; then
  $as_root make -s install-alias >/dev/null
  trap '$as_root make -s uninstall-alias' EXIT
else
  $as_root make -s install-alias >/dev/null 2>&1 || echo "check: the extension vector is another one here; the alias is not tested"
fi
bash scripts/verify.sh
