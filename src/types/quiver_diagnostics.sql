-- What quiver found on this machine.
-- SPDX-License-Identifier: PostgreSQL

CREATE FUNCTION quiver_cpu_features(
    OUT tier text, OUT supported boolean, OUT chosen boolean, OUT features text) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'quiver_cpu_features' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION quiver_cpu_features() IS 'SIMD kernels in this build, best first: supported by the processor? in use?';
