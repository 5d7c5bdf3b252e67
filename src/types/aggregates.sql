-- Aggregates of vector and halfvec.
-- SPDX-License-Identifier: PostgreSQL

CREATE FUNCTION vector_accum(double precision[], vector) RETURNS double precision[]
  AS 'MODULE_PATHNAME', 'vector_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_accum(double precision[], vector) IS 'adds a vector to the state of avg';

CREATE FUNCTION vector_combine(double precision[], double precision[]) RETURNS double precision[]
  AS 'MODULE_PATHNAME', 'vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_combine(double precision[], double precision[]) IS 'adds two states of avg';

CREATE FUNCTION vector_avg(double precision[]) RETURNS vector
  AS 'MODULE_PATHNAME', 'vector_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_avg(double precision[]) IS 'mean of the state of avg';

CREATE AGGREGATE avg(vector) (
  SFUNC = vector_accum, STYPE = double precision[], FINALFUNC = vector_avg,
  COMBINEFUNC = vector_combine, INITCOND = '{0}', PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(vector) IS 'mean of vectors, summed in binary64';

CREATE AGGREGATE sum(vector) (
  SFUNC = vector_add, STYPE = vector, COMBINEFUNC = vector_add, PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(vector) IS 'sum of vectors, element by element';

CREATE FUNCTION halfvec_accum(double precision[], halfvec) RETURNS double precision[]
  AS 'MODULE_PATHNAME', 'halfvec_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION halfvec_accum(double precision[], halfvec) IS 'adds a halfvec to the state of avg';

CREATE FUNCTION halfvec_combine(double precision[], double precision[]) RETURNS double precision[]
  AS 'MODULE_PATHNAME', 'vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION halfvec_combine(double precision[], double precision[]) IS 'adds two states of avg';

CREATE FUNCTION halfvec_avg(double precision[]) RETURNS halfvec
  AS 'MODULE_PATHNAME', 'halfvec_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION halfvec_avg(double precision[]) IS 'mean of the state of avg';

CREATE AGGREGATE avg(halfvec) (
  SFUNC = halfvec_accum, STYPE = double precision[], FINALFUNC = halfvec_avg,
  COMBINEFUNC = halfvec_combine, INITCOND = '{0}', PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(halfvec) IS 'mean of halfvecs, summed in binary64';

CREATE AGGREGATE sum(halfvec) (
  SFUNC = halfvec_add, STYPE = halfvec, COMBINEFUNC = halfvec_add, PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(halfvec) IS 'sum of halfvecs, element by element';
