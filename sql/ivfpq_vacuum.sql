-- Lists under insert, update, delete and vacuum: complete, sound, and lanes are used again.
CREATE TABLE kept (id integer PRIMARY KEY, v vector(12), note integer DEFAULT 0) WITH (autovacuum_enabled = off);
CREATE INDEX kept_v ON kept USING ivfpq (v vector_l2_ops) WITH (lists = 8);
INSERT INTO kept SELECT i, sample_vector(i, 12) FROM generate_series(1, 3000) i;
SELECT * FROM quiver_verify('kept_v', true);
SET enable_seqscan = off;
-- rows deleted but not vacuumed
DELETE FROM kept WHERE id % 10 <> 0;
SELECT count(*), min(id % 10) FROM (SELECT id FROM kept ORDER BY v <-> sample_vector(-1, 12)) t;
SELECT count(*) FROM (SELECT id FROM kept ORDER BY v <-> sample_vector(-1, 12) LIMIT 20) t;
VACUUM kept;
SELECT * FROM quiver_verify('kept_v', true);
SELECT count(DISTINCT id) FROM (SELECT id FROM kept ORDER BY v <-> sample_vector(-1, 12)) t;
-- freed lanes, and pages once nobody can be reading them, are used again: the index does not grow
SELECT txid_current() > 0 AS later;
VACUUM kept;
CREATE TEMP TABLE size_before AS SELECT pg_relation_size('kept_v') AS bytes;
INSERT INTO kept SELECT i, sample_vector(i, 12) FROM generate_series(10001, 12600) i;
SELECT pg_relation_size('kept_v') <= bytes AS reused FROM size_before;
SELECT * FROM quiver_verify('kept_v', true);
SELECT count(DISTINCT id) FROM (SELECT id FROM kept ORDER BY v <-> sample_vector(-1, 12)) t;
-- updates, aborted insertions
CREATE INDEX kept_note ON kept (note);
UPDATE kept SET note = id % 7;
BEGIN;
INSERT INTO kept SELECT i, sample_vector(i, 12) FROM generate_series(20001, 20300) i;
ROLLBACK;
VACUUM kept;
UPDATE kept SET v = sample_vector(id + 1, 12) WHERE id % 3 = 0;
VACUUM kept;
SELECT * FROM quiver_verify('kept_v', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM kept ORDER BY v <-> sample_vector(-1, 12)) t;
-- nothing left, then something
DELETE FROM kept;
VACUUM kept;
SELECT count(*) FROM (SELECT id FROM kept ORDER BY v <-> sample_vector(-1, 12)) t;
INSERT INTO kept VALUES (1, sample_vector(1, 12));
SELECT id FROM kept ORDER BY v <-> sample_vector(1, 12);
SELECT * FROM quiver_verify('kept_v', true);
DROP TABLE kept;
-- rows are locked only where the server keeps their addresses: whatever the plan, the right one
CREATE TABLE jobs (id integer PRIMARY KEY, v vector(3));
INSERT INTO jobs SELECT i, ARRAY[i, 1, 1]::vector FROM generate_series(1, 100) i;
CREATE INDEX ON jobs USING ivfpq (v vector_l2_ops);
BEGIN;
SELECT id FROM jobs ORDER BY v <-> '[42.2,1,1]' LIMIT 2 FOR UPDATE SKIP LOCKED;
COMMIT;
DROP TABLE jobs;
