-- Text and binary form, type modifier, limits of sparsevec.
SELECT '{1:1.5,3:3.5}/5'::sparsevec, '{}/5'::sparsevec, '{3:3.5,1:1.5}/5'::sparsevec, '{5:0}/2'::sparsevec, '{1:0,2:-0,3:2}/3'::sparsevec;
SELECT E' {\t1 : 0x10 ,\n2:1e-45,\r3:3.4028235e38 } / 1000000000 '::sparsevec;
SELECT '{1:1}/3'::sparsevec(3);
SELECT format_type('sparsevec'::regtype, 1000000000);
SELECT typlen, typbyval, typalign, typstorage, typcategory, typispreferred, typdelim FROM pg_type WHERE typname = 'sparsevec';

-- malformed text: SQLSTATE and words
SELECT input, error_of(format('SELECT %L::sparsevec', input)) FROM (VALUES
  (1, ''), (2, '1:1}/2'), (3, '{1:1'), (4, '{1:1}'), (5, '{1:1}/'), (6, '{1:1}/2x'), (7, '{,}/2'), (8, '{1:1,}/2'), (9, '{1}/2'), (10, '{1:}/2'),
  (11, '{:1}/2'), (12, '{a:1}/2'), (13, '{1:a}/2'), (14, '{1:1 2:2}/2'), (15, '{1:nan}/2'), (16, '{1:inf}/2'), (17, '{1:-Infinity}/2'),
  (18, '{1:4e38}/2'), (19, '{1:-4e38}/2'), (20, '{1:1e-46}/2'), (21, '{1:-1e-46}/2'), (22, '{0:1}/2'), (23, '{-1:1}/2'), (24, '{3:1}/2'),
  (25, '{2147483648:1}/2'), (26, '{-2147483649:1}/2'), (27, '{1:1,1:2}/2'), (28, '{2:1,1:1,2:3}/2'), (29, '{}/0'), (30, '{}/-1'), (31, '{}/1000000001'),
  (32, '{}/9223372036854775808'), (33, '{}/-9223372036854775808'), (34, '{'), (35, '{1:1}/2 3')) AS t(n, input) ORDER BY n;
SELECT left(error_of(format('SELECT %L::sparsevec', '{' || (SELECT string_agg(i || ':1', ',') FROM generate_series(1, 16001) i) || '}/20000')), 90);
SELECT length(('{' || (SELECT string_agg(i || ':1', ',') FROM generate_series(1, 16000) i) || '}/20000')::sparsevec::text);

-- type modifiers
SELECT modifier, error_of('SELECT ''{}/3''::sparsevec(' || modifier || ')') FROM
  (VALUES ('3'), ('2'), ('0'), ('-1'), ('1000000001'), ('1,2'), ('''x''')) AS t(modifier);

-- binary form
SELECT encode(sparsevec_send('{1:1,3:-2}/5'), 'hex'), encode(sparsevec_send('{}/7'), 'hex');
CREATE TABLE sent (id serial, s sparsevec);
INSERT INTO sent (s) VALUES ('{1:1,3:-2}/5'), ('{1:0.1,999999999:1e-45}/1000000000'), (NULL), (sample_sparsevec(1, 777));
\set path `mktemp -u`
COPY sent TO :'path' (FORMAT binary);
CREATE TABLE received (id integer, s sparsevec);
COPY received FROM :'path' (FORMAT binary);
SELECT count(*), count(*) FILTER (WHERE s.s::text IS NOT DISTINCT FROM r.s::text) FROM sent s JOIN received r USING (id);
SELECT receive('sparsevec', '00000005000000020000000000000000000000023f800000c0000000');
SELECT bytes, error_of(format('SELECT receive(''sparsevec'', %L)', bytes)) FROM (VALUES
  (1, '000000000000000000000000'), (2, '3b9aca010000000000000000'), (3, '00000005ffffffff00000000'), (4, '0000000500003e8100000000'), (5, '000000010000000200000000'),
  (6, '000000050000000000000001'), (7, '000000050000000100000000000000053f800000'), (8, '000000050000000100000000ffffffff3f800000'),
  (9, '00000005000000020000000000000002000000013f8000003f800000'), (10, '00000005000000020000000000000002000000023f8000003f800000'),
  (11, '0000000500000001000000000000000000000000'), (12, '0000000500000001000000000000000080000000'), (13, '000000050000000100000000000000007fc00000'),
  (14, '00000005000000010000000000000000ff800000'), (15, '00000005000000010000000000000000'), (16, '000000050000000000000000ff'), (17, '0005')) AS t(n, bytes) ORDER BY n;
DROP TABLE sent, received;
