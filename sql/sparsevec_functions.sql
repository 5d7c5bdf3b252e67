-- Distances and functions of sparsevec.
SELECT l2_distance('{}/2'::sparsevec, '{1:3,2:4}/2'), '{}/2'::sparsevec <-> '{1:3,2:4}/2', '{1:3}/3'::sparsevec <-> '{3:4}/3';
SELECT inner_product('{1:1,2:2}/2'::sparsevec, '{1:3,2:4}/2'), '{1:1,2:2}/2'::sparsevec <#> '{1:3,2:4}/2', '{1:1}/2'::sparsevec <#> '{2:1}/2';
SELECT cosine_distance('{1:1,2:2}/2'::sparsevec, '{1:2,2:4}/2'), cosine_distance('{1:1}/2'::sparsevec, '{}/2'), '{1:1,2:1}/2'::sparsevec <=> '{1:-1,2:-1}/2', '{1:1}/2'::sparsevec <=> '{2:2}/2';
SELECT l1_distance('{}/2'::sparsevec, '{1:3,2:4}/2'), '{1:3}/3'::sparsevec <+> '{3:-4}/3';
SELECT l2_distance('{1:3e38}/1'::sparsevec, '{1:-3e38}/1'), inner_product('{1:3e38}/1'::sparsevec, '{1:3e38}/1'), l1_distance('{1:3e38}/1'::sparsevec, '{1:-3e38}/1'), '{1:3e38}/1'::sparsevec <=> '{1:3e38}/1';
SELECT sparsevec_l2_squared_distance('{}/2', '{1:3,2:4}/2'), sparsevec_negative_inner_product('{1:1,2:2}/2', '{1:3,2:4}/2');
SELECT l2_norm('{1:3,2:4}/2'::sparsevec), l2_norm('{}/5'::sparsevec), round(l2_norm('{1:3e38,9:3e38}/9'::sparsevec)::numeric / 1e38, 4);
SELECT l2_normalize('{1:3,4:4}/5'::sparsevec), l2_normalize('{}/5'::sparsevec), l2_normalize('{2:1e-30}/2'::sparsevec), l2_normalize('{1:3e38,2:1e-45}/2'::sparsevec);
SELECT command, error_of('SELECT ' || command) FROM (VALUES
  ('''{1:1}/2''::sparsevec <-> ''{1:1}/3'''), ('''{1:1}/2''::sparsevec <#> ''{1:1}/3'''), ('''{1:1}/2''::sparsevec <=> ''{1:1}/3'''),
  ('''{1:1}/2''::sparsevec <+> ''{1:1}/3'''), ('''{1:1}/2''::sparsevec + ''{1:1}/2'''), ('vector_dims(''{1:1}/2''::sparsevec)'),
  ('avg(''{1:1}/2''::sparsevec)'), ('subvector(''{1:1}/2''::sparsevec, 1, 1)')) t(command);

-- every number of elements: against the dense sums
WITH pairs AS MATERIALIZED (SELECT sample_sparsevec(n, 3 * n) AS a, sample_sparsevec(-n, 3 * n) AS b FROM generate_series(1, 150) n)
SELECT count(*), count(*) FILTER (WHERE sparsevec_l2_squared_distance(a, b) <> vector_l2_squared_distance(a::vector, b::vector)
    OR inner_product(a, b) <> inner_product(a::vector, b::vector) OR l1_distance(a, b) <> l1_distance(a::vector, b::vector)
    OR abs(l2_norm(a) - vector_norm(a::vector)) > 1e-12 OR abs(cosine_distance(a, b) - cosine_distance(a::vector, b::vector)) > 1e-6
    OR a <-> a <> 0 OR a <+> a <> 0) AS wrong
FROM pairs;
