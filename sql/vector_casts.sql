-- Casts of vector.
SELECT ARRAY[1,2,3]::vector, ARRAY[1.5,2.5]::real[]::vector, ARRAY[1.5,2.5]::float8[]::vector, ARRAY[1.5,2.5]::numeric[]::vector;
SELECT '{1,2,3}'::real[]::vector(3), '[1,2,3]'::vector::real[], ('[1,2,3]'::vector(3))::vector(3);
SELECT ARRAY[1e-50]::float8[]::vector, ARRAY[1e-50]::numeric[]::vector, ARRAY[16777217]::vector;
SELECT '[1,2]'::vector = ARRAY[1,2]::vector, array_length('[1,2,3]'::vector::real[], 1);
SELECT command, error_of('SELECT ' || command) FROM (VALUES
  ('ARRAY[1,2]::vector(3)'), ('''[1,2]''::vector::vector(3)'), ('ARRAY[[1,2],[3,4]]::vector'), ('ARRAY[]::int[]::vector'),
  ('ARRAY[]::real[]::vector'), ('ARRAY[1,NULL]::vector'), ('ARRAY[1,NULL]::numeric[]::vector'), ('ARRAY[''NaN'']::real[]::vector'),
  ('ARRAY[''infinity'']::float8[]::vector'), ('ARRAY[1e50]::float8[]::vector'), ('ARRAY[1e50]::numeric[]::vector'),
  ('ARRAY[''NaN'']::numeric[]::vector'), ('array_fill(0, ARRAY[16001])::vector'), ('''[1,2]''::vector::int[]'),
  ('''[1,2]''::vector::float8[]'), ('''[1,2]''::text::vector(3)')) t(command);
-- assignment
CREATE TABLE assigned (v vector(2));
INSERT INTO assigned SELECT ARRAY[1, 2];
INSERT INTO assigned SELECT ARRAY[1.5, 2]::numeric[];
INSERT INTO assigned SELECT ARRAY[1.5, 2]::float8[];
SELECT error_of('INSERT INTO assigned SELECT ARRAY[1, 2, 3]');
SELECT * FROM assigned;
DROP TABLE assigned;
