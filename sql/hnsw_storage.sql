-- Indexes on every kind of table, with values stored in every way.
CREATE FUNCTION try_table(persistence text, storage text, OUT rows bigint, OUT seen bigint, OUT damage bigint) LANGUAGE plpgsql AS $$
DECLARE
  c text;
BEGIN
  EXECUTE format('CREATE %s TABLE kept (id serial, v vector(600), h halfvec(600), s sparsevec(3000), b bit(6000))', persistence);
  FOREACH c IN ARRAY ARRAY['v', 'h', 's', 'b'] LOOP
    EXECUTE format('ALTER TABLE kept ALTER COLUMN %I SET STORAGE %s', c, storage);
  END LOOP;
  INSERT INTO kept (v, h, s, b) SELECT a, a, replace(sample_sparsevec(i, 300)::text, '/300', '/3000')::sparsevec, sample_bits(i, 6000) FROM generate_series(1, 60) i, sample_vector(i, 600) a;
  CREATE INDEX kept_v ON kept USING hnsw (v vector_l2_ops);
  CREATE INDEX kept_h ON kept USING hnsw (h halfvec_cosine_ops);
  CREATE INDEX kept_s ON kept USING hnsw (s sparsevec_l2_ops);
  CREATE INDEX kept_b ON kept USING hnsw (b bit_jaccard_ops);
  INSERT INTO kept (v, h, s, b) SELECT v, h, s, b FROM kept WHERE id <= 30;
  UPDATE kept SET id = id + 1000 WHERE id > 50;
  SET LOCAL enable_seqscan = off;
  SELECT count(*) INTO rows FROM kept;
  SELECT (SELECT count(*) FROM (SELECT 1 FROM kept ORDER BY v <-> sample_vector(7, 600)) t) + (SELECT count(*) FROM (SELECT 1 FROM kept ORDER BY h <=> sample_vector(7, 600)::halfvec) t)
       + (SELECT count(*) FROM (SELECT 1 FROM kept ORDER BY s <-> '{1:1}/3000') t) + (SELECT count(*) FROM (SELECT 1 FROM kept ORDER BY b <%> sample_bits(7, 6000)::bit(6000)) t) INTO seen;
  SELECT count(*) INTO damage FROM unnest(ARRAY['kept_v', 'kept_h', 'kept_s', 'kept_b']::regclass[]) i, quiver_verify(i, true) v WHERE is_damage;
  DROP TABLE kept;
END $$;
SELECT persistence, storage, t.* FROM unnest(ARRAY['', 'UNLOGGED', 'TEMPORARY']) persistence, unnest(ARRAY['plain', 'main', 'external', 'extended']) storage, try_table(persistence, storage) t;
DROP FUNCTION try_table;
