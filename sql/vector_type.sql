-- Text and binary form, type modifier, storage of vector.
SELECT '[1,2,3]'::vector;
SELECT ' [ 1.50 , -2 ,+3e0, .5, 5. ] '::vector;
SELECT E'\t\n\r\x0b\f[\t1\n,\r2\x0b,\f3 ]\t'::vector;
SELECT '[0x10,0x1p3,-0,1e-46,-1e-46]'::vector;
SELECT '[1.23456789,0.1,1e6,1e38,1.5e-38,3.4028235e38,1e-45]'::vector;
SET extra_float_digits = -15;
SELECT '[1.23456789,0.1]'::vector;
RESET extra_float_digits;
SELECT '[1,2,3]'::vector(3);
SELECT vector_dims(('[' || repeat('1,', 15999) || '1]')::vector);
SELECT format_type('vector'::regtype, 3), format_type('vector'::regtype, -1);
SELECT typlen, typbyval, typalign, typstorage, typcategory, typispreferred, typdelim FROM pg_type WHERE typname = 'vector';

-- malformed text: SQLSTATE and words
SELECT input, error_of(format('SELECT %L::vector', input)) FROM (VALUES
  (1, ''), (2, '1,2'), (3, '[1,2'), (4, '[1,2]x'), (5, '[]'), (6, '[ ]'), (7, '[,]'), (8, '[1,]'), (9, '[1,,2]'),
  (10, '[a]'), (11, '[1 2]'), (12, '[1_0]'), (13, '[nan]'), (14, '[NaN,1]'), (15, '[inf]'), (16, '[-Infinity]'),
  (17, '[4e38,1]'), (18, '[-4e38]'), (19, '[1e400]'), (20, '[0x]'), (21, '[1e]'), (22, '[--1]'), (23, '['), (24, '[1,2]]')
) AS t(n, input) ORDER BY n;
SELECT error_of(format('SELECT %L::vector', '[' || repeat('1,', 16000) || '1]'));
SELECT left(error_of(format('SELECT %L::vector', '[' || repeat(',', 70000) || ']')), 60);

-- type modifiers
SELECT modifier, error_of('SELECT ''[1,2,3]''::vector(' || modifier || ')') FROM
  (VALUES ('3'), ('2'), ('0'), ('-1'), ('16001'), ('1,2'), ('''x''')) AS t(modifier);
CREATE TABLE typed (v vector(3));
INSERT INTO typed VALUES ('[1,2,3]'), (NULL);
SELECT error_of('INSERT INTO typed VALUES (''[1,2]'')');
SELECT error_of('INSERT INTO typed SELECT ''[1,2]''::vector');
DROP TABLE typed;

-- binary form
SELECT encode(vector_send('[1,-2]'), 'hex');
CREATE TABLE sent (id serial, v vector);
INSERT INTO sent (v) VALUES ('[1,-2]'), ('[0.1,1e-45,3.4028235e38,-0]'), (NULL), (sample_vector(1, 777));
\set path `mktemp -u`
COPY sent TO :'path' (FORMAT binary);
CREATE TABLE received (id integer, v vector);
COPY received FROM :'path' (FORMAT binary);
SELECT count(*), count(*) FILTER (WHERE s.v::text IS NOT DISTINCT FROM r.v::text) FROM sent s JOIN received r USING (id);
SELECT receive('vector', '000200003f800000c0000000');
SELECT bytes, error_of(format('SELECT receive(''vector'', %L)', bytes)) FROM (VALUES
  (1, '00000000'), (2, 'ffff0000'), (3, '000200013f800000c0000000'), (4, '000100007fc00000'), (5, '000100007f800000'),
  (6, '000200003f800000'), (7, '0002'), (8, '7fff0000'), (9, '000100003f80000000'), (10, '')
) AS t(n, bytes) ORDER BY n;
DROP TABLE sent, received;

-- storage: short values keep a one-byte length word, long ones go out of line and come back whole
CREATE TABLE stored (v vector);
INSERT INTO stored SELECT sample_vector(i, 3) FROM generate_series(1, 10) i;
SELECT DISTINCT pg_column_size(v) FROM stored;
INSERT INTO stored SELECT sample_vector(99, 16000);
SELECT max(vector_dims(v)), max(pg_column_size(v)) FROM stored;
SELECT count(*) FROM stored WHERE v = sample_vector(99, 16000);
DROP TABLE stored;
