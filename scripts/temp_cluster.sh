#!/usr/bin/env bash
# Runs a command against a throw-away cluster: own folder, own socket, no network port; stopped and removed at the end,
# whatever happens. The command finds it through PGHOST, PGPORT, PGUSER and PGDATABASE.
# usage: scripts/temp_cluster.sh [-c name=value]... -- command...
# environment: PG_CONFIG chooses the server; QUIVER_RUN_AS the unprivileged user when started as root.
set -euo pipefail

settings=()
while [ "$1" = -c ]; do
  settings+=("$2")
  shift 2
done
[ "$1" = -- ] && shift

bin=$("${PG_CONFIG:-pg_config}" --bindir)
folder=$(mktemp -d "${TMPDIR:-/tmp}/quiver-cluster.XXXXXX")
user=$(id -un)
as_user=()
# PostgreSQL refuses to run as root.
if [ "$(id -u)" = 0 ]; then
  user=${QUIVER_RUN_AS:-postgres}
  id "$user" >/dev/null 2>&1 || useradd --system --no-create-home "$user"
  as_user=(runuser -u "$user" --)
fi
chown "$user" "$folder"
chmod 755 "$folder"

stop() {
  status=$?
  trap - EXIT
  "${as_user[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
  if [ $status != 0 ] && [ -s "$folder/log" ]; then
    echo "--- the end of the server's log" >&2
    tail -n 20 "$folder/log" >&2
  fi
  rm -rf "$folder"
  exit $status
}
trap stop EXIT
trap 'exit 130' INT TERM

cd "$folder"
"${as_user[@]}" "$bin/initdb" -D "$folder/data" -A trust -N -U postgres --locale=C.UTF-8 -E UTF8 >"$folder/initdb.log" 2>&1 ||
  { cat "$folder/initdb.log" >&2; exit 1; }
{
  echo "listen_addresses = ''"
  echo "unix_socket_directories = '$folder'"
  echo "port = 5432"
  echo "fsync = off"
  echo "jit = off"
  echo "shared_buffers = 512MB"
  echo "dynamic_shared_memory_type = mmap"
  for setting in "${settings[@]}"; do echo "${setting%%=*} = '${setting#*=}'"; done
} >>"$folder/data/postgresql.conf"
"${as_user[@]}" "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w start >/dev/null
cd - >/dev/null
export PGHOST=$folder PGPORT=5432 PGUSER=postgres PGDATABASE=postgres QUIVER_CLUSTER=$folder
"$@"
