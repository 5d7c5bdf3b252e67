-- The hnsw classes beside those of vector's L2, inner product and cosine: L1, halfvec, sparsevec, bit.
CREATE TABLE things (id serial PRIMARY KEY, v vector(24), h halfvec(24), s sparsevec(60), b bit(100));
INSERT INTO things (v, h, s, b) SELECT sample_vector(i, 24), sample_vector(i, 24), sample_sparsevec(i, 60), sample_bits(i, 100) FROM generate_series(1, 1200) i;
INSERT INTO things DEFAULT VALUES;
INSERT INTO things (s) VALUES ('{}/60');
CREATE TABLE classes (class text, column_name text, operator text);
INSERT INTO classes VALUES ('vector_l1_ops', 'v', '<+>'), ('halfvec_l2_ops', 'h', '<->'), ('halfvec_ip_ops', 'h', '<#>'), ('halfvec_cosine_ops', 'h', '<=>'),
  ('halfvec_l1_ops', 'h', '<+>'), ('sparsevec_l2_ops', 's', '<->'), ('sparsevec_ip_ops', 's', '<#>'), ('sparsevec_cosine_ops', 's', '<=>'),
  ('sparsevec_l1_ops', 's', '<+>'), ('bit_hamming_ops', 'b', '<~>'), ('bit_jaccard_ops', 'b', '<%>');

-- Recall of the first ten, rows out of order in a LIMIT, rows missing from a query without one; over ten queries.
CREATE FUNCTION examine(class text, column_name text, operator text, OUT uses_index boolean, OUT good_recall boolean, OUT out_of_order bigint, OUT missing bigint)
LANGUAGE plpgsql AS $$
DECLARE
  query text;
  rows text;
  hits bigint := 0;
  number bigint;
  exact float8[];
  plan text;
BEGIN
  out_of_order := 0;
  missing := 0;
  SET LOCAL hnsw.ef_search = 200;
  FOR query IN EXECUTE format('SELECT %1$I::text FROM things WHERE id %% 100 = 7 AND %1$I IS NOT NULL ORDER BY id LIMIT 10', column_name) LOOP
    rows := format('SELECT %1$I %2$s %3$L AS d FROM things ORDER BY %1$I %2$s %3$L', column_name, operator, query);
    SET LOCAL enable_indexscan = off;
    SET LOCAL enable_seqscan = on;
    EXECUTE format('SELECT array_agg(d) FROM (%s LIMIT 10) t', rows) INTO exact;
    SET LOCAL enable_indexscan = on;
    SET LOCAL enable_seqscan = off;
    EXECUTE 'EXPLAIN (COSTS off, FORMAT json) ' || rows || ' LIMIT 10' INTO plan;
    uses_index := coalesce(uses_index, true) AND plan LIKE '%"Index Scan"%';
    EXECUTE format('SELECT count(*) FILTER (WHERE d <= %s) FROM (%s LIMIT 10) t', exact[10], rows) INTO number;
    hits := hits + number;
    EXECUTE format('SELECT count(*) FROM (SELECT d, lag(d) OVER () AS before FROM (%s LIMIT 100) t) u WHERE before > d', rows) INTO number;
    out_of_order := out_of_order + number;
    EXECUTE format('SELECT (SELECT count(%I) FROM things) - count(*) FROM (%s) t', column_name, rows) INTO number;
    missing := missing + number;
  END LOOP;
  good_recall := hits >= 0.9 * 100;
END $$;

DO $$
DECLARE
  c classes;
BEGIN
  FOR c IN SELECT * FROM classes LOOP
    EXECUTE format('CREATE INDEX things_%1$s ON things USING hnsw (%2$I %1$s)', c.class, c.column_name);
  END LOOP;
END $$;
-- Inserted afterwards: the same values again, and others.
INSERT INTO things (v, h, s, b) SELECT v, h, s, b FROM things WHERE id <= 100;
INSERT INTO things (v, h, s, b) SELECT sample_vector(i, 24), sample_vector(i, 24), sample_sparsevec(i, 60), sample_bits(i, 100) FROM generate_series(3001, 3300) i;
SELECT class, v.* FROM classes, quiver_verify(('things_' || class)::regclass, true) v WHERE is_damage;
-- The empty sparse vector has no direction: a cosine index leaves it out.
SELECT class, e.* FROM classes, examine(class, column_name, operator) e ORDER BY class;
DELETE FROM things WHERE id % 2 = 0;
VACUUM things;
VACUUM things;
INSERT INTO things (v, h, s, b) SELECT sample_vector(i, 24), sample_vector(i, 24), sample_sparsevec(i, 60), sample_bits(i, 100) FROM generate_series(4001, 4300) i;
SELECT class, v.* FROM classes, quiver_verify(('things_' || class)::regclass, true) v WHERE is_damage;
SELECT class, e.* FROM classes, examine(class, column_name, operator) e ORDER BY class;

-- queries that order nothing, or not this
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT 1 FROM things ORDER BY s <=> '{}/60' LIMIT 10) t;
SELECT count(*) FROM (SELECT 1 FROM things ORDER BY b <~> (SELECT NULL::bit(100)) LIMIT 10) t;
SELECT count(*) FROM (SELECT 1 FROM things ORDER BY s <-> (SELECT NULL::sparsevec) LIMIT 10) t;
SELECT error_of('SELECT id FROM things ORDER BY b <~> ''101'' LIMIT 1'), error_of('SELECT id FROM things ORDER BY s <-> ''{1:1}/3'' LIMIT 1'),
  error_of('SELECT id FROM things ORDER BY h <-> ''[1,2]'' LIMIT 1');
RESET enable_seqscan;
DROP TABLE things;
DROP FUNCTION examine;
DROP TABLE classes;

-- what each type's index takes
CREATE TABLE widest (b bit(64000), c bit(64001), w bit varying(8), s sparsevec(1000000000), u sparsevec);
INSERT INTO widest SELECT sample_bits(i, 64000), sample_bits(i, 64001), NULL, ('{' || (SELECT string_agg(k * 7 || ':' || k + i, ',') FROM generate_series(1, 1500) k) || '}/1000000000')::sparsevec FROM generate_series(1, 8) i;
CREATE INDEX widest_hamming ON widest USING hnsw (b bit_hamming_ops);
CREATE INDEX widest_jaccard ON widest USING hnsw (b bit_jaccard_ops);
CREATE INDEX widest_l2 ON widest USING hnsw (s sparsevec_l2_ops);
CREATE INDEX widest_l1 ON widest USING hnsw (s sparsevec_l1_ops) WITH (m = 100, ef_construction = 200);
SELECT error_of('CREATE INDEX ON widest USING hnsw (c bit_hamming_ops)'), error_of('CREATE INDEX ON widest USING hnsw (w bit_hamming_ops)'), error_of('CREATE INDEX ON widest USING hnsw (u sparsevec_l2_ops)');
SELECT i, v.* FROM unnest(ARRAY['widest_hamming', 'widest_jaccard', 'widest_l2', 'widest_l1']::regclass[]) i, quiver_verify(i, true) v;
SET enable_seqscan = off;
-- bits and elements that have no room on a page are made up for by the heap row
SELECT count(*) FILTER (WHERE before > d) AS out_of_order, count(*) FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT b <%> sample_bits(5, 64000)::bit(64000) AS d FROM widest ORDER BY b <%> sample_bits(5, 64000)::bit(64000)) t) u;
SELECT count(*) FILTER (WHERE before > d) AS out_of_order, count(*), min(d) FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT s <-> (SELECT s FROM widest LIMIT 1) AS d FROM widest ORDER BY s <-> (SELECT s FROM widest LIMIT 1)) t) u;
RESET enable_seqscan;
DROP TABLE widest;
