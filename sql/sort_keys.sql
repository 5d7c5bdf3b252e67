-- The distance that rows are ordered by is worked out where somebody reads it, and nowhere else.
CREATE TABLE items (id integer, v vector(16));
INSERT INTO items SELECT i, sample_vector(i, 16) FROM generate_series(1, 1000) i;
CREATE INDEX items_hnsw ON items USING hnsw (v vector_l2_ops);
CREATE INDEX items_ivfflat ON items USING ivfflat (v vector_ip_ops) WITH (lists = 10);
CREATE INDEX items_ivfpq ON items USING ivfpq (v vector_cosine_ops) WITH (lists = 10);
ANALYZE items;
SET enable_seqscan = off;

-- What the plan's scan puts out, a line for each scan.
CREATE FUNCTION scan_output(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  is_scan boolean := false;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS off) ' || query LOOP
    IF is_scan AND line ~ 'Output: ' THEN RETURN NEXT regexp_replace(ltrim(line), '''\[.*\]''', '''[...]'''); END IF;
    is_scan := line ~ 'Index Scan';
  END LOOP;
END $$;
-- nobody reads it
SELECT * FROM scan_output($$SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 10$$);
SELECT * FROM scan_output($$SELECT id FROM items ORDER BY v <#> sample_vector(-1, 16) LIMIT 10$$);
SELECT * FROM scan_output($$SELECT id FROM items ORDER BY v <=> sample_vector(-1, 16) LIMIT 10 OFFSET 5$$);
SELECT * FROM scan_output($$SELECT id FROM items WHERE id % 2 = 0 ORDER BY v <-> sample_vector(-1, 16)$$);
SELECT * FROM scan_output($$SELECT max(id) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 10) t$$);
SELECT * FROM scan_output($$WITH t AS MATERIALIZED (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 10) SELECT * FROM t JOIN t u USING (id)$$);
SELECT * FROM scan_output($$(SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 1) UNION ALL (SELECT id FROM items ORDER BY v <=> sample_vector(-1, 16) LIMIT 1)$$);
SELECT * FROM scan_output($$SELECT q, (SELECT id FROM items ORDER BY v <-> sample_vector(q, 16) LIMIT 1) FROM generate_series(1, 2) q$$);
-- somebody does
SELECT * FROM scan_output($$SELECT id, v <-> sample_vector(-1, 16) FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 10$$);
SELECT * FROM scan_output($$SELECT id, v <-> sample_vector(-1, 16) AS d FROM items ORDER BY d LIMIT 10$$);
SELECT * FROM scan_output($$SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16) FETCH FIRST 10 ROWS WITH TIES$$);
SELECT * FROM scan_output($$SELECT id, rank() OVER (ORDER BY v <-> sample_vector(-1, 16)) FROM items LIMIT 10$$);
-- and where servers choose different plans
SELECT query, coalesce(bool_or(line ~ 'NULL'), false) AS is_left_out FROM (VALUES
  ($$SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16), id LIMIT 10$$),
  ($$SELECT DISTINCT ON (v <-> sample_vector(-1, 16)) id FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 10$$),
  ($$SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 10 FOR UPDATE$$)) q(query) LEFT JOIN LATERAL scan_output(query) line ON true GROUP BY 1 ORDER BY 1;
CREATE TABLE parts (id integer, v vector(16)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (501);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (501) TO (1001);
INSERT INTO parts SELECT * FROM items;
CREATE INDEX parts_hnsw ON parts USING hnsw (v vector_l2_ops);
SELECT * FROM scan_output($$SELECT id FROM parts ORDER BY v <-> sample_vector(-1, 16) LIMIT 10$$);

-- and the rows are the same
CREATE FUNCTION ids(query text) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
  result integer[];
BEGIN
  EXECUTE format('SELECT array_agg(id) FROM (%s) t', query) INTO result;
  RETURN result;
END $$;
SELECT bool_and(ids(format($$SELECT id FROM items ORDER BY v <-> sample_vector(%s, 16) LIMIT 20$$, q)) =
  ids(format($$SELECT id FROM (SELECT id, v <-> sample_vector(%s, 16) AS d FROM items ORDER BY d LIMIT 20) t$$, q))) AS plain,
  bool_and(ids(format($$SELECT id FROM (SELECT id, v <-> sample_vector(%s, 16) AS d FROM items ORDER BY d FETCH FIRST 20 ROWS WITH TIES) t$$, q)) =
  ids(format($$SELECT id FROM items ORDER BY v <-> sample_vector(%s, 16) FETCH FIRST 20 ROWS WITH TIES$$, q))) AS ties,
  bool_and(ids(format($$SELECT id FROM parts ORDER BY v <-> sample_vector(%s, 16) LIMIT 20$$, q)) =
  ids(format($$SELECT id FROM (SELECT id, v <-> sample_vector(%s, 16) AS d FROM parts ORDER BY d LIMIT 20) t$$, q))) AS parts
FROM generate_series(-20, -1) q;
BEGIN;
DECLARE nearest CURSOR FOR SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16);
SELECT ids('SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 3') AS first_three;
FETCH 3 FROM nearest;
COMMIT;
PREPARE nearest(vector) AS SELECT id FROM items ORDER BY v <-> $1 LIMIT 3;
SET plan_cache_mode = force_generic_plan;
EXECUTE nearest(sample_vector(-1, 16));
RESET plan_cache_mode;
RESET enable_seqscan;
SELECT * FROM quiver_verify('items_hnsw', true);
SELECT * FROM quiver_verify('items_ivfflat', true);
SELECT * FROM quiver_verify('items_ivfpq', true);
DROP FUNCTION scan_output, ids;
DROP TABLE items, parts;
