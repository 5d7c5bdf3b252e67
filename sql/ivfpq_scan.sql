-- Scans of lists: exact order, completeness in every memory, settings, filters, queries without direction.
CREATE TABLE listed (id integer PRIMARY KEY, v vector(24), tag integer) WITH (autovacuum_enabled = off);
INSERT INTO listed SELECT i, sample_vector(i % 4000, 24), i % 50 FROM generate_series(1, 5000) i;
ALTER TABLE listed ALTER COLUMN v SET STORAGE plain;
CREATE INDEX listed_l2 ON listed USING ivfpq (v vector_l2_ops) WITH (lists = 25);
CREATE INDEX listed_ip ON listed USING ivfpq (v vector_ip_ops) WITH (lists = 25);
CREATE INDEX listed_cosine ON listed USING ivfflat (v vector_cosine_ops) WITH (lists = 25);
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM listed ORDER BY v <-> sample_vector(-1, 24) LIMIT 10;
-- Rows of an index scan against those of a sort: how many there are, how many twice, whether distances ascend but for
-- late rows at the end, and how many of the first ten are right.
CREATE FUNCTION compare_with_sort(operator text, query vector, OUT rows bigint, OUT twice bigint, OUT first_ten_ordered boolean, OUT ordered_share numeric) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TEMP TABLE by_index AS SELECT row_number() OVER () AS place, id, d FROM (SELECT id, v %s $1 AS d FROM listed ORDER BY v %s $1) t', operator, operator) USING query;
  SELECT count(*), count(*) - count(DISTINCT id) INTO rows, twice FROM by_index;
  SELECT bool_and(coalesce(d >= before, true)) INTO first_ten_ordered FROM (SELECT place, d, lag(d) OVER (ORDER BY place) AS before FROM by_index WHERE place <= 10) t;
  SELECT round(avg((coalesce(d >= before, true))::integer), 2) INTO ordered_share FROM (SELECT place, d, lag(d) OVER (ORDER BY place) AS before FROM by_index) t;
  DROP TABLE by_index;
END $$;
SELECT operator, c.* FROM (VALUES ('<->'), ('<#>'), ('<=>')) t(operator), compare_with_sort(operator, sample_vector(-1, 24)) c;
-- with no memory the rest comes by passes over the index
SET work_mem = '64kB';
SELECT operator, c.* FROM (VALUES ('<->'), ('<#>'), ('<=>')) t(operator), compare_with_sort(operator, sample_vector(-2, 24)) c;
RESET work_mem;
-- the first ten of 40 queries
CREATE FUNCTION found_share(operator text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
  hits integer := 0;
  ids integer[];
  true_ids integer[];
BEGIN
  FOR q IN 1..40 LOOP
    SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off;
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM listed ORDER BY v %s $1 LIMIT 10) t', operator) INTO ids USING sample_vector(-q, 24);
    SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = on;
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM listed ORDER BY v %s $1 LIMIT 10) t', operator) INTO true_ids USING sample_vector(-q, 24);
    hits := hits + (SELECT count(*) FROM unnest(ids) id WHERE id = ANY (true_ids));
  END LOOP;
  RETURN hits / 400.0;
END $$;
SET ivfpq.probes = 25;
SET ivfflat.probes = 25;
SELECT operator, found_share(operator) > 0.97 AS nearly_all FROM (VALUES ('<->'), ('<#>'), ('<=>')) t(operator);
-- fewer probes find less; off ends with the probed lists, max_probes with those it allows
SET ivfpq.probes = 1;
SELECT found_share('<->') BETWEEN 0.1 AND 0.8 AS some;
SET ivfpq.iterative_scan = off;
SELECT count(*) BETWEEN 50 AND 1500 AS one_list FROM (SELECT id FROM listed ORDER BY v <-> sample_vector(-1, 24)) t;
SET ivfpq.probes = 25;
SELECT count(*) FROM (SELECT id FROM listed ORDER BY v <-> sample_vector(-1, 24)) t;
SET ivfpq.probes = 2;
SET ivfpq.iterative_scan = relaxed_order;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM listed ORDER BY v <-> sample_vector(-1, 24)) t;
SET ivfpq.max_probes = 6;
SELECT count(*) BETWEEN 300 AND 4000 AS six_lists FROM (SELECT id FROM listed ORDER BY v <-> sample_vector(-1, 24)) t;
RESET ivfpq.max_probes;
RESET ivfpq.iterative_scan;
RESET ivfpq.probes;
-- a filter that rejects nearly everything is satisfied from further lists
SELECT count(*) FROM (SELECT id FROM listed WHERE tag = 7 ORDER BY v <-> sample_vector(-1, 24) LIMIT 60) t;
-- many rows that are nearer than those of the list that is read first: each comes once all the same
CREATE TABLE surrounded (id integer, v vector(8)) WITH (autovacuum_enabled = off);
INSERT INTO surrounded SELECT i, l2_normalize(sample_vector(i, 8)) * array_fill(5, ARRAY[8])::vector FROM generate_series(1, 600) i;
INSERT INTO surrounded SELECT i, sample_vector(i, 8) * array_fill(0.05, ARRAY[8])::vector + '[3,0,0,0,0,0,0,0]' FROM generate_series(1001, 4000) i;
CREATE INDEX surrounded_v ON surrounded USING ivfpq (v vector_l2_ops) WITH (lists = 2);
SET ivfpq.probes = 1;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM surrounded ORDER BY v <-> '[-0.5,0,0,0,0,0,0,0]') t;
RESET ivfpq.probes;
DROP TABLE surrounded;
-- queries without a direction, NULL, too long for binary32, of other dimensions
SELECT count(*) FROM (SELECT id FROM listed ORDER BY v <=> array_fill(0, ARRAY[24])::vector) t;
SELECT count(*) FROM (SELECT id FROM listed ORDER BY v <-> (SELECT NULL::vector)) t;
SELECT count(*) FROM (SELECT id FROM listed ORDER BY v <-> array_fill(3e38, ARRAY[24])::vector) t;
SELECT error_of('SELECT id FROM listed ORDER BY v <-> ''[1,2]'' LIMIT 1');
-- cursors, rescans, and what the planner knows without an order
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM listed ORDER BY v <-> sample_vector(5, 24);
FETCH 1 FROM c;
DELETE FROM listed WHERE id % 2 = 0;
MOVE 4999 FROM c;
FETCH 1 FROM c;
ROLLBACK;
SELECT q, array(SELECT id FROM listed ORDER BY v <-> sample_vector(q, 24) LIMIT 1) AS nearest FROM generate_series(4, 6) q;
EXPLAIN (COSTS off) SELECT count(*) FROM listed;
DROP FUNCTION compare_with_sort, found_share;
DROP TABLE listed;
