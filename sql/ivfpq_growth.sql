-- Lists split as the table grows, are merged and rewritten as it shrinks: complete, sound, and of the same use as new ones.
CREATE TABLE grown (id integer PRIMARY KEY, v vector(8)) WITH (autovacuum_enabled = off);
CREATE INDEX grown_v ON grown USING ivfpq (v vector_l2_ops);
SET enable_seqscan = off;
-- nothing to do
SELECT * FROM quiver_maintain('grown_v');
INSERT INTO grown SELECT i, sample_vector(i, 8) FROM generate_series(1, 200) i;
SELECT * FROM quiver_maintain('grown_v');
-- one list comes apart
INSERT INTO grown SELECT i, sample_vector(i, 8) FROM generate_series(201, 12000) i;
SELECT lists_before, lists_after BETWEEN 30 AND 60 AS many, split > 0 AS split, merged, rewritten FROM quiver_maintain('grown_v');
SELECT * FROM quiver_verify('grown_v', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM grown ORDER BY v <-> sample_vector(-1, 8)) t;
-- once more: nothing; the pages of the first list are free by now
SELECT lists_before = lists_after AS settled, split FROM quiver_maintain('grown_v');
-- VACUUM does the same, and room is used again
INSERT INTO grown SELECT i, sample_vector(i, 8) FROM generate_series(12001, 30000) i;
VACUUM grown;
SELECT lists_before > 80 AS many, split FROM quiver_maintain('grown_v');
SELECT * FROM quiver_verify('grown_v', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM grown ORDER BY v <-> sample_vector(-1, 8)) t;
-- as good as a new index: of the ten nearest to each of 50 queries
CREATE FUNCTION found_by(probes integer, grown regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE total bigint := 0; part bigint;
BEGIN
  EXECUTE format('SET ivfpq.probes = %s', probes);
  SET ivfpq.iterative_scan = off;
  FOR q IN 1 .. 50 LOOP
    SET enable_indexscan = off; SET enable_seqscan = on;
    CREATE TEMP TABLE truth AS SELECT id FROM grown ORDER BY v <-> sample_vector(-q, 8) LIMIT 10;
    SET enable_indexscan = on; SET enable_seqscan = off;
    SELECT count(*) INTO part FROM (SELECT id FROM grown ORDER BY v <-> sample_vector(-q, 8) LIMIT 10) f JOIN truth USING (id);
    DROP TABLE truth;
    total := total + part;
  END LOOP;
  RESET ivfpq.iterative_scan; RESET ivfpq.probes;
  RETURN total;
END $$;
CREATE TEMP TABLE recall AS SELECT found_by(12, 'grown_v') AS found;
REINDEX INDEX grown_v;
SELECT found >= found_by(12, 'grown_v') - 15 AS as_good FROM recall;
SET enable_seqscan = off;
-- few rows are left in each list: two become one, others shorter; the space serves new rows
DELETE FROM grown WHERE id % 20 <> 0;
VACUUM grown;
SELECT lists_before < 70 AS fewer FROM quiver_maintain('grown_v');
SELECT * FROM quiver_verify('grown_v', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM grown ORDER BY v <-> sample_vector(-1, 8)) t;
INSERT INTO grown SELECT i, sample_vector(i, 8) FROM generate_series(40001, 60000) i;
VACUUM grown;
SELECT * FROM quiver_verify('grown_v', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM grown ORDER BY v <-> sample_vector(-1, 8)) t;
-- churn does not make it grow: copies need room until nobody can be reading the old pages
DELETE FROM grown WHERE id % 20 <> 0;
VACUUM grown;
INSERT INTO grown SELECT i, sample_vector(i, 8) FROM generate_series(60001, 80000) i;
VACUUM grown;
DELETE FROM grown WHERE id % 20 <> 0;
VACUUM grown;
INSERT INTO grown SELECT i, sample_vector(i, 8) FROM generate_series(80001, 100000) i;
VACUUM grown;
CREATE TEMP TABLE size_before AS SELECT pg_relation_size('grown_v') AS bytes;
REINDEX INDEX grown_v;
SELECT bytes < 3 * pg_relation_size('grown_v') AS bounded FROM size_before;
DROP TABLE grown;
-- rows that are all alike stay in one list, and others leave them
CREATE TABLE alike (id integer, v vector(3)) WITH (autovacuum_enabled = off);
CREATE INDEX alike_v ON alike USING ivfpq (v vector_cosine_ops);
INSERT INTO alike SELECT i, '[1,2,3]' FROM generate_series(1, 3000) i;
SELECT lists_before, lists_after, split FROM quiver_maintain('alike_v');
INSERT INTO alike SELECT i, ARRAY[i, 1, 1]::vector FROM generate_series(3001, 4000) i;
INSERT INTO alike SELECT i, '[1,2,3]' FROM generate_series(4001, 5000) i;
SELECT lists_before, lists_after > 1 AS more FROM quiver_maintain('alike_v');
-- now and then another round takes a few of the others away
SELECT lists_after < 100 AS not_many FROM quiver_maintain('alike_v');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM alike ORDER BY v <=> '[1,0,0]') t;
SELECT * FROM quiver_verify('alike_v', true);
DROP TABLE alike;
-- as many lists as were asked for, and no more
CREATE TABLE asked (id integer, v vector(4)) WITH (autovacuum_enabled = off);
SET client_min_messages = warning;
CREATE INDEX asked_v ON asked USING ivfflat (v vector_ip_ops) WITH (lists = 20);
RESET client_min_messages;
INSERT INTO asked SELECT i, sample_vector(i, 4) FROM generate_series(1, 4000) i;
SELECT lists_before, lists_after BETWEEN 8 AND 20 AS some FROM quiver_maintain('asked_v');
INSERT INTO asked SELECT i, sample_vector(i, 4) FROM generate_series(4001, 16000) i;
SELECT lists_after BETWEEN 10 AND 20 AS some FROM quiver_maintain('asked_v');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM asked ORDER BY v <#> sample_vector(-1, 4)) t;
SELECT * FROM quiver_verify('asked_v', true);
-- who may, on what
CREATE ROLE quiver_stranger;
SET ROLE quiver_stranger;
SELECT error_of($$SELECT quiver_maintain('asked_v')$$);
RESET ROLE;
DROP ROLE quiver_stranger;
CREATE INDEX asked_id ON asked (id);
CREATE INDEX asked_graph ON asked USING hnsw (v vector_ip_ops);
SELECT left(error_of($$SELECT quiver_maintain('asked_id')$$), 5) AS btree, left(error_of($$SELECT quiver_maintain('asked')$$), 5) AS of_table;
SELECT error_of($$SELECT quiver_maintain('asked_graph')$$);
BEGIN READ ONLY;
SELECT error_of($$SELECT quiver_maintain('asked_v')$$);
COMMIT;
DROP TABLE asked;
-- unlogged and temporary
CREATE UNLOGGED TABLE fleeting (id integer, v vector(4));
CREATE INDEX fleeting_v ON fleeting USING ivfpq (v vector_l2_ops);
INSERT INTO fleeting SELECT i, sample_vector(i, 4) FROM generate_series(1, 3000) i;
SELECT lists_after > 4 AS split FROM quiver_maintain('fleeting_v');
SELECT * FROM quiver_verify('fleeting_v', true);
DROP TABLE fleeting;
CREATE TEMP TABLE own (id integer, v halfvec(4));
CREATE INDEX own_v ON own USING ivfpq (v halfvec_l2_ops);
INSERT INTO own SELECT i, sample_vector(i, 4)::halfvec FROM generate_series(1, 3000) i;
SELECT lists_after > 4 AS split FROM quiver_maintain('own_v');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM own ORDER BY v <-> sample_vector(-1, 4)::halfvec) t;
-- within the transaction of a scan that began before
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM own ORDER BY v <-> sample_vector(-2, 4)::halfvec;
MOVE 5 FROM c;
INSERT INTO own SELECT i, sample_vector(i, 4)::halfvec FROM generate_series(3001, 9000) i;
SELECT lists_after > lists_before AS split FROM quiver_maintain('own_v');
MOVE 2995 FROM c;
FETCH ALL FROM c;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM own ORDER BY v <-> sample_vector(-1, 4)::halfvec) t;
COMMIT;
DROP TABLE own;
-- 300 dimensions: many pages of vectors to a page of codes
CREATE TABLE wide (id integer, v vector(300)) WITH (autovacuum_enabled = off);
CREATE INDEX wide_v ON wide USING ivfpq (v vector_cosine_ops);
INSERT INTO wide SELECT i, sample_vector(i, 300) FROM generate_series(1, 1500) i;
SELECT lists_after > 2 AS split FROM quiver_maintain('wide_v');
SELECT * FROM quiver_verify('wide_v', true);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM wide ORDER BY v <=> sample_vector(-1, 300)) t;
DROP TABLE wide;
DROP FUNCTION found_by;
