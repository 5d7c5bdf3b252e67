-- hnsw.target_recall and quiver_index_info(): the curve that an index measures of itself.
SELECT '[1]'::vector;
SELECT command, error_of(command) FROM (VALUES ('SET hnsw.target_recall = 0.3'), ('SET hnsw.target_recall = 1'), ('SET hnsw.target_recall = -0.1'),
  ('SET hnsw.target_recall = 0.5'), ('SET hnsw.target_recall = 0.9999'), ('SET hnsw.target_recall = 0')) t(command);
CREATE FUNCTION recall_of(tbl regclass, op text, dimensions int) RETURNS real LANGUAGE plpgsql AS $$
DECLARE
  result real;
BEGIN
  EXECUTE format('WITH q AS (SELECT i, sample_vector(-i, %1$s) AS v FROM generate_series(1, 100) i),
    by_index AS (SELECT i, n.id FROM q, LATERAL (SELECT id FROM %2$s ORDER BY v %3$s q.v LIMIT 10) n),
    exact AS (SELECT i, n.id FROM q, LATERAL (SELECT id FROM %2$s ORDER BY (v %3$s q.v) + 0 LIMIT 10) n)
    SELECT count(*) / 1000.0 FROM by_index JOIN exact USING (i, id)', dimensions, tbl, op) INTO result;
  RETURN result;
END $$;

CREATE TABLE measured (id serial, v vector(16));
INSERT INTO measured (v) SELECT sample_vector(i, 16) FROM generate_series(1, 8000) i;
CREATE INDEX measured_v ON measured USING hnsw (v vector_l2_ops) WITH (m = 6, ef_construction = 24);
SELECT * FROM quiver_verify('measured_v', true);
SELECT metric, dimensions, m, ef_construction, lanes, nodes_per_page, tombstones, measured_nodes BETWEEN 7000 AND 8400 AS measured,
  cardinality(gamma), cardinality(recall), cardinality(visits), gamma[1], round(gamma[2]::numeric, 2) AS second FROM quiver_index_info('measured_v');
SELECT bool_and(recall >= before) AS rises, min(recall) > 0.1 AS low, max(recall) > 0.99 AS high, bool_and(visits >= fewer) AS costs
  FROM (SELECT recall, visits, lag(recall, 1, 0::real) OVER (ORDER BY gamma) AS before, lag(visits, 1, 0::real) OVER (ORDER BY gamma) AS fewer
    FROM (SELECT unnest(gamma) AS gamma, unnest(recall) AS recall, unnest(visits) AS visits FROM quiver_index_info('measured_v')) c) t;
SET enable_seqscan = off;
SET hnsw.target_recall = 0.9;
SELECT recall_of('measured', '<->', 16) BETWEEN 0.82 AND 0.98 AS about_90;
SET hnsw.target_recall = 0.99;
SELECT recall_of('measured', '<->', 16) > 0.96 AS about_99;

-- vacuum measures again when the index has grown; an index made empty has no curve before
CREATE TABLE grown (id serial, v vector(16));
CREATE INDEX grown_v ON grown USING hnsw (v vector_l2_ops);
INSERT INTO grown (v) SELECT sample_vector(i, 16) FROM generate_series(1, 3000) i;
SELECT measured_nodes, gamma FROM quiver_index_info('grown_v');
SELECT recall_of('grown', '<->', 16) > 0.975 AS cautious;
VACUUM grown;
SELECT measured_nodes BETWEEN 2900 AND 3300 AS measured, cardinality(gamma) FROM quiver_index_info('grown_v');
SELECT recall_of('grown', '<->', 16) > 0.96 AS about_99;
SELECT * FROM quiver_verify('grown_v', true) WHERE is_damage;

-- every format measures: inner product, and one without codes
CREATE INDEX grown_ip ON grown USING hnsw (v vector_ip_ops);
CREATE INDEX grown_l1 ON grown USING hnsw (v vector_l1_ops);
CREATE INDEX grown_bits ON grown USING hnsw ((binary_quantize(v)::bit(16)) bit_hamming_ops);
SELECT i, metric, (SELECT max(r) FROM unnest(recall) r) > 0.97 AS reaches FROM unnest(ARRAY['grown_ip', 'grown_l1', 'grown_bits']::regclass[]) i, quiver_index_info(i);
DROP TABLE grown;

-- plans: a LIMIT is cheap, and a filter that leaves few rows is not left to the graph
RESET enable_seqscan;
RESET hnsw.target_recall;
ALTER TABLE measured ADD part int, ADD rare int;
UPDATE measured SET part = id % 2, rare = id % 2000;
CREATE INDEX ON measured (rare);
VACUUM ANALYZE measured;
EXPLAIN (COSTS OFF) SELECT id FROM measured WHERE part = 1 ORDER BY v <-> sample_vector(-1, 16) LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM measured WHERE rare < 60 ORDER BY v <-> sample_vector(-1, 16) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM measured WHERE rare = 7 ORDER BY v <-> sample_vector(-1, 16) LIMIT 5;

-- whose business it is
SELECT regexp_replace(error_of(format('SELECT quiver_index_info(%L)', i)), '\d{4,}(?= is)', '#') FROM unnest(ARRAY['measured', 'measured_rare_idx']) i;
CREATE ROLE quiver_stranger;
SET ROLE quiver_stranger;
SELECT error_of('SELECT quiver_index_info(''measured_v'')');
RESET ROLE;
DROP ROLE quiver_stranger;
DROP TABLE measured;
DROP FUNCTION recall_of;
