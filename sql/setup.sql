-- What every other file relies on.
CREATE EXTENSION quiver;

-- An error's SQLSTATE and text in one line, so that expected files show both.
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  EXECUTE command;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN SQLSTATE || ': ' || SQLERRM || coalesce(' / ' || nullif(detail, ''), '') || coalesce(' / ' || nullif(hint, ''), '');
END $$;

-- Vectors whose elements are multiples of 1/64 in [-1, 1]: exact sums on every tier. The same on every run.
CREATE FUNCTION sample_vector(seed integer, dimensions integer) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  elements real[] := '{}';
  digest text;
BEGIN
  FOR i IN 0..(dimensions - 1) / 16 LOOP
    digest := md5(seed || ' ' || i);
    FOR j IN 1..least(16, dimensions - 16 * i) LOOP
      elements := elements || ((('x' || substr(digest, 2 * j - 1, 2))::bit(8)::integer % 129 - 64) / 64.0)::real;
    END LOOP;
  END LOOP;
  RETURN elements::vector;
END $$;
