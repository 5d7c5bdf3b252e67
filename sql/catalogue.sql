-- Everything the extension makes, as the catalogue shows it: what clients look up.
CREATE TEMP VIEW members AS SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'quiver'
  WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
    AND NOT EXISTS (SELECT FROM pg_type t WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid AND t.typname LIKE '\_%');  -- members from 17 on
SELECT extversion, extrelocatable FROM pg_extension WHERE extname = 'quiver';
SELECT classid::regclass, count(*) FROM members GROUP BY 1 ORDER BY 1::text;
SELECT typname, typtype, typelem, typcategory, typdelim, typlen, typalign, typstorage, typsubscript, typarray::regtype, typinput, typoutput, typreceive, typsend, typmodin, typmodout
  FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec') ORDER BY 1;
SELECT p.oid::regprocedure, prorettype::regtype, prosrc, CASE WHEN NOT (proisstrict AND provolatile = 'i' AND proparallel = 's' AND procost = 1)
    THEN format('strict %s, volatility %s, parallel %s, cost %s', proisstrict, provolatile, proparallel, procost) END AS special
  FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT aggfnoid::regprocedure, aggtransfn, aggfinalfn, aggcombinefn, aggtranstype::regtype, agginitval FROM pg_aggregate a
  JOIN members m ON m.objid = a.aggfnoid AND m.classid = 'pg_proc'::regclass ORDER BY aggfnoid::regprocedure::text COLLATE "C";
SELECT o.oid::regoperator, oprcode::regproc, oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin, oprcanmerge OR oprcanhash AS hashes
  FROM pg_operator o JOIN members m ON m.objid = o.oid AND m.classid = 'pg_operator'::regclass ORDER BY o.oid::regoperator::text COLLATE "C";
SELECT castsource::regtype, casttarget::regtype, castcontext, castmethod, castfunc::regprocedure FROM pg_cast c
  JOIN members m ON m.objid = c.oid AND m.classid = 'pg_cast'::regclass ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";
SELECT amname, opcname, opcintype::regtype, opcdefault, amopopr::regoperator AS first_operator,
    array(SELECT amprocnum || ' ' || amproc::regprocedure FROM pg_amproc WHERE amprocfamily = opcfamily ORDER BY amprocnum) AS functions, amvalidate(c.oid)
  FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod JOIN members m ON m.objid = c.oid AND m.classid = 'pg_opclass'::regclass
  LEFT JOIN pg_amop ON amopfamily = opcfamily AND amopstrategy = 1 ORDER BY 1, 2;
SELECT amname, amtype, amhandler FROM pg_am a JOIN members m ON m.objid = a.oid AND m.classid = 'pg_am'::regclass;
-- nothing without a description
SELECT pg_describe_object(classid, objid, 0) FROM members WHERE classid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass, 'pg_am'::regclass, 'pg_opclass'::regclass)
  AND obj_description(objid, classid::regclass::name) IS NULL
  AND NOT (classid = 'pg_type'::regclass AND pg_describe_object(classid, objid, 0) LIKE '%[]') ORDER BY 1;
-- nobody can call what takes or gives a pointer (the server words it in several ways)
SELECT call FROM unnest(ARRAY['hnsw_bit_support(NULL)', 'hnswhandler(''x'')', 'vector_recv(''x'', 0, 0)']) call WHERE error_of('SELECT ' || call) = 'no error';
-- calls that clients make with unknown literals stay what they are: decided by one argument, or not unique
SELECT pg_typeof(l2_distance('[1,2]'::vector, '[3,4]')), pg_typeof(hamming_distance('101', '111')), pg_typeof(vector_norm('[3,4]'));
SELECT command, error_of('SELECT ' || command) FROM (VALUES ('l2_distance(''[1]'', ''[2]'')'), ('''[1]'' <-> ''[2]'''), ('vector_dims(''[1]'')'), ('l2_norm(''[1]''::vector)'),
  ('''[1]''::vector <-> ARRAY[1.0]::float8[]'), ('''[1]''::vector || ARRAY[1]')) t(command);
-- moved as a whole, dropped as a whole
CREATE SCHEMA elsewhere;
CREATE TABLE used (v vector(2));
CREATE INDEX ON used USING hnsw (v vector_l2_ops);
ALTER EXTENSION quiver SET SCHEMA elsewhere;
SELECT 'elsewhere.vector'::regtype, '[1,2]'::elsewhere.vector OPERATOR(elsewhere.<->) '[1,4]';
ALTER EXTENSION quiver SET SCHEMA public;
SELECT left(error_of('DROP EXTENSION quiver'), 90);
DROP TABLE used;
DROP SCHEMA elsewhere;
