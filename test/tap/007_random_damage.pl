# Indexes damaged at random: whatever searches, writes, vacuums, plans or verifies ends soon, in an answer made of rows of
# the table or in an error; the server lives. QUIVER_DAMAGES and QUIVER_DAMAGE_SEED set how many and which.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use QuiverTest;

use constant PAGE => 8192;

my $wanted = $ENV{QUIVER_DAMAGES} || 40;
my $seed = $ENV{QUIVER_DAMAGE_SEED} || 20240517;
srand $seed;
my $node = PostgreSQL::Test::Cluster->new('damaged_at_random');
$node->init(no_data_checksums => 1);
$node->append_conf('postgresql.conf', "restart_after_crash = off\nautovacuum = off\nlog_statement = 'none'\nlog_min_messages = error\nmax_wal_size = '1GB'\n");
$node->start;
create_items($node, 160, 24);
# One vector many times, and tombstones, and free slots.
$node->safe_psql('postgres', 'INSERT INTO items (id, v) SELECT 1000 + i, make_vector(1) FROM generate_series(1, 30) i');
my @kinds = (['v vector_l2_ops', 'v <-> make_vector(7)'], ['v vector_cosine_ops', 'v <=> make_vector(7)'],
	['v vector_l1_ops', 'v <+> make_vector(7)'], ['(v::sparsevec(24)) sparsevec_l2_ops', 'v::sparsevec(24) <-> make_vector(7)::sparsevec'],
	['(binary_quantize(v)::bit(24)) bit_jaccard_ops', 'binary_quantize(v)::bit(24) <%> binary_quantize(make_vector(7))'],
	['v vector_l2_ops', 'v <-> make_vector(7)', 'ivfpq', 'WITH (lists = 3)'], ['v vector_cosine_ops', 'v <=> make_vector(7)', 'ivfpq', ''],
	['v vector_l2_ops', 'v <-> make_vector(7)', 'ivfpq', 'WITH (quantizer = pq)'], ['v vector_l2_ops', 'v <-> make_vector(7)', 'ivfpq', 'WITH (rerank = heap)'],
	['v vector_l2_ops', 'v <-> make_vector(7)', 'ivfpq', 'WITH (quantizer = sq8)'],
	['(binary_quantize(v)::bit(24)) bit_hamming_ops', 'binary_quantize(v)::bit(24) <~> binary_quantize(make_vector(7))', 'ivfpq', '']);
my $copies = $wanted < 20 ? $wanted : 20;
my (@tables, %path);
for my $i (0 .. $copies - 1) {
	my ($name, $kind) = ("damaged_$i", $kinds[$i % @kinds]);
	my $method = $kind->[2] // 'hnsw';
	my $options = $kind->[3] // 'WITH (m = 4, ef_construction = 12)';
	$node->safe_psql('postgres', "CREATE TABLE $name WITH (autovacuum_enabled = off) AS SELECT id, v FROM items;
		CREATE INDEX ${name}_v ON $name USING $method ($kind->[0]) $options;
		INSERT INTO $name SELECT id + 2000, v + v FROM items LIMIT 40; DELETE FROM $name WHERE id % 4 = 0 AND id < 1000");
	$node->safe_psql('postgres', "VACUUM $name;\nSELECT txid_current();\nVACUUM $name;\nSELECT txid_current();\nDELETE FROM $name WHERE id % 20 = 3;\nVACUUM $name;") if $i % 2;
	push @tables, [$name, $kind->[1]];
	$path{"$name$_"} = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$name$_')") for '', '_v';
}
$node->safe_psql('postgres', 'CHECKPOINT');
$node->stop;
my %sound = map { $_ => read_index($path{$_}) } keys %path;
my %forks = map { $_ => read_index($_) } grep { -e } map { ("${_}_fsm", "${_}_vm") } values %path;

# Each returns what it did.
my @damages = (
	sub { my $b = \$_[0]; my $n = 1 + int rand 8; for (1 .. $n) { my $o = int rand length $$b; substr($$b, $o, 1) = chr(ord(substr $$b, $o, 1) ^ (1 << int rand 8)) } "$n bits" },
	sub { my $b = \$_[0]; my $n = 1 + int rand 4; for (1 .. $n) { substr($$b, int rand length $$b, 1) = chr int rand 256 } "$n bytes" },
	# The page's header and info, and the meta page's first fields.
	sub { my $b = \$_[0]; my $page = int rand length($$b) / PAGE; substr($$b, PAGE * $page + int rand 128, 1) = chr int rand 256; "the header of page $page" },
	sub { my $b = \$_[0]; substr($$b, 64 + int rand 1200, 1) = chr int rand 256; 'the meta page' },
	# The header of a slot: state, lanes, rows, chain.
	sub { my $b = \$_[0]; my $slot = unpack 'V', substr $_[1], 64 + 28, 4; $slot = 800 if $slot > 1600; my $page = 1 + int rand(length($$b) / PAGE - 1);
		substr($$b, PAGE * $page + 64 + $slot * int(rand 5) + int rand 40, 1 + int rand 4) = pack 'V', int rand 2**32; $$b = substr $$b, 0, length($$b) - length($$b) % PAGE; "a slot of page $page" },
	sub { my $b = \$_[0]; my $page = int rand length($$b) / PAGE; substr($$b, PAGE * $page, PAGE) = "\0" x PAGE; "page $page zeroed" },
	sub { my $b = \$_[0]; my ($p, $q) = map { int rand length($$b) / PAGE } 1, 2; my $page = substr $$b, PAGE * $p, PAGE; substr($$b, PAGE * $p, PAGE) = substr $$b, PAGE * $q, PAGE; substr($$b, PAGE * $q, PAGE) = $page; "pages $p and $q swapped" },
	sub { my $b = \$_[0]; my $page = int rand length($$b) / PAGE; my $o = PAGE * $page + 64 * int rand 128; substr($$b, $o, 64) = join '', map { chr int rand 256 } 1 .. 64; "a line of page $page" },
	sub { my $b = \$_[0]; my $pages = 1 + int rand(length($$b) / PAGE - 1); $$b = substr $$b, 0, PAGE * $pages; "cut to $pages pages" },
);

my %count = map { $_ => 0 } qw(damages crashes hangs foreign noticed);
my (%states, %kinds_done);
my $start = time;

# What a table goes through. Answers of searches follow a line "search".
sub script {
	my ($name, $order) = @_;
	return "\\echo begin $name\nEXPLAIN SELECT id FROM $name ORDER BY $order LIMIT 5;\n\\echo search\nSELECT id FROM $name ORDER BY $order LIMIT 10;\nSELECT id FROM $name ORDER BY $order;\n\\echo searched\n"
		. "BEGIN; INSERT INTO $name SELECT 5000 + i, make_vector(5000 + i % 7) FROM generate_series(1, 8) i; COMMIT;\nROLLBACK;\nINSERT INTO $name SELECT 6000, v FROM $name LIMIT 1;\n"
		. "\\echo verify\nSELECT count(*) FROM quiver_verify('${name}_v', true);\n\\echo verified\nDELETE FROM $name WHERE id % 7 = 0;\nVACUUM (INDEX_CLEANUP ON) $name;\nSELECT txid_current();\nVACUUM (INDEX_CLEANUP ON) $name;\n\\echo search\nSELECT id FROM $name ORDER BY $order LIMIT 3;\n\\echo end\n";
}

sub round_of_damages {
	my %done;
	write_index($_, $forks{$_}) for keys %forks;
	for my $table (@tables) {
		my ($name) = @$table;
		unlink grep { -e && !defined $forks{$_} } map { ("$path{$_}_fsm", "$path{$_}_vm") } $name, "${name}_v";
		my $bytes = $sound{"${name}_v"};
		my $kind = int rand @damages;
		$done{$name} = $damages[$kind]->($bytes, $sound{"${name}_v"});
		$kinds_done{$kind}++;
		write_index($path{$name}, $sound{$name});
		write_index($path{"${name}_v"}, $bytes);
	}
	$node->start;
	my ($out, $error) = ('', '');
	$node->psql('postgres', "\\set VERBOSITY sqlstate\nSET client_min_messages = error; SET enable_seqscan = off; SET statement_timeout = '5s';\n" . join('', map { script(@$_) } @tables),
		stdout => \$out, stderr => \$error, on_error_stop => 0, timeout => 600);
	$count{damages} += @tables;
	$states{$1}++ while $error =~ /ERROR:  (\w{5})/g;
	my %known = map { $_ => 1 } 1 .. 160, 1001 .. 1030, 2001 .. 3030, 5001 .. 5008, 6000;
	for my $part (split /^begin /m, $out) {
		my ($name) = $part =~ /^(\w+)/ or next;
		my @found = grep { !$known{$_} } map { /^\d+$/ ? $_ : () } map { split /\n/ } $part =~ /^search\n(.*?)^(?:searched|end)$/msg;
		$count{foreign} += @found;
		$count{noticed}++ if $part !~ /^verify\n0\nverified/m;
		ok(0, "$name, $done{$name}: rows that are not in the table: @found[0 .. 2]") if @found;
	}
	if ($error =~ /57014/) {
		$count{hangs}++;
		ok(0, 'a statement took more than five seconds: ' . join '; ', map { "$_ $done{$_}" } sort keys %done);
	}
	return $node->stop if $out =~ /^end$(?!.*^begin)/ms && (() = $out =~ /^end$/mg) == @tables;
	# The server died: keep the bytes of the table that was on.
	my ($name) = reverse $out =~ /^begin (\w+)/mg;
	$count{crashes}++;
	ok(0, "the server died of $name, $done{$name}");
	$node->stop('immediate', fail_ok => 1);
	return 0;
}

while ($count{damages} < $wanted) {
	last if $count{crashes} > 5;
	if (!round_of_damages()) {
		unlink $node->data_dir . '/postmaster.pid';
		$node->{_pid} = undef;
	}
}
my $seconds = sprintf '%.0f', time - $start;
note("$count{damages} damages in $seconds s, seed $seed: " . join(', ', map { "$_ $count{$_}" } sort keys %count) . '; errors by state: ' . join ', ', map { "$_ $states{$_}" } sort keys %states);
cmp_ok($count{noticed}, '>', 0.2 * $count{damages}, "quiver_verify saw $count{noticed} of $count{damages} damages");
is($count{$_}, 0, "$_: none") for qw(crashes hangs foreign);
is(join(' ', grep { !/^(XX001|XX002|55000|54000)$/ } sort keys %states), '', 'every error says that the index is damaged');
done_testing();
