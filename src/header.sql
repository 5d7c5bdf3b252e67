-- The first lines of the install script: refuses to be run by psql directly.
-- SPDX-License-Identifier: PostgreSQL
\echo Use "CREATE EXTENSION quiver" to load this file. \quit

