-- Distances on the server's type bit.
-- SPDX-License-Identifier: PostgreSQL

CREATE FUNCTION hamming_distance(bit, bit) RETURNS float8
  AS 'MODULE_PATHNAME', 'hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamming_distance(bit, bit) IS 'number of bits that differ';

CREATE FUNCTION jaccard_distance(bit, bit) RETURNS float8
  AS 'MODULE_PATHNAME', 'jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jaccard_distance(bit, bit) IS 'share of the bits set in either string that are not set in both; 1 without a common bit';

CREATE OPERATOR <~> (LEFTARG = bit, RIGHTARG = bit, FUNCTION = hamming_distance, COMMUTATOR = <~>);
COMMENT ON OPERATOR <~> (bit, bit) IS 'Hamming distance';

CREATE OPERATOR <%> (LEFTARG = bit, RIGHTARG = bit, FUNCTION = jaccard_distance, COMMUTATOR = <%>);
COMMENT ON OPERATOR <%> (bit, bit) IS 'Jaccard distance';
