-- Bit strings in lists: exact order to the last row, sizes from one bit to the most, change and maintenance, errors.
CREATE TABLE flags (id integer, flat bit(100), b bit(100)) WITH (autovacuum_enabled = off);
INSERT INTO flags (id, b) SELECT i, CASE WHEN i % 500 <> 0 THEN (sample_bits(i % 40, 100) # (sample_bits(i, 100) & sample_bits(-i, 100) & sample_bits(i + 90000, 100)))::bit(100) END FROM generate_series(1, 4000) i;
UPDATE flags SET flat = b;
VACUUM FULL flags;
CREATE INDEX flags_ivfflat ON flags USING ivfflat (flat bit_hamming_ops) WITH (lists = 20);
SELECT pg_get_indexdef('flags_ivfflat'::regclass);
CREATE INDEX flags_ivfpq ON flags USING ivfpq (b bit_hamming_ops);
-- Rows of an index scan against a sort's: how many, how many twice, how often a row is nearer than the one before, and
-- at how many places the distance is another.
CREATE FUNCTION bits_by(column_name text, query bit, OUT rows bigint, OUT twice bigint, OUT steps_down bigint, OUT wrong_places bigint) LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL enable_seqscan = off;
  EXECUTE format('CREATE TEMP TABLE by_index AS SELECT row_number() OVER () AS place, id, d FROM (SELECT id, %1$I <~> $1 AS d FROM flags ORDER BY %1$I <~> $1) t', column_name) USING query;
  SET LOCAL enable_seqscan = on;
  SET LOCAL enable_indexscan = off;
  CREATE TEMP TABLE by_sort AS SELECT row_number() OVER () AS place, d FROM (SELECT flat <~> query AS d FROM flags WHERE flat IS NOT NULL ORDER BY flat <~> query) t;
  SET LOCAL enable_indexscan = on;
  SELECT count(*), count(*) - count(DISTINCT id) INTO rows, twice FROM by_index;
  SELECT count(*) FILTER (WHERE d < before) INTO steps_down FROM (SELECT d, lag(d) OVER (ORDER BY place) AS before FROM by_index) t;
  SELECT count(*) FILTER (WHERE i.d IS DISTINCT FROM s.d) INTO wrong_places FROM by_index i FULL JOIN by_sort s USING (place);
  DROP TABLE by_index, by_sort;
END $$;
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM flags ORDER BY flat <~> sample_bits(7, 100)::bit(100) LIMIT 10;
RESET enable_seqscan;
-- with all lists read first the order is that of a sort to the last row
SET ivfflat.probes = 20;
SET ivfpq.probes = 1000;
SELECT i, r.* FROM unnest(ARRAY['flat', 'b']) i, bits_by(i, sample_bits(7, 100)::bit(100)) r;
-- by the index's own choice, and with no memory, complete all the same
RESET ivfflat.probes;
RESET ivfpq.probes;
SELECT i, r.rows, r.twice FROM unnest(ARRAY['flat', 'b']) i, bits_by(i, sample_bits(7, 100)::bit(100)) r;
SET work_mem = '64kB';
SELECT i, r.rows, r.twice FROM unnest(ARRAY['flat', 'b']) i, bits_by(i, sample_bits(8, 100)::bit(100)) r;
RESET work_mem;
-- off ends with the probed lists, relaxed_order with all
SET ivfflat.probes = 1;
SET ivfflat.iterative_scan = off;
SELECT i, r.rows BETWEEN 20 AND 1500 AS one_list, r.twice FROM unnest(ARRAY['flat']) i, bits_by(i, sample_bits(7, 100)::bit(100)) r;
SET ivfflat.iterative_scan = relaxed_order;
SELECT i, r.rows, r.twice FROM unnest(ARRAY['flat']) i, bits_by(i, sample_bits(7, 100)::bit(100)) r;
RESET ivfflat.iterative_scan;
RESET ivfflat.probes;
-- what the indexes say of themselves; equally near rows are as good as each other
SELECT i, metric, dimensions, nodes, code_bits, cardinality(gamma) > 0 AS measured, lists FROM unnest(ARRAY['flags_ivfflat', 'flags_ivfpq']::regclass[]) i, quiver_index_info(i);
CREATE FUNCTION bits_found() RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
  hits integer := 0;
  q bit(100);
  tenth float8;
BEGIN
  FOR n IN 1..40 LOOP
    q := sample_bits(n, 100) # (sample_bits(n + 7000, 100) & sample_bits(n + 8000, 100) & sample_bits(n + 9000, 100));
    SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = on;
    SELECT max(d) INTO tenth FROM (SELECT b <~> q AS d FROM flags WHERE b IS NOT NULL ORDER BY b <~> q LIMIT 10) t;
    SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off;
    hits := hits + (SELECT count(*) FROM (SELECT b <~> q AS d FROM flags ORDER BY b <~> q LIMIT 10) t WHERE d <= tenth);
  END LOOP;
  RETURN hits / 400.0;
END $$;
SELECT bits_found() > 0.9 AS found;
-- delete, vacuum, insert: rows take the lanes that were left, lists that are nearly empty are merged
SELECT i, v.* FROM unnest(ARRAY['flags_ivfflat', 'flags_ivfpq']::regclass[]) i, quiver_verify(i, true) v;
DELETE FROM flags WHERE id % 3 = 0;
VACUUM flags;
SELECT i, v.* FROM unnest(ARRAY['flags_ivfflat', 'flags_ivfpq']::regclass[]) i, quiver_verify(i, true) v WHERE is_damage;
INSERT INTO flags SELECT i, b, b FROM (SELECT i, (sample_bits(i % 40, 100) # (sample_bits(i, 100) & sample_bits(-i, 100)))::bit(100) AS b FROM generate_series(5001, 9000) i) t;
SELECT i, r.rows, r.twice FROM unnest(ARRAY['flat', 'b']) i, bits_by(i, sample_bits(7, 100)::bit(100)) r;
DELETE FROM flags WHERE id % 10 <> 0;
VACUUM flags;
SELECT i, v.* FROM unnest(ARRAY['flags_ivfflat', 'flags_ivfpq']::regclass[]) i, quiver_verify(i, true) v WHERE is_damage;
SET ivfflat.probes = 1000;
SET ivfpq.probes = 1000;
SELECT i, r.* FROM unnest(ARRAY['flat', 'b']) i, bits_by(i, sample_bits(7, 100)::bit(100)) r;
RESET ivfflat.probes;
RESET ivfpq.probes;
-- queries that order nothing, or not this
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM flags ORDER BY b <~> (SELECT NULL::bit(100))) t;
SELECT error_of('SELECT id FROM flags ORDER BY b <~> ''101'' LIMIT 1');
RESET enable_seqscan;
DROP TABLE flags;
DROP FUNCTION bits_by, bits_found;

-- growth: an index of an empty table comes to have lists when it is maintained
CREATE TABLE sprouting (id integer, b bit(64)) WITH (autovacuum_enabled = off);
CREATE INDEX sprouting_b ON sprouting USING ivfpq (b bit_hamming_ops);
SELECT count(*) FROM quiver_verify('sprouting_b', true);
INSERT INTO sprouting SELECT i, (sample_bits(i % 60, 64) # (sample_bits(i, 64) & sample_bits(-i, 64)))::bit(64) FROM generate_series(1, 6000) i;
SELECT lists_before, lists_after > 10 AS split FROM quiver_maintain('sprouting_b');
SELECT lists_after - lists_before AS more, split FROM quiver_maintain('sprouting_b');
SELECT * FROM quiver_verify('sprouting_b', true) WHERE is_damage;
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM sprouting ORDER BY b <~> sample_bits(3, 64)::bit(64)) t;
RESET enable_seqscan;
-- equal rows and few different ones cannot be split further
CREATE TABLE alike (id integer, b bit(9)) WITH (autovacuum_enabled = off);
CREATE INDEX alike_b ON alike USING ivfflat (b bit_hamming_ops) WITH (lists = 30);
INSERT INTO alike SELECT i, B'101010101' FROM generate_series(1, 2000) i;
SELECT lists_before, lists_after FROM quiver_maintain('alike_b');
INSERT INTO alike SELECT i, (i % 5)::bit(9) FROM generate_series(2001, 6000) i;
SELECT lists_after <= 30 AS few FROM quiver_maintain('alike_b');
SELECT split, merged FROM quiver_maintain('alike_b');
REINDEX INDEX alike_b;
SELECT * FROM quiver_verify('alike_b', true);
SET enable_seqscan = off;
SELECT b, count(*) FROM (SELECT b FROM alike ORDER BY b <~> B'000000011' LIMIT 800) t GROUP BY b ORDER BY b;
RESET enable_seqscan;
-- one row, one bit, NULL
CREATE TABLE least (b bit(1)) WITH (autovacuum_enabled = off);
INSERT INTO least VALUES (B'1');
CREATE INDEX least_b ON least USING ivfpq (b bit_hamming_ops);
INSERT INTO least VALUES (B'0'), (NULL), (B'1');
SET enable_seqscan = off;
SELECT b, b <~> B'1' AS d FROM least ORDER BY b <~> B'1';
RESET enable_seqscan;
SELECT * FROM quiver_verify('least_b', true);
-- built by workers, like without
CREATE TABLE crowd (id integer, b bit(100));
INSERT INTO crowd SELECT i, sample_bits(i, 100)::bit(100) FROM generate_series(1, 3000) i;
ALTER TABLE crowd SET (parallel_workers = 2);
SET min_parallel_table_scan_size = 0;
CREATE INDEX crowd_b ON crowd USING ivfpq (b bit_hamming_ops);
RESET min_parallel_table_scan_size;
SELECT * FROM quiver_verify('crowd_b', true);

-- what it takes
CREATE TABLE widest (b bit(64000), c bit(64001), w bit varying(8), v vector(3));
INSERT INTO widest SELECT sample_bits(i, 64000)::bit(64000) FROM generate_series(1, 8) i;
CREATE INDEX widest_b ON widest USING ivfpq (b bit_hamming_ops) WITH (lists = 3);
INSERT INTO widest SELECT sample_bits(i, 64000)::bit(64000) FROM generate_series(9, 16) i;
SELECT i, v.* FROM unnest(ARRAY['widest_b']::regclass[]) i, quiver_verify(i, true) v;
DELETE FROM widest WHERE ctid IN (SELECT ctid FROM widest LIMIT 4);
VACUUM widest;
SELECT * FROM quiver_verify('widest_b', true) WHERE is_damage;
SET enable_seqscan = off;
SELECT count(*) FILTER (WHERE before > d) AS out_of_order, count(*), min(d) FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT b <~> sample_bits(9, 64000)::bit(64000) AS d FROM widest ORDER BY b <~> sample_bits(9, 64000)::bit(64000)) t) u;
RESET enable_seqscan;
SELECT error_of('CREATE INDEX ON widest USING ivfflat (c bit_hamming_ops)'), error_of('CREATE INDEX ON widest USING ivfpq (c bit_hamming_ops)');
SELECT error_of('CREATE INDEX ON widest USING ivfflat (w bit_hamming_ops)'), error_of('CREATE INDEX ON widest USING ivfflat ((b::bit varying) bit_hamming_ops)');
SELECT error_of('CREATE INDEX ON widest USING ivfpq (b bit_hamming_ops) WITH (bits = 2)');
SELECT error_of('CREATE INDEX ON widest USING ivfpq (b bit_hamming_ops) WITH (quantizer = pq)');
DROP TABLE sprouting, alike, least, crowd, widest;
