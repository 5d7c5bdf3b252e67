-- Distances and functions of halfvec.
SELECT l2_distance('[0,0]'::halfvec, '[3,4]'), '[0,0]'::halfvec <-> '[3,4]';
SELECT inner_product('[1,2]'::halfvec, '[3,4]'), '[1,2]'::halfvec <#> '[3,4]';
SELECT cosine_distance('[1,2]'::halfvec, '[2,4]'), cosine_distance('[1,2]'::halfvec, '[0,0]'), cosine_distance('[1,1]'::halfvec, '[-1,-1]');
SELECT cosine_distance('[1,1]'::halfvec, '[1.1,1.1]'), cosine_distance('[1,0]'::halfvec, '[0,2]'), '[1,1]'::halfvec <=> '[1.1,1.1]';
SELECT cosine_distance('[6e4]'::halfvec, '[6e4]'), cosine_distance('[1e-7]'::halfvec, '[1e-7]');
SELECT l1_distance('[0,0]'::halfvec, '[3,4]'), '[0,0]'::halfvec <+> '[3,-4]';
SELECT l2_distance('[6e4]'::halfvec, '[-6e4]'), inner_product('[6e4]'::halfvec, '[6e4]'), l1_distance('[6e4]'::halfvec, '[-6e4]');
SELECT halfvec_l2_squared_distance('[0,0]', '[3,4]'), halfvec_negative_inner_product('[1,2]', '[3,4]');
SELECT round(halfvec_spherical_distance('[1,0]', '[0,1]')::numeric, 10), halfvec_spherical_distance('[1,0]', '[1,0]'), halfvec_spherical_distance('[2,0]', '[-1,0]');
SELECT vector_dims('[1,2,3]'::halfvec), l2_norm('[3,4]'::halfvec), round(l2_norm('[6e4,6e4]'::halfvec)::numeric, 4);
SELECT l2_normalize('[3,4]'::halfvec), l2_normalize('[3,0]'::halfvec), l2_normalize('[0,0.1]'::halfvec), l2_normalize('[0,0]'::halfvec), l2_normalize('[1e-7,0]'::halfvec), l2_normalize('[6e4,0]'::halfvec);
SELECT binary_quantize('[1,0,-1]'::halfvec), binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::halfvec), binary_quantize('[-0,6e-8]'::halfvec);
SELECT subvector('[1,2,3,4,5]'::halfvec, 1, 3), subvector('[1,2,3,4,5]'::halfvec, 3, 9), subvector('[1,2,3,4,5]'::halfvec, 0, 2), subvector('[1,2,3,4,5]'::halfvec, -1, 4);
SELECT subvector('[1,2,3]'::halfvec, 2, 2147483647);
SELECT command, error_of('SELECT ' || command) FROM (VALUES
  ('subvector(''[1,2,3]''::halfvec, 4, 1)'), ('subvector(''[1,2,3]''::halfvec, 1, 0)'), ('subvector(''[1,2,3]''::halfvec, -2147483648, 2147483647)'), ('subvector(''[1,2,3]''::halfvec, 2, -5)')) t(command);

-- every length: against the plain sums of the same exact elements
WITH pairs AS MATERIALIZED (SELECT sample_vector(n, n)::halfvec AS a, sample_vector(-n, n)::halfvec AS b FROM generate_series(2, 130) n)
SELECT count(*), count(*) FILTER (WHERE halfvec_l2_squared_distance(a, b) <> l2 OR inner_product(a, b) <> ip OR l1_distance(a, b) <> l1
    OR abs(l2_norm(a) - sqrt(aa)) > 1e-12 OR abs(cosine_distance(a, b) - (1 - ip / sqrt(aa * bb))) > 1e-6) AS wrong
FROM pairs, LATERAL (SELECT sum((x - y) ^ 2) AS l2, sum(x * y) AS ip, sum(abs(x - y)) AS l1, sum(x * x) AS aa, sum(y * y) AS bb
  FROM unnest(a::real[]::float8[], b::real[]::float8[]) AS e(x, y)) sums;

-- arithmetic
SELECT '[1,2,3]'::halfvec + '[4,5,6]', '[1,2,3]'::halfvec - '[4,5,6]', '[1,2,3]'::halfvec * '[4,5,6]', '[1,2]'::halfvec || '[3]';
SELECT command, error_of('SELECT ' || command) FROM (VALUES
  ('''[6e4]''::halfvec + ''[6e4]'''), ('''[-6e4]''::halfvec - ''[6e4]'''), ('''[1e4]''::halfvec * ''[1e4]'''),
  ('''[1e-5]''::halfvec * ''[1e-5]'''), ('''[1,2]''::halfvec + ''[3]'''), ('''[1,2]''::halfvec - ''[3]'''),
  ('''[1,2]''::halfvec * ''[3]'''), ('''[1,2]''::halfvec <-> ''[3]'''), ('''[1,2]''::halfvec <#> ''[3]'''),
  ('''[1,2]''::halfvec <=> ''[3]'''), ('''[1,2]''::halfvec <+> ''[3]'''), ('halfvec_spherical_distance(''[1,2]'', ''[3]'')'),
  ('(''['' || repeat(''1,'', 15999) || ''1]'')::halfvec || ''[1]''')) t(command);
SELECT '[0,1]'::halfvec * '[5,0]', '[1e-7]'::halfvec * '[0]';
