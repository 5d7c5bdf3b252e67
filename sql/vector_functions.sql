-- Distances and functions of vector.
SELECT l2_distance('[0,0]'::vector, '[3,4]'), '[0,0]'::vector <-> '[3,4]';
SELECT inner_product('[1,2]'::vector, '[3,4]'), '[1,2]'::vector <#> '[3,4]';
SELECT cosine_distance('[1,2]'::vector, '[2,4]'), cosine_distance('[1,2]'::vector, '[0,0]'), cosine_distance('[1,1]'::vector, '[-1,-1]');
SELECT cosine_distance('[1,1]'::vector, '[1.1,1.1]'), cosine_distance('[1,0]'::vector, '[0,2]'), '[1,1]'::vector <=> '[1.1,1.1]';
SELECT cosine_distance('[3e38]'::vector, '[3e38]'), cosine_distance('[1e-30]'::vector, '[1e-30]');
SELECT l1_distance('[0,0]'::vector, '[3,4]'), '[0,0]'::vector <+> '[3,-4]';
SELECT l2_distance('[3e38]'::vector, '[-3e38]'), inner_product('[3e38]'::vector, '[3e38]'), l1_distance('[3e38]'::vector, '[-3e38]');
SELECT vector_l2_squared_distance('[0,0]', '[3,4]'), vector_negative_inner_product('[1,2]', '[3,4]');
SELECT round(vector_spherical_distance('[1,0]', '[0,1]')::numeric, 10), vector_spherical_distance('[1,0]', '[1,0]'), vector_spherical_distance('[2,0]', '[-1,0]');
SELECT vector_dims('[1,2,3]'::vector), vector_norm('[3,4]'), round(vector_norm('[3e38,3e38]')::numeric / 1e38, 4);
SELECT l2_normalize('[3,4]'::vector), l2_normalize('[3,0]'::vector), l2_normalize('[0,0.1]'::vector), l2_normalize('[0,0]'::vector), l2_normalize('[1e-30,0]'::vector), l2_normalize('[3e38,0]'::vector);
SELECT binary_quantize('[1,0,-1]'::vector), binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::vector), binary_quantize('[-0,1e-45]'::vector);
SELECT subvector('[1,2,3,4,5]'::vector, 1, 3), subvector('[1,2,3,4,5]'::vector, 3, 9), subvector('[1,2,3,4,5]'::vector, 0, 2), subvector('[1,2,3,4,5]'::vector, -1, 4);
SELECT subvector('[1,2,3]'::vector, 2, 2147483647);
SELECT command, error_of('SELECT ' || command) FROM (VALUES
  ('subvector(''[1,2,3]''::vector, 4, 1)'), ('subvector(''[1,2,3]''::vector, 1, 0)'), ('subvector(''[1,2,3]''::vector, -2147483648, 2147483647)'), ('subvector(''[1,2,3]''::vector, 2, -5)')) t(command);

-- every length: against the plain sums of the same exact elements
WITH pairs AS MATERIALIZED (SELECT sample_vector(n, n) AS a, sample_vector(-n, n) AS b FROM generate_series(2, 130) n)
SELECT count(*), count(*) FILTER (WHERE vector_l2_squared_distance(a, b) <> l2 OR inner_product(a, b) <> ip OR l1_distance(a, b) <> l1
    OR abs(vector_norm(a) - sqrt(aa)) > 1e-12 OR abs(cosine_distance(a, b) - (1 - ip / sqrt(aa * bb))) > 1e-6) AS wrong
FROM pairs, LATERAL (SELECT sum((x - y) ^ 2) AS l2, sum(x * y) AS ip, sum(abs(x - y)) AS l1, sum(x * x) AS aa, sum(y * y) AS bb
  FROM unnest(a::real[]::float8[], b::real[]::float8[]) AS e(x, y)) sums;

-- arithmetic
SELECT '[1,2,3]'::vector + '[4,5,6]', '[1,2,3]'::vector - '[4,5,6]', '[1,2,3]'::vector * '[4,5,6]', '[1,2]'::vector || '[3]';
SELECT command, error_of('SELECT ' || command) FROM (VALUES
  ('''[3e38]''::vector + ''[3e38]'''), ('''[-3e38]''::vector - ''[3e38]'''), ('''[1e37]''::vector * ''[1e37]'''),
  ('''[1e-37]''::vector * ''[1e-37]'''), ('''[1,2]''::vector + ''[3]'''), ('''[1,2]''::vector - ''[3]'''),
  ('''[1,2]''::vector * ''[3]'''), ('''[1,2]''::vector <-> ''[3]'''), ('''[1,2]''::vector <#> ''[3]'''),
  ('''[1,2]''::vector <=> ''[3]'''), ('''[1,2]''::vector <+> ''[3]'''), ('vector_spherical_distance(''[1,2]'', ''[3]'')'),
  ('(''['' || repeat(''1,'', 15999) || ''1]'')::vector || ''[1]''')) t(command);
SELECT '[0,1]'::vector * '[5,0]', '[1e-38]'::vector * '[0]';
