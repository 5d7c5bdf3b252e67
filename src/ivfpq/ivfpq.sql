-- The access methods ivfpq and ivfflat, two names of one index of lists, and their operator classes.
-- SPDX-License-Identifier: PostgreSQL

CREATE FUNCTION ivfflathandler(internal) RETURNS index_am_handler AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION ivfflathandler(internal) IS 'handler of the access method ivfflat';

CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER ivfflathandler;
COMMENT ON ACCESS METHOD ivfflat IS 'index of lists for nearest neighbours under its compatible name: ORDER BY column <operator> query';

CREATE FUNCTION ivfpqhandler(internal) RETURNS index_am_handler AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION ivfpqhandler(internal) IS 'handler of the access method ivfpq';

CREATE ACCESS METHOD ivfpq TYPE INDEX HANDLER ivfpqhandler;
COMMENT ON ACCESS METHOD ivfpq IS 'index of lists for nearest neighbours: ORDER BY column <operator> query';

CREATE FUNCTION ivfflat_halfvec_support(internal) RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION ivfflat_halfvec_support(internal) IS 'what ivfpq and ivfflat need to know of halfvec';

CREATE FUNCTION ivfflat_bit_support(internal) RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION ivfflat_bit_support(internal) IS 'what ivfpq and ivfflat need to know of bit';

CREATE OPERATOR CLASS vector_l2_ops
  DEFAULT FOR TYPE vector USING ivfflat AS
  OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 vector_l2_squared_distance(vector, vector),
  FUNCTION 3 l2_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l2_ops USING ivfflat IS 'nearest neighbours by Euclidean distance, <->';

CREATE OPERATOR CLASS vector_ip_ops
  FOR TYPE vector USING ivfflat AS
  OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 vector_negative_inner_product(vector, vector),
  FUNCTION 3 vector_spherical_distance(vector, vector),
  FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_ip_ops USING ivfflat IS 'nearest neighbours by negative inner product, <#>';

CREATE OPERATOR CLASS vector_cosine_ops
  FOR TYPE vector USING ivfflat AS
  OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 vector_negative_inner_product(vector, vector),
  FUNCTION 2 vector_norm(vector),
  FUNCTION 3 vector_spherical_distance(vector, vector),
  FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING ivfflat IS 'nearest neighbours by cosine distance, <=>';

CREATE OPERATOR CLASS halfvec_l2_ops
  FOR TYPE halfvec USING ivfflat AS
  OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
  FUNCTION 3 l2_distance(halfvec, halfvec),
  FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING ivfflat IS 'nearest neighbours by Euclidean distance, <->';

CREATE OPERATOR CLASS halfvec_ip_ops
  FOR TYPE halfvec USING ivfflat AS
  OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
  FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
  FUNCTION 4 l2_norm(halfvec),
  FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING ivfflat IS 'nearest neighbours by negative inner product, <#>';

CREATE OPERATOR CLASS halfvec_cosine_ops
  FOR TYPE halfvec USING ivfflat AS
  OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
  FUNCTION 2 l2_norm(halfvec),
  FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
  FUNCTION 4 l2_norm(halfvec),
  FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING ivfflat IS 'nearest neighbours by cosine distance, <=>';

CREATE OPERATOR CLASS bit_hamming_ops
  FOR TYPE bit USING ivfflat AS
  OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
  FUNCTION 1 hamming_distance(bit, bit),
  FUNCTION 3 hamming_distance(bit, bit),
  FUNCTION 5 ivfflat_bit_support(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING ivfflat IS 'nearest neighbours by Hamming distance, <~>';

CREATE OPERATOR CLASS vector_l2_ops
  FOR TYPE vector USING ivfpq AS
  OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 vector_l2_squared_distance(vector, vector),
  FUNCTION 3 l2_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l2_ops USING ivfpq IS 'nearest neighbours by Euclidean distance, <->';

CREATE OPERATOR CLASS vector_ip_ops
  FOR TYPE vector USING ivfpq AS
  OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 vector_negative_inner_product(vector, vector),
  FUNCTION 3 vector_spherical_distance(vector, vector),
  FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_ip_ops USING ivfpq IS 'nearest neighbours by negative inner product, <#>';

CREATE OPERATOR CLASS vector_cosine_ops
  FOR TYPE vector USING ivfpq AS
  OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 vector_negative_inner_product(vector, vector),
  FUNCTION 2 vector_norm(vector),
  FUNCTION 3 vector_spherical_distance(vector, vector),
  FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING ivfpq IS 'nearest neighbours by cosine distance, <=>';

CREATE OPERATOR CLASS halfvec_l2_ops
  FOR TYPE halfvec USING ivfpq AS
  OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
  FUNCTION 3 l2_distance(halfvec, halfvec),
  FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING ivfpq IS 'nearest neighbours by Euclidean distance, <->';

CREATE OPERATOR CLASS halfvec_ip_ops
  FOR TYPE halfvec USING ivfpq AS
  OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
  FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
  FUNCTION 4 l2_norm(halfvec),
  FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING ivfpq IS 'nearest neighbours by negative inner product, <#>';

CREATE OPERATOR CLASS halfvec_cosine_ops
  FOR TYPE halfvec USING ivfpq AS
  OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
  FUNCTION 2 l2_norm(halfvec),
  FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
  FUNCTION 4 l2_norm(halfvec),
  FUNCTION 5 ivfflat_halfvec_support(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING ivfpq IS 'nearest neighbours by cosine distance, <=>';

CREATE OPERATOR CLASS bit_hamming_ops
  FOR TYPE bit USING ivfpq AS
  OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
  FUNCTION 1 hamming_distance(bit, bit),
  FUNCTION 3 hamming_distance(bit, bit),
  FUNCTION 5 ivfflat_bit_support(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING ivfpq IS 'nearest neighbours by Hamming distance, <~>';

CREATE FUNCTION quiver_maintain(
    index regclass,
    OUT lists_before bigint, OUT lists_after bigint, OUT split bigint, OUT merged bigint, OUT rewritten bigint, OUT freed_pages bigint)
  RETURNS record
  AS 'MODULE_PATHNAME', 'quiver_maintain' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION quiver_maintain(regclass) IS
  'splits, merges and rewrites lists of an ivfpq or ivfflat index as VACUUM does, and says how many';
