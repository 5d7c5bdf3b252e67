-- Settings and options: names, ranges, defaults, and how they meet a library that is loaded late.
\c
SET hnsw.ef_search = 77;
SET hnsw.no_such_setting = 1;
SET hnsw.max_scan_tuples = 'many';
SELECT error_of('SHOW hnsw.iterative_scan');
-- the library is loaded here: it takes over what fits, warns of what does not
SELECT '[1,2]'::vector;
SHOW hnsw.ef_search;
SHOW hnsw.max_scan_tuples;
SELECT error_of('SET hnsw.another = 1'), error_of('SET quiver.another = 1'), error_of('SHOW hnsw.no_such_setting');
SELECT name, setting, min_val, max_val, boot_val, enumvals, context, unit FROM pg_settings WHERE name ~ '^(hnsw|ivfflat|ivfpq|quiver)[.]' AND name <> 'quiver.simd_tier' ORDER BY 1;
SELECT command, error_of(command) FROM (VALUES ('SET hnsw.ef_search = 0'), ('SET hnsw.ef_search = 1001'), ('SET hnsw.iterative_scan = on'), ('SET hnsw.iterative_scan = true'),
  ('SET hnsw.max_scan_tuples = 0'), ('SET hnsw.scan_mem_multiplier = 0.5'), ('SET hnsw.scan_mem_multiplier = 1001'), ('SET "hnsw.ef_search" = "100"'),
  ('SET "hnsw.iterative_scan" = "relaxed_order"'), ('SELECT set_config(''hnsw.ef_search'', ''50'', true)')) t(command);
-- shown by EXPLAIN (SETTINGS), kept by functions
SET hnsw.ef_search = 123;
SET hnsw.iterative_scan = strict_order;
DO $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (SETTINGS, FORMAT json) SELECT 1' INTO plan;
  RAISE NOTICE '%', plan -> 0 -> 'Settings' ->> 'hnsw.ef_search';
END $$;
CREATE FUNCTION careful() RETURNS text LANGUAGE sql SET hnsw.ef_search = 500 AS $$ SELECT current_setting('hnsw.ef_search') $$;
SELECT careful(), current_setting('hnsw.ef_search');
DROP FUNCTION careful;
RESET hnsw.ef_search;
-- options come as strings, too, and are dumped quoted
CREATE TABLE with_options (v vector(2));
CREATE INDEX ON "with_options" USING "hnsw" (v vector_l2_ops) WITH ("m" = "8", "ef_construction" = "32");
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'with_options'::regclass;
DROP TABLE with_options;
