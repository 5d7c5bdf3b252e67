-- CREATE INDEX USING hnsw with workers: complete, sound, as good as alone, whatever the memory.
CREATE TABLE many (id serial, v vector(24), part int GENERATED ALWAYS AS (id % 4) STORED);
INSERT INTO many (v) SELECT sample_vector(i, 24) FROM generate_series(1, 12000) i;
-- equal rows, among them a chain of further rows, and rows without a vector
INSERT INTO many (v) SELECT sample_vector(i % 50, 24) FROM generate_series(1, 2000) i;
INSERT INTO many (v) SELECT NULL FROM generate_series(1, 100) i;
ALTER TABLE many SET (parallel_workers = 3);
SET max_parallel_maintenance_workers = 3;
SET maintenance_work_mem = '256MB';

SET enable_seqscan = off;
CREATE INDEX many_v ON many USING hnsw (v vector_l2_ops);
SELECT * FROM quiver_verify('many_v', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM many ORDER BY v <-> sample_vector(-1, 24)) t;
WITH q AS (SELECT -i AS i, sample_vector(-i, 24) AS v FROM generate_series(1, 20) i),
  by_index AS (SELECT i, n.id FROM q, LATERAL (SELECT id FROM many ORDER BY v <-> q.v LIMIT 10) n),
  exact AS (SELECT i, n.id FROM q, LATERAL (SELECT id FROM many ORDER BY (v <-> q.v) + 0 NULLS LAST LIMIT 10) n)
SELECT count(*) > 165 AS most_are_found FROM by_index JOIN exact USING (i, id);

-- built anew, and beside other work
REINDEX INDEX many_v;
SELECT * FROM quiver_verify('many_v', true);
REINDEX INDEX CONCURRENTLY many_v;
SELECT * FROM quiver_verify('many_v', true);
CREATE INDEX CONCURRENTLY many_half ON many USING hnsw ((v::halfvec(24)) halfvec_cosine_ops) WHERE part = 1;
SELECT * FROM quiver_verify('many_half', true);
DROP INDEX many_v;

-- too little memory for the graph: the rest is inserted into its pages, by all
SET maintenance_work_mem = '2MB';
SET client_min_messages = warning;
CREATE INDEX many_v ON many USING hnsw (v vector_l1_ops) WITH (m = 8, ef_construction = 16);
RESET client_min_messages;
SELECT * FROM quiver_verify('many_v', true) WHERE is_damage;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM many ORDER BY v <+> sample_vector(-1, 24)) t;
RESET maintenance_work_mem;

-- an error in a worker ends the build; nothing is left behind
CREATE FUNCTION fails_late(v vector, id int) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
  $$BEGIN IF id = 11999 THEN RAISE 'row %', id; END IF; RETURN v; END$$;
\set VERBOSITY terse
CREATE INDEX ON many USING hnsw ((fails_late(v, id)::vector(24)) vector_l2_ops);
\set VERBOSITY default
DROP TABLE many;
DROP FUNCTION fails_late;
