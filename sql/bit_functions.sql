-- Distances of bit strings.
SELECT hamming_distance('111', '111'), hamming_distance('111', '110'), hamming_distance('111', '000'), hamming_distance('', ''), '10101'::bit(5) <~> '01010';
SELECT jaccard_distance('1111', '1111'), jaccard_distance('1111', '1110'), jaccard_distance('1100', '1000'), jaccard_distance('1100', '0010'), jaccard_distance('0000', '0000'), jaccard_distance('', '');
SELECT '1100'::bit(4) <%> '1000', '1100'::varbit <~> '1000'::varbit;
SELECT command, error_of('SELECT ' || command) FROM (VALUES ('hamming_distance(''111'', ''00'')'), ('jaccard_distance(''111'', ''00'')'),
  ('''1''::bit(1) <~> ''11''::bit(2)'), ('''1''::bit(1) <%> ''11''::bit(2)')) t(command);
-- every length: against counts of the server's own operators
WITH pairs AS MATERIALIZED (SELECT sample_bits(n, n) AS a, sample_bits(-n, n) AS b FROM generate_series(1, 600) n)
SELECT count(*), count(*) FILTER (WHERE hamming_distance(a, b) <> bit_count(a # b)
  OR jaccard_distance(a, b) <> CASE WHEN bit_count(a & b) = 0 THEN 1 ELSE 1 - bit_count(a & b)::float8 / bit_count(a | b) END) AS wrong FROM pairs;
