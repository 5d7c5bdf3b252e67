-- Vectors so long that a node has room for few bits of each axis: the scan measures rows by the table, and few of them.
SET client_min_messages = warning;
SELECT setseed(0.25);
CREATE TABLE centers AS SELECT c, array_agg(random() - 0.5)::vector AS v FROM generate_series(1, 12) c, generate_series(1, 768) GROUP BY c;
-- A vector near a center, so many times one after the other as make the dimensions.
CREATE FUNCTION wide_vector(seed integer, copies integer) RETURNS vector LANGUAGE sql AS $$
  SELECT array_agg(x)::vector FROM (SELECT unnest((v + (SELECT array_agg((random() - 0.5) * (1 + seed % 5) / 3.0) FROM generate_series(1, 768))::vector)::real[]) AS x
    FROM centers WHERE c = seed % 12 + 1) t, generate_series(1, copies)
$$;
CREATE TABLE items (id serial PRIMARY KEY, part integer, v vector(9216), h halfvec(4608));
INSERT INTO items (part, v, h) SELECT i % 4, wide_vector(i, 12), wide_vector(i, 6)::halfvec FROM generate_series(1, 320) i;
CREATE TABLE queries AS SELECT q, wide_vector(q, 12) AS v, wide_vector(q, 6)::halfvec AS h FROM generate_series(1, 5) q;
ANALYZE items;

-- For each query: rows out of order among the first 15, whether nine of ten are found, and whether an eighth of the TOAST table
-- was read at most.
CREATE FUNCTION look_at(operator text, "column" text, condition text DEFAULT 'true', OUT out_of_order bigint, OUT finds_them boolean, OUT looks_at_few boolean)
LANGUAGE plpgsql AS $$
DECLARE
  toast oid := (SELECT reltoastrelid FROM pg_class WHERE oid = 'items'::regclass);
  all_blocks bigint := pg_stat_get_xact_blocks_fetched(toast);
  looked bigint := 0;
  before bigint;
  ids integer[];
  wrong bigint;
  hits bigint := 0;
BEGIN
  EXECUTE format('SELECT count(*) FROM items WHERE %1$s %2$s %1$s IS NOT NULL', "column", operator);
  all_blocks := pg_stat_get_xact_blocks_fetched(toast) - all_blocks;
  out_of_order := 0;
  FOR i IN 1..5 LOOP
    SET LOCAL enable_seqscan = off;
    before := pg_stat_get_xact_blocks_fetched(toast);
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM items WHERE %4$s ORDER BY %1$s %2$s (SELECT %1$s FROM queries WHERE q = %3$s)
      LIMIT 15) t', "column", operator, i, condition) INTO ids;
    looked := looked + pg_stat_get_xact_blocks_fetched(toast) - before;
    EXECUTE format('SELECT count(*) FROM (SELECT d, lag(d) OVER (ORDER BY place) AS previous FROM (SELECT place, items.%1$s %2$s queries.%1$s AS d
      FROM unnest($1) WITH ORDINALITY u(id, place) JOIN items USING (id), queries WHERE q = %3$s) t) t WHERE previous > d', "column", operator, i) USING ids INTO wrong;
    out_of_order := out_of_order + wrong;
    SET LOCAL enable_seqscan = on;
    EXECUTE format('WITH t AS MATERIALIZED (SELECT id, items.%1$s %2$s queries.%1$s AS d FROM items, queries WHERE q = %3$s AND %4$s)
      SELECT count(*) FROM t WHERE id = ANY ($1[1:10]) AND d <= (SELECT d FROM t ORDER BY d OFFSET 9 LIMIT 1)', "column", operator, i, condition) USING ids INTO wrong;
    hits := hits + wrong;
  END LOOP;
  finds_them := hits >= 45;
  looks_at_few := looked < 5 * all_blocks / 8;
END $$;
-- Whether all rows come once, and how many are out of order: only those that were found too late for their place.
CREATE FUNCTION look_at_all(operator text, "column" text, OUT complete boolean, OUT in_order boolean) LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL enable_seqscan = off;
  SET LOCAL enable_sort = off;
  EXECUTE format('SELECT count(*) = (SELECT count(*) FROM items WHERE %1$s IS NOT NULL) AND count(*) = count(DISTINCT id), count(*) FILTER (WHERE d < previous) <= 1
    FROM (SELECT id, d, lag(d) OVER () AS previous FROM (SELECT id, %1$s %2$s (SELECT %1$s FROM queries WHERE q = 3) AS d FROM items
      ORDER BY %1$s %2$s (SELECT %1$s FROM queries WHERE q = 3)) t) t', "column", operator) INTO complete, in_order;
END $$;

CREATE INDEX items_index ON items USING hnsw (v vector_l2_ops);
SELECT * FROM look_at('<->', 'v');
SELECT * FROM look_at_all('<->', 'v');
-- rows that a condition leaves out
SELECT out_of_order, finds_them FROM look_at('<->', 'v', 'part = 2');
-- limits: few visits, then the rest in physical order
SET hnsw.max_scan_tuples = 20;
SELECT out_of_order, finds_them FROM look_at('<->', 'v', 'part = 2');
SELECT * FROM look_at_all('<->', 'v');
SET hnsw.iterative_scan = relaxed_order;
SELECT complete FROM look_at_all('<->', 'v');
RESET hnsw.max_scan_tuples;
SET hnsw.iterative_scan = off;
SET hnsw.ef_search = 12;
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (SELECT v FROM queries WHERE q = 5)) t;
RESET enable_seqscan;
RESET hnsw.ef_search;
RESET hnsw.iterative_scan;
-- rows changed, gone, there twice and many times
DELETE FROM items WHERE id % 5 = 0;
UPDATE items SET v = wide_vector(id + 3, 12) WHERE id % 7 = 1;
INSERT INTO items (part, v) SELECT 5, v FROM items WHERE id <= 20;
INSERT INTO items (part, v) SELECT 6, (SELECT v FROM items WHERE id = 7) FROM generate_series(1, 12);
SELECT * FROM look_at('<->', 'v');
SELECT * FROM look_at_all('<->', 'v');
VACUUM items;
SELECT * FROM look_at('<->', 'v');
SELECT * FROM quiver_verify('items_index', true) WHERE is_damage;
-- no query, and one without a direction
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> NULL) t;
DROP INDEX items_index;
CREATE INDEX items_index ON items USING hnsw (v vector_cosine_ops);
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> array_fill(0, ARRAY[9216])::vector) t;
RESET enable_seqscan;
SELECT * FROM look_at('<=>', 'v');
SELECT * FROM look_at_all('<=>', 'v');
DROP INDEX items_index;
CREATE INDEX items_index ON items USING hnsw (v vector_ip_ops);
SELECT * FROM look_at('<#>', 'v');
SELECT * FROM look_at_all('<#>', 'v');
SELECT * FROM quiver_verify('items_index', true) WHERE is_damage;
DROP INDEX items_index;
-- four bits
CREATE INDEX items_index ON items USING hnsw (h halfvec_l2_ops);
SELECT * FROM look_at('<->', 'h', 'items.h IS NOT NULL');
SELECT * FROM look_at_all('<->', 'h');
SELECT * FROM quiver_verify('items_index', true) WHERE is_damage;
DROP INDEX items_index;
-- a sum of differences, of which nothing but the range is known
CREATE INDEX items_index ON items USING hnsw (v vector_l1_ops);
SELECT out_of_order, finds_them FROM look_at('<+>', 'v');
SELECT * FROM look_at_all('<+>', 'v');
SELECT * FROM quiver_verify('items_index', true) WHERE is_damage;
RESET client_min_messages;
DROP FUNCTION look_at, look_at_all;
DROP TABLE items, queries, centers;
DROP FUNCTION wide_vector;
