"""How long a statement goes on after it was cancelled: build, search, insertion, vacuum, splits, verification.

usage: scripts/endurance.sh cancel [samples]. Prints "ok" or "not ok" for each statement with the time that passed and the
processor time that the backend took, which says the same on a machine that others use too; "done" at the end.
"""
import random
import sys
import threading
import time

import psycopg

SAMPLES = int(sys.argv[1]) if len(sys.argv) > 1 else 6
ROWS, DIMENSIONS = 6000, 64
LIMIT = 0.050
connection = psycopg.connect(autocommit=True)
canceller = psycopg.connect(autocommit=True)
backend = connection.info.backend_pid
random.seed(1)


def run(sql):
    return connection.execute(sql)


def processor_time():
    with open(f"/proc/{backend}/schedstat") as stat:
        return int(stat.read().split()[0]) / 1e9


def cancelled_after(sql, delay):
    """Seconds, of the clock and of the processor, from the cancel to the answer; None when it was done before."""
    sent = {}

    # By a connection that stands: making one takes longer than what is measured.
    def cancel():
        sent["clock"] = time.monotonic()
        canceller.execute("SELECT pg_cancel_backend(%s)", (backend,))
        sent["processor"] = processor_time()

    timer = threading.Timer(delay, cancel)
    timer.start()
    try:
        run(sql)
    except psycopg.errors.QueryCanceled:
        clock, processor = time.monotonic(), processor_time()
        timer.join()
        times = clock - sent["clock"], max(0.0, processor - sent["processor"])
        run("ROLLBACK")
        return times
    finally:
        timer.cancel()
        timer.join()
        try:  # a cancel that came too late
            run("SELECT 1")
        except psycopg.errors.QueryCanceled:
            pass
    return None


def timed_out_after(sql, delay):
    """Seconds of the clock beyond statement_timeout; nobody sees how much of them the backend had the processor."""
    run(f"SET statement_timeout = {max(1, round(delay * 1000))}")
    start = time.monotonic()
    try:
        run(sql)
    except psycopg.errors.QueryCanceled:
        beyond = time.monotonic() - start - max(1, round(delay * 1000)) / 1000
        run("ROLLBACK")
        return beyond, None
    finally:
        run("SET statement_timeout = 0")
    return None


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def measure(name, sql, longest=None, prepare=lambda: None):
    """Cancels `sql` at random moments before `longest` seconds, or within the time that it takes here."""
    if longest is None:
        prepare()
        start = time.monotonic()
        run(sql)
        longest = time.monotonic() - start
        prepare()
    clock, processor, attempts = [], [], 0
    # Until the processor time of some is known, too: only a cancel tells it.
    while (len(clock) < SAMPLES or not processor) and attempts < 6 * SAMPLES:
        attempts += 1
        delay = random.uniform(0.001, longest)
        times = (timed_out_after if attempts % 2 else cancelled_after)(sql, delay)
        if times is None:
            prepare()
        if times is not None:
            clock.append(times[0])
        if times is not None and times[1] is not None:
            processor.append(times[1])
    holds = len(clock) >= SAMPLES / 2 and len(processor) > 0 and share(processor, 0.99) < LIMIT
    milliseconds = lambda values: " / ".join(f"{1000 * share(values, part):.1f}" for part in (0.5, 0.99, 1))
    print(f"{'ok' if holds else 'not ok'} {name}: {len(clock)} cancelled; p50 / p99 / max in ms: clock {milliseconds(clock or [9])}, "
          f"processor {milliseconds(processor or [9])}", flush=True)


# A quarter of the rows, so that the next vacuum has as much to do as the one before.
def replace_rows():
    run("DELETE FROM vacuumed WHERE id % 4 = 0")
    run("INSERT INTO vacuumed SELECT id, v FROM items WHERE id % 4 = 0")


# An index that was made empty, whose one list is to come apart.
def grow_lists():
    run("TRUNCATE grown; INSERT INTO grown SELECT id, v FROM items ORDER BY id LIMIT 6000")


run("CREATE EXTENSION quiver")
run(f"""CREATE TABLE items AS SELECT i AS id, ARRAY(SELECT random() FROM generate_series(1, {DIMENSIONS} + 0 * i))::vector({DIMENSIONS}) AS v
    FROM generate_series(1, {ROWS}) i""")
run("CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops)")
for table in ("built", "vacuumed"):
    run(f"CREATE TABLE {table} AS SELECT * FROM items; ALTER TABLE {table} SET (autovacuum_enabled = off, parallel_workers = 2)")
run("CREATE INDEX vacuumed_v ON vacuumed USING hnsw (v vector_l2_ops)")
run(f"CREATE TABLE grown (id integer, v vector({DIMENSIONS})) WITH (autovacuum_enabled = off); CREATE INDEX grown_v ON grown USING ivfpq (v vector_l2_ops)")
run("ANALYZE; SET enable_seqscan = off; SET min_parallel_table_scan_size = 0")
run("SET max_parallel_maintenance_workers = 0")
measure("build", "CREATE INDEX built_v ON built USING hnsw (v vector_l2_ops); DROP INDEX built_v", 1.0)
run("SET max_parallel_maintenance_workers = 2")
measure("build with workers", "CREATE INDEX built_v ON built USING hnsw (v vector_l2_ops); DROP INDEX built_v", 0.8)
run("SET maintenance_work_mem = '2MB'; SET client_min_messages = error")
measure("build with files", "CREATE INDEX built_v ON built USING hnsw (v vector_l2_ops); DROP INDEX built_v", 1.0)
measure("build beyond memory", "CREATE INDEX built_v ON built USING hnsw (v vector_l1_ops); DROP INDEX built_v", 1.0)
run("RESET maintenance_work_mem; RESET client_min_messages")
measure("exhaustive search", "SELECT sum(n) FROM (SELECT v FROM items LIMIT 200) q, LATERAL (SELECT count(*) AS n FROM (SELECT id FROM items i ORDER BY i.v <-> q.v) t) u", 0.5)
measure("wide search", "SET hnsw.ef_search = 1000; SELECT count(*) FROM (SELECT v FROM items LIMIT 2000) q, LATERAL (SELECT id FROM items i ORDER BY i.v <-> q.v LIMIT 200) u", 0.5)
measure("insertion", "BEGIN; INSERT INTO items SELECT id, v + v FROM built; ROLLBACK", 1.0)
measure("vacuum", "VACUUM (INDEX_CLEANUP ON) vacuumed", prepare=replace_rows)
measure("verification", "SELECT count(*) FROM quiver_verify('items_v', true)", 0.1)
run("DROP INDEX items_v, vacuumed_v; CREATE INDEX items_v ON items USING ivfpq (v vector_l2_ops)")
run("CREATE INDEX vacuumed_v ON vacuumed USING ivfpq (v vector_l2_ops) WITH (lists = 10)")
run("SET max_parallel_maintenance_workers = 0")
measure("build of lists", "CREATE INDEX built_v ON built USING ivfpq (v vector_l2_ops); DROP INDEX built_v")
run("SET max_parallel_maintenance_workers = 2")
measure("build of lists with workers", "CREATE INDEX built_v ON built USING ivfpq (v vector_l2_ops); DROP INDEX built_v")
measure("exhaustive search of lists", "SELECT sum(n) FROM (SELECT v FROM items LIMIT 200) q, LATERAL (SELECT count(*) AS n FROM (SELECT id FROM items i ORDER BY i.v <-> q.v) t) u", 0.5)
measure("insertion into lists", "BEGIN; INSERT INTO items SELECT id, v + v FROM built; ROLLBACK", 0.2)
measure("vacuum of lists", "VACUUM (INDEX_CLEANUP ON) vacuumed", prepare=replace_rows)
measure("split of lists", "SELECT quiver_maintain('grown_v')", prepare=grow_lists)
measure("verification of lists", "SELECT count(*) FROM quiver_verify('items_v', true)")
print("done")
