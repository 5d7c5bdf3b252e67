# quiver_verify reports every invariant's violation, and the server survives it. Damage is done to the file's bytes,
# by the offsets that src/hnsw/README.md documents.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use QuiverTest;

use constant { PAGE => 8192, INFO => 24, CONTENT => 64 };

my $node = PostgreSQL::Test::Cluster->new('damaged');
$node->init(no_data_checksums => 1);  # on by default from 18 on, and every damage would end there
$node->append_conf('postgresql.conf', "restart_after_crash = off\nautovacuum = off\n");
$node->start;
create_items($node, 203, 32);
# A chain of further rows: one vector many times.
$node->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT 1000 + i, make_vector(1) FROM generate_series(1, 30) i');
index_is_sound($node, 'before any damage');
$node->safe_psql('postgres', 'CHECKPOINT');
my $path = QuiverTest::index_path($node);
$node->stop;
my $sound = read_index($path);

my ($dimensions, $lanes, $slots, $slot_bytes) = (unpack 'V', substr $sound, CONTENT + 8, 4);
($lanes, $slots, $slot_bytes) = unpack 'vvV', substr $sound, CONTENT + 24, 8;
my $code_bytes = 32 * 2 / 8;
my $ids = int((40 + $dimensions + $lanes * $code_bytes + 3) / 4) * 4;
is("$dimensions $lanes", '32 31', 'the meta page says what was built');

# Offset of a slot's field; nodes begin on block 1.
sub slot { my ($block, $place, $field) = @_; return PAGE * $block + CONTENT + $slot_bytes * $place + $field }
sub info { my ($block, $field) = @_; return PAGE * $block + INFO + $field }
# The page of nodes that has free slots, and one of them.
my ($open_block, $open_place);
for my $block (1 .. length($sound) / PAGE - 1) {
	my ($kind, undef, undef, undef, $used) = unpack 'vvvvV', substr $sound, info($block, 0), 12;
	next unless $kind == 2 && $used != 2**$slots - 1;
	($open_block, $open_place) = ($block, $slots - 1);
}
ok(defined $open_block, 'a page has a free slot');

# What the server said to the commands of the last findings().
my $said = '';
my $order = 'v <-> make_vector(7)';

# Changes bytes, starts the server, asks quiver_verify and a few queries, stops it.
sub findings {
	my ($bytes) = @_;
	write_index($path, $bytes);
	$node->start;
	my (undef, $found, $error) = $node->psql('postgres',
		"SELECT string_agg(DISTINCT invariant::text, ',') FROM quiver_verify('items_v', true)");
	$said = '';
	for my $command ("SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM items ORDER BY $order) t",
		"SET enable_seqscan = off; SELECT id FROM items ORDER BY $order LIMIT 10",
		'BEGIN; INSERT INTO items (id, v) SELECT 5000 + i, make_vector(5000 + i) FROM generate_series(1, 20) i; ROLLBACK',
		'DELETE FROM items WHERE id = 2', 'VACUUM items') {
		my ($status, undef, $message) = $node->psql('postgres', "\\set VERBOSITY verbose\n$command", timeout => 60);
		$said .= $message;
		fail("the server died of: $command") if $status == 2;
	}
	is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server is alive');
	$node->stop;
	return ($found, $error);
}

sub reports {
	my ($invariant, $name, @changes) = @_;
	my $bytes = $sound;
	while (@changes) {
		my ($offset, $value) = splice @changes, 0, 2;
		substr($bytes, $offset, length $value) = $value;
	}
	my ($found, $error) = findings($bytes);
	ok((grep { $_ eq $invariant } split /,/, $found // ''), "$name is invariant $invariant (found: $found) $error");
}

my $first_row = substr $sound, slot(1, 0, 4), 6;
reports(0, 'a page of another kind', PAGE * 2 - 2, pack('v', 0));
like($said, qr/XX002: .*"items_v" is corrupted at block 1/, 'the error names index and block');
like($said, qr/HINT:  Please REINDEX it/, 'and the way out');
reports(0, 'an impossible slot state', slot(1, 1, 0), pack('C', 77));
reports(1, 'a row in two nodes', slot(1, 1, 10), $first_row);
reports(2, 'a lane to the node itself', slot(1, 0, $ids), pack('V', $slots));
reports(2, 'two lanes to one node', slot(1, 0, $ids + 4), substr($sound, slot(1, 0, $ids), 4));
reports(2, 'a lane beyond the end', slot(1, 0, $ids), pack('V', 4_000_000_000));
reports(3, 'an unused lane that leads somewhere', slot(1, 0, 1), pack('C', 3));
reports(3, 'more lanes than there are', slot(1, 0, 1), pack('C', 250));
reports(3, 'more expendable lanes than lanes', slot(1, 0, 3), pack('C', 40));
my $bit = pack 'V', 1;
reports(4, 'a tombstone with a row', slot(1, 0, 0), pack('C', 2), slot(1, 0, 8), pack('V', 99), info(1, 12), $bit);
reports(5, 'a lane to a free slot', slot(1, 0, $ids), pack('V', $open_block * $slots + $open_place));
reports(6, 'nodes that no entry leads to', CONTENT + 60, pack('V', 0));
reports(7, 'an error too small', slot(1, 2, 32), pack('f<', 0));
reports(8, 'an entry that is no node', CONTENT + 128, pack('V', 3_000_000));
reports(9, 'a bitmap that lies', info(1, 8), pack('V', 1));
reports(10, 'a chain that leads nowhere', slot(1, 3, 16), pack('V', 126 * $open_block + 5));
reports(11, 'a row that is not indexed', slot(1, 2, 4), pack('vvv', 0, 900, 1));

done_testing();
