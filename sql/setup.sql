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

-- What the receive function of a type makes of these bytes, as text.
CREATE FUNCTION receive(type text, bytes text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  path text := '/tmp/quiver_bytes_' || pg_backend_pid() || '.bin';
  large oid;
  result text;
BEGIN
  large := lo_from_bytea(0, decode('5047434f50590aff0d0a00' || '00000000' || '00000000' || '0001' ||
    lpad(to_hex(length(bytes) / 2), 8, '0') || bytes || 'ffff', 'hex'));
  PERFORM lo_export(large, path);
  PERFORM lo_unlink(large);
  EXECUTE format('CREATE TEMP TABLE got (v %s)', type);
  EXECUTE format('COPY got FROM %L (FORMAT binary)', path);
  SELECT v::text INTO result FROM got;
  DROP TABLE got;
  RETURN result;
END $$;

-- Sparse vectors with about one element in five, multiples of 1/64 in [-1, 1] without zero. The same on every run.
CREATE FUNCTION sample_sparsevec(seed integer, dimensions integer) RETURNS sparsevec LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('{' || coalesce(string_agg(i || ':' || (CASE WHEN h % 128 < 64 THEN h % 128 - 64 ELSE h % 128 - 63 END) / 64.0, ','), '') || '}/' || dimensions)::sparsevec
  FROM (SELECT i, ('x' || substr(md5(seed || ' ' || i), 1, 4))::bit(16)::integer AS h FROM generate_series(1, dimensions) i) t
  WHERE h / 128 % 5 = 0
$$;

-- Bit strings, half of the bits set. The same on every run.
CREATE FUNCTION sample_bits(seed integer, length integer) RETURNS bit varying LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT substring(string_agg(('x' || md5(seed || ' ' || i))::bit(128)::text, '' ORDER BY i)::bit varying FROM 1 FOR length)
  FROM generate_series(0, (length - 1) / 128) i
$$;

-- How many of the ten nearest rows of a table an index finds, for so many queries of 12 dimensions, beside what sorting the
-- whole table finds. `type`: of the column.
CREATE FUNCTION found_of_ten(relation regclass, "column" text, operator text, type text, queries integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  total bigint := 0;
  hits bigint;
BEGIN
  FOR n IN 1..queries LOOP
    EXECUTE format('SELECT count(*) FROM (SELECT id FROM %1$s ORDER BY %2$s %3$s %4$L::%5$s LIMIT 10) f JOIN
      (SELECT id FROM (SELECT id, %2$s %3$s %4$L::%5$s AS d FROM %1$s OFFSET 0) a ORDER BY d LIMIT 10) t USING (id)',
      relation, "column", operator, sample_vector(-n, 12), type) INTO hits;
    total := total + hits;
  END LOOP;
  RETURN total;
END $$;
