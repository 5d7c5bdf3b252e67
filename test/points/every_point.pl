# An error, or a crash, at every test point of insertion, vacuum, maintenance and build: the index is sound afterwards, every
# acknowledged row is there, and the same work then succeeds. QUIVER_EVERY_PASS=1 takes every pass of every point.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use QuiverTest;

my $node = PostgreSQL::Test::Cluster->new('points');
$node->init;
$node->append_conf('postgresql.conf', "wal_consistency_checking = 'all'\nrestart_after_crash = on\nautovacuum = off\n"
	. "shared_buffers = 16MB\nmin_parallel_table_scan_size = 0\nmax_parallel_maintenance_workers = 1\nlog_min_messages = log\n");
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION quiver;
	CREATE FUNCTION make_vector(seed integer, dimensions integer DEFAULT 4) RETURNS vector LANGUAGE sql IMMUTABLE AS \$\$
		SELECT array_agg((('x' || substr(md5(seed || ' ' || i), 1, 4))::bit(16)::integer - 32768) / 32768.0)::vector FROM generate_series(1, dimensions) i \$\$;
	CREATE TABLE sample AS SELECT i AS id, make_vector(i) AS v FROM generate_series(1, 1500) i;
	CREATE TABLE items (id integer, v vector(4)) WITH (autovacuum_enabled = off, parallel_workers = 1);
	CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 4);
	CREATE UNLOGGED TABLE fleeting (id integer, v vector(4)) WITH (autovacuum_enabled = off);
	CREATE INDEX fleeting_v ON fleeting USING hnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 4);
	CREATE TABLE plain (id integer, v vector(4)) WITH (autovacuum_enabled = off);
	CREATE INDEX plain_v ON plain USING hnsw (v vector_l1_ops) WITH (m = 2, ef_construction = 4);
	CREATE TABLE listed (id integer, v vector(4)) WITH (autovacuum_enabled = off);
	CREATE INDEX listed_v ON listed USING ivfpq (v vector_l2_ops);
	CREATE TABLE octets (id integer, v vector(4)) WITH (autovacuum_enabled = off);
	CREATE INDEX octets_v ON octets USING ivfpq (v vector_l2_ops) WITH (quantizer = sq8);
	CREATE TABLE coded (id integer, v vector(4)) WITH (autovacuum_enabled = off);
	CREATE INDEX coded_v ON coded USING ivfpq (v vector_l2_ops) WITH (rerank = heap);
	CREATE TABLE wide (id integer, v vector(600)) WITH (autovacuum_enabled = off);
	ALTER TABLE wide ALTER v SET STORAGE PLAIN;
	INSERT INTO wide SELECT i, make_vector(i, 600) FROM generate_series(1, 680) i");

sub single { my ($table, $first, $last, $vector) = @_; return join '', map { "INSERT INTO $table VALUES ($_, $vector) RETURNING id;\n" =~ s/ID/$_/r } $first .. $last }
my $fill = "TRUNCATE items; INSERT INTO items SELECT * FROM sample WHERE id <= 90;
	INSERT INTO items SELECT i, make_vector(7) FROM generate_series(101, 140) i";
my $vacuum = "VACUUM (INDEX_CLEANUP ON) items;\nSELECT NULL FROM txid_current();\n" x 3;
# Name, table, preparation, the script under test; the points that matter, where others take up the same code; what
# another session does meanwhile.
my @scenarios = (
	['insert', 'items', 'TRUNCATE items', single('items', 1, 18, 'make_vector(ID)')],
	['insert among others', 'items', 'TRUNCATE items', single('items', 1, 18, 'make_vector(ID)'), qr/^(insert_(node|edge|entry)|lanes)/, single('items', 1001, 1060, 'make_vector(ID)')],
	['insert duplicates', 'items', 'TRUNCATE items; INSERT INTO items SELECT i, make_vector(7) FROM generate_series(1, 2) i',
		single('items', 3, 24, 'make_vector(7)') . "SET enable_seqscan = off;\nSELECT NULL FROM (SELECT id FROM items ORDER BY v <-> make_vector(1)) t;\n"],
	['vacuum', 'items', "$fill; DELETE FROM items WHERE id % 3 = 0", $vacuum],
	['vacuum of most', 'items', "$fill; DELETE FROM items WHERE id > 105 OR id % 5 <> 0", $vacuum],
	# More live nodes than entries, or each would be one.
	['vacuum of a large index', 'items', "TRUNCATE items; INSERT INTO items SELECT * FROM sample WHERE id <= 1200; DELETE FROM items WHERE id % 5 > 1", $vacuum, qr/orphan/],
	['vacuum without codes', 'plain', "TRUNCATE plain; INSERT INTO plain SELECT * FROM sample WHERE id <= 90; DELETE FROM plain WHERE id % 3 = 0",
		$vacuum =~ s/items/plain/gr, qr/bypass|vacuum_page_unlinked/],
	['build', 'items', $fill, "SET max_parallel_maintenance_workers = 0;\nCREATE INDEX second ON items USING hnsw (v vector_l2_ops);\n"],
	['build with a worker', 'items', $fill, "CREATE INDEX second ON items USING hnsw (v vector_l2_ops);\n",
		qr/^build_(team|worker|row|graph|page_to_write)/],
	['build beyond memory', 'wide', 'SELECT 1', "SET maintenance_work_mem = '1MB';\nSET client_min_messages = warning;\nCREATE INDEX second ON wide USING hnsw (v vector_l2_ops) WITH (ef_construction = 80);\n",
		qr/^insert_(page_extended|node_written|edge_added)$/],
	['build concurrently', 'items', $fill, "CREATE INDEX CONCURRENTLY second ON items USING hnsw (v vector_l2_ops);\n",
		qr/^(build_(row|complete|logged)|vacuum)/],
	['unlogged', 'fleeting', 'TRUNCATE fleeting', single('fleeting', 1, 12, 'make_vector(ID % 4)') . "CREATE INDEX second ON fleeting USING hnsw (v vector_l2_ops);\n",
		qr/^(insert_node|chunk_stored|build_(init|meta|pages|complete|logged))/],
);

# What happens to an index of lists; `room` rows nearly fill the pages of the first.
sub scenarios_of_lists {
	my ($kind, $table, $options, $room, %only) = @_;
	my $lists = "TRUNCATE $table; INSERT INTO $table SELECT * FROM sample";
	my $maintain = "SELECT NULL FROM quiver_maintain('${table}_v');\nSELECT NULL FROM txid_current();\n" x 3;
	my $interrupted = "$lists; LOAD 'quiver'; SET quiver.test_point = 'split_page_copied:error:4';
		DO \$\$ BEGIN PERFORM quiver_maintain('${table}_v'); EXCEPTION WHEN OTHERS THEN NULL; END \$\$; SET quiver.test_point = ''";
	my $vacuum_lists = $vacuum =~ s/items/$table/gr;
	return (
		["$kind: insert", $table, "TRUNCATE $table; INSERT INTO $table SELECT * FROM sample WHERE id <= $room", single($table, $room + 1, $room + 12, 'make_vector(ID)'), $only{insert}],
		["$kind: split", $table, $lists, $maintain, $only{split}, single($table, 2001, 2060, 'make_vector(ID)')],
		["$kind: split after an interrupted split", $table, $interrupted, $maintain, qr/^maintain/],
		["$kind: vacuum", $table, "$lists; SELECT quiver_maintain('${table}_v'); DELETE FROM $table WHERE id % 10 <> 0", $vacuum_lists, $only{vacuum}],
		["$kind: rewrite", $table, "$lists; DELETE FROM $table WHERE id % 2 = 0", $vacuum_lists, $only{rewrite} // qr/^(vacuum_list|split|maintain)/],
		["$kind: build", $table, $lists, "SET max_parallel_maintenance_workers = 0;\nCREATE INDEX second ON $table USING ivfpq (v vector_l2_ops)$options;\n", qr/^lists_/],
	);
}
my %fewer = (vacuum => qr/^(vacuum|maintain)/, rewrite => qr/^(vacuum_list|split_(page_copied|switched))/);
push @scenarios, scenarios_of_lists('lists', 'listed', '', 412), scenarios_of_lists('lists of octets', 'octets', ' WITH (quantizer = sq8)', 260, %fewer),
	scenarios_of_lists('lists of codes', 'coded', ' WITH (rerank = heap)', 412, %fewer);

my %passed_in;  # of each table, the points that did what they were asked to
my %passed;  # points that did what they were asked to
my ($runs, $hits, $kills) = (0, 0, 0);

my $others_file = PostgreSQL::Test::Utils::tempdir() . '/others.sql';
sub script_of {
	my ($script) = @_;
	open my $file, '>', $others_file or die "$others_file: $!";
	print $file $script;
	close $file;
	return $others_file;
}

sub run_script {
	my ($order, $script) = @_;
	my ($out, $error) = ('', '');
	$node->psql('postgres', "LOAD 'quiver';\nSET quiver.test_point = '$order';\n$script", stdout => \$out, stderr => \$error, on_error_stop => 0, timeout => 120);
	return ($out, $error);
}

# What quiver_verify finds, the rows of a table, and those that an exhaustive index scan gives.
sub state_of {
	my ($table, $before) = @_;
	my $operator = $table eq 'plain' ? '<+>' : '<->';
	my $ids = "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') FROM (SELECT id FROM $table ORDER BY v $operator (SELECT v FROM $table LIMIT 1)) t";
	my @lines = split /\n/, $node->safe_psql('postgres', "SET client_min_messages = warning; $before;
		SELECT coalesce(string_agg(i || ': ' || problem, '; '), '') FROM unnest(ARRAY['items_v', 'fleeting_v', 'plain_v', 'listed_v', 'octets_v', 'coded_v']::regclass[]) i, quiver_verify(i, true) WHERE is_damage;
		SET enable_indexscan = off; $ids; SET enable_indexscan = on; SET enable_seqscan = off; $ids"), -1;
	return @lines[-3 .. -1];
}

sub check {
	my ($name, $table, $before, $out, $killed) = @_;
	my ($damage, $rows, $through_index) = state_of($table, '');
	my %expected = map { $_ => 1 } split(/,/, $before), grep { /^\d+$/ } split /\n/, $out;
	%expected = () if $killed && $table eq 'fleeting';
	my %present = map { $_ => 1 } split /,/, $rows;
	my $lost = join ',', grep { !$present{$_} } keys %expected;
	my @more = grep { !$expected{$_} } keys %present;
	# The last statement of a session before a crash may have been committed without an answer.
	my $sound = $damage eq '' && $lost eq '' && @more <= ($killed ? 2 : 0) && $rows eq $through_index;
	ok(0, "$name: damage '$damage', lost '$lost', more '@more', table $rows, index $through_index") if !$sound;
}

sub one_run {
	my ($scenario, $point, $action, $pass) = @_;
	my ($name, $table, $prepare, $script, undef, $others) = @$scenario;
	my $title = "$name, $point:$action:$pass";
	my (undef, $before) = state_of($table, $prepare);
	my ($out_of_others, $error_of_others) = ('', '');
	my $session;
	# From a file: what is given as input waits until somebody pumps it.
	$session = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-f', script_of($others) ], '<', '/dev/null', '>', \$out_of_others, '2>', \$error_of_others) if defined $others;
	my $logged = -s $node->logfile;
	my ($out, $error) = run_script("$point:$action:$pass", $script);
	$session->finish if defined $session;
	$out .= "\n$out_of_others";
	$runs++;
	my $killed = $action eq 'kill' && $error =~ /terminated abnormally|connection|server closed/;
	# A client may hear of a crash before the postmaster does, which would let in another until then.
	$node->wait_for_log(qr/database system is ready to accept connections/, $logged) if $killed;
	$kills++ if $killed;
	if ($killed || $error =~ /test point $point, pass $pass/) {
		$hits++;
		$passed{$point}++;
		$passed_in{$table}{$point}++;
	} elsif ($error =~ /PANIC|terminated|connection/) {
		ok(0, "$title: $error");
		$node->poll_query_until('postgres', 'SELECT 1', '1') or die "$title: no recovery";
	}
	check($title, $table, $before, $out, $killed);
	my (undef, $again) = run_script('', "DROP INDEX IF EXISTS second;\n${script}DROP INDEX IF EXISTS second;\n");
	ok(0, "$title: the same again: $again") if $again =~ /ERROR|FATAL|PANIC/;
}

# QUIVER_SCENARIOS, a pattern, takes some of them.
my $some = $ENV{QUIVER_SCENARIOS};
for my $scenario (grep { !defined $some || $_->[0] =~ /$some/ } @scenarios) {
	my ($name, $table, $prepare, $script, $only) = @$scenario;
	$node->safe_psql('postgres', $prepare);
	my ($out, $error) = run_script('none:count', "${script}SHOW quiver.test_point_passes;\n");
	my %passes = map { /^(\w+)=(\d+)$/ ? ($1, $2) : () } split /\s+/, (split /\n/, $out)[-1];
	$node->safe_psql('postgres', 'DROP INDEX IF EXISTS second');
	cmp_ok(scalar keys %passes, '>', 3, "$name passes points: " . join ' ', map { "$_=$passes{$_}" } sort keys %passes);
	my $first_hit = $hits;
	# Points of the worker, which counts for itself.
	@passes{'build_team_joined', 'build_worker_done'} = (1, 1) if $name eq 'build with a worker';
	for my $point (sort keys %passes) {
		next if !$ENV{QUIVER_EVERY_PASS} && defined $only && $point !~ $only;
		my $count = $passes{$point};
		my $most = int($count * 0.8) || 1;
		my @errors = $ENV{QUIVER_EVERY_PASS} ? (1 .. $count) : ($most);
		my @kills = $ENV{QUIVER_EVERY_PASS} ? (1 .. $count) : (int(($most + 1) / 2));
		one_run($scenario, $point, 'error', $_) for @errors;
		one_run($scenario, $point, 'kill', $_) for @kills;
	}
	cmp_ok($hits, '>', $first_hit, "$name: " . ($hits - $first_hit) . ' errors and crashes');
}
my @missed = grep { !defined $some && !$passed{$_} } split ' ', $ENV{QUIVER_TEST_POINT_NAMES} // '';
is("@missed", '', 'an error or a crash happened at every point of the sources');
# The steps of every kind of lists; the rarer ones follow from where centroids happen to fall.
my @steps = qw(append_row_stored lists_loaded lists_logged split_list_begun split_switched vacuum_list_marked);
for my $table ('listed', 'octets', 'coded') {
	my @expected = (@steps, $table eq 'coded' ? 'heap_row_read' : ());
	is(join(' ', grep { !defined $some && !$passed_in{$table}{$_} } @expected), '', "$table: an error or a crash at every step of lists");
}
unlike(slurp_file($node->logfile), qr/inconsistent page/, 'replay agreed with what was written');
note("$runs runs, $hits errors and crashes, $kills recoveries");
cmp_ok($hits, '>', 0.9 * $runs, "$hits of $runs runs met their point, $kills recoveries");
done_testing();
