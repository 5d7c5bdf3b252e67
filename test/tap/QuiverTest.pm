# What the TAP tests share: sample data, an index with its checks, and access to the bytes of its pages.
package QuiverTest;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(create_items index_is_sound rows_through_index read_index write_index crash);

# A table of `rows` random vectors with an hnsw index, the same on every run.
sub create_items {
	my ($node, $rows, $dimensions) = @_;
	$node->safe_psql('postgres', "CREATE EXTENSION IF NOT EXISTS quiver;
		CREATE FUNCTION make_vector(seed integer) RETURNS vector LANGUAGE plpgsql AS \$\$
		BEGIN
			RETURN (SELECT array_agg((('x' || substr(md5(seed || ' ' || i), 1, 4))::bit(16)::integer - 32768) / 32768.0)::vector
				FROM generate_series(1, $dimensions) i);
		END \$\$;
		CREATE TABLE items (id integer PRIMARY KEY, v vector($dimensions), note integer DEFAULT 0) WITH (autovacuum_enabled = off);
		INSERT INTO items (id, v) SELECT i, make_vector(i) FROM generate_series(1, $rows) i;
		CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);");
}

# Passes when quiver_verify finds no damage in any hnsw index and, within `orphans`, nothing unreachable in that of the items.
sub index_is_sound {
	my ($node, $name, $orphans) = @_;
	my $damage = $node->safe_psql('postgres',
		"SELECT c.oid::regclass, invariant, block, item, problem FROM pg_class c JOIN pg_am a ON a.oid = relam AND amname = 'hnsw', quiver_verify(c.oid, true)
		WHERE relkind = 'i' AND is_damage LIMIT 5");
	is($damage, '', "$name: no damage");
	my $lost = $node->safe_psql('postgres', "SELECT count(*) FROM quiver_verify('items_v') WHERE invariant = 6");
	cmp_ok($lost, '<=', $orphans // 0, "$name: every node can be reached");
}

# (rows of the table, distinct rows that an exhaustive index scan gives)
sub rows_through_index {
	my ($node) = @_;
	return split /\|/, $node->safe_psql('postgres', "SET enable_seqscan = off;
		SELECT (SELECT count(*) FROM items), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> make_vector(0)) t");
}

sub index_path {
	my ($node) = @_;
	return $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('items_v')");
}

# The bytes of the index's file. REQUIRES: a checkpoint before, or the server stopped.
sub read_index {
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	local $/;
	my $bytes = <$file>;
	close $file;
	return $bytes;
}

sub write_index {
	my ($path, $bytes) = @_;
	open my $file, '>:raw', $path or die "$path: $!";
	print $file $bytes;
	close $file;
}

# A process's state as ps shows it, or nothing. The dead may stand in the process table for a while.
sub state_of {
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/stat" or return '';
	my $stat = <$file> // '';
	close $file;
	return $stat =~ /\) (\S)/ ? $1 : '';
}

# The postmaster and all its children at once; the server can then be started again. One that was just born would wait for
# a dead one's lock for ever: the postmaster has to stand still while they are listed.
sub crash {
	my ($node) = @_;
	my @lines = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	kill 'STOP', $lines[0];
	usleep(1_000) until state_of($lines[0]) eq 'T';
	my @processes = ($lines[0], split /\n/, `pgrep -P $lines[0]`);
	kill 'KILL', @processes;
	usleep(10_000) while grep { state_of($_) =~ /[^ZX]/ } @processes;
	# The new postmaster would remove the old one's segment, but must not take a dead one's process for a live one.
	system_log('ipcrm', '-m', (split ' ', $lines[6])[1]);
	unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
	$node->{_pid} = undef;
}

1;
