#!/usr/bin/env bash
# Runs every measurement of the hnsw index and writes one page of figures; says what it runs and how long each took.
# usage: bench/all.sh QUIVER_PG_CONFIG PGVECTOR_PG_CONFIG DATA_FOLDER [MEASUREMENT...]
#   measurements: words patches text text768 workers dims writes vacuum filter (default: all); then the page
# environment: OUT (bench/results/hnsw); ROWS: a prefix of every set, for a trial; MINUTES of mixed load (10); PYTHON (python3)
# One after the other on a quiet machine; needs 8 GB of memory. DATA_FOLDER: NAME.base.fbin, NAME.query.fbin, NAME.gt.ibin.
# SPDX-License-Identifier: PostgreSQL
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,8s/^# //p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
quiver="quiver=$1:quiver" pgvector="pgvector=$2:vector" data=$3
shift 3
out=${OUT:-$here/results/hnsw}
python=${PYTHON:-python3}
rows=(${ROWS:+--rows "$ROWS"})

set_of() { echo "$data/$1.base.fbin" "$data/$1.query.fbin" "$data/$1.gt.ibin" "$2"; }

# One measurement, with its time; a failure is told and the next one runs.
run() {
  local name=$1 script=$2 start=$SECONDS
  shift 2
  echo "== $name: $script, $(date +%H:%M)"
  mkdir -p "$out/$name"
  if "$python" "$here/ann/$script" "$@" --out "$out/$name" >"$out/$name/log" 2>&1; then
    rm "$out/$name/log"
    echo "   done in $((SECONDS - start)) s"
  else
    echo "   failed after $((SECONDS - start)) s: $out/$name/log"
    failed=1
  fi
}

measure() {
  # shellcheck disable=SC2046
  case $1 in
    words | text | text768) run "$1" ann_bench.py $(set_of "$1" cosine) "$quiver" "$pgvector" hnswlib=hnswlib "${rows[@]}" --title "$1" ;;
    patches) run patches ann_bench.py $(set_of patches l2) "$quiver" "$pgvector" hnswlib=hnswlib "${rows[@]}" --title patches ;;
    workers) run workers ann_bench.py $(set_of words cosine) "$quiver:10,40,100,200" "$pgvector:20,40,100,200" "${rows[@]}" --workers 2 --title "words, parallel build" ;;
    dims) run dims dims_bench.py "$data" "$quiver" "$pgvector" "${rows[@]}" ;;
    writes) run writes writes_bench.py $(set_of patches l2) "$quiver" "$pgvector" "${rows[@]}" --minutes "${MINUTES:-10}" ;;
    vacuum) run vacuum vacuum_bench.py $(set_of words cosine) "$quiver" "$pgvector" "${rows[@]}" ;;
    filter) run filter filter_bench.py $(set_of words cosine) "$quiver" "$pgvector" "${rows[@]}" ;;
    *) echo "unknown measurement: $1" >&2; exit 2 ;;
  esac
}

failed=0
[ $# -gt 0 ] || set -- words patches text text768 workers dims writes vacuum filter
for name in "$@"; do measure "$name"; done
"$python" "$here/hnsw_page.py" "$out" "${PAGE:-$here/results/hnsw.md}"
exit $failed
