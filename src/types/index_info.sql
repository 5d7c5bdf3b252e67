-- What an index of any access method says of itself.
-- SPDX-License-Identifier: PostgreSQL

CREATE FUNCTION quiver_index_info(
    index regclass,
    OUT metric text, OUT dimensions integer, OUT m integer, OUT ef_construction integer, OUT lanes integer,
    OUT nodes_per_page integer, OUT nodes bigint, OUT tombstones bigint,
    OUT measured_nodes bigint, OUT gamma real[], OUT recall real[], OUT visits real[],
    OUT lists integer, OUT code_bits integer)
  RETURNS record
  AS 'MODULE_PATHNAME', 'quiver_index_info' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION quiver_index_info(regclass) IS
  'what an index says of itself: shape, counts when last taken, and its measured curve of recall and visits over gamma';
