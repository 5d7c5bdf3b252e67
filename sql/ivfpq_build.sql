-- CREATE INDEX of lists: options, limits, empty and odd tables, progress of rows through workers.
CREATE TABLE rows_of_lists (id integer PRIMARY KEY, v vector(12), h halfvec(12)) WITH (autovacuum_enabled = off, parallel_workers = 2);
INSERT INTO rows_of_lists SELECT i, sample_vector(i, 12), sample_vector(i, 12) FROM generate_series(1, 3000) i;
CREATE INDEX lists_v ON rows_of_lists USING ivfpq (v vector_l2_ops);
CREATE INDEX lists_h ON rows_of_lists USING ivfpq (h halfvec_cosine_ops) WITH (lists = 20, bits = 1);
CREATE INDEX lists_ip ON rows_of_lists USING ivfflat (v vector_ip_ops) WITH (lists = 300);
CREATE INDEX lists_default ON rows_of_lists USING ivfflat (v) WITH (lists = 10);
SELECT pg_get_indexdef('lists_default'::regclass);
SELECT i, v.* FROM unnest(ARRAY['lists_v', 'lists_h', 'lists_ip', 'lists_default']::regclass[]) i, quiver_verify(i, true) v;
SELECT reltuples FROM pg_class WHERE relname = 'lists_v';
-- workers put rows into the same lists
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
REINDEX INDEX lists_v;
SELECT * FROM quiver_verify('lists_v', true);
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM rows_of_lists ORDER BY v <-> sample_vector(-1, 12)) t;
REINDEX INDEX CONCURRENTLY lists_v;
SELECT * FROM quiver_verify('lists_v', true);
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;
-- what options refuse
CREATE TABLE odd (v vector(3), w vector, one vector(1), wide vector(2000), bits varbit, b bit(8), s sparsevec(3));
SELECT command, error_of('CREATE INDEX ON odd USING ' || command) FROM (VALUES
  ('ivfflat (v) WITH (lists = 0)'), ('ivfflat (v) WITH (lists = 32769)'), ('ivfflat (v) WITH (bits = 2)'), ('ivfpq (v)'),
  ('ivfpq (v vector_l2_ops) WITH (lists = 65537)'), ('ivfpq (v vector_l2_ops) WITH (bits = 3)'), ('ivfpq (v vector_l2_ops) WITH (bits = 5)'),
  ('ivfpq (v vector_l2_ops) WITH (rerank = table)'), ('ivfflat (v vector_l2_ops, one vector_l2_ops)'),
  ('ivfpq (w vector_l2_ops)'), ('ivfpq (one vector_cosine_ops)'), ('ivfpq (wide vector_l2_ops) WITH (bits = 4)'), ('ivfpq (s sparsevec_l2_ops)')) t(command);
SET maintenance_work_mem = '1MB';
SELECT error_of('CREATE INDEX ON odd USING ivfflat (wide vector_l2_ops) WITH (lists = 1000)');
RESET maintenance_work_mem;
-- an empty table, one row, equal rows, fewer distinct rows than lists, rows without direction, far too long ones
CREATE INDEX odd_v ON odd USING ivfflat (v);
CREATE INDEX odd_cosine ON odd USING ivfpq (v vector_cosine_ops);
INSERT INTO odd (v) SELECT ARRAY[i % 3, 1, 1]::vector FROM generate_series(1, 700) i;
INSERT INTO odd (v) VALUES ('[0,0,0]'), (NULL), ('[1e38,0,0]'), ('[1e-30,0,0]');
SELECT * FROM quiver_verify('odd_v', true);
SELECT * FROM quiver_verify('odd_cosine', true);
SELECT count(*) FROM (SELECT v FROM odd ORDER BY v <-> '[1,1,1]') t;
SELECT count(*) FROM (SELECT v FROM odd ORDER BY v <=> '[1,1,1]') t;
SELECT v FROM odd ORDER BY v <-> '[1e38,1,1]' LIMIT 1;
DROP INDEX odd_v, odd_cosine;
CREATE INDEX odd_v ON odd USING ivfflat (v) WITH (lists = 5);
CREATE INDEX odd_cosine ON odd USING ivfpq (v vector_cosine_ops) WITH (lists = 600);
SELECT * FROM quiver_verify('odd_v', true);
SELECT count(*) FROM (SELECT v FROM odd ORDER BY v <-> '[1,1,1]') t;
TRUNCATE odd;
INSERT INTO odd (v) VALUES ('[1,2,3]');
SELECT v FROM odd ORDER BY v <-> '[1,2,3]';
-- each width of code and of own vector
CREATE TABLE wide_rows (v vector(1030), w vector(5000));
INSERT INTO wide_rows SELECT sample_vector(i, 1030), sample_vector(i, 5000) FROM generate_series(1, 60) i;
CREATE INDEX wide_v ON wide_rows USING ivfpq (v vector_l2_ops) WITH (lists = 4);
CREATE INDEX wide_w ON wide_rows USING ivfpq (w vector_ip_ops) WITH (lists = 4);
INSERT INTO wide_rows SELECT sample_vector(i, 1030), sample_vector(i, 5000) FROM generate_series(61, 120) i;
SELECT i, v.* FROM unnest(ARRAY['wide_v', 'wide_w']::regclass[]) i, quiver_verify(i, true) v;
SELECT count(*) FROM (SELECT v FROM wide_rows ORDER BY v <-> sample_vector(7, 1030)) t;
SELECT v = sample_vector(7, 1030) AS itself FROM wide_rows ORDER BY v <-> sample_vector(7, 1030) LIMIT 1;
SELECT count(*) FROM (SELECT w FROM wide_rows ORDER BY w <#> sample_vector(7, 5000)) t;
-- unlogged and temporary
CREATE UNLOGGED TABLE fleeting (v vector(3));
CREATE INDEX fleeting_v ON fleeting USING ivfpq (v vector_l2_ops);
INSERT INTO fleeting SELECT ARRAY[i, 1, 1]::vector FROM generate_series(1, 500) i;
SELECT * FROM quiver_verify('fleeting_v', true);
CREATE TEMP TABLE passing (v vector(3));
CREATE INDEX passing_v ON passing USING ivfpq (v vector_l2_ops);
INSERT INTO passing SELECT ARRAY[i, 1, 1]::vector FROM generate_series(1, 500) i;
DELETE FROM passing WHERE v <-> '[250,1,1]' > 200;
VACUUM passing;
SELECT * FROM quiver_verify('passing_v', true);
SELECT v FROM passing ORDER BY v <-> '[1,1,1]' LIMIT 2;
DROP TABLE rows_of_lists, odd, wide_rows, fleeting, passing;
