--
-- PostgreSQL database dump
--

\restrict 0qCz1RICfXx204uKAfJ1g3JaQvWi3QizLAwFRFrBm9Cbc3KcRnApEXok8boeyST


SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: catalogue; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA catalogue;


ALTER SCHEMA catalogue OWNER TO postgres;

--
-- Name: vector; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;


--
-- Name: EXTENSION vector; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';


--
-- Name: match(public.vector, integer); Type: FUNCTION; Schema: catalogue; Owner: postgres
--

CREATE FUNCTION catalogue.match(query public.vector, count integer) RETURNS SETOF integer
    LANGUAGE sql STABLE
    SET "hnsw.ef_search" TO '80'
    AS $$ SELECT id FROM catalogue.products ORDER BY embedding <=> query LIMIT count $$;


ALTER FUNCTION catalogue.match(query public.vector, count integer) OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: products; Type: TABLE; Schema: catalogue; Owner: postgres
--

CREATE TABLE catalogue.products (
    id integer NOT NULL,
    name text NOT NULL,
    embedding public.vector(6) NOT NULL,
    small public.halfvec(6),
    words public.sparsevec(1000),
    marks bit(12),
    loose public.vector,
    history public.vector(3)[],
    unit public.vector(6) GENERATED ALWAYS AS (public.l2_normalize(embedding)) STORED,
    CONSTRAINT close CHECK (((embedding OPERATOR(public.<->) '[0,0,0,0,0,0]'::public.vector) < (100)::double precision))
);


ALTER TABLE catalogue.products OWNER TO postgres;

--
-- Name: means; Type: MATERIALIZED VIEW; Schema: catalogue; Owner: postgres
--

CREATE MATERIALIZED VIEW catalogue.means AS
 SELECT (products.id % 3) AS part,
    public.avg(products.embedding) AS mean,
    public.sum(products.small) AS total
   FROM catalogue.products
  GROUP BY (products.id % 3)
  WITH NO DATA;


ALTER TABLE catalogue.means OWNER TO postgres;

--
-- Name: products_id_seq; Type: SEQUENCE; Schema: catalogue; Owner: postgres
--

CREATE SEQUENCE catalogue.products_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE catalogue.products_id_seq OWNER TO postgres;

--
-- Name: products_id_seq; Type: SEQUENCE OWNED BY; Schema: catalogue; Owner: postgres
--

ALTER SEQUENCE catalogue.products_id_seq OWNED BY catalogue.products.id;


--
-- Name: products id; Type: DEFAULT; Schema: catalogue; Owner: postgres
--

ALTER TABLE ONLY catalogue.products ALTER COLUMN id SET DEFAULT nextval('catalogue.products_id_seq'::regclass);


--
-- Data for Name: products; Type: TABLE DATA; Schema: catalogue; Owner: postgres
--

COPY catalogue.products (id, name, embedding, small, words, marks, loose, history) FROM stdin;
1	product 1	[3.652,4,3.607,2.547,1.015,-0.704]	[-1.6601562,-3.9609375,-2.609375,1.1298828,3.8398438,3.0195312]	{2:1.5,503:-2.25}/1000	000000100101	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
2	product 2	[3.826,2.98,1.584,-0.106,-1.776,-3.118]	[-3.9609375,-2.609375,1.1298828,3.8398438,3.0195312,-0.5800781]	{3:1.5,504:-2.25}/1000	000001001010	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
3	product 3	[2.116,0.494,-1.219,-2.707,-3.694,-3.997]	[-2.609375,1.1298828,3.8398438,3.0195312,-0.5800781,-3.640625]	{4:1.5,505:-2.25}/1000	000001101111	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
4	product 4	[-0.634,-2.235,-3.422,-3.976,-3.793,-2.909]	[1.1298828,3.8398438,3.0195312,-0.5800781,-3.640625,-3.359375]	{5:1.5,506:-2.25}/1000	000010010100	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
5	product 5	[-3.073,-3.864,-3.941,-3.287,-2.025,-0.389]	[3.8398438,3.0195312,-0.5800781,-3.640625,-3.359375,0.020004272]	{6:1.5,507:-2.25}/1000	000010111001	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
6	product 6	[-3.999,-3.592,-2.52,-0.981,0.739,2.322]	[3.0195312,-0.5800781,-3.640625,-3.359375,0.020004272,3.3808594]	{7:1.5,508:-2.25}/1000	000011011110	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
7	product 7	[-2.957,-1.551,0.142,1.808,3.14,3.891]	[-0.5800781,-3.640625,-3.359375,0.020004272,3.3808594,3.6308594]	{8:1.5,509:-2.25}/1000	000100000011	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
8	product 8	[-0.459,1.253,2.733,3.707,3.995,3.544]	[-3.640625,-3.359375,0.020004272,3.3808594,3.6308594,0.5498047]	{9:1.5,510:-2.25}/1000	000100101000	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
9	product 9	[2.264,3.44,3.979,3.782,2.884,1.453]	[-3.359375,0.020004272,3.3808594,3.6308594,0.5498047,-3.0390625]	{10:1.5,511:-2.25}/1000	000101001101	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
10	product 10	[3.873,3.934,3.267,1.995,0.353,-1.353]	[0.020004272,3.3808594,3.6308594,0.5498047,-3.0390625,-3.8300781]	{11:1.5,512:-2.25}/1000	000101110010	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
11	product 11	[3.576,2.492,0.947,-0.774,-2.351,-3.493]	[3.3808594,3.6308594,0.5498047,-3.0390625,-3.8300781,-1.0996094]	{12:1.5,513:-2.25}/1000	000110010111	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
12	product 12	[1.518,-0.177,-1.84,-3.162,-3.899,-3.914]	[3.6308594,0.5498047,-3.0390625,-3.8300781,-1.0996094,2.640625]	{13:1.5,514:-2.25}/1000	000110111100	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
13	product 13	[-1.286,-2.759,-3.72,-3.993,-3.527,-2.408]	[0.5498047,-3.0390625,-3.8300781,-1.0996094,2.640625,3.9492188]	{14:1.5,515:-2.25}/1000	000111100001	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
14	product 14	[-3.458,-3.983,-3.77,-2.86,-1.42,0.283]	[-3.0390625,-3.8300781,-1.0996094,2.640625,3.9492188,1.6298828]	{15:1.5,516:-2.25}/1000	001000000110	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
15	product 15	[-3.928,-3.246,-1.964,-0.318,1.387,2.835]	[-3.8300781,-1.0996094,2.640625,3.9492188,1.6298828,-2.1894531]	{16:1.5,517:-2.25}/1000	001000101011	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
16	product 16	[-2.464,-0.912,0.809,2.38,3.51,3.991]	[-1.0996094,2.640625,3.9492188,1.6298828,-2.1894531,-4]	{17:1.5,518:-2.25}/1000	001001010000	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
17	product 17	[0.212,1.871,3.183,3.906,3.906,3.183]	[2.640625,3.9492188,1.6298828,-2.1894531,-4,-2.1308594]	{18:1.5,519:-2.25}/1000	001001110101	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
18	product 18	[2.784,3.733,3.991,3.51,2.38,0.808]	[3.9492188,1.6298828,-2.1894531,-4,-2.1308594,1.7001953]	{19:1.5,520:-2.25}/1000	001010011010	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
19	product 19	[3.986,3.758,2.835,1.386,-0.318,-1.964]	[1.6298828,-2.1894531,-4,-2.1308594,1.7001953,3.9609375]	{20:1.5,521:-2.25}/1000	001010111111	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
20	product 20	[3.226,1.933,0.283,-1.42,-2.86,-3.77]	[-2.1894531,-4,-2.1308594,1.7001953,3.9609375,2.5898438]	{21:1.5,522:-2.25}/1000	001011100100	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
21	product 21	[0.878,-0.843,-2.408,-3.527,-3.993,-3.72]	[-4,-2.1308594,1.7001953,3.9609375,2.5898438,-1.1699219]	{22:1.5,523:-2.25}/1000	001100001001	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
22	product 22	[-1.902,-3.205,-3.914,-3.899,-3.162,-1.84]	[-2.1308594,1.7001953,3.9609375,2.5898438,-1.1699219,-3.8496094]	{23:1.5,524:-2.25}/1000	001100101110	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
23	product 23	[-3.746,-3.989,-3.493,-2.351,-0.774,0.947]	[1.7001953,3.9609375,2.5898438,-1.1699219,-3.8496094,-2.9902344]	{24:1.5,525:-2.25}/1000	001101010011	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
24	product 24	[-3.746,-2.81,-1.353,0.354,1.995,3.267]	[3.9609375,2.5898438,-1.1699219,-3.8496094,-2.9902344,0.6201172]	{25:1.5,526:-2.25}/1000	001101111000	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
25	product 25	[-1.902,-0.248,1.453,2.884,3.782,3.979]	[2.5898438,-1.1699219,-3.8496094,-2.9902344,0.6201172,3.6601562]	{26:1.5,527:-2.25}/1000	001110011101	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
26	product 26	[0.878,2.436,3.544,3.995,3.707,2.733]	[-1.1699219,-3.8496094,-2.9902344,0.6201172,3.6601562,3.3398438]	{27:1.5,528:-2.25}/1000	001111000010	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
27	product 27	[3.226,3.921,3.89,3.14,1.808,0.141]	[-3.8496094,-2.9902344,0.6201172,3.6601562,3.3398438,-0.049987793]	{28:1.5,529:-2.25}/1000	001111100111	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
28	product 28	[3.986,3.476,2.322,0.739,-0.981,-2.52]	[-2.9902344,0.6201172,3.6601562,3.3398438,-0.049987793,-3.390625]	{29:1.5,530:-2.25}/1000	010000001100	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
29	product 29	[2.784,1.32,-0.389,-2.026,-3.287,-3.941]	[0.6201172,3.6601562,3.3398438,-0.049987793,-3.390625,-3.609375]	{30:1.5,531:-2.25}/1000	010000110001	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
30	product 30	[0.212,-1.486,-2.909,-3.793,-3.976,-3.422]	[3.6601562,3.3398438,-0.049987793,-3.390625,-3.609375,-0.5097656]	{31:1.5,532:-2.25}/1000	010001010110	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
31	product 31	[-2.464,-3.56,-3.997,-3.694,-2.707,-1.219]	[3.3398438,-0.049987793,-3.390625,-3.609375,-0.5097656,3.0605469]	{32:1.5,533:-2.25}/1000	010001111011	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
32	product 32	[-3.928,-3.882,-3.118,-1.776,-0.106,1.584]	[-0.049987793,-3.390625,-3.609375,-0.5097656,3.0605469,3.8203125]	{33:1.5,534:-2.25}/1000	010010100000	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
33	product 33	[-3.458,-2.293,-0.704,1.015,2.547,3.607]	[-3.390625,-3.609375,-0.5097656,3.0605469,3.8203125,1.0703125]	{34:1.5,535:-2.25}/1000	010011000101	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
34	product 34	[-1.286,0.424,2.056,3.307,3.947,3.855]	[-3.609375,-0.5097656,3.0605469,3.8203125,1.0703125,-2.6699219]	{35:1.5,536:-2.25}/1000	010011101010	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
35	product 35	[1.519,2.933,3.804,3.971,3.404,2.206]	[-0.5097656,3.0605469,3.8203125,1.0703125,-2.6699219,-3.9492188]	{36:1.5,537:-2.25}/1000	010100001111	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
36	product 36	[3.576,3.998,3.68,2.681,1.185,-0.53]	[3.0605469,3.8203125,1.0703125,-2.6699219,-3.9492188,-1.5996094]	{37:1.5,538:-2.25}/1000	010100110100	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
37	product 37	[3.873,3.095,1.745,0.071,-1.616,-3.004]	[3.8203125,1.0703125,-2.6699219,-3.9492188,-1.5996094,2.2207031]	{38:1.5,539:-2.25}/1000	010101011001	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
38	product 38	[2.264,0.669,-1.05,-2.574,-3.622,-4]	[1.0703125,-2.6699219,-3.9492188,-1.5996094,2.2207031,4]	{39:1.5,540:-2.25}/1000	010101111110	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
39	product 39	[-0.459,-2.086,-3.327,-3.952,-3.846,-3.027]	[-2.6699219,-3.9492188,-1.5996094,2.2207031,4,2.0996094]	{40:1.5,541:-2.25}/1000	010110100011	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
40	product 40	[-2.957,-3.815,-3.967,-3.385,-2.176,-0.564]	[-3.9492188,-1.5996094,2.2207031,4,2.0996094,-1.7304688]	{41:1.5,542:-2.25}/1000	010111001000	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
41	product 41	[-3.999,-3.666,-2.654,-1.151,0.565,2.176]	[-1.5996094,2.2207031,4,2.0996094,-1.7304688,-3.9707031]	{42:1.5,543:-2.25}/1000	010111101101	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
42	product 42	[-3.073,-1.713,-0.035,1.649,3.027,3.846]	[2.2207031,4,2.0996094,-1.7304688,-3.9707031,-2.5605469]	{43:1.5,544:-2.25}/1000	011000010010	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
43	product 43	[-0.634,1.084,2.601,3.637,4,3.622]	[4,2.0996094,-1.7304688,-3.9707031,-2.5605469,1.2001953]	{44:1.5,545:-2.25}/1000	011000110111	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
44	product 44	[2.116,3.347,3.957,3.836,3.004,1.616]	[2.0996094,-1.7304688,-3.9707031,-2.5605469,1.2001953,3.859375]	{45:1.5,546:-2.25}/1000	011001011100	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
45	product 45	[3.826,3.962,3.366,2.146,0.529,-1.186]	[-1.7304688,-3.9707031,-2.5605469,1.2001953,3.859375,2.9707031]	{46:1.5,547:-2.25}/1000	011010000001	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
46	product 46	[3.652,2.628,1.118,-0.6,-2.206,-3.404]	[-3.9707031,-2.5605469,1.2001953,3.859375,2.9707031,-0.64990234]	{47:1.5,548:-2.25}/1000	011010100110	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
47	product 47	[1.681,0,-1.681,-3.05,-3.855,-3.946]	[-2.5605469,1.2001953,3.859375,2.9707031,-0.64990234,-3.6699219]	{48:1.5,549:-2.25}/1000	011011001011	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
48	product 48	[-1.118,-2.628,-3.652,-4,-3.607,-2.547]	[1.2001953,3.859375,2.9707031,-0.64990234,-3.6699219,-3.3203125]	{49:1.5,550:-2.25}/1000	011011110000	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
49	product 49	[-3.366,-3.962,-3.825,-2.98,-1.584,0.106]	[3.859375,2.9707031,-0.64990234,-3.6699219,-3.3203125,0.090026855]	{50:1.5,551:-2.25}/1000	011100010101	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
50	product 50	[-3.957,-3.347,-2.116,-0.494,1.219,2.707]	[2.9707031,-0.64990234,-3.6699219,-3.3203125,0.090026855,3.4101562]	{51:1.5,552:-2.25}/1000	011100111010	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
51	product 51	[-2.601,-1.084,0.635,2.235,3.422,3.976]	[-0.64990234,-3.6699219,-3.3203125,0.090026855,3.4101562,3.5996094]	{52:1.5,553:-2.25}/1000	011101011111	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
52	product 52	[0.036,1.713,3.073,3.865,3.941,3.287]	[-3.6699219,-3.3203125,0.090026855,3.4101562,3.5996094,0.47998047]	{53:1.5,554:-2.25}/1000	011110000100	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
53	product 53	[2.655,3.666,3.999,3.592,2.519,0.981]	[-3.3203125,0.090026855,3.4101562,3.5996094,0.47998047,-3.0800781]	{54:1.5,555:-2.25}/1000	011110101001	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
54	product 54	[3.967,3.815,2.957,1.551,-0.142,-1.808]	[0.090026855,3.4101562,3.5996094,0.47998047,-3.0800781,-3.8105469]	{55:1.5,556:-2.25}/1000	011111001110	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
55	product 55	[3.327,2.086,0.459,-1.253,-2.733,-3.707]	[3.4101562,3.5996094,0.47998047,-3.0800781,-3.8105469,-1.0302734]	{56:1.5,557:-2.25}/1000	011111110011	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
56	product 56	[1.049,-0.67,-2.265,-3.44,-3.979,-3.782]	[3.5996094,0.47998047,-3.0800781,-3.8105469,-1.0302734,2.6894531]	{57:1.5,558:-2.25}/1000	100000011000	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
57	product 57	[-1.745,-3.096,-3.873,-3.934,-3.267,-1.995]	[0.47998047,-3.0800781,-3.8105469,-1.0302734,2.6894531,3.9394531]	{58:1.5,559:-2.25}/1000	100000111101	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
58	product 58	[-3.68,-3.998,-3.576,-2.492,-0.947,0.774]	[-3.0800781,-3.8105469,-1.0302734,2.6894531,3.9394531,1.5703125]	{59:1.5,560:-2.25}/1000	100001100010	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
59	product 59	[-3.804,-2.933,-1.518,0.177,1.84,3.162]	[-3.8105469,-1.0302734,2.6894531,3.9394531,1.5703125,-2.25]	{60:1.5,561:-2.25}/1000	100010000111	[1,2,3,4]	{"[1,2,3]",NULL,"[4,5,6.5]"}
60	product 60	[-2.056,-0.424,1.287,2.759,3.72,3.993]	[-1.0302734,2.6894531,3.9394531,1.5703125,-2.25,-4]	{61:1.5,562:-2.25}/1000	100010101100	[1,2]	{"[1,2,3]",NULL,"[4,5,6.5]"}
\.


--
-- Name: products_id_seq; Type: SEQUENCE SET; Schema: catalogue; Owner: postgres
--

SELECT pg_catalog.setval('catalogue.products_id_seq', 60, true);


--
-- Name: products products_pkey; Type: CONSTRAINT; Schema: catalogue; Owner: postgres
--

ALTER TABLE ONLY catalogue.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (id);


--
-- Name: means_mean; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX means_mean ON catalogue.means USING hnsw (((mean)::public.vector(6)) public.vector_l2_ops);


--
-- Name: products_binary; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_binary ON catalogue.products USING hnsw (((public.binary_quantize(embedding))::bit(6)) public.bit_hamming_ops);


--
-- Name: products_cosine; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_cosine ON catalogue.products USING hnsw (embedding public.vector_cosine_ops) WITH (m='8', ef_construction='32');


--
-- Name: products_embedding; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_embedding ON catalogue.products USING hnsw (embedding public.vector_l2_ops);


--
-- Name: products_half; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_half ON catalogue.products USING hnsw (((embedding)::public.halfvec(6)) public.halfvec_l2_ops) WHERE (id > 10);


--
-- Name: products_l1; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_l1 ON catalogue.products USING hnsw (embedding public.vector_l1_ops);


--
-- Name: products_marks; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_marks ON catalogue.products USING hnsw (marks public.bit_jaccard_ops);


--
-- Name: products_marks_lists; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_marks_lists ON catalogue.products USING ivfflat (marks public.bit_hamming_ops) WITH (lists='5');


--
-- Name: products_order; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_order ON catalogue.products USING btree (embedding);


--
-- Name: products_small; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_small ON catalogue.products USING hnsw (small public.halfvec_ip_ops);


--
-- Name: products_words; Type: INDEX; Schema: catalogue; Owner: postgres
--

CREATE INDEX products_words ON catalogue.products USING hnsw (words public.sparsevec_cosine_ops);


--
-- Name: means; Type: MATERIALIZED VIEW DATA; Schema: catalogue; Owner: postgres
--

REFRESH MATERIALIZED VIEW catalogue.means;


--
-- PostgreSQL database dump complete
--

\unrestrict 0qCz1RICfXx204uKAfJ1g3JaQvWi3QizLAwFRFrBm9Cbc3KcRnApEXok8boeyST

