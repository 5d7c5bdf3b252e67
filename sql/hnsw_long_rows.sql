-- Vectors that lie outside their rows: the index knows their order without a look at them.
SET client_min_messages = warning;
SELECT setseed(0.5);
-- Rows close to one another around a few centers; some are there twice, some almost.
CREATE TABLE centers AS SELECT c, array_agg(random() - 0.5)::vector AS v FROM generate_series(1, 40) c, generate_series(1, 768) GROUP BY c;
CREATE FUNCTION near_vector(seed integer) RETURNS vector LANGUAGE sql AS $$
  SELECT v + (SELECT array_agg((random() - 0.5) * (1 + seed % 7) / 7.0) FROM generate_series(1, 768))::vector FROM centers WHERE c = seed % 40 + 1
$$;
CREATE TABLE items (id serial PRIMARY KEY, v vector(768), h halfvec(1536));
INSERT INTO items (v, h) SELECT near_vector(i), (near_vector(i) || near_vector(i + 1))::halfvec FROM generate_series(1, 700) i;
INSERT INTO items (v, h) SELECT v, h FROM items WHERE id <= 100;
INSERT INTO items (v, h) SELECT v + (near_vector(id) * array_fill(1e-5::real, ARRAY[768])::vector), h FROM items WHERE id <= 100;
ANALYZE items;

-- Rows out of order among the first 20 of 10 queries, whether eight of ten are found, and whether the TOAST table was hardly
-- read: looking at each row, and once more for a distance that nobody asked for, takes some 40 blocks a query.
CREATE FUNCTION look_at(operator text, "column" text, dimensions integer, OUT out_of_order bigint, OUT finds_them boolean, OUT looks_at_few boolean)
LANGUAGE plpgsql AS $$
DECLARE
  toast oid := (SELECT reltoastrelid FROM pg_class WHERE oid = 'items'::regclass);
  query text;
  ids integer[];
  looked bigint;
  before bigint;
  wrong bigint;
  hits bigint := 0;
BEGIN
  out_of_order := 0;
  looked := 0;
  FOR i IN 1..10 LOOP
    query := near_vector(i)::text;
    IF dimensions > 768 THEN query := (query::vector || query::vector)::text; END IF;
    SET LOCAL enable_seqscan = off;
    before := pg_stat_get_xact_blocks_fetched(toast);
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY %s %s %L LIMIT 20) t', "column", operator, query) INTO ids;
    looked := looked + pg_stat_get_xact_blocks_fetched(toast) - before;
    EXECUTE format('SELECT count(*) FROM (SELECT d, lag(d) OVER (ORDER BY place) AS previous FROM
      (SELECT place, %1$s %2$s %3$L AS d FROM unnest($1) WITH ORDINALITY u(id, place) JOIN items USING (id)) t) t WHERE previous > d',
      "column", operator, query) USING ids INTO wrong;
    out_of_order := out_of_order + wrong;
    SET LOCAL enable_seqscan = on;
    EXECUTE format('WITH t AS MATERIALIZED (SELECT id, %1$s %2$s %3$L AS d FROM items)
      SELECT count(*) FROM t WHERE id = ANY ($1[1:10]) AND d <= (SELECT d FROM t ORDER BY d OFFSET 9 LIMIT 1)',
      "column", operator, query) USING ids INTO wrong;
    hits := hits + wrong;
  END LOOP;
  finds_them := hits >= 80;
  looks_at_few := looked < 10 * 15;
END $$;

CREATE INDEX items_index ON items USING hnsw (v vector_l2_ops);
SELECT * FROM look_at('<->', 'v', 768);
SELECT * FROM quiver_verify('items_index', true) WHERE is_damage;
DROP INDEX items_index;
CREATE INDEX items_index ON items USING hnsw (v vector_ip_ops);
SELECT * FROM look_at('<#>', 'v', 768);
SELECT * FROM quiver_verify('items_index', true) WHERE is_damage;
DROP INDEX items_index;
CREATE INDEX items_index ON items USING hnsw (h halfvec_cosine_ops);
SELECT * FROM look_at('<=>', 'h', 1536);
SELECT * FROM quiver_verify('items_index', true) WHERE is_damage;
DROP INDEX items_index;
-- built in little memory, then changed
SET maintenance_work_mem = '1MB';
CREATE INDEX items_index ON items USING hnsw (v vector_cosine_ops);
RESET maintenance_work_mem;
SELECT * FROM look_at('<=>', 'v', 768);
DELETE FROM items WHERE id % 3 = 0;
UPDATE items SET v = near_vector(id + 3) WHERE id % 6 = 1;
INSERT INTO items (v, h) SELECT near_vector(i), NULL FROM generate_series(10001, 10100) i;
SELECT * FROM look_at('<=>', 'v', 768);
VACUUM items;
SELECT * FROM look_at('<=>', 'v', 768);
SELECT * FROM quiver_verify('items_index', true) WHERE is_damage;
-- all rows come, whatever is known of them
SET enable_seqscan = off;
SELECT count(DISTINCT id) = (SELECT count(*) FROM items) AS complete FROM (SELECT id FROM items ORDER BY v <=> (SELECT v FROM items WHERE id = 7)) t;
RESET enable_seqscan;
-- a page with room for fewer
CREATE TABLE wide (id integer, v vector(1536), w vector(2000), x vector(3072));
INSERT INTO wide SELECT i, array_cat(e, e)::vector, array_cat(e, array_cat(e, e[1:464]))::vector, array_cat(array_cat(e, e), array_cat(e, e))::vector
  FROM (SELECT i, near_vector(i)::real[] AS e FROM generate_series(1, 200) i) t;
CREATE INDEX wide_v ON wide USING hnsw (v vector_l2_ops);
CREATE INDEX wide_w ON wide USING hnsw (w vector_l2_ops);
CREATE INDEX wide_x ON wide USING hnsw (x vector_cosine_ops);
SELECT n, lanes, nodes_per_page FROM unnest(ARRAY['items_index', 'wide_v', 'wide_w', 'wide_x']) n, quiver_index_info(n::regclass);
SELECT * FROM quiver_verify('wide_v', true) WHERE is_damage;
SELECT * FROM quiver_verify('wide_w', true) WHERE is_damage;
SELECT * FROM quiver_verify('wide_x', true) WHERE is_damage;
RESET client_min_messages;
DROP FUNCTION look_at;
DROP TABLE items, wide, centers;
DROP FUNCTION near_vector;
