# The alias: CREATE EXTENSION vector by clients that know no other name, dumps of databases that used it, and both names in one
# database.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('alias');
$node->init;
$node->start;
if ($node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector' AND comment LIKE 'quiver%'") eq '0')
{
	plan skip_all => 'the alias is not installed: make install-alias';
}

sub in_database {
	my ($database, $sql) = @_;
	return $node->safe_psql($database, $sql);
}
sub members {
	my ($database, $extension) = @_;
	return in_database($database, "SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = '$extension' WHERE d.deptype = 'e'");
}
my $answers = "SET enable_seqscan = off; SELECT id FROM catalogue.products ORDER BY embedding <-> '[1,2,3,4,5,6]' LIMIT 5;
	SELECT id FROM catalogue.products ORDER BY words <=> '{3:1}/1000', id LIMIT 5; SELECT catalogue.match('[1,2,3,4,5,6]', 5);
	SELECT id, embedding, small, words, marks, loose, history, unit FROM catalogue.products ORDER BY id LIMIT 3;
	SELECT id FROM catalogue.products ORDER BY marks <~> B'101010101010', id LIMIT 5; SELECT part, mean FROM catalogue.means ORDER BY mean <-> '[0,0,0,0,0,1]'";
my $sound = "SELECT indexrelid::regclass, v.* FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = c.relam AND amname IN ('hnsw', 'ivfflat'), quiver_verify(indexrelid, true) v WHERE is_damage";

# What clients ask before and after they create it.
in_database('postgres', 'CREATE DATABASE client');
in_database('client', 'CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public');
is(in_database('client', "SELECT extversion FROM pg_extension WHERE extname = 'vector'"), '0.8.6', 'the version that clients compare');
is(in_database('client', "SELECT default_version || ' ' || installed_version FROM pg_available_extensions WHERE name = 'vector'"), '0.8.6 0.8.6', 'the version that is on offer');
cmp_ok(members('client', 'vector'), '>', 200, 'the alias owns the objects');
my ($result, $out, $error) = $node->psql('client', 'CREATE EXTENSION IF NOT EXISTS vector; ALTER EXTENSION vector UPDATE');
is($result, 0, 'again is no error');
like($error, qr/version "0.8.6" of extension "vector" is already installed/, 'and there is nothing to update');
in_database('client', "BEGIN; SELECT pg_advisory_xact_lock(1); CREATE EXTENSION IF NOT EXISTS vector; COMMIT;
	CREATE SCHEMA x; ALTER EXTENSION vector SET SCHEMA x");
is(in_database('client', "SELECT '[1,2]'::x.vector OPERATOR(x.<->) '[1,4]'"), '2', 'the objects move with the extension');
in_database('client', 'ALTER EXTENSION vector SET SCHEMA public; CREATE TABLE t (v vector(2)); CREATE INDEX ON t USING hnsw (v vector_l2_ops)');
($result, $out, $error) = $node->psql('client', 'DROP EXTENSION vector');
like($error, qr/cannot drop extension vector because other objects depend on it/, 'dropping asks for CASCADE');
in_database('client', 'DROP EXTENSION vector CASCADE');
is(in_database('client', "SELECT (SELECT count(*) FROM pg_type WHERE typname = 'vector') || ' ' || (SELECT count(*) FROM pg_am WHERE amname = 'hnsw') || ' ' ||
	(SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'v')"), '0 0 0', 'and then nothing is left');

# Whichever comes second makes nothing.
for my $order (['quiver', 'vector'], ['vector', 'quiver'])
{
	my ($first, $second) = @$order;
	my $database = "${first}_first";
	in_database('postgres', "CREATE DATABASE $database");
	in_database($database, "CREATE EXTENSION $first; CREATE EXTENSION $second; CREATE TABLE t (v vector(2)); INSERT INTO t VALUES ('[1,2]'); CREATE INDEX ON t USING hnsw (v vector_l2_ops)");
	cmp_ok(members($database, $first), '>', 200, "$first, created first, owns the objects");
	is(members($database, $second), '0', "$second, created second, owns none");
	# pg_dump names quiver before vector: the restored database may have them the other way round.
	my $dump = "$PostgreSQL::Test::Utils::tmp_check/$database.sql";
	command_ok([ 'pg_dump', '-f', $dump, $node->connstr($database) ], "$database: dumped");
	in_database('postgres', "CREATE DATABASE ${database}_again");
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr("${database}_again") ], "$database: restored");
	is(in_database("${database}_again", "SET enable_seqscan = off; SELECT v FROM t ORDER BY v <-> '[0,0]' LIMIT 1"), '[1,2]', "$database: works as before");
	in_database($database, "DROP EXTENSION $second");
	is(in_database($database, 'SELECT count(*) FROM t'), '1', "$database: dropping the empty one is harmless");
	($result, $out, $error) = $node->psql($database, "DROP EXTENSION $first");
	like($error, qr/other objects depend on it/, "$database: dropping the other is not");
}

# A database of version 0.8 of that extension, as its pg_dump wrote it, with every type and class.
my $old = "$ENV{TESTDIR}/tests/data/dump_of_0_8.sql";
for my $prepared ('', 'CREATE EXTENSION quiver')
{
	my $database = $prepared eq '' ? 'restored' : 'restored_beside_quiver';
	in_database('postgres', "CREATE DATABASE $database");
	in_database($database, $prepared) if $prepared ne '';
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $old, $node->connstr($database) ], "$database: the dump is restored without an error");
	is(in_database($database, 'SELECT count(*) FROM catalogue.products'), '60', "$database: all rows");
	is(in_database($database, "SELECT count(*) FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam WHERE amname IN ('hnsw', 'ivfflat') AND indisvalid"), '10', "$database: all indexes");
	is(in_database($database, $sound), '', "$database: they are sound");
	my $here = in_database($database, $answers);
	is($here, in_database('restored', $answers), "$database: the same answers");
	my $dump = "$PostgreSQL::Test::Utils::tmp_check/$database.dump";
	command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr($database) ], "$database: dumped by us");
	in_database('postgres', "CREATE DATABASE ${database}_again");
	command_ok([ 'pg_restore', '-e', '-d', $node->connstr("${database}_again"), $dump ], "$database: and restored");
	is(in_database("${database}_again", $answers), $here, "$database: the same answers after that");
}
done_testing();
