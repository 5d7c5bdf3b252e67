-- The check of an index of any access method.
-- SPDX-License-Identifier: PostgreSQL

CREATE FUNCTION quiver_verify(
    index regclass, heapcheck boolean DEFAULT false,
    OUT invariant integer, OUT is_damage boolean, OUT block bigint, OUT item integer, OUT problem text)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'quiver_verify' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION quiver_verify(regclass, boolean) IS
  'violations of an index''s invariants, none when it is sound; with heapcheck also against the rows of its table';
