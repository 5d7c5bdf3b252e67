-- quantizer = sq8: lists of 8-bit vectors without codes.
CREATE TABLE octets (id integer PRIMARY KEY, v vector(12), h halfvec(12)) WITH (autovacuum_enabled = off, parallel_workers = 2);
CREATE TABLE octet_widths (one vector(1), prime vector(257), wide vector(4000), wider vector(4001), widest vector(16000));
SELECT command, error_of('CREATE INDEX ON ' || command) FROM (VALUES
  ('octets USING ivfpq (v vector_l2_ops) WITH (quantizer = sq8, bits = 8)'),
  ('octets USING ivfpq (v vector_l2_ops) WITH (quantizer = sq8, subvectors = 6)'),
  ('octets USING ivfpq (v vector_l2_ops) WITH (quantizer = sq8, rerank = heap)'),
  ('octets USING ivfpq ((binary_quantize(v)::bit(12)) bit_hamming_ops) WITH (quantizer = sq8)'),
  ('octets USING ivfpq (v vector_l2_ops) WITH (quantizer = sq4)'),
  ('octets USING ivfflat (v) WITH (quantizer = sq8)')) t(command);
-- every width of an own vector
INSERT INTO octet_widths SELECT sample_vector(i, 1), sample_vector(i, 257), sample_vector(i, 4000), sample_vector(i, 4001), sample_vector(i, 16000) FROM generate_series(1, 40) i;
CREATE INDEX octet_one ON octet_widths USING ivfpq (one vector_l2_ops) WITH (quantizer = sq8);
CREATE INDEX octet_prime ON octet_widths USING ivfpq (prime vector_ip_ops) WITH (quantizer = sq8);
CREATE INDEX octet_wide ON octet_widths USING ivfpq (wide vector_cosine_ops) WITH (quantizer = sq8);
CREATE INDEX octet_wider ON octet_widths USING ivfpq (wider vector_l2_ops) WITH (quantizer = sq8);
CREATE INDEX octet_widest ON octet_widths USING ivfpq (widest vector_l2_ops) WITH (quantizer = sq8);
SELECT i, v.* FROM unnest(ARRAY['octet_one', 'octet_prime', 'octet_wide', 'octet_wider', 'octet_widest']::regclass[]) i, quiver_verify(i, true) v;
-- an empty table, then rows, then splits
CREATE INDEX octets_v ON octets USING ivfpq (v vector_l2_ops) WITH (quantizer = sq8);
INSERT INTO octets SELECT i, sample_vector(i, 12), sample_vector(i, 12) FROM generate_series(1, 4000) i;
SELECT lists_before, lists_after > 4 AS more FROM quiver_maintain('octets_v');
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
CREATE INDEX octets_h ON octets USING ivfpq (h halfvec_cosine_ops) WITH (quantizer = sq8);
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;
CREATE INDEX octets_ip ON octets USING ivfpq (v vector_ip_ops) WITH (quantizer = sq8, lists = 7);
SELECT i, v.* FROM unnest(ARRAY['octets_v', 'octets_h', 'octets_ip']::regclass[]) i, quiver_verify(i, true) v;
SELECT i, code_bits FROM unnest(ARRAY['octets_v', 'octets_h', 'octets_ip']::regclass[]) i, quiver_index_info(i);
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM octets ORDER BY v <-> sample_vector(-1, 12)) t;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM octets ORDER BY h <=> sample_vector(-1, 12)::halfvec) t;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM octets ORDER BY v <#> sample_vector(-1, 12)) t;
-- recall of ten, out of 1500
SELECT found_of_ten('octets', 'v', '<->', 'vector', 150) > 1300 AS l2, found_of_ten('octets', 'h', '<=>', 'halfvec', 150) > 1300 AS cosine, found_of_ten('octets', 'v', '<#>', 'vector', 150) > 1200 AS inner_product;
-- all lists read, nothing is lost to small integers but rows as far as others
SET ivfpq.probes = 65536;
SELECT found_of_ten('octets', 'v', '<->', 'vector', 150) > 1480 AS l2, found_of_ten('octets', 'h', '<=>', 'halfvec', 150) > 1480 AS cosine, found_of_ten('octets', 'v', '<#>', 'vector', 150) > 1480 AS inner_product;
RESET ivfpq.probes;
-- vacuum, splits and merges
DELETE FROM octets WHERE id % 10 <> 0;
VACUUM octets;
VACUUM octets;
INSERT INTO octets SELECT i, sample_vector(i, 12), sample_vector(i, 12) FROM generate_series(4001, 9000) i;
SELECT i, lists_after >= lists_before FROM unnest(ARRAY['octets_v', 'octets_h', 'octets_ip']::regclass[]) i, quiver_maintain(i);
SELECT i, v.* FROM unnest(ARRAY['octets_v', 'octets_h', 'octets_ip']::regclass[]) i, quiver_verify(i, true) v;
-- equal rows, rows without direction, far too long ones; unlogged
TRUNCATE octets;
INSERT INTO octets SELECT i, array_fill(1, ARRAY[12])::vector, array_fill(1, ARRAY[12])::halfvec FROM generate_series(1, 1500) i;
INSERT INTO octets VALUES (0, array_fill(0, ARRAY[12])::vector, array_fill(0, ARRAY[12])::halfvec), (-1, NULL, NULL),
  (-2, array_fill(3e38::real, ARRAY[12])::vector, array_fill(6e4::real, ARRAY[12])::halfvec);
REINDEX TABLE octets;
CREATE INDEX octets_graph ON octets USING hnsw (v vector_l2_ops);
SELECT i, v.* FROM unnest(ARRAY['octets_v', 'octets_h', 'octets_ip', 'octets_graph']::regclass[]) i, quiver_verify(i, true) v;
DROP INDEX octets_graph;
SELECT count(*) FROM (SELECT id FROM octets ORDER BY v <-> sample_vector(-1, 12)) t;
SELECT count(*) FROM (SELECT id FROM octets ORDER BY v <-> array_fill(3e38::real, ARRAY[12])::vector) t;
CREATE UNLOGGED TABLE passing_octets (v vector(4));
CREATE INDEX passing_octets_v ON passing_octets USING ivfpq (v vector_l2_ops) WITH (quantizer = sq8);
INSERT INTO passing_octets SELECT sample_vector(i, 4) FROM generate_series(1, 500) i;
SELECT * FROM quiver_verify('passing_octets_v', true);
DROP TABLE octets, octet_widths, passing_octets;
