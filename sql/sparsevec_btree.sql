-- Comparison of sparsevecs and their btree class.
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, sparsevec_cmp(a, b) FROM (VALUES
  ('{1:1,2:2}/3'::sparsevec, '{1:1,2:2}/3'::sparsevec), ('{1:1,2:2}/3', '{1:1,2:3}/3'), ('{1:1}/3', '{1:1}/2'), ('{1:1}/2', '{1:1,3:-5}/3'),
  ('{}/3', '{2:1}/3'), ('{}/3', '{2:-1}/3'), ('{3:1}/3', '{2:1}/3'), ('{3:-1}/3', '{2:-1}/3'), ('{5:1}/5', '{}/3')) t(a, b);
-- as if both were dense
WITH pairs AS (SELECT sample_sparsevec(i, 8) AS a, sample_sparsevec(i / 2, 8) AS b FROM generate_series(1, 400) i)
SELECT count(*), count(*) FILTER (WHERE sparsevec_cmp(a, b) <> vector_cmp(a::vector, b::vector)) AS wrong FROM pairs;
CREATE TABLE ordered (v sparsevec);
INSERT INTO ordered VALUES ('{}/3'), ('{1:1,2:2,3:3}/3'), ('{1:1,2:1,3:1}/3'), ('{1:1,2:2}/2'), (NULL), ('{1:1,2:2,3:3}/3');
CREATE INDEX ON ordered USING btree (v);
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT * FROM ordered WHERE v = '{1:1,2:2,3:3}/3';
SELECT * FROM ordered WHERE v = '{1:1,2:2,3:3}/3';
SELECT * FROM ordered WHERE v < '{1:1,2:2}/2' ORDER BY v;
SELECT * FROM ordered WHERE v >= '{1:1,2:1,3:1}/3' ORDER BY v DESC;
SELECT * FROM ordered ORDER BY v LIMIT 1;
RESET enable_seqscan;
SELECT DISTINCT v FROM ordered ORDER BY v;
SELECT v, count(*) FROM ordered GROUP BY v ORDER BY v;
SELECT v FROM ordered UNION SELECT '{1:7}/1' ORDER BY 1;
CREATE TABLE keyed (v sparsevec(3) PRIMARY KEY);
INSERT INTO keyed VALUES ('{1:1,2:2,3:3}/3');
SELECT error_of('INSERT INTO keyed VALUES (''{1:1,2:2,3:3}/3'')');
DROP TABLE ordered, keyed;
SELECT oprname, oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin, oprcanmerge, oprcanhash FROM pg_operator
WHERE oprleft = 'sparsevec'::regtype ORDER BY 1;
