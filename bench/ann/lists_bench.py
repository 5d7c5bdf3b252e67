#!/usr/bin/env python3
# Recall, speed, size and build time of an index of lists, quiver's or pgvector's, through SQL on one connection.
# SPDX-License-Identifier: PostgreSQL
"""usage: lists_bench.py FOLDER/NAME EXTENSION 'USING ...' SETTING VALUE... (base.fbin, query.fbin, gt.ibin of NAME)

The server's CPU time, from /proc, stands beside wall time: other work on the machine does not count in it.
"""
import io
import os
import struct
import sys
import time

import numpy
import psycopg2


def read_matrix(path, kind):
    rows, columns = struct.unpack("<II", open(path, "rb").read(8))
    return numpy.memmap(path, dtype=kind, mode="r", offset=8, shape=(rows, columns))


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def copy_rows(cursor, base):
    dimensions = base.shape[1]
    for first in range(0, len(base), 20000):
        part = base[first:first + 20000]
        record = numpy.zeros(len(part), dtype=numpy.dtype(
            [("fields", ">i2"), ("n1", ">i4"), ("id", ">i4"), ("n2", ">i4"), ("dim", ">i2"), ("unused", ">i2"), ("v", ">f4", dimensions)]))
        record["fields"], record["n1"], record["n2"] = 2, 4, 4 + 4 * dimensions
        record["id"], record["dim"], record["v"] = numpy.arange(first, first + len(part)), dimensions, part
        data = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0) + record.tobytes() + struct.pack(">h", -1)
        cursor.copy_expert("COPY items (id, v) FROM STDIN (FORMAT binary)", io.BytesIO(data))


def main():
    path, extension, using, setting = sys.argv[1:5]
    base = read_matrix(f"{path}.base.fbin", "<f4")
    queries = read_matrix(f"{path}.query.fbin", "<f4")
    truth = read_matrix(f"{path}.gt.ibin", "<i4")
    operator = "<=>" if "cosine" in using else "<->"
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    cursor.execute("SELECT to_regclass('items') IS NULL")
    if cursor.fetchone()[0]:
        cursor.execute(f"CREATE TABLE items (id integer, v vector({base.shape[1]})) WITH (autovacuum_enabled = off)")
        cursor.execute("ALTER TABLE items ALTER v SET STORAGE plain")
        copy_rows(cursor, base)
        cursor.execute("VACUUM ANALYZE items")
    cursor.execute("DROP INDEX IF EXISTS items_v")
    pid = connection.get_backend_pid()
    before, start = cpu_seconds(pid), time.time()
    cursor.execute(f"CREATE INDEX items_v ON items USING {using}")
    print(f"build: {cpu_seconds(pid) - before:.1f} s CPU, {time.time() - start:.1f} s", end=", ")
    cursor.execute("SELECT pg_relation_size('items_v')")
    print(f"{cursor.fetchone()[0] / len(base):.0f} bytes a row")
    cursor.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off")
    cursor.execute(f"PREPARE nearest (vector) AS SELECT id FROM items ORDER BY v {operator} $1 LIMIT 10")
    texts = ["[" + ",".join(map(repr, map(float, query))) + "]" for query in queries[:500]]
    for value in sys.argv[5:]:
        cursor.execute(f"SET {setting} = {value}")
        for text in texts[:50]:
            cursor.execute(f"EXECUTE nearest ('{text}')")
        hits, before, start = 0, cpu_seconds(pid), time.time()
        for i, text in enumerate(texts):
            cursor.execute(f"EXECUTE nearest ('{text}')")
            hits += len({row[0] for row in cursor.fetchall()} & set(truth[i][:10].tolist()))
        microseconds = 1e6 / len(texts)
        print(f"{setting} {value}: recall {hits / 10 / len(texts):.4f}, {(cpu_seconds(pid) - before) * microseconds:.0f} us CPU, "
              f"{(time.time() - start) * microseconds:.0f} us a query", flush=True)


main()
