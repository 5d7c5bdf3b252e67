-- quantizer = pq: options, words that are learned or assumed, inserts, splits, merges, vacuum, damage done to none.
CREATE TABLE words (id integer PRIMARY KEY, v vector(12), h halfvec(12)) WITH (autovacuum_enabled = off, parallel_workers = 2);
CREATE TABLE odd_widths (one vector(1), prime vector(257), wide vector(1536), widest vector(16000));
SELECT command, error_of('CREATE INDEX ON ' || command) FROM (VALUES
  ('words USING ivfpq (v vector_l2_ops) WITH (quantizer = pq, subvectors = 5)'),
  ('words USING ivfpq (v vector_l2_ops) WITH (quantizer = pq, subvectors = 13)'),
  ('words USING ivfpq (v vector_l2_ops) WITH (quantizer = pq, subvectors = -1)'),
  ('words USING ivfpq (v vector_l2_ops) WITH (quantizer = pq, subvectors = 1025)'),
  ('words USING ivfpq (v vector_l2_ops) WITH (quantizer = pq, bits = 2)'),
  ('words USING ivfpq (v vector_l2_ops) WITH (bits = 8)'),
  ('words USING ivfpq (v vector_l2_ops) WITH (subvectors = 6)'),
  ('words USING ivfpq (v vector_l2_ops) WITH (quantizer = bits, subvectors = 6)'),
  ('words USING ivfpq (v vector_l2_ops) WITH (quantizer = opq)'),
  ('words USING ivfflat (v) WITH (quantizer = pq)'),
  ('odd_widths USING ivfpq (wide vector_l2_ops) WITH (quantizer = pq, subvectors = 768)'),
  ('odd_widths USING ivfpq (wide vector_l2_ops) WITH (quantizer = pq, bits = 8, subvectors = 512)')) t(command);
-- every width has sub-vectors of its own
INSERT INTO odd_widths SELECT sample_vector(i, 1), sample_vector(i, 257), sample_vector(i, 1536), sample_vector(i, 16000) FROM generate_series(1, 60) i;
CREATE INDEX odd_one ON odd_widths USING ivfpq (one vector_l2_ops) WITH (quantizer = pq);
CREATE INDEX odd_prime ON odd_widths USING ivfpq (prime vector_ip_ops) WITH (quantizer = pq);
CREATE INDEX odd_wide ON odd_widths USING ivfpq (wide vector_cosine_ops) WITH (quantizer = pq, bits = 8);
CREATE INDEX odd_widest ON odd_widths USING ivfpq (widest vector_l2_ops) WITH (quantizer = pq);
SELECT i, v.* FROM unnest(ARRAY['odd_one', 'odd_prime', 'odd_wide', 'odd_widest']::regclass[]) i, quiver_verify(i, true) v;
-- an empty table: words are assumed, and serve what comes
CREATE INDEX words_v ON words USING ivfpq (v vector_l2_ops) WITH (quantizer = pq);
INSERT INTO words SELECT i, sample_vector(i, 12), sample_vector(i, 12) FROM generate_series(1, 4000) i;
SELECT * FROM quiver_verify('words_v', true);
SELECT lists_before, lists_after > 4 AS more FROM quiver_maintain('words_v');
SELECT * FROM quiver_verify('words_v', true);
SET enable_seqscan = off;
-- learned words, by workers too; all of every list comes, once
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
REINDEX INDEX words_v;
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;
CREATE INDEX words_h ON words USING ivfpq (h halfvec_cosine_ops) WITH (quantizer = pq, bits = 8, subvectors = 3);
CREATE INDEX words_ip ON words USING ivfpq (v vector_ip_ops) WITH (quantizer = pq, subvectors = 12, lists = 7);
SELECT i, v.* FROM unnest(ARRAY['words_v', 'words_h', 'words_ip']::regclass[]) i, quiver_verify(i, true) v;
SELECT i, lists, code_bits FROM unnest(ARRAY['words_v', 'words_h', 'words_ip']::regclass[]) i, quiver_index_info(i);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM words ORDER BY v <-> sample_vector(-1, 12)) t;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM words ORDER BY h <=> sample_vector(-1, 12)::halfvec) t;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM words ORDER BY v <#> sample_vector(-1, 12)) t;
-- recall of ten, out of 500
CREATE FUNCTION found(operator text, kind text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE total bigint := 0; hit bigint; n integer;
BEGIN
  FOR n IN 1..50 LOOP
    EXECUTE format('SELECT count(*) FROM (SELECT id FROM words ORDER BY %s %s sample_vector(%s, 12)::%s LIMIT 10) f JOIN
      (SELECT id FROM words ORDER BY (%s %s sample_vector(%s, 12)::%s) + 0 LIMIT 10) t USING (id)',
      kind, operator, -n, CASE kind WHEN 'h' THEN 'halfvec' ELSE 'vector' END, kind, operator, -n, CASE kind WHEN 'h' THEN 'halfvec' ELSE 'vector' END) INTO hit;
    total := total + hit;
  END LOOP;
  RETURN total;
END $$;
SELECT found('<->', 'v') > 430 AS l2, found('<=>', 'h') > 430 AS cosine, found('<#>', 'v') > 400 AS inner_product;
-- updates, vacuum, splits and merges keep codes of the same words
DELETE FROM words WHERE id % 10 <> 0;
VACUUM words;
VACUUM words;
SELECT i, v.* FROM unnest(ARRAY['words_v', 'words_h', 'words_ip']::regclass[]) i, quiver_verify(i, true) v;
INSERT INTO words SELECT i, sample_vector(i, 12), sample_vector(i, 12) FROM generate_series(4001, 12000) i;
SELECT i, lists_after > lists_before FROM unnest(ARRAY['words_v', 'words_h', 'words_ip']::regclass[]) i, quiver_maintain(i);
SELECT i, v.* FROM unnest(ARRAY['words_v', 'words_h', 'words_ip']::regclass[]) i, quiver_verify(i, true) v;
SELECT found('<->', 'v') > 430 AS l2, found('<=>', 'h') > 430 AS cosine;
-- equal rows, rows without direction, far too long ones; few rows
TRUNCATE words;
INSERT INTO words SELECT i, array_fill(1, ARRAY[12])::vector, array_fill(1, ARRAY[12])::halfvec FROM generate_series(1, 1500) i;
INSERT INTO words VALUES (0, array_fill(0, ARRAY[12])::vector, array_fill(0, ARRAY[12])::halfvec), (-1, NULL, NULL),
  (-2, array_fill(3e37::real, ARRAY[12])::vector, array_fill(6e4::real, ARRAY[12])::halfvec);
REINDEX TABLE words;
SELECT i, v.* FROM unnest(ARRAY['words_v', 'words_h', 'words_ip']::regclass[]) i, quiver_verify(i, true) v;
SELECT count(*) FROM (SELECT id FROM words ORDER BY v <-> sample_vector(-1, 12)) t;
-- unlogged and temporary
CREATE UNLOGGED TABLE passing_words (v vector(4));
CREATE INDEX passing_words_v ON passing_words USING ivfpq (v vector_l2_ops) WITH (quantizer = pq, bits = 8);
INSERT INTO passing_words SELECT sample_vector(i, 4) FROM generate_series(1, 500) i;
SELECT * FROM quiver_verify('passing_words_v', true);
DROP TABLE words, odd_widths, passing_words;
DROP FUNCTION found;
