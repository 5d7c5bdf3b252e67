-- rerank = heap: an index of codes alone, whose rows are measured by the table.
CREATE TABLE plain_rows (id integer PRIMARY KEY, v vector(12), h halfvec(12), note integer) WITH (autovacuum_enabled = off, parallel_workers = 2, fillfactor = 70);
SELECT command, error_of('CREATE INDEX ON ' || command) FROM (VALUES
  ('plain_rows USING ivfpq (v vector_l2_ops) WITH (rerank = table)'),
  ('plain_rows USING ivfflat (v) WITH (rerank = heap)'),
  ('plain_rows USING ivfpq ((binary_quantize(v)::bit(12)) bit_hamming_ops) WITH (rerank = heap)'),
  ('plain_rows USING hnsw (v vector_l2_ops) WITH (rerank = heap)')) t(command);
-- an empty table, then rows, then splits: their vectors come from the table
CREATE INDEX plain_v ON plain_rows USING ivfpq (v vector_l2_ops) WITH (rerank = heap);
INSERT INTO plain_rows SELECT i, sample_vector(i, 12), sample_vector(i, 12), 0 FROM generate_series(1, 4000) i;
SELECT lists_before, lists_after > 4 AS more FROM quiver_maintain('plain_v');
SELECT * FROM quiver_verify('plain_v', true);
-- every kind of code and metric, by workers too
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
CREATE INDEX plain_h ON plain_rows USING ivfpq (h halfvec_cosine_ops) WITH (rerank = heap, bits = 4);
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;
CREATE INDEX plain_ip ON plain_rows USING ivfpq (v vector_ip_ops) WITH (rerank = heap, quantizer = pq, lists = 7);
CREATE INDEX kept_v ON plain_rows USING ivfpq (v vector_l2_ops);
SELECT i, v.* FROM unnest(ARRAY['plain_v', 'plain_h', 'plain_ip']::regclass[]) i, quiver_verify(i, true) v;
-- both new: how full the pages of a grown one are, and how many a build by workers begins, is chance
CREATE INDEX new_v ON plain_rows USING ivfpq (v vector_l2_ops) WITH (rerank = heap);
SELECT pg_relation_size('new_v') < 0.6 * pg_relation_size('kept_v') AS smaller;
DROP INDEX kept_v, new_v;
SET enable_seqscan = off;
SET enable_sort = off;
-- all rows, once, in the order of the operator but for those that were late
CREATE FUNCTION browse(operator text, kind text, memory text) RETURNS TABLE (every bigint, different bigint, steps_back bigint) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SET LOCAL work_mem = %L', memory);
  RETURN QUERY EXECUTE format('SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE d < before) FROM
    (SELECT id, d, lag(d) OVER () AS before FROM (SELECT id, %1$s %2$s %3$L::%4$s AS d FROM plain_rows ORDER BY %1$s %2$s %3$L::%4$s) o) w',
    kind, operator, sample_vector(-1, 12), CASE kind WHEN 'h' THEN 'halfvec' ELSE 'vector' END);
END $$;
SELECT every, different, steps_back <= 1 AS ordered FROM browse('<->', 'v', '4MB');
SELECT every, different, steps_back <= 1 AS ordered FROM browse('<->', 'v', '64kB');
SELECT every, different, steps_back <= 1 AS ordered FROM browse('<=>', 'h', '4MB');
SELECT every, different, steps_back <= 1 AS ordered FROM browse('<#>', 'v', '4MB');
-- recall of ten, out of 1500
SELECT found_of_ten('plain_rows', 'v', '<->', 'vector', 150) > 1300 AS l2, found_of_ten('plain_rows', 'h', '<=>', 'halfvec', 150) > 1300 AS cosine, found_of_ten('plain_rows', 'v', '<#>', 'vector', 150) > 1200 AS inner_product;
-- what the snapshot does not see does not come: rows of others' and of the past, versions of one HOT chain
BEGIN;
DECLARE before CURSOR FOR SELECT id, note FROM plain_rows ORDER BY v <-> sample_vector(7, 12);
FETCH 1 FROM before;
UPDATE plain_rows SET note = 1 WHERE id <= 100;
DELETE FROM plain_rows WHERE id > 3000;
SELECT every, different FROM browse('<->', 'v', '4MB');
MOVE 2999 FROM before;
MOVE 2000 FROM before;
CLOSE before;
SELECT id, note FROM plain_rows ORDER BY v <-> sample_vector(7, 12) LIMIT 1;
ROLLBACK;
-- once for each outer row: rescans
SELECT n, f.id FROM generate_series(1, 3) n, LATERAL (SELECT id FROM plain_rows ORDER BY v <-> sample_vector(n, 12) LIMIT 1) f;
SELECT count(*) FROM (SELECT id FROM plain_rows ORDER BY v <-> NULL) t;
SELECT count(*) FROM (SELECT id FROM plain_rows ORDER BY h <=> array_fill(0, ARRAY[12])::halfvec) t;
-- dead rows, splits beside them, vacuum, merges
DELETE FROM plain_rows WHERE id % 10 <> 0;
INSERT INTO plain_rows SELECT i, sample_vector(i, 12), sample_vector(i, 12), 0 FROM generate_series(4001, 9000) i;
SELECT i, lists_after >= lists_before FROM unnest(ARRAY['plain_v', 'plain_h', 'plain_ip']::regclass[]) i, quiver_maintain(i);
SELECT i, v.* FROM unnest(ARRAY['plain_v', 'plain_h', 'plain_ip']::regclass[]) i, quiver_verify(i, true) v;
DELETE FROM plain_rows WHERE id % 20 <> 0;
VACUUM plain_rows;
VACUUM plain_rows;
SELECT i, v.* FROM unnest(ARRAY['plain_v', 'plain_h', 'plain_ip']::regclass[]) i, quiver_verify(i, true) v;
SELECT every, different FROM browse('<->', 'v', '4MB');
-- vectors that the table keeps in its TOAST, of rows that are dead and whose TOAST is gone already
CREATE TABLE long_rows (id integer, v vector(768)) WITH (autovacuum_enabled = off);
CREATE INDEX long_v ON long_rows USING ivfpq (v vector_cosine_ops) WITH (rerank = heap);
INSERT INTO long_rows SELECT i, sample_vector(i, 768) FROM generate_series(1, 900) i;
DELETE FROM long_rows WHERE id % 2 = 0;
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE relname = 'long_rows' \gset
VACUUM :toast;
SELECT lists_before, lists_after > 1 AS more FROM quiver_maintain('long_v');
REINDEX INDEX long_v;
SELECT id FROM long_rows ORDER BY v <=> sample_vector(501, 768) LIMIT 1;
SELECT count(*) FROM (SELECT id FROM long_rows ORDER BY v <=> sample_vector(501, 768)) t;
VACUUM long_rows;
SELECT * FROM quiver_verify('long_v', true);
-- an expression of some rows; whoever maintains or checks the index, the expression runs as the table's owner
CREATE ROLE quiver_owner;
CREATE FUNCTION shifted(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF current_user <> 'quiver_owner' THEN RAISE 'evaluated by %', current_user; END IF;
  RETURN v OPERATOR(public.+) v;
END $$;
CREATE TABLE part_rows (id integer, v vector(12)) WITH (autovacuum_enabled = off);
ALTER TABLE part_rows OWNER TO quiver_owner;
CREATE INDEX part_v ON part_rows USING ivfpq ((shifted(v)::vector(12)) vector_l2_ops) WITH (rerank = heap) WHERE id % 2 = 0;
SET ROLE quiver_owner;
INSERT INTO part_rows SELECT i, sample_vector(i, 12) FROM generate_series(1, 3000) i;
RESET ROLE;
SELECT lists_before, lists_after > 2 AS more FROM quiver_maintain('part_v');
SELECT * FROM quiver_verify('part_v', true);
SELECT current_user = session_user AS myself;
SET ROLE quiver_owner;
SELECT id FROM part_rows WHERE id % 2 = 0 ORDER BY shifted(v)::vector(12) <-> sample_vector(8, 12) + sample_vector(8, 12) LIMIT 1;
SELECT count(*) FROM (SELECT id FROM part_rows WHERE id % 2 = 0 ORDER BY shifted(v)::vector(12) <-> sample_vector(8, 12)) t;
RESET ROLE;
-- equal rows, unlogged
CREATE UNLOGGED TABLE passing_rows (v vector(4));
CREATE INDEX passing_v ON passing_rows USING ivfpq (v vector_l2_ops) WITH (rerank = heap);
INSERT INTO passing_rows SELECT '[1,2,3,4]' FROM generate_series(1, 1500) i;
SELECT lists_after FROM quiver_maintain('passing_v');
SELECT * FROM quiver_verify('passing_v', true);
DROP TABLE plain_rows, long_rows, part_rows, passing_rows;
DROP FUNCTION browse, shifted;
DROP ROLE quiver_owner;
