# Recall, order and completeness on real word vectors, fresh and after churn.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use QuiverTest;

my $node = PostgreSQL::Test::Cluster->new('recall');
$node->init;
$node->append_conf('postgresql.conf', "shared_buffers = '256MB'\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', "CREATE EXTENSION quiver;
	CREATE TABLE staged (word text, kind text, embedding vector(100));
	COPY staged FROM PROGRAM 'gzip -dc $ENV{QUIVER_SAMPLE}';
	CREATE TABLE words AS SELECT row_number() OVER () AS id, word, embedding FROM staged WHERE kind = 'base';
	CREATE TABLE queries AS SELECT row_number() OVER () AS id, embedding FROM staged WHERE kind = 'query';
	VACUUM ANALYZE;");

# Recall@10 by the index against a sorted scan, and how many of the index's answers are out of order.
sub measure {
	my ($operator) = @_;
	my $ask = "SELECT q.id AS query, n.id, n.place, n.distance FROM queries q, LATERAL
		(SELECT id, row_number() OVER () AS place, embedding $operator q.embedding AS distance
		 FROM (SELECT id, embedding FROM words ORDER BY embedding $operator q.embedding LIMIT 10) ten) n";
	return split /\|/, $node->safe_psql('postgres', "SET enable_indexscan = off; CREATE TEMP TABLE truth AS $ask;
		RESET enable_indexscan; SET enable_seqscan = off; SET enable_sort = off; CREATE TEMP TABLE found AS $ask;
		SELECT (SELECT count(*) / (SELECT count(*) FROM truth)::float FROM truth JOIN found USING (query, id)),
		       (SELECT count(*) FROM (SELECT distance, lag(distance) OVER (PARTITION BY query ORDER BY place) AS before FROM found) f
		        WHERE before > distance)");
}

for my $class ([ 'vector_cosine_ops', '<=>', 0.97 ], [ 'vector_l2_ops', '<->', 0.97 ], [ 'vector_ip_ops', '<#>', 0.85 ]) {
	my ($name, $operator, $least) = @$class;
	$node->safe_psql('postgres', "CREATE INDEX words_index ON words USING hnsw (embedding $name)");
	my ($recall, $misordered) = measure($operator);
	cmp_ok($recall, '>=', $least, "$name: recall \@10 $recall");
	is($misordered, 0, "$name: exact order");
	is($node->safe_psql('postgres', "SET enable_seqscan = off;
		SELECT count(DISTINCT id) FROM (SELECT id FROM words ORDER BY embedding $operator (SELECT embedding FROM queries WHERE id = 1)) t"),
		'10000', "$name: an exhaustive scan is complete");
	is($node->safe_psql('postgres', "SELECT count(*) FROM quiver_verify('words_index', true)"), '0', "$name: sound");
	$node->safe_psql('postgres', 'DROP INDEX words_index');
}

# Rounds of deletion, vacuum and new rows must not wear the graph down.
$node->safe_psql('postgres', 'CREATE TABLE spare AS TABLE words; CREATE INDEX words_index ON words USING hnsw (embedding vector_cosine_ops)');
my ($fresh) = measure('<=>');
for my $round (0 .. 2) {
	$node->safe_psql('postgres', "DELETE FROM words WHERE id % 3 = $round");
	for (1 .. 3) {
		$node->safe_psql('postgres', 'VACUUM words');
		$node->safe_psql('postgres', 'SELECT txid_current()');
	}
	$node->safe_psql('postgres', "INSERT INTO words SELECT * FROM spare WHERE id % 3 = $round");
}
my ($churned, $misordered) = measure('<=>');
cmp_ok($churned, '>=', $fresh - 0.01, "recall $fresh before and $churned after all rows were replaced");
is($misordered, 0, 'exact order after churn');
is($node->safe_psql('postgres', "SELECT count(*) FROM quiver_verify('words_index', true) WHERE is_damage"), '0', 'sound after churn');
done_testing();
