-- CREATE INDEX USING hnsw: which tables, which options, which errors.
CREATE TABLE items (id serial PRIMARY KEY, v vector(8));
INSERT INTO items (v) SELECT sample_vector(i, 8) FROM generate_series(1, 500) i;
INSERT INTO items (v) VALUES (NULL);

CREATE INDEX items_l2 ON items USING hnsw (v vector_l2_ops);
CREATE INDEX items_ip ON items USING hnsw (v vector_ip_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX items_cosine ON items USING hnsw (v vector_cosine_ops) WITH (m = 100, ef_construction = 200);
SELECT indexdef FROM pg_indexes WHERE tablename = 'items' ORDER BY 1;
SELECT i, v.* FROM unnest(ARRAY['items_l2', 'items_ip', 'items_cosine']::regclass[]) i, quiver_verify(i, true) v;

-- errors
SELECT command, error_of('CREATE INDEX ON ' || command) FROM (VALUES
  ('items USING hnsw (v)'), ('items USING hnsw (v vector_l2_ops) WITH (m = 1)'), ('items USING hnsw (v vector_l2_ops) WITH (m = 101)'),
  ('items USING hnsw (v vector_l2_ops) WITH (ef_construction = 3)'), ('items USING hnsw (v vector_l2_ops) WITH (ef_construction = 1001)'),
  ('items USING hnsw (v vector_l2_ops) WITH (m = 16, ef_construction = 31)'), ('items USING hnsw (v vector_l2_ops) WITH (fillfactor = 50)'),
  ('items USING hnsw (v vector_l2_ops, id)'), ('items USING hnsw (v vector_l2_ops DESC)'), ('items USING hnsw (v vector_l2_ops) INCLUDE (id)'),
  ('items USING hnsw (id vector_l2_ops)'), ('items USING hnsw ((v::vector) vector_l2_ops)')) t(command);
SELECT error_of('CREATE UNIQUE INDEX ON items USING hnsw (v vector_l2_ops)');
CREATE TABLE undeclared (v vector);
SELECT error_of('CREATE INDEX ON undeclared USING hnsw (v vector_l2_ops)');
DROP TABLE undeclared;
SELECT pg_index_has_property('items_l2', p), p FROM unnest(ARRAY['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan']) p;
SELECT pg_indexam_has_property(oid, p), p FROM pg_am, unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include']) p WHERE amname = 'hnsw';
SELECT pg_index_column_has_property('items_l2', 1, 'distance_orderable');
SELECT amvalidate(oid) FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'hnsw');

-- options are kept; REINDEX applies them
ALTER INDEX items_l2 SET (m = 4, ef_construction = 20);
REINDEX INDEX items_l2;
SELECT * FROM quiver_verify('items_l2', true);
DROP TABLE items;

-- empty, one row, rows that are all equal
CREATE TABLE few (id serial, v vector(3));
CREATE INDEX few_v ON few USING hnsw (v vector_l2_ops);
SET enable_seqscan = off;
SELECT id FROM few ORDER BY v <-> '[1,2,3]';
INSERT INTO few (v) VALUES ('[1,1,1]');
SELECT id FROM few ORDER BY v <-> '[1,2,3]';
SELECT * FROM quiver_verify('few_v', true);
INSERT INTO few (v) SELECT '[1,1,1]' FROM generate_series(1, 3000);
SELECT count(DISTINCT id) FROM (SELECT id FROM few ORDER BY v <-> '[1,2,3]') t;
SELECT * FROM quiver_verify('few_v', true);
REINDEX INDEX few_v;
SELECT count(DISTINCT id) FROM (SELECT id FROM few ORDER BY v <-> '[1,2,3]') t;
SELECT * FROM quiver_verify('few_v', true);
DROP TABLE few;

-- more rows than maintenance_work_mem holds
CREATE TABLE large (id serial, v vector(64));
INSERT INTO large (v) SELECT sample_vector(i, 64) FROM generate_series(1, 6000) i;
SET maintenance_work_mem = '1MB';
CREATE INDEX large_v ON large USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 16);
RESET maintenance_work_mem;
SELECT * FROM quiver_verify('large_v', true) WHERE is_damage;
SELECT count(DISTINCT id) FROM (SELECT id FROM large ORDER BY v <-> sample_vector(-1, 64)) t;
-- with memory for the records, then for everything
SET maintenance_work_mem = '3MB';
REINDEX INDEX large_v;
RESET maintenance_work_mem;
SELECT * FROM quiver_verify('large_v', true);
REINDEX INDEX large_v;
SELECT * FROM quiver_verify('large_v', true);
SELECT count(DISTINCT id) FROM (SELECT id FROM large ORDER BY v <-> sample_vector(-1, 64)) t;
-- a tenth of the rows that were expected; then many equal ones, some on pages of further rows
SET maintenance_work_mem = '1MB';
CREATE INDEX large_some ON large USING hnsw (v vector_l2_ops) WHERE id % 10 = 0;
SELECT * FROM quiver_verify('large_some', true);
INSERT INTO large (v) SELECT sample_vector(i % 20, 64) FROM generate_series(1, 3000) i;
SET client_min_messages = warning;
REINDEX INDEX large_v;
RESET client_min_messages;
SELECT * FROM quiver_verify('large_v', true) WHERE is_damage;
SELECT count(DISTINCT id) FROM (SELECT id FROM large ORDER BY v <-> sample_vector(-1, 64)) t;
DROP INDEX large_v, large_some;
-- where rows are inserted one by one, those that do not fit go into the pages
CREATE INDEX large_l1 ON large USING hnsw (v vector_l1_ops) WITH (m = 8, ef_construction = 16);
SELECT * FROM quiver_verify('large_l1', true) WHERE is_damage;
DROP INDEX large_l1;
-- so they are under inner product, unless all vectors are of one length; others may come later
CREATE INDEX large_ip ON large USING hnsw (v vector_ip_ops) WITH (m = 8, ef_construction = 16);
DROP INDEX large_ip;
CREATE TABLE units (id serial, v vector(64));
INSERT INTO units (v) SELECT l2_normalize(v) FROM large WHERE id <= 6000;
CREATE INDEX units_v ON units USING hnsw (v vector_ip_ops) WITH (m = 8, ef_construction = 16);
RESET maintenance_work_mem;
SET enable_indexscan = off;
CREATE TABLE nearest_units AS SELECT q, id FROM generate_series(1, 50) q, LATERAL (SELECT id FROM units ORDER BY v <#> sample_vector(-q, 64) LIMIT 10) t;
RESET enable_indexscan;
SELECT count(*) > 450 AS as_many_as_by_distance FROM nearest_units JOIN (SELECT q, id FROM generate_series(1, 50) q,
  LATERAL (SELECT id FROM units ORDER BY v <#> sample_vector(-q, 64) LIMIT 10) t) u USING (q, id);
INSERT INTO units (v) SELECT sample_vector(i, 64) FROM generate_series(6001, 6300) i;
SELECT * FROM quiver_verify('units_v', true) WHERE is_damage;
SELECT count(DISTINCT id) FROM (SELECT id FROM units ORDER BY v <#> sample_vector(-1, 64)) t;
DROP TABLE nearest_units, units, large;

-- every width: one and two bits a lane, own vectors of 8, 4 and 2 bits, one slot a page
CREATE TABLE widths (id serial, v vector);
INSERT INTO widths (v) SELECT sample_vector(i * 100000 + d, d) FROM unnest(ARRAY[1, 2, 3, 31, 199, 200, 1025, 4001, 8001, 16000]) d, generate_series(1, 30) i;
DO $$
DECLARE
  d integer;
  problems bigint;
  wrong bigint;
BEGIN
  FOREACH d IN ARRAY ARRAY[1, 2, 3, 31, 199, 200, 1025, 4001, 8001, 16000] LOOP
    EXECUTE format('CREATE INDEX widths_v ON widths USING hnsw ((v::vector(%1$s)) vector_l2_ops) WHERE vector_dims(v) = %1$s', d);
    SELECT count(*) INTO problems FROM quiver_verify('widths_v', true);
    EXECUTE format('INSERT INTO widths (v) SELECT sample_vector(-i * 100000 - %1$s, %1$s) FROM generate_series(1, 20) i', d);
    SELECT problems + count(*) INTO problems FROM quiver_verify('widths_v', true) WHERE is_damage;
    SET LOCAL enable_seqscan = off;
    -- in order, but for rows that the search came upon too late: those follow at the end, in order too
    EXECUTE format('SELECT count(*) FROM (SELECT v <-> sample_vector(7, %1$s) AS d, lag(v <-> sample_vector(7, %1$s)) OVER () AS before
      FROM widths WHERE vector_dims(v) = %1$s ORDER BY v::vector(%1$s) <-> sample_vector(7, %1$s)) t WHERE before > d', d) INTO wrong;
    IF problems > 0 OR wrong > 1 THEN RAISE NOTICE '% dimensions: % problems, % out of order', d, problems, wrong; END IF;
    DROP INDEX widths_v;
  END LOOP;
END $$;
DROP TABLE widths;

-- unlogged, temporary, partial, expression, partitioned, concurrently, materialized view
CREATE UNLOGGED TABLE unlogged_items (id serial, v vector(4));
CREATE INDEX unlogged_v ON unlogged_items USING hnsw (v vector_l2_ops);
INSERT INTO unlogged_items (v) SELECT sample_vector(i, 4) FROM generate_series(1, 100) i;
SELECT count(*) FROM (SELECT id FROM unlogged_items ORDER BY v <-> '[0,0,0,0]') t;
SELECT * FROM quiver_verify('unlogged_v', true);
ALTER TABLE unlogged_items SET LOGGED;
SELECT * FROM quiver_verify('unlogged_v', true);
DROP TABLE unlogged_items;

CREATE TEMP TABLE temporary_items (id serial, v vector(4));
INSERT INTO temporary_items (v) SELECT sample_vector(i, 4) FROM generate_series(1, 100) i;
CREATE INDEX temporary_v ON temporary_items USING hnsw (v vector_cosine_ops);
INSERT INTO temporary_items (v) SELECT sample_vector(i, 4) FROM generate_series(101, 200) i;
SELECT count(*) FROM (SELECT id FROM temporary_items ORDER BY v <=> '[1,0,0,0]') t;
SELECT * FROM quiver_verify('temporary_v', true);
TRUNCATE temporary_items;
SELECT * FROM quiver_verify('temporary_v', true);
DROP TABLE temporary_items;

CREATE TABLE parts (id integer, v vector(4)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
CREATE INDEX parts_v ON parts USING hnsw (v vector_l2_ops);
INSERT INTO parts SELECT i, sample_vector(i, 4) FROM generate_series(0, 199) i;
EXPLAIN (COSTS off) SELECT id FROM parts ORDER BY v <-> '[0,0,0,0]' LIMIT 5;
SELECT count(*) FROM (SELECT id FROM parts ORDER BY v <-> '[0,0,0,0]') t;
SELECT * FROM quiver_verify('parts_1_v_idx', true);
SELECT regexp_replace(error_of('SELECT * FROM quiver_verify(''parts_v'')'), '\d+ is', '# is');
DROP TABLE parts;

CREATE TABLE chosen (id serial, v vector(4), kind integer);
INSERT INTO chosen (v, kind) SELECT sample_vector(i, 4), i % 3 FROM generate_series(1, 300) i;
CREATE INDEX CONCURRENTLY chosen_part ON chosen USING hnsw (v vector_l2_ops) WHERE kind = 1;
CREATE INDEX chosen_head ON chosen USING hnsw ((subvector(v, 1, 2)::vector(2)) vector_l2_ops);
EXPLAIN (COSTS off) SELECT id FROM chosen WHERE kind = 1 ORDER BY v <-> '[0,0,0,0]' LIMIT 5;
EXPLAIN (COSTS off) SELECT id FROM chosen ORDER BY subvector(v, 1, 2)::vector(2) <-> '[0,0]' LIMIT 5;
SELECT count(*) FROM (SELECT id FROM chosen WHERE kind = 1 ORDER BY v <-> '[0,0,0,0]') t;
REINDEX INDEX CONCURRENTLY chosen_head;
SELECT i, v.* FROM unnest(ARRAY['chosen_part', 'chosen_head']::regclass[]) i, quiver_verify(i, true) v;
CREATE MATERIALIZED VIEW seen AS SELECT id, v FROM chosen;
CREATE INDEX seen_v ON seen USING hnsw (v vector_l2_ops);
REFRESH MATERIALIZED VIEW seen;
SELECT * FROM quiver_verify('seen_v', true);
DROP TABLE chosen CASCADE;

-- quiver_verify itself
SELECT regexp_replace(error_of('SELECT * FROM quiver_verify(''pg_class_oid_index'')'), '\d+ is', '# is');
SELECT regexp_replace(error_of('SELECT * FROM quiver_verify(''pg_class'')'), '\d+ is', '# is');
CREATE TABLE owned (v vector(2));
CREATE INDEX owned_v ON owned USING hnsw (v vector_l2_ops);
CREATE ROLE quiver_stranger;
SET ROLE quiver_stranger;
SELECT error_of('SELECT * FROM quiver_verify(''owned_v'')');
RESET ROLE;
DROP ROLE quiver_stranger;
DROP TABLE owned;
