# Indexes of lists: kill -9 in the middle of writes, a standby that replays every change, and damage that is found.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use QuiverTest;

my $primary = PostgreSQL::Test::Cluster->new('lists');
$primary->init(allows_streaming => 1, no_data_checksums => 1);
$primary->append_conf('postgresql.conf', "wal_consistency_checking = 'all'\nmax_wal_size = '64MB'\nwal_keep_size = '1GB'\nrestart_after_crash = off\n");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

create_items($primary, 600, 16);
$primary->safe_psql('postgres', 'DROP INDEX items_v; CREATE INDEX items_v ON items USING ivfpq (v vector_l2_ops) WITH (lists = 6);
	CREATE INDEX items_cosine ON items USING ivfflat (v vector_cosine_ops) WITH (lists = 40);
	CREATE INDEX items_grown ON items USING ivfpq (v vector_ip_ops) WITH (quantizer = pq, bits = 8); CREATE INDEX ON items (note);
	CREATE INDEX items_codes ON items USING ivfpq (((v + v)::vector(16)) vector_cosine_ops) WITH (rerank = heap);
	CREATE INDEX items_octets ON items USING ivfpq (((v - v * v)::vector(16)) vector_l2_ops) WITH (quantizer = sq8);
	CREATE INDEX items_bits ON items USING ivfflat ((binary_quantize(v)::bit(16)) bit_hamming_ops) WITH (lists = 40)');
my $damage = "SELECT i, v.* FROM unnest(ARRAY['items_v', 'items_cosine', 'items_grown', 'items_codes', 'items_octets', 'items_bits']::regclass[]) i, quiver_verify(i, true) v WHERE is_damage";
my $ask = "SET enable_seqscan = off; SELECT q, array(SELECT id FROM items ORDER BY v <-> (SELECT make_vector(-q)) LIMIT 15),
	array(SELECT id FROM items ORDER BY v <=> (SELECT make_vector(-q)) LIMIT 15),
	array(SELECT id FROM items ORDER BY v <#> (SELECT make_vector(-q)) LIMIT 15),
	array(SELECT id FROM items ORDER BY (v + v)::vector(16) <=> (SELECT make_vector(-q)) LIMIT 15),
	array(SELECT id FROM items ORDER BY (v - v * v)::vector(16) <-> (SELECT make_vector(-q)) LIMIT 15),
	array(SELECT id FROM items ORDER BY binary_quantize(v)::bit(16) <~> (SELECT binary_quantize(make_vector(-q))::bit(16)) LIMIT 15) FROM generate_series(1, 10) q";

sub is_sound {
	my ($node, $name) = @_;
	is($node->safe_psql('postgres', $damage), '', "$name: no damage");
	my ($rows, $through_index) = rows_through_index($node);
	is($through_index, $rows, "$name: the index shows all $rows rows");
}

sub same_on_both {
	my ($name) = @_;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	is($standby->safe_psql('postgres', $ask), $primary->safe_psql('postgres', $ask), "$name: the same answers on the standby");
	is_sound($standby, "$name, standby");
}

same_on_both('build');
$primary->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series(601, 2000) i');
same_on_both('insert');
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0; UPDATE items SET note = 1 WHERE id % 4 = 0');
$primary->safe_psql('postgres', 'VACUUM items');
same_on_both('vacuum');
$primary->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series(3001, 3600) i');
same_on_both('reuse');

# Pages of a list that was split are used again only when the standby's scans of it are over: those that are not, end.
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = '200ms'");
$standby->reload;
my ($reader_out, $reader_error) = ('', '');
my $reader = IPC::Run::start([ 'psql', '-XqAt', '-d', $standby->connstr('postgres'), '-c',
	"BEGIN ISOLATION LEVEL REPEATABLE READ; SET enable_seqscan = off; DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <#> make_vector(-1);
	FETCH 1 FROM c; SELECT pg_sleep(600)" ], '<', '/dev/null', '>', \$reader_out, '2>', \$reader_error);
$standby->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND wait_event = 'PgSleep'") or die 'no reader';
my ($lists_before) = $primary->safe_psql('postgres', "SELECT lists_before FROM quiver_maintain('items_grown')");
$primary->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series(4001, 6500) i');
my ($lists_after) = $primary->safe_psql('postgres', "SELECT lists_after FROM quiver_maintain('items_grown')");
cmp_ok($lists_after, '>', $lists_before, "lists split: $lists_before, then $lists_after");
same_on_both('split');
my $freed = $primary->safe_psql('postgres', "SELECT txid_current(); SELECT freed_pages FROM quiver_maintain('items_grown')") =~ s/.*\n//r;
cmp_ok($freed, '>', 0, "$freed pages are free");
same_on_both('pages freed');
$reader->finish;
like($reader_error, qr/conflict with recovery/, 'the scan that began before the split was ended');
$primary->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series(6501, 8000) i; VACUUM items');
same_on_both('pages used again');
unlike(slurp_file($standby->logfile), qr/inconsistent page/, 'no page differs from what the primary wrote');
$standby->stop;

# Each statement commits by itself and prints what it did only when that is certain.
my $folder = PostgreSQL::Test::Utils::tempdir();
sub start_session {
	my ($name, $script) = @_;
	append_to_file("$folder/$name.sql", $script);
	return IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $primary->connstr('postgres'), '-f', "$folder/$name.sql" ],
		'<', '/dev/null', '>', "$folder/$name.out", '2>', "$folder/$name.err");
}

my %expected = map { $_ => 1 } split /\n/, $primary->safe_psql('postgres', 'SELECT id FROM items');
my $acknowledged = 0;
for my $cycle (1 .. 3) {
	my @names;
	my @sessions;
	for my $writer (0 .. 2) {
		my $base = 100_000 * $cycle + 20_000 * $writer;
		my $script = '';
		for my $i (1 .. 3000) {
			my $id = $base + $i;
			$script .= "INSERT INTO items (id, v) VALUES ($id, make_vector($id)) RETURNING 'insert', id;\n";
			$script .= "UPDATE items SET note = note + 1 WHERE id = $id RETURNING 'update', id;\n" if $i % 5 == 0;
			$script .= "DELETE FROM items WHERE id = " . ($id - 2) . " RETURNING 'delete', id;\n" if $i % 3 == 0;
		}
		push @names, "writer-$cycle-$writer";
		push @sessions, start_session($names[-1], $script);
	}
	push @sessions, start_session("vacuum-$cycle", "VACUUM items;\n" x 300);
	usleep(600_000 + 400_000 * $cycle);
	crash($primary);
	eval { $_->finish } for @sessions;
	$primary->start;
	for my $name (@names) {
		for my $line (split /\n/, slurp_file("$folder/$name.out")) {
			my ($what, $id) = split /\|/, $line;
			next unless defined $id && $id =~ /^-?\d+$/;
			$acknowledged++;
			$expected{$id} = 1 if $what eq 'insert';
			delete $expected{$id} if $what eq 'delete';
		}
	}
	my %present = map { $_ => 1 } split /\n/, $primary->safe_psql('postgres', 'SELECT id FROM items');
	my @missing = grep { !$present{$_} } keys %expected;
	my @more = grep { !$expected{$_} } keys %present;
	cmp_ok(scalar(@missing) + scalar(@more), '<=', 3, "cycle $cycle: acknowledged rows are there, and no others");
	%expected = %present;
	is_sound($primary, "cycle $cycle");
}
cmp_ok($acknowledged, '>', 500, "$acknowledged changes were acknowledged before a crash");
unlike(slurp_file($primary->logfile), qr/inconsistent page/, 'replay agreed with what was written');

# An unlogged index is empty after a crash, and usable.
$primary->safe_psql('postgres', 'CREATE UNLOGGED TABLE fleeting (v vector(16)); CREATE INDEX fleeting_v ON fleeting USING ivfflat (v);
	INSERT INTO fleeting SELECT make_vector(i) FROM generate_series(1, 50) i');
$primary->stop('immediate');
$primary->start;
is($primary->safe_psql('postgres', "INSERT INTO fleeting VALUES (make_vector(1)); SET enable_seqscan = off;
	SELECT count(*) FROM (SELECT v FROM fleeting ORDER BY v <-> make_vector(2)) t"), '1', 'an unlogged index starts again');
is($primary->safe_psql('postgres', "SELECT count(*) FROM quiver_verify('fleeting_v', true)"), '0', 'and is sound');

# Each fault is written into a copy of the file; the check finds it under its number, and scans end with rows or an error.
$primary->safe_psql('postgres', 'DROP INDEX items_cosine, items_grown, items_codes, items_octets; ALTER INDEX items_v SET (quantizer = pq); REINDEX INDEX items_v; CHECKPOINT');
my $path = $primary->data_dir . '/' . $primary->safe_psql('postgres', "SELECT pg_relation_filepath('items_v')");
my $lists = 6;
my $codes = 2 + 0;  # meta page, one page of the directory, then the first page of each list
my $words = $codes + $lists;
my $sound = read_index($path);
# The first page of vectors of the first list.
my ($vectors) = unpack 'L<', substr $sound, 8192 * $codes + 64, 4;
my @faults = (
	[ 'a page of another kind', 2, 8192 * $codes + 24, pack('S<', 4) ],
	[ 'a page of another list', 2, 8192 * $codes + 32, pack('L<', 5) ],
	[ 'a chain that leads to another list', 2, 8192 * $codes + 36, pack('L<', $codes + 1) ],
	[ 'a chain that leads beyond the end', 2, 8192 * $codes + 36, pack('L<', 99999) ],
	[ 'a count of rows', 3, 8192 * $codes + 30, pack('S<', 1) ],
	[ 'a page of vectors that belongs elsewhere', 5, 8192 * $vectors + 40, pack('L<', 77) ],
	[ 'no page of vectors', 5, 8192 * $codes + 64, pack('L<', 0xffffffff) ],
	[ 'an error that is too small', 6, 8192 * $vectors + 64 + 12, pack('f<', 0) ],
	[ 'a page of words of another kind', 10, 8192 * $words + 24, pack('S<', 4) ],
	[ 'a page of words in the wrong place', 10, 8192 * $words + 44, pack('L<', 1) ],
	[ 'words that end too early', 10, 8192 * $words + 28, pack('S<', 40) ],
	[ 'a word that is not a number', 10, 8192 * $words + 64 + 4 * (2 + 2 * 16 + 5), "\xff" x 4 ],
	[ 'a page of noise', 0, 8192 * ($codes + 2), "\x5a" x 8192 ],
	[ 'no meta page', 0, 8192 * 0 + 64, "\0" x 64 ]);
for my $fault (@faults) {
	my ($name, $invariant, $offset, $bytes) = @$fault;
	$primary->stop;
	my $damaged = $sound;
	substr($damaged, $offset, length $bytes) = $bytes;
	write_index($path, $damaged);
	$primary->start;
	my ($status, $found, $error) = $primary->psql('postgres', "SELECT DISTINCT invariant FROM quiver_verify('items_v', true) WHERE is_damage");
	ok($error =~ /is corrupted|invalid page/ || grep({ $_ == $invariant } split /\n/, $found // ''), "$name: found ($found$error)");
	for my $statement ('SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> make_vector(0)) t',
		'INSERT INTO items (id, v) SELECT 900000 + i, make_vector(i) FROM generate_series(1, 20) i; DELETE FROM items WHERE id > 900000', 'VACUUM items') {
		my ($code, $out, $message) = $primary->psql('postgres', $statement);
		ok($code == 0 || $message =~ /is corrupted|impossible|invalid page|could not read/, "$name: rows or an error, no crash");
	}
}
$primary->stop;
write_index($path, $sound);
done_testing();
