-- Insert, update, delete and vacuum keep the index complete and sound.
CREATE TABLE items (id integer PRIMARY KEY, v vector(12), note text) WITH (autovacuum_enabled = off);
CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 32);
INSERT INTO items SELECT i, sample_vector(i, 12) FROM generate_series(1, 2000) i;
SELECT * FROM quiver_verify('items_v', true) WHERE is_damage;
SET enable_seqscan = off;

-- rows deleted but not vacuumed
DELETE FROM items WHERE id % 10 <> 0;
SELECT count(*), min(id % 10) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 12)) t;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 12) LIMIT 20) t;

-- tombstones, then unlinked, then free
VACUUM items;
SELECT * FROM quiver_verify('items_v', true) WHERE is_damage;
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 12)) t;
-- each step waits until the transaction ids of the one before have passed
SELECT txid_current() > 0;
VACUUM items;
SELECT * FROM quiver_verify('items_v', true) WHERE is_damage;
SELECT txid_current() > 0;
VACUUM items;
SELECT * FROM quiver_verify('items_v', true) WHERE is_damage;
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 12)) t;

-- freed slots are used again: the index does not grow
CREATE TEMP TABLE size_before AS SELECT pg_relation_size('items_v') AS bytes;
INSERT INTO items SELECT i, sample_vector(i, 12) FROM generate_series(10001, 11500) i;
SELECT pg_relation_size('items_v') <= bytes AS reused FROM size_before;
SELECT * FROM quiver_verify('items_v', true) WHERE is_damage;
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 12)) t;

-- updates of another column put their rows on the node of the equal vector
CREATE TABLE copies (id integer, v vector(12), note integer) WITH (autovacuum_enabled = off, fillfactor = 10);
CREATE INDEX copies_v ON copies USING hnsw (v vector_l2_ops);
CREATE INDEX copies_note ON copies (note);  -- so that no update is HOT
INSERT INTO copies SELECT i, sample_vector(i % 3, 12), 0 FROM generate_series(1, 90) i;
DO $$ BEGIN FOR i IN 1..20 LOOP UPDATE copies SET note = i; END LOOP; END $$;
SELECT * FROM quiver_verify('copies_v', true) WHERE is_damage;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM copies ORDER BY v <-> sample_vector(1, 12)) t;
VACUUM copies;
SELECT * FROM quiver_verify('copies_v', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM copies ORDER BY v <-> sample_vector(1, 12)) t;
DELETE FROM copies WHERE id % 3 = 1;
VACUUM copies;
SELECT txid_current() > 0;
VACUUM copies;
SELECT txid_current() > 0;
VACUUM copies;
SELECT * FROM quiver_verify('copies_v', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM copies ORDER BY v <-> sample_vector(1, 12)) t;
DROP TABLE copies;

-- everything deleted, and a fresh start
DELETE FROM items;
VACUUM items;
SELECT txid_current() > 0;
VACUUM items;
SELECT txid_current() > 0;
VACUUM items;
SELECT * FROM quiver_verify('items_v', true);
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 12)) t;
INSERT INTO items SELECT i, sample_vector(i, 12) FROM generate_series(1, 300) i;
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 12)) t;
SELECT * FROM quiver_verify('items_v', true) WHERE is_damage;

-- aborted work leaves nothing to be seen
BEGIN;
INSERT INTO items SELECT i, sample_vector(i, 12) FROM generate_series(1001, 1100) i;
SAVEPOINT here;
INSERT INTO items SELECT i, sample_vector(i, 12) FROM generate_series(1101, 1200) i;
ROLLBACK TO here;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 12)) t;
ROLLBACK;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> sample_vector(-1, 12)) t;
VACUUM items;
SELECT * FROM quiver_verify('items_v', true) WHERE is_damage;
SELECT error_of('INSERT INTO items VALUES (5000, ''[1,2]'')');
DROP TABLE items;

-- half of the graph dies: lanes to the dead are mended in every format, and searches find the rest as before
CREATE TABLE halved (id integer, few vector(24), many vector(210)) WITH (autovacuum_enabled = off);
INSERT INTO halved SELECT i, sample_vector(i, 24), sample_vector(i, 210) FROM generate_series(1, 2000) i;
CREATE INDEX halved_l2 ON halved USING hnsw (few vector_l2_ops) WITH (m = 8);
CREATE INDEX halved_ip ON halved USING hnsw (few vector_ip_ops) WITH (m = 8);
CREATE INDEX halved_l1 ON halved USING hnsw (few vector_l1_ops) WITH (m = 8);
CREATE INDEX halved_cosine ON halved USING hnsw (many vector_cosine_ops) WITH (m = 8);
DELETE FROM halved WHERE id % 2 = 0;
VACUUM halved;
SELECT txid_current() > 0;
VACUUM halved;
SELECT i, found.* FROM (VALUES ('halved_l2'), ('halved_ip'), ('halved_l1'), ('halved_cosine')) t(i), LATERAL (SELECT count(*) AS problems FROM quiver_verify(i, true)) found;
SELECT tombstones FROM quiver_index_info('halved_l2');
SELECT txid_current() > 0;
VACUUM halved;
SELECT tombstones FROM quiver_index_info('halved_l2');
SELECT i, found.* FROM (VALUES ('halved_l2'), ('halved_ip'), ('halved_l1'), ('halved_cosine')) t(i), LATERAL (SELECT count(*) AS problems FROM quiver_verify(i, true)) found;
CREATE FUNCTION found_of_1000(asked text, operator text, dimensions integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  result bigint;
BEGIN
  EXECUTE format('WITH q AS (SELECT i, sample_vector(-i, %3$s) AS v FROM generate_series(1, 100) i),
    by_index AS (SELECT i, n.id FROM q, LATERAL (SELECT id FROM halved ORDER BY %1$I %2$s q.v LIMIT 10) n),
    exact AS (SELECT i, n.id FROM q, LATERAL (SELECT id FROM halved ORDER BY (%1$I %2$s q.v) + 0 LIMIT 10) n)
    SELECT count(*) FROM by_index JOIN exact USING (i, id)', asked, operator, dimensions) INTO result;
  RETURN result;
END $$;
SET hnsw.ef_search = 200;
SELECT found_of_1000('few', '<->', 24) > 960 AS l2, found_of_1000('few', '<#>', 24) > 900 AS ip, found_of_1000('few', '<+>', 24) > 930 AS l1,
  found_of_1000('many', '<=>', 210) > 970 AS cosine;
DROP TABLE halved;
