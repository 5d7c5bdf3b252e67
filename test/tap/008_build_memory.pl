# CREATE INDEX in less memory than the graph takes: as good, within bounds, and without anything left behind, whether it
# ends well, by an error, by a cancel or by a crash.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use QuiverTest;

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
$node->append_conf('postgresql.conf', "shared_buffers = '256MB'\nautovacuum = off\nlog_temp_files = 0\n");
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION quiver;
	CREATE TABLE staged (word text, kind text, embedding vector(100));
	COPY staged FROM PROGRAM 'gzip -dc $ENV{QUIVER_SAMPLE}';
	CREATE TABLE words AS SELECT row_number() OVER () AS id, embedding FROM staged WHERE kind = 'base';
	CREATE TABLE queries AS SELECT row_number() OVER () AS id, embedding FROM staged WHERE kind = 'query';
	CREATE TABLE truth AS SELECT q.id AS query, n.id FROM queries q, LATERAL
		(SELECT id FROM words ORDER BY embedding <=> q.embedding LIMIT 10) n;
	VACUUM ANALYZE;");

sub recall {
	return $node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off;
		SELECT count(*) / (SELECT count(*) FROM truth)::float FROM truth JOIN (SELECT q.id AS query, n.id FROM queries q, LATERAL
			(SELECT id FROM words ORDER BY embedding <=> q.embedding LIMIT 10) n) found USING (query, id)");
}

# Files of builds that the server still holds on disk.
sub temporary_files {
	return scalar(grep { -f } glob($node->data_dir . '/base/pgsql_tmp/* ' . $node->data_dir . '/base/pgsql_tmp/*/*'));
}

my $full;
for my $memory ('64MB', '4MB', '2MB', '1MB') {
	my $logged = -s $node->logfile;
	$node->safe_psql('postgres', "SET maintenance_work_mem = '$memory';
		CREATE INDEX words_index ON words USING hnsw (embedding vector_cosine_ops)");
	my $used_files = slurp_file($node->logfile, $logged) =~ /temporary file: path/;
	is($used_files ? 'files' : 'memory', $memory eq '64MB' ? 'memory' : 'files', "$memory: where it was built");
	is($node->safe_psql('postgres', "SELECT count(*) FROM quiver_verify('words_index', true)"), '0', "$memory: sound");
	my $recall = recall();
	$full //= $recall;
	cmp_ok($recall, '>=', $full - 0.02, "$memory: recall \@10 $recall");
	is(temporary_files(), 0, "$memory: no files are left");
	$node->safe_psql('postgres', 'DROP INDEX words_index');
}

my ($status, $out, $error) = $node->psql('postgres', "SET maintenance_work_mem = '1MB'; SET temp_file_limit = '2MB';
	CREATE INDEX words_index ON words USING hnsw (embedding vector_cosine_ops)");
like($error, qr/temporary file size exceeds/, 'temp_file_limit ends the build');
is(temporary_files(), 0, 'and nothing is left');

# Cancelled at moments all over the build.
for my $milliseconds (50, 400, 900, 1500) {
	$node->psql('postgres', "SET maintenance_work_mem = '1MB'; SET statement_timeout = $milliseconds;
		CREATE INDEX words_index ON words USING hnsw (embedding vector_cosine_ops)");
	is(temporary_files(), 0, "cancelled after $milliseconds ms: nothing is left");
	$node->safe_psql('postgres', 'DROP INDEX IF EXISTS words_index');
}

# Workers: their memory must reach 32 MB each, so that more rows are needed.
$node->safe_psql('postgres', "CREATE TABLE items (id integer, v vector(24)) WITH (parallel_workers = 1);
	INSERT INTO items SELECT i, (SELECT array_agg(random()) FROM generate_series(1, 24) WHERE i > 0)::vector FROM generate_series(1, 95000) i");
my $log = -s $node->logfile;
$node->safe_psql('postgres', "SET maintenance_work_mem = '64MB'; SET max_parallel_maintenance_workers = 1;
	CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)");
like(slurp_file($node->logfile, $log), qr/temporary file: path "[^"]*quiver_build/, 'leader and worker share files');
is($node->safe_psql('postgres', "SELECT count(*) FROM quiver_verify('items_v', true)"), '0', 'leader and worker: sound');
is(temporary_files(), 0, 'leader and worker: no files are left');

# A crash in the middle.
my $session = $node->background_psql('postgres');
$session->query_until(qr/started/, "SET maintenance_work_mem = '64MB';\n\\echo started\nREINDEX INDEX items_v;\n");
sleep 3;
$node->stop('immediate');
eval { $session->{run}->finish };
$node->start;
is(temporary_files(), 0, 'after a crash: the start clears files away');
is($node->safe_psql('postgres', "SELECT count(*) FROM quiver_verify('items_v', true)"), '0', 'after a crash: the old index stands');

done_testing();
