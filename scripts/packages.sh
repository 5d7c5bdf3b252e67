#!/usr/bin/env bash
# Installs what building, testing and the demo need, from the distribution. Asks nothing; does nothing when all is there.
# usage: scripts/packages.sh [build|test|demo]...
set -euo pipefail

# The oldest supported server is 15; a newer one of the distribution is as good.
server_version() {
  if command -v pg_config >/dev/null; then
    pg_config --version | grep -oE '[0-9]+' | head -n 1
  else
    apt-cache depends postgresql 2>/dev/null | grep -oE 'postgresql-[0-9]+' | head -n 1 | cut -d- -f2
  fi
}

missing() {
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

refresh_once() {
  [ -n "${refreshed:-}" ] && return
  refreshed=yes
  echo "packages: apt-get update"
  $as_root apt-get update -qq
}

# Debian's newer emulators are static themselves, and the package of that name is gone.
emulator_package() {
  if command -v qemu-aarch64-static >/dev/null || [ -n "$(apt-cache madison qemu-user-static 2>/dev/null)" ]; then
    echo qemu-user-static
  else
    echo qemu-user
  fi
}

wanted() {
  local version=$1
  shift
  echo g++ make libsimde-dev libeigen3-dev "postgresql-$version" "postgresql-server-dev-$version"
  for part in "$@"; do
    case $part in
      build) ;;
      test) echo cmake ninja-build libgtest-dev libipc-run-perl python3-psycopg clang-format
        if [ "$(dpkg --print-architecture)" = amd64 ]; then echo g++-aarch64-linux-gnu "$(emulator_package)"; fi ;;
      demo) echo python3 ;;
      *) echo "packages: unknown part $part" >&2; exit 2 ;;
    esac
  done
}

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
command -v apt-get >/dev/null || { echo "packages: no apt-get here; see README.md for what to install by hand" >&2; exit 1; }
version=$(server_version)
if [ -z "$version" ]; then
  refresh_once
  version=$(server_version)
fi
# Which emulator there is can only be asked of lists that are not empty.
if [[ " $* " == *" test "* ]] && ! command -v qemu-aarch64-static >/dev/null && ! command -v qemu-aarch64 >/dev/null &&
  [ -z "$(apt-cache madison qemu-user 2>/dev/null)" ]; then
  refresh_once
fi
mapfile -t needed < <(wanted "$version" "$@" | tr ' ' '\n')
mapfile -t absent < <(missing "${needed[@]}")
[ ${#absent[@]} = 0 ] && exit 0
refresh_once
# The server package would start a cluster of its own; this machine's clusters are none of our business.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  $as_root mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
echo "packages: installing ${absent[*]}"
log=$(mktemp)
# What apt says matters only when it fails.
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${absent[@]}" >"$log" 2>&1 ||
  { tail -n 30 "$log" >&2; exit 1; }
rm -f "$log"
