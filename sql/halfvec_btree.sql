-- Comparison of halfvecs and their btree class.
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, halfvec_cmp(a, b) FROM (VALUES
  ('[1,2,3]'::halfvec, '[1,2,3]'::halfvec), ('[1,2,3]', '[1,2,4]'), ('[1,2,3]', '[1,2]'), ('[1,2]', '[1,2,0]'), ('[0]', '[-0]'),
  ('[2]', '[1,9]'), ('[-1]', '[1]')) t(a, b);
CREATE TABLE ordered (v halfvec);
INSERT INTO ordered VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), ('[1,2]'), (NULL), ('[1,2,3]');
CREATE INDEX ON ordered USING btree (v);
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT * FROM ordered WHERE v = '[1,2,3]';
SELECT * FROM ordered WHERE v = '[1,2,3]';
SELECT * FROM ordered WHERE v < '[1,2]' ORDER BY v;
SELECT * FROM ordered WHERE v >= '[1,1,1]' ORDER BY v DESC;
SELECT * FROM ordered ORDER BY v LIMIT 1;
RESET enable_seqscan;
SELECT DISTINCT v FROM ordered ORDER BY v;
SELECT v, count(*) FROM ordered GROUP BY v ORDER BY v;
SELECT v FROM ordered UNION SELECT '[7]' ORDER BY 1;
CREATE TABLE keyed (v halfvec(3) PRIMARY KEY);
INSERT INTO keyed VALUES ('[1,2,3]');
SELECT error_of('INSERT INTO keyed VALUES (''[1,2,3]'')');
DROP TABLE ordered, keyed;
SELECT oprname, oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin, oprcanmerge, oprcanhash FROM pg_operator
WHERE oprleft = 'halfvec'::regtype ORDER BY 1;
