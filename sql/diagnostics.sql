-- quiver_cpu_features() and quiver.simd_tier.
SELECT count(*) FILTER (WHERE chosen) AS chosen, count(*) FILTER (WHERE tier = 'baseline' AND supported) AS baseline,
       bool_and(supported) FILTER (WHERE chosen) AS chosen_is_supported FROM quiver_cpu_features();
SET quiver.simd_tier = 'baseline';
SELECT tier FROM quiver_cpu_features() WHERE chosen;
SELECT '[1,2,3]'::vector <-> '[4,6,3]';
SELECT split_part(error_of('SET quiver.simd_tier = ''mmx'''), ' / ', 1);
SET quiver.simd_tier = 'auto';
SELECT tier = (SELECT f.tier FROM quiver_cpu_features() WITH ORDINALITY f WHERE supported ORDER BY ordinality LIMIT 1) AS best
FROM quiver_cpu_features() WHERE chosen;
SELECT name, setting, unit, context, vartype, min_val, max_val, enumvals, boot_val FROM pg_settings
WHERE name LIKE 'hnsw.%' OR name IN ('quiver.hint_memory', 'quiver.simd_tier') ORDER BY name;
SELECT command, error_of(command) FROM (VALUES ('SET hnsw.ef_search = 0'), ('SET hnsw.ef_search = 1001'), ('SET hnsw.iterative_scan = on'),
  ('SET hnsw.max_scan_tuples = 0'), ('SET hnsw.scan_mem_multiplier = 0.5'), ('SET hnsw.nothing = 1'), ('SET quiver.nothing = 1')) t(command);
