#!/usr/bin/env bash
# The demo itself, against the server that PGHOST and PGPORT name: load, build, ask, measure.
set -euo pipefail
bin=$("${PG_CONFIG:-pg_config}" --bindir)
psql=("$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1)
exact='SET enable_indexscan = off'

"${psql[@]}" <<'SQL'
CREATE EXTENSION quiver;
CREATE TABLE staged (word text, kind text, embedding vector(100));
SQL
gzip -dc bench/sample/words.tsv.gz | "${psql[@]}" -c 'COPY staged FROM STDIN'
"${psql[@]}" <<'SQL'
CREATE TABLE words AS SELECT word, embedding FROM staged WHERE kind = 'base';
CREATE TABLE queries AS SELECT row_number() OVER () AS id, word, embedding FROM staged WHERE kind = 'query';
DROP TABLE staged;
VACUUM ANALYZE words;
VACUUM ANALYZE queries;
SQL

seconds() { date +%s.%N; }
started=$(seconds)
"${psql[@]}" -c 'CREATE INDEX words_embedding ON words USING hnsw (embedding vector_cosine_ops)'
built=$(awk "BEGIN { printf \"%.1f\", $(seconds) - $started }")

echo
echo "CREATE INDEX words_embedding ON words USING hnsw (embedding vector_cosine_ops);   -- $built s"
echo
echo "SELECT word FROM words ORDER BY embedding <=> (SELECT embedding FROM words WHERE word = ...) LIMIT 6;"
"${psql[@]}" -F '  ' <<'SQL'
SELECT '  ' || rpad(w.word, 9), string_agg(near.word, ', ' ORDER BY near.place) FROM words w,
  LATERAL (SELECT word, row_number() OVER () AS place FROM
    (SELECT word FROM words ORDER BY embedding <=> w.embedding LIMIT 6) six OFFSET 1) near
WHERE w.word IN ('guitar', 'river', 'database', 'happy', 'seven') GROUP BY w.word ORDER BY w.word;
SQL
echo
"${psql[@]}" -c "EXPLAIN (COSTS off) SELECT word FROM words ORDER BY embedding <=> '$("${psql[@]}" -c 'SELECT embedding FROM queries LIMIT 1')' LIMIT 10" |
  sed -E "s/'\[[^]]*\]'/'[...]'/; s/^/  /"

# recall@10 of the held-out words, and both ways' speed: one session, prepared statement, the client included.
ask='SELECT q.id, n.word FROM queries q, LATERAL (SELECT word FROM words ORDER BY embedding <=> q.embedding LIMIT 10) n'
"${psql[@]}" -c "$exact" -c "CREATE TABLE truth AS $ask" -c 'SET enable_seqscan = off' -c 'RESET enable_indexscan' -c "CREATE TABLE found AS $ask"
recall=$("${psql[@]}" -c 'SELECT round(count(*) / (SELECT count(*) FROM truth)::numeric, 3) FROM truth JOIN found USING (id, word)')
script=$QUIVER_CLUSTER/ask.pgbench
cat >"$script" <<'SQL'
\set id random(1, 200)
SELECT word FROM words ORDER BY embedding <=> (SELECT embedding FROM queries WHERE id = :id) LIMIT 10;
SQL
"${psql[@]}" -c 'CREATE UNIQUE INDEX ON queries (id)'
speed() { PGOPTIONS=$1 "$bin/pgbench" -n -M prepared -T 4 -f "$script" 2>/dev/null | sed -nE 's/^tps = ([0-9]+).*without.*/\1/p'; }
echo
echo "  measuring, 4 s each way, one connection"
with_index=$(speed '-c enable_seqscan=off')
without_index=$(speed '-c enable_indexscan=off -c max_parallel_workers_per_gather=0')
sizes=$("${psql[@]}" -F ' ' -c "SELECT pg_size_pretty(pg_table_size('words')), pg_size_pretty(pg_relation_size('words_embedding'))")
problems=$("${psql[@]}" -c "SELECT count(*) FROM quiver_verify('words_embedding', true)")
tier=$("${psql[@]}" -c 'SELECT tier FROM quiver_cpu_features() WHERE chosen')
cat <<TEXT

  recall@10 of 200 held-out words       $recall
  queries a second, with the index      $with_index
  queries a second, by scan and sort    $without_index
  table, index                          $(sed -E 's/ (kB|MB) /_\1, /; s/_/ /' <<<"$sizes")
  SIMD kernels                          $tier
  quiver_verify                         $problems problems
TEXT
