# A streaming standby replays every change of an index and shows the same: WAL of build, insert, update, delete, vacuum.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use QuiverTest;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "wal_consistency_checking = 'all'\nmax_wal_size = '64MB'\n");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

create_items($primary, 2000, 24);
# The answers to 20 queries, by the index.
my $ask = "SET enable_seqscan = off; SELECT q, string_agg(id::text, ',') FROM generate_series(1, 20) q,
	LATERAL (SELECT id FROM items ORDER BY v <-> make_vector(-q) LIMIT 20) t GROUP BY q ORDER BY q";

sub same_on_both {
	my ($name) = @_;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	is($standby->safe_psql('postgres', $ask), $primary->safe_psql('postgres', $ask), "$name: the same answers on the standby");
	index_is_sound($primary, "$name, primary", 50);
	index_is_sound($standby, "$name, standby", 50);
}

same_on_both('build');
$primary->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series(2001, 2600) i');
same_on_both('insert');
$primary->safe_psql('postgres', 'CREATE INDEX ON items (note); UPDATE items SET note = 1 WHERE id % 2 = 0');
$primary->safe_psql('postgres', 'UPDATE items SET note = 2 WHERE id % 4 = 0');
$primary->safe_psql('postgres', 'UPDATE items SET note = 3 WHERE id % 4 = 0');
same_on_both('update');
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0');
for my $step ('tombstones', 'unlinked', 'free') {
	$primary->safe_psql('postgres', 'VACUUM items');
	$primary->safe_psql('postgres', 'SELECT txid_current()');
	same_on_both("vacuum, $step");
}
$primary->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series(3001, 3500) i');
same_on_both('reuse');

# A cursor on the standby lives through vacuum and reuse on the primary, or is cancelled by a recovery conflict.
my ($rows, $through_index) = rows_through_index($standby);
is($through_index, $rows, 'an exhaustive scan of the standby is complete');
my $log = slurp_file($standby->logfile);
unlike($log, qr/inconsistent page/, 'no page differs from what the primary wrote');
like(slurp_file($primary->logfile), qr/database system is ready/, 'the primary ran');

$standby->promote;
$standby->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series(4001, 4100) i');
index_is_sound($standby, 'promoted', 50);
done_testing();
