-- Index scans: plans, order, completeness, limits.
CREATE TABLE items (id serial PRIMARY KEY, v vector(16), kind integer);
INSERT INTO items (v, kind) SELECT sample_vector(i, 16), i % 100 FROM generate_series(1, 3000) i;
INSERT INTO items (v, kind) VALUES (NULL, 0), (array_fill(0, ARRAY[16])::vector, 0);
CREATE INDEX items_l2 ON items USING hnsw (v vector_l2_ops);
CREATE INDEX items_ip ON items USING hnsw (v vector_ip_ops);
CREATE INDEX items_cosine ON items USING hnsw (v vector_cosine_ops);
ANALYZE items;

EXPLAIN (COSTS off) SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 10;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY v <#> sample_vector(-1, 16) LIMIT 10;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY v <=> sample_vector(-1, 16) LIMIT 10;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY sample_vector(-1, 16) <-> v LIMIT 10;
EXPLAIN (COSTS off) SELECT id FROM items WHERE kind = 3 ORDER BY v <-> sample_vector(-1, 16) LIMIT 10;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16) DESC LIMIT 10;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY v <+> sample_vector(-1, 16) LIMIT 10;
EXPLAIN (COSTS off) SELECT count(*) FROM items WHERE v = '[1]';

-- How an exhaustive and a short scan compare with sorting the table, for one operator.
CREATE FUNCTION compare_scan(operator text, query vector, OUT rows bigint, OUT out_of_order bigint, OUT recall numeric) LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL enable_seqscan = off;
  SET LOCAL enable_indexscan = on;
  EXECUTE format('CREATE TEMP TABLE scanned ON COMMIT DROP AS SELECT id, row_number() OVER () AS place, v %1$s $1 AS distance
    FROM (SELECT id, v FROM items ORDER BY v %1$s $1) t', operator) USING query;
  SET LOCAL enable_seqscan = on;
  SET LOCAL enable_indexscan = off;
  SELECT count(DISTINCT id) INTO rows FROM scanned;
  -- rows whose place the search could not know in time come last, in order among themselves
  SELECT count(*) INTO out_of_order FROM
    (SELECT distance, lag(distance) OVER (ORDER BY place) AS before FROM scanned WHERE place <= 100) t WHERE before > distance;
  EXECUTE format('SELECT round(count(*) / 10.0, 1) FROM (SELECT id FROM items ORDER BY v %1$s $1, id LIMIT 10) t
    JOIN scanned USING (id) WHERE place <= 10', operator) INTO recall USING query;
  DROP TABLE scanned;
END $$;
SELECT operator, min(rows), max(rows), sum(out_of_order) AS out_of_order, avg(recall) > 0.6 AS finds_them
FROM (VALUES ('<->'), ('<#>'), ('<=>')) o(operator), generate_series(1, 10) i, compare_scan(operator, sample_vector(-i, 16)) GROUP BY 1 ORDER BY 1;
SET hnsw.ef_search = 1000;
SELECT operator, avg(recall) > 0.9 AS finds_them FROM (VALUES ('<->'), ('<#>'), ('<=>')) o(operator), generate_series(1, 5) i,
  compare_scan(operator, sample_vector(-i, 16)) GROUP BY 1 ORDER BY 1;
RESET hnsw.ef_search;
-- exact distances come with the rows
SET enable_seqscan = off;
SELECT bool_and(shown = l2_distance(v, sample_vector(-1, 16)))
FROM (SELECT v, v <-> sample_vector(-1, 16) AS shown FROM items ORDER BY v <-> sample_vector(-1, 16) LIMIT 50) t;

-- filters and joins never lose rows
SELECT count(*) FROM (SELECT id FROM items WHERE kind = 3 ORDER BY v <-> sample_vector(-1, 16) LIMIT 1000) t;
SELECT count(*) FROM (SELECT id FROM items WHERE id = 2999 ORDER BY v + '[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' <-> sample_vector(-1, 16) LIMIT 10) t;
SET hnsw.max_scan_tuples = 1;
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16)) t;
SELECT count(DISTINCT id) FROM (SELECT id FROM items WHERE kind = 3 ORDER BY v <=> sample_vector(-1, 16) LIMIT 20) t;
RESET hnsw.max_scan_tuples;
SET work_mem = '64kB';
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16)) t;
RESET work_mem;
SET hnsw.iterative_scan = relaxed_order;
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16)) t;
SET hnsw.iterative_scan = off;
SELECT count(*) <= 60 AND count(*) >= 40 FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 16)) t;
RESET hnsw.iterative_scan;
SELECT count(*), count(DISTINCT q), bool_and(best) FROM (
  SELECT q, t.id, id = q AS best FROM generate_series(1, 40) q,
    LATERAL (SELECT id FROM items ORDER BY v <-> sample_vector(q, 16) LIMIT 1) t) s;

-- the query vector: NULL, zero, wrong length, a parameter
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY v <-> NULL LIMIT 3;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (SELECT NULL::vector) LIMIT 5) t;
SELECT count(*), count(distance) FROM (SELECT id, v <-> (SELECT NULL::vector) AS distance FROM items ORDER BY v <-> (SELECT NULL::vector)) t;
SELECT count(*), count(*) FILTER (WHERE distance = 'NaN') FROM (SELECT id, v <=> (SELECT array_fill(0, ARRAY[16])::vector) AS distance
  FROM items ORDER BY v <=> (SELECT array_fill(0, ARRAY[16])::vector)) t;
SELECT error_of('SELECT id FROM items ORDER BY v <-> ''[1,2]'' LIMIT 1'), error_of('SELECT id FROM items ORDER BY v <-> ''[1,x]'' LIMIT 1');
PREPARE nearest(vector) AS SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> $1 LIMIT 7) t;
SET plan_cache_mode = force_generic_plan;
EXECUTE nearest(sample_vector(-2, 16));
EXECUTE nearest(NULL);
RESET plan_cache_mode;

-- cursors
BEGIN;
DECLARE walk SCROLL CURSOR FOR SELECT id FROM items ORDER BY v <-> sample_vector(1, 16);
FETCH 1 FROM walk;
MOVE 100 IN walk;
MOVE BACKWARD 100 IN walk;
FETCH BACKWARD 1 FROM walk;
DECLARE kept CURSOR WITH HOLD FOR SELECT id FROM items ORDER BY v <-> sample_vector(2, 16) LIMIT 3;
COMMIT;
FETCH 1 FROM kept;
CLOSE kept;
SELECT id FROM items WHERE id < 10 ORDER BY v <-> sample_vector(4, 16) LIMIT 1 FOR UPDATE SKIP LOCKED;

-- lengths that leave binary32: found, in order, without an error
CREATE TABLE lengths (id serial, v vector(2));
INSERT INTO lengths (v) SELECT format('[%se%s,%se%s]', i, e, 7 - i, e)::vector FROM generate_series(1, 6) i, unnest(ARRAY[-45, -40, -30, -20, -1, 0, 5, 17, 18, 19, 25, 37]) e;
CREATE INDEX lengths_l2 ON lengths USING hnsw (v vector_l2_ops);
CREATE INDEX lengths_ip ON lengths USING hnsw (v vector_ip_ops);
CREATE INDEX lengths_cosine ON lengths USING hnsw (v vector_cosine_ops);
SELECT operator, q, error_of(format('SELECT id FROM lengths ORDER BY v %s %L', operator, q)) FROM (VALUES ('<->'), ('<#>'), ('<=>')) o(operator), (VALUES ('[1,2]'), ('[1e-30,1e-30]'), ('[3e38,1]'), ('[1e18,-1e19]')) t(q);
SELECT count(*) FROM (SELECT id FROM lengths ORDER BY v <-> '[1,2]') t;
SELECT count(*) FROM (SELECT id FROM lengths ORDER BY v <#> '[1e18,2e18]') t;
SELECT i, v.* FROM unnest(ARRAY['lengths_l2', 'lengths_ip', 'lengths_cosine']::regclass[]) i, quiver_verify(i, true) v;
DROP TABLE lengths;
SELECT i, v.* FROM unnest(ARRAY['items_l2', 'items_ip', 'items_cosine']::regclass[]) i, quiver_verify(i, true) v;
DROP FUNCTION compare_scan;
DROP TABLE items;
