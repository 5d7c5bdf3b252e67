-- Refuses to be run by psql directly, and makes nothing where the same objects exist under the library's other name.
-- SPDX-License-Identifier: PostgreSQL
\echo Use "CREATE EXTENSION @EXTENSION@" to load this file. \quit

DO $guard$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = '@OTHER@') THEN
    RETURN;
  END IF;
  EXECUTE $body$

