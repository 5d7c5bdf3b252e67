"""Whether a backend's memory stays flat over many queries, rescans and insertions, and whether it stays one thread.

usage: scripts/endurance.sh memory [queries]. Prints "ok" or "not ok" for each workload, "done" at the end.
"""
import os
import random
import sys

import psycopg

QUERIES = int(sys.argv[1]) if len(sys.argv) > 1 else 600
DIMENSIONS = 24
connection = psycopg.connect(autocommit=True)
backend = connection.info.backend_pid
random.seed(1)


def run(sql, *arguments):
    return connection.execute(sql, arguments)


def vector():
    return "[" + ",".join(f"{random.uniform(-1, 1):.3f}" for _ in range(DIMENSIONS)) + "]"


def resident():
    """Private memory of the backend, in bytes."""
    with open(f"/proc/{backend}/status") as status:
        return 1024 * int(next(line.split()[1] for line in status if line.startswith("RssAnon")))


def in_contexts():
    return run("SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts").fetchone()[0]


def query(_):
    run("SELECT id FROM items ORDER BY v <-> %s::vector LIMIT 10", vector()).fetchall()


def rescan(_):
    # 50 rescans of one scan descriptor.
    run("SELECT count(*) FROM (SELECT v FROM items LIMIT 50) q, LATERAL (SELECT id FROM items i ORDER BY i.v <-> q.v LIMIT 5) t").fetchall()


def exhaust(_):
    run("SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> %s::vector OFFSET 0) t", vector()).fetchall()


def insert(i):
    # Every tenth joins a node that is there; every statement makes and drops an inserter.
    run("INSERT INTO grown SELECT %s, CASE WHEN %s %% 10 = 0 THEN (SELECT v FROM grown LIMIT 1) ELSE %s::vector END", i, i, vector())


def insert_many(i):
    run("BEGIN; INSERT INTO grown SELECT -i, v FROM (SELECT v, row_number() OVER () AS i FROM items LIMIT 100) t; ROLLBACK")


def fail(_):
    run("DO 'BEGIN INSERT INTO grown SELECT 0, v FROM items LIMIT 5; RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END'")


def split(i):
    # Enough rows for the lists to split, and for those that are left to merge.
    run("INSERT INTO grown SELECT id, v FROM items LIMIT 600")
    run("SELECT quiver_maintain('grown_v')")


def measure(name, work, times, allowed):
    for i in range(max(times // 5, 100)):
        work(i)
    before, contexts = resident(), in_contexts()
    for i in range(times):
        work(1_000_000 + i)
    growth, context_growth = resident() - before, in_contexts() - contexts
    threads = len(os.listdir(f"/proc/{backend}/task"))
    holds = growth <= allowed and context_growth <= allowed and threads == 1
    print(f"{'ok' if holds else 'not ok'} {name}, {times} times: {growth / 1024:.0f} kB more in the process, "
          f"{context_growth / 1024:.0f} kB in contexts, {threads} thread", flush=True)


run("CREATE EXTENSION quiver")
for table in ("items", "grown"):
    run(f"CREATE TABLE {table} (id integer, v vector({DIMENSIONS})) WITH (autovacuum_enabled = off)")
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for i in range(2000):
            copy.write_row((i, vector()))
    run(f"ANALYZE {table}")
run("SET enable_seqscan = off")
MEGABYTE = 1 << 20
for method in ("hnsw", "ivfpq"):
    for table in ("items", "grown"):
        run(f"CREATE INDEX {table}_v ON {table} USING {method} (v vector_l2_ops)")
    measure(f"{method}, queries", query, QUERIES, MEGABYTE)
    measure(f"{method}, rescans in a nested loop, 50 each", rescan, max(QUERIES // 50, 20), MEGABYTE)
    measure(f"{method}, exhaustive scans", exhaust, max(QUERIES // 200, 10), 2 * MEGABYTE)
    # Buffer ids are remembered for an index that grows: 4 bytes a block.
    measure(f"{method}, insertions", insert, QUERIES, 2 * MEGABYTE)
    measure(f"{method}, insertions rolled back, 100 each", insert_many, max(QUERIES // 100, 20), 2 * MEGABYTE)
    measure(f"{method}, insertions in subtransactions that fail", fail, max(QUERIES // 20, 50), 2 * MEGABYTE)
    if method == "ivfpq":
        measure(f"{method}, splits", split, 20, 2 * MEGABYTE)
    run("DROP INDEX items_v, grown_v")
print("done")
