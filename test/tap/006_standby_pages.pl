# While a standby replays writers and vacuum, its index pages are those of the primary, byte for byte, and scans that
# began before slots were freed and used again show their own snapshot. QUIVER_STANDBY_ROUNDS sets how often.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use QuiverTest;

my $rounds = $ENV{QUIVER_STANDBY_ROUNDS} || 3;
my $primary = PostgreSQL::Test::Cluster->new('writing');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "wal_consistency_checking = 'all'\nmax_wal_size = '64MB'\nwal_keep_size = '4GB'\nautovacuum = off\nlog_statement = 'none'\n");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('replaying');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = off\nmax_standby_streaming_delay = 60s\n");
$standby->start;

create_items($primary, 900, 12);
# content(): what lies outside LSN, checksum and hole. The pages of a btree that vacuum gave back would be what a scan of the standby conflicts with.
$primary->safe_psql('postgres', "CREATE EXTENSION pageinspect; ALTER TABLE items DROP CONSTRAINT items_pkey;
	CREATE INDEX items_l1 ON items USING hnsw (v vector_l1_ops) WITH (m = 4, ef_construction = 10);
	CREATE INDEX items_sparse ON items USING hnsw ((v::sparsevec(12)) sparsevec_l2_ops) WITH (m = 4, ef_construction = 10);
	CREATE FUNCTION content(page bytea) RETURNS text LANGUAGE sql AS \$\$
		SELECT CASE WHEN page = decode(repeat('00', 8192), 'hex') THEN 'new' ELSE md5(substr(page, 11, get_byte(page, 12) + 256 * get_byte(page, 13) - 10)
			|| substr(page, 1 + get_byte(page, 14) + 256 * get_byte(page, 15))) END \$\$;
	CREATE FUNCTION contents() RETURNS TABLE (page text) LANGUAGE sql AS \$\$
		SELECT i || ' ' || b || ' ' || content(get_raw_page(i, b)) FROM unnest(ARRAY['items_v', 'items_l1', 'items_sparse']) i,
			generate_series(0, (pg_relation_size(i) / 8192 - 1)::integer) b ORDER BY i, b \$\$");

my ($compared, $different, $scanned, $wrong) = (0, 0, 0, 0);

sub catch_up { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')) }

# Statements of two writers and a vacuum at once.
sub load {
	my ($round) = @_;
	my @scripts = map {
		my $first = 10_000 * $round + 1000 * $_;
		join '', map { "INSERT INTO items (id, v) SELECT " . ($first + $_) . ", make_vector(" . ($_ % 5 == 0 ? 3 : $first + $_) . ");\n"
				. ($_ % 2 ? 'DELETE FROM items WHERE id = ' . ($first - 10_000 + $_) . ";\n" : '')
				. ($_ % 7 ? '' : "UPDATE items SET v = make_vector(id + 1) WHERE id = " . ($first + $_ - 3) . ";\n") } 1 .. 150
	} 1, 2;
	push @scripts, "VACUUM (INDEX_CLEANUP ON) items;\nSELECT txid_current();\n" x 8;
	my @sessions = map { my $script = $_; IPC::Run::start([ 'psql', '-XqAt', '-d', $primary->connstr('postgres'), '-f', '-' ], '<', \$script, '>', \my $out, '2>', \my $error) } @scripts;
	$_->finish for @sessions;
}

sub compare_pages {
	my ($name) = @_;
	$primary->safe_psql('postgres', 'CHECKPOINT');
	catch_up();
	my @here = split /\n/, $primary->safe_psql('postgres', 'SELECT * FROM contents()');
	my @there = split /\n/, $standby->safe_psql('postgres', 'SELECT * FROM contents()');
	my %there = map { $_ => 1 } @there;
	my @missing = grep { !$there{$_} } @here;
	$compared += @here;
	$different += @missing + abs(@here - @there);
	ok(@missing == 0 && @here == @there, "$name: " . @here . " pages are the same on the standby") or diag(join "\n", @missing[0 .. 4]);
}

# A cursor on the standby, over rows of which many were deleted before its snapshot: they are vacuumed on the primary, and
# their slots used again, in the middle of the scan.
sub scan_over_reuse {
	my ($round) = @_;
	$primary->safe_psql('postgres', "DELETE FROM items WHERE (id + $round) % 3 = 0; SELECT txid_current()");
	catch_up();
	my $seen = '';
	my $in = "SET enable_seqscan = off;\nBEGIN ISOLATION LEVEL REPEATABLE READ;\nDECLARE walk CURSOR FOR SELECT id FROM items ORDER BY v <-> make_vector($round);\nFETCH 5 FROM walk;\n\\echo begun\n";
	my $session = IPC::Run::start([ 'psql', '-XqAt', '-d', $standby->connstr('postgres') ], '<', \$in, '>', \$seen, '2>', \my $error);
	$session->pump until $seen =~ /begun/ || !$session->pumpable;
	for my $step (1 .. 3) {
		$primary->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) items;\nSELECT txid_current()");
	}
	my $first = 1_000_000 + 1000 * $round;
	$primary->safe_psql('postgres', "INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series($first, $first + 299) i");
	catch_up();
	$in .= "FETCH ALL FROM walk;\n\\echo truth\nSET enable_seqscan = on; SET enable_indexscan = off;\nSELECT id FROM items;\nCOMMIT;\n\\q\n";
	$session->finish;
	my ($walked, $truth) = split /truth\n/, $seen =~ s/begun\n//r;
	my @rows = split /\n/, $walked;
	my %truth = map { $_ => 1 } split /\n/, $truth // '';
	my %rows = map { $_ => 1 } @rows;
	my @foreign = grep { !$truth{$_} } keys %rows;
	my @absent = grep { !$rows{$_} } keys %truth;
	$scanned += @rows;
	$wrong += @foreign + @absent + @rows - keys %rows;
	ok(!@foreign && !@absent && @rows == keys %rows && @rows > 100, "round $round: a scan over vacuum and reuse gives its " . @rows . ' rows')
		or diag("foreign @foreign, absent @absent, " . (@rows - keys %rows) . " twice: $error");
}

compare_pages('build');
for my $round (1 .. $rounds) {
	load($round);
	compare_pages("round $round");
	scan_over_reuse($round);
	compare_pages("round $round, reuse");
}
index_is_sound($standby, 'standby', 100);
my $freed = $primary->safe_psql('postgres', "SELECT nodes > 0 AND pg_relation_size('items_v') < 8192 * 1000 FROM quiver_index_info('items_v')");
is($freed, 't', 'slots were used again');
note("$compared pages compared, $different different; $scanned rows scanned over reuse, $wrong wrong");
unlike(slurp_file($standby->logfile), qr/inconsistent page|conflict with recovery/, 'no page differs from what the primary wrote, no scan was cancelled');
done_testing();
