"""What clients send and expect on the wire: text and binary, prepared, pipelined, COPY, and bytes that no client would send.

Run by scripts/wire.sh against a throw-away server. Prints "ok" or "not ok" for each check, "done" at the end.
"""
import random
import struct

import psycopg
from psycopg import pq

TEXT, BINARY = pq.Format.TEXT, pq.Format.BINARY
REFUSALS = {"22000", "22003", "22004", "22P02", "22P03", "22023", "54000", "08P01"}
FUZZED = 15000
connection = psycopg.connect(autocommit=True)
connection.execute("CREATE EXTENSION quiver")


def check(name, holds, detail=""):
    print(("ok " if holds else "not ok ") + name + (f": {detail}" if detail and not holds else ""), flush=True)


def value(sql, *arguments):
    return connection.execute(sql, arguments).fetchone()[0]


def floats(kind, values):
    return struct.pack(f">hh{len(values)}{kind}", len(values), 0, *values)


def sparse(dimensions, elements):
    return struct.pack(f">iii{len(elements)}i{len(elements)}f", dimensions, len(elements), 0, *elements.keys(), *elements.values())


# type, text, binary
SAMPLES = [
    ("vector", "[1,2.5,-3e-05]", floats("f", [1, 2.5, -3e-05])),
    ("halfvec", "[1,2.5,-0]", floats("e", [1, 2.5, -0.0])),
    ("sparsevec", "{1:1.5,3:-2}/5", sparse(5, {0: 1.5, 2: -2})),
    ("bit", "101", struct.pack(">i", 3) + b"\xa0"),
]
OIDS = {name: value("SELECT %s::regtype::oid", name) for name in ("vector", "halfvec", "sparsevec", "bit")}


def raw(sql, values, types, parameter_format, result_format):
    """(value, SQLSTATE) of libpq's own call."""
    result = connection.pgconn.exec_params(sql.encode(), values, types, [parameter_format] * len(values), result_format)
    if result.status == pq.ExecStatus.TUPLES_OK:
        return result.get_value(0, 0), None
    return None, (result.error_field(pq.DiagnosticField.SQLSTATE) or b"?").decode()


def test_formats():
    for name, text, binary in SAMPLES:
        for sent_format, sent in ((TEXT, text.encode()), (BINARY, binary)):
            for back_format, back in ((TEXT, text.encode()), (BINARY, binary)):
                got, state = raw("SELECT $1", [sent], [OIDS[name]], sent_format, back_format)
                check(f"{name}, {sent_format.name} in, {back_format.name} out", got == back, f"{got!r} {state}")
        prepared = f"echo_{name}".encode()
        connection.pgconn.prepare(prepared, b"SELECT $1", [OIDS[name]])
        for _ in range(7):  # custom plans, then a generic one
            result = connection.pgconn.exec_prepared(prepared, [binary], [BINARY], BINARY)
        check(f"{name}, prepared", result.get_value(0, 0) == binary)
        many, _ = raw(f"SELECT ARRAY[$1, NULL, $1]::{name}[]", [binary], [OIDS[name]], BINARY, BINARY)
        again, _ = raw("SELECT $1", [many], [value("SELECT %s::regtype::oid", f"{name}[]")], BINARY, BINARY)
        check(f"{name}, array", many is not None and many == again)


def test_copy():
    connection.execute("CREATE TABLE copied (v vector(3), h halfvec(3), s sparsevec(5), b bit(3))")
    connection.execute("INSERT INTO copied SELECT %s, %s, %s, %s FROM generate_series(1, 500)", [text for _, text, _ in SAMPLES])
    for form in ("binary", "text"):
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY copied TO STDOUT (FORMAT {form})") as copy:
                data = b"".join(bytes(block) for block in copy)
            cursor.execute("CREATE TEMP TABLE back (LIKE copied)")
            with cursor.copy(f"COPY back FROM STDIN (FORMAT {form})") as copy:
                copy.write(data)
            cursor.execute("SELECT (SELECT count(*) FROM back) = 500 AND NOT EXISTS (SELECT v::text, h::text, s::text, b FROM copied EXCEPT SELECT v::text, h::text, s::text, b FROM back)")
            check(f"COPY {form} there and back", cursor.fetchone()[0])
            cursor.execute("DROP TABLE back")


def test_pipeline():
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::vector <-> '[0,0]'", (f"[{i},0]",)) for i in range(200)]
        wrong = connection.execute("SELECT '[1,2]'::vector + %s::vector", ("[2,3]",))
    check("pipelined queries", [cursor.fetchone()[0] for cursor in cursors] == [float(i) for i in range(200)] and wrong.fetchone()[0] == "[3,5]")
    try:
        with connection.pipeline():
            connection.execute("SELECT %s::vector", ("[nan]",))
            connection.execute("SELECT 1")
        check("an error in a pipeline is reported", False)
    except psycopg.errors.DataException:
        check("an error in a pipeline is reported", True)
    check("the connection goes on after it", value("SELECT 1") == 1)


def test_lookups():
    rows = connection.execute("SELECT typname, typtype, typelem, typcategory, typdelim, typreceive <> 0, typarray <> 0 FROM pg_type "
                              "WHERE oid IN (to_regtype('vector'), to_regtype('halfvec'), to_regtype('sparsevec')) ORDER BY 1").fetchall()
    kinds = {tuple(str(x) for x in row[1:]) for row in rows}
    check("types are plain scalars of category U", len(rows) == 3 and kinds == {("b", "0", "U", ",", "True", "True")}, str(kinds))
    check("array types have the underscore name", value("SELECT to_regtype('_vector')::text") == "vector[]")
    connection.execute("CREATE TABLE looked_at (embedding VECTOR(3))")
    check("atttypmod is the number of dimensions",
          value("SELECT atttypmod FROM pg_attribute WHERE attrelid = 'looked_at'::regclass AND attname = 'embedding'") == 3)
    check("udt_name for code generators",
          value("SELECT data_type || ' ' || udt_name FROM information_schema.columns WHERE table_name = 'looked_at'") == "USER-DEFINED vector")
    check("a JSON array is a vector",
          value("SELECT embedding::text FROM json_populate_record(NULL::looked_at, '{\"embedding\": [1, 2.5, -3]}')") == "[1,2.5,-3]")
    check("a vector is a JSON string", value("SELECT to_json('[1,2]'::vector)::text") == '"[1,2]"')


def plan_of(sql, *arguments):
    return "\n".join(row[0] for row in connection.execute("EXPLAIN (COSTS off) " + sql, arguments).fetchall())


def test_queries():
    connection.execute("CREATE TABLE items (id serial PRIMARY KEY, embedding vector(4), note text)")
    connection.execute("INSERT INTO items (embedding) SELECT ARRAY[random(), random(), random(), random()]::vector FROM generate_series(1, 8000)")
    for metric in ("l2", "ip", "cosine", "l1"):
        connection.execute(f"CREATE INDEX items_{metric} ON items USING HNSW (embedding vector_{metric}_ops)")
    connection.execute("ANALYZE items")
    for metric, operator in (("l2", "<->"), ("ip", "<#>"), ("cosine", "<=>"), ("l1", "<+>")):
        plan = plan_of(f"SELECT id FROM items ORDER BY embedding {operator} %s LIMIT 5", "[1,0,0,0]")
        check(f"{operator} takes its index, untyped parameter", f"Index Scan using items_{metric}" in plan and "Order By: (embedding" in plan, plan)
        connection.execute(f"PREPARE nearest_{metric}(vector) AS SELECT id, embedding {operator} $1 AS distance FROM items ORDER BY distance LIMIT 5")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        plan = plan_of(f"EXECUTE nearest_{metric}('[1,0,0,0]')")
        check(f"{operator} takes it in a generic plan, by an output column", f"Index Scan using items_{metric}" in plan, plan)
        connection.execute("RESET plan_cache_mode")
    plan = plan_of("SELECT q.n, t.id FROM (VALUES (0, CAST(ARRAY[1,0,0,0] AS VECTOR(4))), (1, CAST(ARRAY[0,0.5,0,1] AS VECTOR(4)))) q(n, v), "
                   "LATERAL (SELECT id FROM items ORDER BY embedding <-> q.v LIMIT 3) t")
    check("a lateral join takes it once an outer row", "Index Scan using items_l2" in plan, plan)
    rows = connection.execute("SELECT id, 1 - (embedding <=> %s) AS score FROM items ORDER BY embedding <=> %s LIMIT 60", ("[1,0,0,0]", "[1,0,0,0]")).fetchall()
    check("LIMIT 60 gives 60 rows, in order", len(rows) == 60 and all(a[1] >= b[1] for a, b in zip(rows, rows[1:])))
    rows = connection.execute("SELECT id FROM items WHERE id %% 200 = 0 ORDER BY embedding <-> %s LIMIT 30", ("[1,0,0,0]",)).fetchall()
    check("a filter does not cost rows", len(rows) == 30)
    connection.execute("INSERT INTO items (embedding) VALUES ('{1,2,3,4}'::float8[]), (ARRAY[0.1,0.2,0.3,0.4]), (%s)", ("[1, 2, 3, 4]",))
    connection.execute("INSERT INTO items (id, embedding) VALUES (1, '[9,9,9,9]') ON CONFLICT (id) DO UPDATE SET embedding = EXCLUDED.embedding")
    check("an upsert is found", value("SELECT id FROM items ORDER BY embedding <-> '[9,9,9,9]' LIMIT 1") == 1)
    check("avg and sum", value("SELECT round(vector_norm(avg(embedding) - sum(embedding) * array_fill(1.0 / count(*), ARRAY[4])::vector)::numeric, 3) FROM items") == 0)
    connection.execute("DROP INDEX items_l2, items_ip, items_cosine, items_l1")
    connection.execute("ALTER TABLE items ALTER COLUMN embedding SET DATA TYPE real[]")
    connection.execute("ALTER TABLE items ALTER COLUMN embedding SET DATA TYPE vector(4)")
    check("a column goes to real[] and back", value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'embedding'") == "vector(4)")


def damaged(source, rng):
    data = bytearray(source)
    for _ in range(rng.randint(1, 3)):
        kind = rng.randint(0, 4)
        if kind == 0 and data:
            data[rng.randrange(len(data))] = rng.randrange(256)
        elif kind == 1 and data:
            del data[rng.randrange(len(data)):]
        elif kind == 2:
            data += bytes(rng.randrange(256) for _ in range(rng.randint(1, 9)))
        elif kind == 3 and len(data) >= 4:
            position = rng.randrange(len(data) - 3)
            data[position:position + 4] = rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0"])
        elif data:
            position = rng.randrange(len(data))
            data[position:position] = data[:rng.randint(1, 8)]
    return bytes(data)


def damaged_text(source, rng):
    pieces = ["[", "]", "{", "}", ":", ",", "/", " ", "-", "+", "e", ".", "0", "9", "nan", "inf", "1e39", "1e-50", "0x1p4", "99999999999999999999", "\t", "é"]
    text = source
    for _ in range(rng.randint(1, 4)):
        position = rng.randrange(len(text) + 1)
        text = text[:position] + rng.choice(pieces) + text[position + rng.randint(0, 2):]
    return text


def test_bad_input():
    rng = random.Random(20261124)
    for name, text, binary in SAMPLES[:3]:
        wrong, refused = [], 0
        for _ in range(FUZZED):
            sent = damaged(binary, rng)
            got, state = raw("SELECT $1", [sent], [OIDS[name]], BINARY, BINARY)
            if got is None:
                refused += 1
                if state not in REFUSALS:
                    wrong.append((sent.hex(), state))
            elif got != sent:
                wrong.append((sent.hex(), got.hex()))
        check(f"{name}: {FUZZED} damaged messages, refused in one of the known ways or taken as they are", not wrong and refused > 0, str(wrong[:3]))
        wrong, refused = [], 0
        for _ in range(FUZZED):
            sent = damaged_text(text, rng)
            got, state = raw("SELECT $1", [sent.encode()], [OIDS[name]], TEXT, TEXT)
            if got is None:
                refused += 1
                if state not in REFUSALS:
                    wrong.append((sent, state))
            elif raw("SELECT $1", [got], [OIDS[name]], TEXT, TEXT)[0] != got:
                wrong.append((sent, got))
        check(f"{name}: {FUZZED} damaged texts, refused in one of the known ways or read for good", not wrong and refused > 0, str(wrong[:3]))
    check("the connection is still usable", value("SELECT '[1,2]'::vector <-> '[1,2]'") == 0)


for test in (test_formats, test_copy, test_pipeline, test_lookups, test_queries, test_bad_input):
    try:
        test()
    except Exception as error:  # a check that could not be made has failed
        check(test.__name__, False, f"{type(error).__name__}: {error}")
print("done")
