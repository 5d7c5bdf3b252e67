-- Casts of sparsevec.
SELECT ARRAY[0,2,3]::sparsevec, ARRAY[1.5,0]::real[]::sparsevec, ARRAY[1.5,2.5]::float8[]::sparsevec, ARRAY[0.0,2.5]::numeric[]::sparsevec;
SELECT '{0,0}'::real[]::sparsevec(2), ARRAY[1e-50,1]::float8[]::sparsevec, ('{1:1}/3'::sparsevec(3))::sparsevec(3);
SELECT '[0,1.5,-0,2]'::vector::sparsevec, '{2:1.5}/3'::sparsevec::vector, '{}/2'::sparsevec::vector(2);
SELECT command, error_of('SELECT ' || command) FROM (VALUES
  ('ARRAY[1,2]::sparsevec(3)'), ('''{1:1}/2''::sparsevec::sparsevec(3)'), ('ARRAY[[1,2],[3,4]]::sparsevec'), ('ARRAY[]::int[]::sparsevec'),
  ('ARRAY[1,NULL]::sparsevec'), ('ARRAY[''NaN'']::real[]::sparsevec'), ('ARRAY[''infinity'']::float8[]::sparsevec'), ('ARRAY[1e50]::float8[]::sparsevec'),
  ('array_fill(1, ARRAY[16001])::sparsevec'), ('''{1:1}/3''::sparsevec::vector(2)'), ('''{1:1}/16001''::sparsevec::vector'),
  ('''[1,2]''::vector::sparsevec(3)'), ('''{1:1}/2''::sparsevec::real[]')) t(command);
SELECT array_fill(0, ARRAY[16001])::sparsevec;
CREATE TABLE assigned (s sparsevec(2));
INSERT INTO assigned SELECT ARRAY[1, 0];
INSERT INTO assigned SELECT ARRAY[1.5, 2]::numeric[];
INSERT INTO assigned SELECT '[0,3]'::vector;
INSERT INTO assigned SELECT '[0,3]'::halfvec;
SELECT error_of('INSERT INTO assigned SELECT ARRAY[1, 2, 3]');
SELECT * FROM assigned;
DROP TABLE assigned;
