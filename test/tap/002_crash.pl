# kill -9 in the middle of writes: every acknowledged row is there afterwards, and no other; the index is sound.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use QuiverTest;

my $node = PostgreSQL::Test::Cluster->new('crashing');
$node->init;
$node->append_conf('postgresql.conf', "wal_consistency_checking = 'all'\nmax_wal_size = '32MB'\nrestart_after_crash = off\n");
$node->start;
create_items($node, 600, 16);
$node->safe_psql('postgres', 'CREATE INDEX ON items (note)');
# Both formats, every kind of own vector.
$node->safe_psql('postgres', 'CREATE INDEX items_l1 ON items USING hnsw (v vector_l1_ops);
	CREATE INDEX items_bits ON items USING hnsw ((binary_quantize(v)::bit(16)) bit_hamming_ops);
	CREATE INDEX items_sparse ON items USING hnsw ((v::sparsevec(16)) sparsevec_l2_ops)');

# Each statement commits by itself and prints what it did only when that is certain.
sub writer_script {
	my ($writer, $cycle) = @_;
	my $base = 100_000 * $cycle + 20_000 * $writer;
	my $script = '';
	for my $i (1 .. 3000) {
		my $id = $base + $i;
		$script .= "INSERT INTO items (id, v) VALUES ($id, make_vector($id)) RETURNING 'insert', id;\n";
		$script .= "UPDATE items SET note = note + 1 WHERE id = $id RETURNING 'update', id;\n" if $i % 5 == 0;
		$script .= "DELETE FROM items WHERE id = " . ($id - 2) . " RETURNING 'delete', id;\n" if $i % 3 == 0;
		$script .= "BEGIN; INSERT INTO items (id, v) VALUES (-$id, make_vector($id)); ROLLBACK;\n" if $i % 50 == 0;
	}
	return $script;
}

my $folder = PostgreSQL::Test::Utils::tempdir();

# A psql in the background that reads its script from a file and writes what it prints to another.
sub start_session {
	my ($name, $script) = @_;
	append_to_file("$folder/$name.sql", $script);
	return IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('postgres'), '-f', "$folder/$name.sql" ],
		'<', '/dev/null', '>', "$folder/$name.out", '2>', "$folder/$name.err");
}

my %expected = map { $_ => 1 } 1 .. 600;
my $acknowledged = 0;
for my $cycle (1 .. 4) {
	my @names = map { "writer-$cycle-$_" } 0 .. 2;
	my @sessions = map { start_session($names[$_], writer_script($_, $cycle)) } 0 .. 2;
	push @sessions, start_session("vacuum-$cycle", "VACUUM items;\nSELECT txid_current();\n" x 300);
	usleep(700_000 + 500_000 * $cycle);
	# The postmaster and all its children at once.
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	my @children = split /\n/, `pgrep -P $postmaster`;
	kill 'KILL', $postmaster, @children;
	eval { $_->finish } for @sessions;
	$node->{_pid} = undef;
	usleep(500_000);
	# The dead may still stand in the process table; their locks say nothing.
	unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
	$node->start;

	for my $name (@names) {
		for my $line (split /\n/, slurp_file("$folder/$name.out")) {
			my ($what, $id) = split /\|/, $line;
			next unless defined $id && $id =~ /^-?\d+$/;
			$acknowledged++;
			$expected{$id} = 1 if $what eq 'insert';
			delete $expected{$id} if $what eq 'delete';
		}
	}
	# A statement whose answer was cut off may have been committed or not: at most one a session.
	my %present = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', 'SELECT id FROM items');
	my @missing = grep { !$present{$_} } keys %expected;
	my @more = grep { !$expected{$_} } keys %present;
	cmp_ok(scalar(@missing) + scalar(@more), '<=', 3, "cycle $cycle: acknowledged rows are there, and no others");
	is(scalar(grep { $_ < 0 } keys %present), 0, "cycle $cycle: no row of an aborted transaction");
	%expected = %present;
	index_is_sound($node, "cycle $cycle", 60);
	my ($rows, $through_index) = rows_through_index($node);
	is($through_index, $rows, "cycle $cycle: the index shows all $rows rows");
}
cmp_ok($acknowledged, '>', 1000, "$acknowledged changes were acknowledged before a crash");
unlike(slurp_file($node->logfile), qr/inconsistent page/, 'replay agreed with what was written');

# An unlogged index is empty after a crash, and usable.
$node->safe_psql('postgres', 'CREATE UNLOGGED TABLE fleeting (v vector(16)); CREATE INDEX fleeting_v ON fleeting USING hnsw (v vector_l2_ops);
	INSERT INTO fleeting SELECT make_vector(i) FROM generate_series(1, 50) i');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', "INSERT INTO fleeting VALUES (make_vector(1)); SET enable_seqscan = off;
	SELECT count(*) FROM (SELECT v FROM fleeting ORDER BY v <-> make_vector(2)) t"), '1', 'an unlogged index starts again');
is($node->safe_psql('postgres', "SELECT count(*) FROM quiver_verify('fleeting_v', true)"), '0', 'and is sound');
done_testing();
