-- Aggregates of halfvec.
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', '[3,5,7]']::halfvec[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', NULL, '[3,5,7]']::halfvec[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::halfvec[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL]::halfvec[]) v;
SELECT avg(v) FROM unnest(ARRAY['[6e4]', '[6e4]']::halfvec[]) v;
SELECT error_of('SELECT sum(v) FROM unnest(ARRAY[''[6e4]'', ''[6e4]'']::halfvec[]) v');
SELECT error_of('SELECT avg(v) FROM unnest(ARRAY[''[1,2]'', ''[3]'']::halfvec[]) v');
SELECT error_of('SELECT sum(v) FROM unnest(ARRAY[''[1,2]'', ''[3]'']::halfvec[]) v');
SELECT state, error_of(format('SELECT halfvec_avg(%L)', state)), error_of(format('SELECT halfvec_accum(%L, ''[1]'')', state)),
       error_of(format('SELECT vector_combine(%L, ''{1,1}'')', state))
FROM (VALUES ('{}'), ('{{1},{2}}'), ('{1,NULL}'), ('{NULL}')) t(state);
SELECT halfvec_accum('{0}', '[1,2]'), halfvec_accum('{2,3,4}', '[1,2]'), halfvec_avg('{2,4,6}'), halfvec_avg('{0}') IS NULL;
SELECT error_of('SELECT halfvec_avg(''{1,NaN}'')'), error_of('SELECT halfvec_avg(''{1,1e300}'')'), error_of('SELECT halfvec_avg(''{1,1e5}'')');

-- the same in parallel
CREATE TABLE many (v halfvec(4), empty boolean);
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
