# kill -9 in the middle of writes, vacuum and REINDEX CONCURRENTLY, again and again: every acknowledged row is there
# afterwards, once, and no other; every index is sound. QUIVER_CRASH_CYCLES sets how often.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);
use QuiverTest;

my $cycles = $ENV{QUIVER_CRASH_CYCLES} || 20;
my $seed = $ENV{QUIVER_CRASH_SEED} || 20240517;
srand $seed;
my $node = PostgreSQL::Test::Cluster->new('crashing');
$node->init;
$node->append_conf('postgresql.conf', "wal_consistency_checking = 'all'\nmax_wal_size = '32MB'\nrestart_after_crash = off\nshared_buffers = '16MB'\nlog_statement = 'none'\n");
$node->start;
create_items($node, 600, 16);
# Both formats of the graph, every kind of own vector, and lists that split and merge.
$node->safe_psql('postgres', 'CREATE INDEX items_l1 ON items USING hnsw (v vector_l1_ops);
	CREATE INDEX items_bits ON items USING hnsw ((binary_quantize(v)::bit(16)) bit_hamming_ops);
	CREATE INDEX items_sparse ON items USING hnsw ((v::sparsevec(16)) sparsevec_l2_ops);
	CREATE INDEX items_lists ON items USING ivfpq (v vector_cosine_ops);
	CREATE INDEX items_code_lists ON items USING ivfpq (v vector_l2_ops) WITH (rerank = heap);
	CREATE INDEX items_bit_lists ON items USING ivfpq ((binary_quantize(v)::bit(16)) bit_hamming_ops);
	CREATE INDEX ON items (note)');

# What a writer does, in order: a change of one row a statement, which commits by itself and prints the row when that is
# certain. Every fourth vector is the same one. What is rolled back has a negative id.
sub writer_steps {
	my ($first) = @_;
	my @steps;
	for my $id ($first + 1 .. $first + 900) {
		my $vector = 'make_vector(' . ($id % 4 == 0 ? 7 : $id) . ')';
		push @steps, ['insert', $id, "INSERT INTO items (id, v) VALUES ($id, $vector) RETURNING id;"];
		push @steps, ['update', $id, "UPDATE items SET note = note + 1 WHERE id = $id RETURNING id;"] if $id % 5 == 0;
		push @steps, ['delete', $id - 2, 'DELETE FROM items WHERE id = ' . ($id - 2) . ' RETURNING id;'] if ($id - $first) % 3 == 0;
		$steps[-1][2] .= "\nBEGIN; INSERT INTO items (id, v) VALUES (-$id, $vector); ROLLBACK;" if $id % 50 == 0;
	}
	return @steps;
}

my $folder = PostgreSQL::Test::Utils::tempdir();

# A psql in the background that reads its script from a file and writes what it prints to another.
sub start_session {
	my ($name, $script) = @_;
	unlink "$folder/$name.sql";
	append_to_file("$folder/$name.sql", $script);
	return IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('postgres'), '-f', "$folder/$name.sql" ],
		'<', '/dev/null', '>', "$folder/$name.out", '2>', "$folder/$name.err");
}

my %expected = map { $_ => 1 } 1 .. 600;
my %count = map { $_ => 0 } qw(acknowledged lost unexpected duplicates damage);
my $next_id = 100_000;
my $start = time;

for my $cycle (1 .. $cycles) {
	my @steps = map { [writer_steps($next_id + 10_000 * $_)] } 0 .. 2;
	$next_id += 30_000;
	my @sessions = map { start_session("writer-$_", join("\n", map { $_->[2] } @{ $steps[$_] }) . "\n") } 0 .. 2;
	push @sessions, start_session('vacuum', "VACUUM items;\nSELECT txid_current();\n" x 300);
	push @sessions, start_session('reindex', "REINDEX INDEX CONCURRENTLY items_l1;\nREINDEX INDEX CONCURRENTLY items_v;\n" x 20) if $cycle % 3 == 0;
	usleep(100_000 + int rand 700_000);
	crash($node);
	eval { $_->finish } for @sessions;
	$node->start;

	# The statement after the last that was acknowledged may have been committed or not.
	my %doubtful;
	for my $writer (0 .. 2) {
		my @answers = grep { /^\d+$/ } split /\n/, slurp_file("$folder/writer-$writer.out");
		$count{acknowledged} += @answers;
		for my $step (@{ $steps[$writer] }[0 .. $#answers]) {
			$expected{ $step->[1] } = 1 if $step->[0] eq 'insert';
			delete $expected{ $step->[1] } if $step->[0] eq 'delete';
		}
		$doubtful{ $steps[$writer][@answers][1] } = 1 if $#{ $steps[$writer] } >= @answers;
	}
	my @state = split /\n/, $node->safe_psql('postgres', "SET client_min_messages = warning;
		DO 'DECLARE name text; BEGIN FOR name IN SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid LOOP EXECUTE ''DROP INDEX '' || name; END LOOP; END';
		SELECT string_agg(id::text, ',') FROM items;
		SELECT coalesce(string_agg(i || ' ' || problem, '; '), '') FROM (SELECT c.oid::regclass AS i, problem FROM pg_class c JOIN pg_am a ON a.oid = relam AND amname IN ('hnsw', 'ivfpq'), quiver_verify(c.oid, true)
			WHERE relkind = 'i' AND is_damage LIMIT 5) t;
		SET enable_seqscan = off; SELECT count(*) || ',' || count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> make_vector(0)) t;
		SELECT count(*) || ',' || count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <=> make_vector(0)) t"), -1;
	my %present = map { $_ => 1 } split /,/, $state[0];
	my @lost = grep { !$present{$_} && !$doubtful{$_} } keys %expected;
	my @unexpected = grep { !$expected{$_} && !$doubtful{$_} } keys %present;
	my ($through_index, $distinct) = split /,/, $state[2];
	my ($through_lists, $distinct_in_lists) = split /,/, $state[3];
	$count{lost} += @lost;
	$count{unexpected} += @unexpected;
	$count{duplicates} += $through_index - $distinct + $through_lists - $distinct_in_lists;
	$count{damage}++ if $state[1] ne '' || $distinct != keys %present || $distinct_in_lists != keys %present;
	ok(0, "cycle $cycle: lost '@lost', unexpected '@unexpected', damage '$state[1]', the graph shows $through_index, lists $through_lists of " . keys %present)
		if @lost || @unexpected || $state[1] ne '' || $through_index != keys %present || $through_lists != keys %present;
	%expected = %present;
	# Work for the next vacuum, and a table that stays small.
	next if keys %expected < 1500;
	delete @expected{ split /\n/, $node->safe_psql('postgres', 'DELETE FROM items WHERE random() < 0.8 RETURNING id') };
}
my $seconds = sprintf '%.1f', time - $start;
note("$cycles cycles in $seconds s, seed $seed: " . join ', ', map { "$_ $count{$_}" } sort keys %count);
cmp_ok($count{acknowledged}, '>', 20 * $cycles, "$count{acknowledged} changes were acknowledged before $cycles crashes");
is($count{$_}, 0, "$_: none") for qw(lost unexpected duplicates damage);
index_is_sound($node, 'after all cycles', 60);
unlike(slurp_file($node->logfile), qr/inconsistent page|PANIC/, 'replay agreed with what was written');

# An unlogged index is empty after a crash, and usable.
$node->safe_psql('postgres', 'CREATE UNLOGGED TABLE fleeting (v vector(16)); CREATE INDEX fleeting_v ON fleeting USING hnsw (v vector_l2_ops);
	INSERT INTO fleeting SELECT make_vector(i) FROM generate_series(1, 50) i');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', "INSERT INTO fleeting VALUES (make_vector(1)); SET enable_seqscan = off;
	SELECT count(*) FROM (SELECT v FROM fleeting ORDER BY v <-> make_vector(2)) t"), '1', 'an unlogged index starts again');
is($node->safe_psql('postgres', "SELECT count(*) FROM quiver_verify('fleeting_v', true)"), '0', 'and is sound');
done_testing();
