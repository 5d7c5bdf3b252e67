-- Many lists: the short codes of centroids change what is looked at, not what is found.
CREATE TABLE many (id integer PRIMARY KEY, v vector(24)) WITH (autovacuum_enabled = off);
INSERT INTO many SELECT i, sample_vector(i, 24) FROM generate_series(1, 6000) i;
CREATE INDEX many_l2 ON many USING ivfpq (v vector_l2_ops) WITH (lists = 600);
CREATE INDEX many_ip ON many USING ivfpq (v vector_ip_ops) WITH (lists = 600);
CREATE INDEX many_cosine ON many USING ivfpq (v vector_cosine_ops) WITH (lists = 600);
INSERT INTO many SELECT i, sample_vector(i, 24) FROM generate_series(6001, 6400) i;
SET enable_seqscan = off;
-- a row that was inserted lies in the list that its vector finds nearest
SET ivfpq.probes = 1;
SET ivfpq.iterative_scan = off;
CREATE FUNCTION inserted_found(operator text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  found bigint := 0;
  nearest integer;
BEGIN
  FOR i IN 6001..6400 LOOP
    EXECUTE format('SELECT id FROM many ORDER BY v %s $1 LIMIT 1', operator) INTO nearest USING sample_vector(i, 24);
    found := found + (nearest = i)::integer;
  END LOOP;
  RETURN found;
END $$;
SELECT operator, inserted_found(operator) > 370 AS nearly_all FROM (VALUES ('<->'), ('<=>')) t(operator);
-- lists in the order of their centroids: more of them find more, all of them everything, each row once
CREATE FUNCTION rows_of(operator text, lists integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  rows bigint;
BEGIN
  EXECUTE format('SET LOCAL ivfpq.probes = %s', lists);
  EXECUTE format('SELECT count(DISTINCT id) * (count(*) = count(DISTINCT id))::integer FROM (SELECT id FROM many ORDER BY v %s $1) t', operator) INTO rows USING sample_vector(-1, 24);
  RETURN rows;
END $$;
SELECT operator, rows_of(operator, 1) < rows_of(operator, 12) AS more, rows_of(operator, 12) < rows_of(operator, 100) AS still_more, rows_of(operator, 550) < 6400 AS not_yet_all, rows_of(operator, 600) AS all FROM (VALUES ('<->'), ('<#>'), ('<=>')) t(operator);
CREATE FUNCTION nearest_ten(operator text, query vector) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  ids integer[];
BEGIN
  EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM many ORDER BY v %s $1 LIMIT 10) t', operator) INTO ids USING query;
  RETURN ids;
END $$;
-- the nearest lists hold the nearest rows
SET ivfpq.probes = 60;
CREATE TEMP TABLE by_index AS SELECT operator, q, nearest_ten(operator, sample_vector(-q, 24)) AS ids FROM (VALUES ('<->'), ('<#>'), ('<=>')) t(operator), generate_series(1, 40) q;
SET enable_indexscan = off;
SET enable_seqscan = on;
CREATE TEMP TABLE by_sort AS SELECT operator, q, nearest_ten(operator, sample_vector(-q, 24)) AS ids FROM (VALUES ('<->'), ('<#>'), ('<=>')) t(operator), generate_series(1, 40) q;
RESET enable_indexscan;
SET enable_seqscan = off;
SELECT operator, sum((SELECT count(*) FROM unnest(i.ids) id WHERE id = ANY (s.ids))) > 280 AS found FROM by_index i JOIN by_sort s USING (operator, q) GROUP BY operator ORDER BY operator;
SELECT i, v.* FROM unnest(ARRAY['many_l2', 'many_ip', 'many_cosine']::regclass[]) i, quiver_verify(i, true) v;
-- lengths beyond binary32 and rows that are equal leave nothing to choose by; all rows come all the same
TRUNCATE many;
INSERT INTO many SELECT i, CASE WHEN i % 500 = 0 THEN array_fill(1e25::real, ARRAY[24])::vector WHEN i % 3 = 0 THEN array_fill(1, ARRAY[24])::vector ELSE sample_vector(i, 24) END FROM generate_series(1, 6400) i;
REINDEX TABLE many;
INSERT INTO many SELECT 7000 + i, array_fill(CASE WHEN i = 1 THEN 1e30 ELSE 1e19 END::real, ARRAY[24])::vector FROM generate_series(1, 2) i;
SELECT operator, rows_of(operator, 600) > 6300 AS all FROM (VALUES ('<->'), ('<=>')) t(operator);
SELECT i, v.* FROM unnest(ARRAY['many_l2', 'many_ip', 'many_cosine']::regclass[]) i, quiver_verify(i, true) v;
DROP TABLE many;
DROP FUNCTION inserted_found, rows_of, nearest_ten;
