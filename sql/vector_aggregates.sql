-- Aggregates of vector.
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', '[3,5,7]']::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', NULL, '[3,5,7]']::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL]::vector[]) v;
SELECT avg(v) FROM unnest(ARRAY['[3e38]', '[3e38]']::vector[]) v;
SELECT error_of('SELECT sum(v) FROM unnest(ARRAY[''[3e38]'', ''[3e38]'']::vector[]) v');
SELECT error_of('SELECT avg(v) FROM unnest(ARRAY[''[1,2]'', ''[3]'']::vector[]) v');
SELECT error_of('SELECT sum(v) FROM unnest(ARRAY[''[1,2]'', ''[3]'']::vector[]) v');
SELECT state, error_of(format('SELECT vector_avg(%L)', state)), error_of(format('SELECT vector_accum(%L, ''[1]'')', state)),
       error_of(format('SELECT vector_combine(%L, ''{1,1}'')', state))
FROM (VALUES ('{}'), ('{{1},{2}}'), ('{1,NULL}'), ('{NULL}')) t(state);
SELECT vector_accum('{0}', '[1,2]'), vector_accum('{2,3,4}', '[1,2]'), vector_avg('{2,4,6}'), vector_avg('{0}') IS NULL;
SELECT vector_combine('{0}', '{0}'), vector_combine('{1,2}', '{0}'), vector_combine('{0}', '{1,2}'), vector_combine('{1,2}', '{3,4}');
SELECT error_of('SELECT vector_combine(''{1,2,3}'', ''{1,2}'')'), error_of('SELECT vector_avg(''{1,NaN}'')'), error_of('SELECT vector_avg(''{1,1e300}'')');

-- the same in parallel
CREATE TABLE many (v vector(4), empty boolean);
INSERT INTO many SELECT sample_vector(i, 4), false FROM generate_series(1, 20000) i;
ANALYZE many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS off) SELECT avg(v) FROM many;
CREATE TEMP TABLE parallel_result AS SELECT avg(v) AS a FROM many;
SELECT avg(v) IS NULL, sum(v) IS NULL FROM many WHERE empty;
SET max_parallel_workers_per_gather = 0;
SELECT a = (SELECT avg(v) FROM many) FROM parallel_result;
RESET ALL;
DROP TABLE many, parallel_result;
