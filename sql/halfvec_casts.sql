-- Casts of halfvec.
SELECT ARRAY[1,2,3]::halfvec, ARRAY[1.5,2.5]::real[]::halfvec, ARRAY[1.5,2.5]::float8[]::halfvec, ARRAY[1.5,2.5]::numeric[]::halfvec;
SELECT '{1,2,3}'::real[]::halfvec(3), '[1,2,3]'::halfvec::real[], ('[1,2,3]'::halfvec(3))::halfvec(3);
SELECT ARRAY[1e-50]::float8[]::halfvec, ARRAY[1e-50]::numeric[]::halfvec, ARRAY[2049]::halfvec;
SELECT '[1,2]'::halfvec = ARRAY[1,2]::halfvec, array_length('[1,2,3]'::halfvec::real[], 1);
SELECT command, error_of('SELECT ' || command) FROM (VALUES
  ('ARRAY[1,2]::halfvec(3)'), ('''[1,2]''::halfvec::halfvec(3)'), ('ARRAY[[1,2],[3,4]]::halfvec'), ('ARRAY[]::int[]::halfvec'),
  ('ARRAY[]::real[]::halfvec'), ('ARRAY[1,NULL]::halfvec'), ('ARRAY[1,NULL]::numeric[]::halfvec'), ('ARRAY[''NaN'']::real[]::halfvec'),
  ('ARRAY[''infinity'']::float8[]::halfvec'), ('ARRAY[1e50]::float8[]::halfvec'), ('ARRAY[1e50]::numeric[]::halfvec'), ('ARRAY[1e10]::real[]::halfvec'), ('ARRAY[65520]::halfvec'), ('ARRAY[-1e6]::float8[]::halfvec'),
  ('ARRAY[''NaN'']::numeric[]::halfvec'), ('array_fill(0, ARRAY[16001])::halfvec'), ('''[1,2]''::halfvec::int[]'),
  ('''[1,2]''::halfvec::float8[]'), ('''[1,2]''::text::halfvec(3)')) t(command);
-- assignment
CREATE TABLE assigned (v halfvec(2));
INSERT INTO assigned SELECT ARRAY[1, 2];
INSERT INTO assigned SELECT ARRAY[1.5, 2]::numeric[];
INSERT INTO assigned SELECT ARRAY[1.5, 2]::float8[];
SELECT error_of('INSERT INTO assigned SELECT ARRAY[1, 2, 3]');
SELECT * FROM assigned;
DROP TABLE assigned;
-- to and from the other types
SELECT '[1,0.1,-65504]'::vector::halfvec, '[1,0.1]'::halfvec::vector, '[1,2]'::halfvec::vector(2), '[0,1.5,0]'::halfvec::sparsevec, '{2:0.1}/3'::sparsevec::halfvec;
SELECT command, error_of('SELECT ' || command) FROM (VALUES ('''[65520]''::vector::halfvec'), ('''[1,-1e6]''::vector::halfvec'), ('''[1,2]''::vector::halfvec(3)'),
  ('''[1,2]''::halfvec::vector(3)'), ('''{1:7e4}/2''::sparsevec::halfvec'), ('''{}/16001''::sparsevec::halfvec'), ('''[1,2]''::halfvec::sparsevec(3)')) t(command);
-- mixed operands meet in halfvec
SELECT pg_typeof('[1,2]'::vector + '[1,2]'::halfvec), '[1,2]'::vector <-> '[1,4]'::halfvec, pg_typeof('[1]'::halfvec || '[2]'::vector);
