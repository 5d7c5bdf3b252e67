#!/usr/bin/env bash
# Builds quiver, installs it into the server of this machine, and shows it at work on real word vectors, in a throw-away
# cluster that is gone afterwards. Installs what is missing; asks nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/packages.sh build
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
echo "demo: building (about a minute)"
make -s -j"$(nproc)"
$as_root make -s install >/dev/null
echo "demo: starting a cluster of its own and loading 10,000 words (GloVe, 100 dimensions, public domain)"
exec bash scripts/temp_cluster.sh -c jit=off -- bash scripts/demo_session.sh
