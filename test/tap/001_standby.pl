# A streaming standby replays every change of an index and shows the same: WAL of build, insert, update, delete, vacuum.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use QuiverTest;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "wal_consistency_checking = 'all'\nmax_wal_size = '64MB'\nwal_keep_size = '2GB'\n");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

create_items($primary, 2000, 24);
# The plain format: bits, sparse vectors, L1.
$primary->safe_psql('postgres', "CREATE TABLE others (id integer, b bit(200), s sparsevec(24), v vector(24)) WITH (autovacuum_enabled = off);
	INSERT INTO others SELECT id, repeat(binary_quantize(v)::text, 9)::bit(200), (v + v)::sparsevec, v FROM items WHERE id <= 600;
	CREATE INDEX others_b ON others USING hnsw (b bit_jaccard_ops); CREATE INDEX others_s ON others USING hnsw (s sparsevec_ip_ops);
	CREATE INDEX others_v ON others USING hnsw (v vector_l1_ops)");
my $others = "SET enable_seqscan = off; SELECT array(SELECT id FROM others ORDER BY b <%> (SELECT b FROM others WHERE id = 7) LIMIT 9),
	array(SELECT id FROM others ORDER BY s <#> (SELECT s FROM others WHERE id = 7) LIMIT 9), array(SELECT id FROM others ORDER BY v <+> make_vector(-1) LIMIT 9)";
my $others_damage = "SELECT i, v.* FROM unnest(ARRAY['others_b', 'others_s', 'others_v']::regclass[]) i, quiver_verify(i, true) v WHERE is_damage";
# The answers to 20 queries, by the index.
my $ask = "SET enable_seqscan = off; SELECT q, string_agg(id::text, ',') FROM generate_series(1, 20) q,
	LATERAL (SELECT id FROM items ORDER BY v <-> make_vector(-q) LIMIT 20) t GROUP BY q ORDER BY q";

sub same_on_both {
	my ($name) = @_;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	is($standby->safe_psql('postgres', $ask), $primary->safe_psql('postgres', $ask), "$name: the same answers on the standby");
	index_is_sound($primary, "$name, primary", 50);
	index_is_sound($standby, "$name, standby", 50);
	is($standby->safe_psql('postgres', $others), $primary->safe_psql('postgres', $others), "$name: plain indexes answer the same");
	is($standby->safe_psql('postgres', $others_damage), '', "$name: plain indexes are sound on the standby");
}

same_on_both('build');
$primary->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series(2001, 2600) i');
$primary->safe_psql('postgres', "INSERT INTO others SELECT id, repeat(binary_quantize(v)::text, 9)::bit(200), (v + v)::sparsevec, v FROM items WHERE id > 2400");
same_on_both('insert');
$primary->safe_psql('postgres', 'CREATE INDEX ON items (note); UPDATE items SET note = 1 WHERE id % 2 = 0');
$primary->safe_psql('postgres', 'UPDATE items SET note = 2 WHERE id % 4 = 0');
$primary->safe_psql('postgres', 'UPDATE items SET note = 3 WHERE id % 4 = 0');
same_on_both('update');
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0; DELETE FROM others WHERE id % 3 = 0');
for my $step ('tombstones', 'unlinked', 'free') {
	$primary->safe_psql('postgres', 'VACUUM items, others');
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
