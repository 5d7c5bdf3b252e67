
-- The end of what header.sql guards.
-- SPDX-License-Identifier: PostgreSQL
$body$;
END
$guard$;
