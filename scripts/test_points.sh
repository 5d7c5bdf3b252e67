#!/usr/bin/env bash
# Tests that need test points (test/points): builds a library that has them, installs it into a copy of the server, and
# lets errors, crashes and waits happen at every point.
# usage: scripts/test_points.sh [test/points/name.pl | name of a spec]...
set -euo pipefail
cd "$(dirname "$0")/.."
config=${PG_CONFIG:-pg_config}

# Whatever does not know of the points is taken from the ordinary build.
tree=build/points
rm -rf "$tree"
mkdir -p "$tree"
cp -a Makefile exports.map ./*.control src "$tree/"
grep -lE 'test_points\.hpp' -r "$tree/src" --include=*.d | sed 's/\.d$/.o/' | xargs -r rm -f
make -s -C "$tree" -j"$(nproc)" PG_CONFIG="$config" QUIVER_TEST_POINTS=1

# A server finds its files by where its program lies.
copy=$(mktemp -d "${TMPDIR:-/tmp}/quiver-points.XXXXXX")
trap 'rm -rf "$copy"' EXIT
chmod 755 "$copy"
bin=$("$config" --bindir) lib=$("$config" --pkglibdir) share=$("$config" --sharedir)
mkdir -p "$copy$bin" "$copy$(dirname "$lib")" "$copy$(dirname "$share")"
cp -L "$bin"/{postgres,initdb,pg_*,psql,createdb,dropdb} "$copy$bin/"
cp -a "$lib" "$copy$(dirname "$lib")/"
cp -a "$share" "$copy$(dirname "$share")/"
cp "$tree/quiver.so" "$copy$lib/"
cp "$tree"/quiver.control "$tree"/quiver--*.sql "$copy$share/extension/"
export PG_CONFIG=$copy$bin/pg_config
QUIVER_TEST_POINT_NAMES=$(grep -hE 'test_point\(' -r src --include=*.cpp | grep -oE '"[a-z_]+"' | tr -d '"' | sort -u | tr '\n' ' ')
export QUIVER_TEST_POINT_NAMES

scripts=() specs=()
for test in "$@"; do
  if [[ $test == *.pl ]]; then scripts+=("$test"); else specs+=("$test"); fi
done
[ $# -gt 0 ] || scripts=(test/points/*.pl)
result=0
[ $# -gt 0 ] && [ ${#specs[@]} = 0 ] || bash scripts/regress.sh --isolation test/points/isolation "${specs[@]}" || result=1
[ ${#scripts[@]} = 0 ] || bash scripts/tap.sh "${scripts[@]}" || result=1
exit $result
