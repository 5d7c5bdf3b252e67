-- ivfpq.target_recall, ivfflat.target_recall, and the curve that an index of lists measures of itself.
SELECT '[1]'::vector;
SHOW ivfpq.target_recall;
SELECT command, error_of(command) FROM (VALUES ('SET ivfpq.target_recall = 0.3'), ('SET ivfflat.target_recall = 1'), ('SET ivfpq.target_recall = 0.9999'), ('SET ivfflat.target_recall = 0.5')) t(command);
CREATE FUNCTION recall_of(tbl regclass, op text) RETURNS real LANGUAGE plpgsql AS $$
DECLARE
  result real;
BEGIN
  EXECUTE format('SELECT avg(share) FROM (SELECT (SELECT count(*) FROM (SELECT id FROM %1$s ORDER BY v %2$s query LIMIT 10) i
    JOIN (SELECT id FROM (SELECT id, v %2$s query AS d FROM %1$s OFFSET 0) e ORDER BY d LIMIT 10) x USING (id)) / 10.0 AS share
    FROM (SELECT sample_vector(-q, 16) AS query FROM generate_series(1, 150) q OFFSET 0) queries) s', tbl, op) INTO result;
  RETURN result;
END $$;
CREATE TABLE listed (id integer, v vector(16)) WITH (autovacuum_enabled = off);
INSERT INTO listed SELECT i, sample_vector(i, 16) FROM generate_series(1, 8000) i;
CREATE INDEX listed_v ON listed USING ivfpq (v vector_l2_ops) WITH (lists = 100);
SELECT metric, dimensions, m, ef_construction, lanes, nodes_per_page, nodes, tombstones, measured_nodes, cardinality(gamma), cardinality(recall), cardinality(visits), lists, code_bits
  FROM quiver_index_info('listed_v');
SELECT bool_and(recall >= before) AS rises, min(recall) BETWEEN 0.1 AND 0.9 AS low, max(recall) > 0.97 AS high, bool_and(visits >= fewer) AS costs
  FROM (SELECT recall, visits, lag(recall, 1, 0::real) OVER (ORDER BY gamma) AS before, lag(visits, 1, 0::real) OVER (ORDER BY gamma) AS fewer
    FROM (SELECT unnest(gamma) AS gamma, unnest(recall) AS recall, unnest(visits) AS visits FROM quiver_index_info('listed_v')) c) t;
SET enable_seqscan = off;
SET ivfpq.target_recall = 0.9;
SELECT recall_of('listed', '<->') > 0.83 AS about_90;
SET ivfpq.target_recall = 0.98;
SELECT recall_of('listed', '<->') > 0.95 AS about_98;
-- the number of probes counts where it is set
SET ivfpq.probes = 1;
SELECT recall_of('listed', '<->') < 0.5 AS one_list;
RESET ivfpq.probes;
-- what a search costs follows the curve
CREATE FUNCTION cost_of(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN plan->0->'Plan'->>'Total Cost';
END $$;
CREATE TEMP TABLE costs AS SELECT cost_of('SELECT id FROM listed ORDER BY v <-> sample_vector(-1, 16) LIMIT 10') AS high;
SET ivfpq.target_recall = 0.6;
SELECT cost_of('SELECT id FROM listed ORDER BY v <-> sample_vector(-1, 16) LIMIT 10') < high AS cheaper FROM costs;
RESET ivfpq.target_recall;
-- measured anew when the index has grown, and under every metric; the compatible name has a target of its own
CREATE TABLE grown (id serial, v vector(16)) WITH (autovacuum_enabled = off);
CREATE INDEX grown_v ON grown USING ivfflat (v vector_cosine_ops) WITH (lists = 50);
INSERT INTO grown (v) SELECT sample_vector(i, 16) FROM generate_series(1, 3000) i;
SELECT measured_nodes, gamma FROM quiver_index_info('grown_v');
VACUUM grown;
SELECT measured_nodes, cardinality(gamma) FROM quiver_index_info('grown_v');
REINDEX INDEX grown_v;
SET ivfflat.target_recall = 0.98;
SELECT recall_of('grown', '<=>') > 0.94 AS about_98;
DROP INDEX grown_v;
CREATE INDEX grown_v ON grown USING ivfpq (v vector_ip_ops) WITH (lists = 50);
SET ivfpq.target_recall = 0.98;
SELECT recall_of('grown', '<#>') > 0.94 AS about_98;
SELECT max(r) > 0.98 AS reaches FROM quiver_index_info('grown_v'), unnest(recall) r;
DROP TABLE listed, grown;
DROP FUNCTION recall_of, cost_of;
