#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Writing to an index: inserts alone and by many, updates of another column, equal rows, reading and writing together.

usage: writes_bench.py BASE.fbin QUERY.fbin TRUTH.ibin l2|cosine|ip CONTENDER... [--rows N] [--parts insert,concurrent,update,equal,mixed]
                       [--inserts N] [--near] [--minutes M] [--out DIR]

The last rows of the set are kept out of the index's build and inserted later, one statement a row with binary parameters; an id is the
row's number, so the truth at any moment is the exact neighbours that are already in. With --near the rows of insert and concurrent come nearest
to one of them first, so that all writers want the same pages.
  insert      CPU and WAL a row, in one transaction (no full-page images)
  concurrent  1, 2, 8 writers, a transaction a row: rows a second, CPU a row, what their sessions waited for (pg_stat_activity every 5 ms)
  update      20,000 updates of another, indexed column: bytes that the index grew by, and nodes counted by VACUUM before and after
              (one less after, for the row whose deletion makes VACUUM count)
  equal       50,000 rows of one vector: CPU of the first and of the last thousand
  mixed       one writer and one reader for some minutes: recall@10 at the default setting, latency p50 and p99, rows a second, by minute
"""
import sys
import threading
import time

import numpy as np

from report import table, write_results
from server import data_of, parser_for, running
from vectors import parameter

PARTS = ["insert", "concurrent", "update", "equal", "mixed"]
WRITERS, UPDATED, EQUAL = [1, 2, 8], 20000, 50000


class Writer:
    """A session with the prepared insertion."""

    def __init__(self, server):
        self.session = server.another()
        self.session.prepare("add", "INSERT INTO items (id, v) VALUES ($1, $2)")

    def add(self, number, row):
        self.session.ids("add", [int(number).to_bytes(4, "big"), parameter(row)])


def insert(server, data, numbers):
    server.prepare("add", "INSERT INTO items (id, v) VALUES ($1, $2)")
    server.execute("CHECKPOINT")
    server.execute("BEGIN")
    with server.measured("insert"):
        for number in numbers:
            server.ids("add", [int(number).to_bytes(4, "big"), parameter(data.base[number])])
    server.execute("COMMIT")
    server.result["inserted"] = len(numbers)


def sample_waits(server, pids, over, counts):
    watcher = server.another()
    while not over.is_set():
        watcher.execute("SELECT coalesce(wait_event_type || ':' || wait_event, 'running') FROM pg_stat_activity WHERE pid = ANY(%s) AND state = 'active'",
                        (pids,))
        for (event,) in watcher.cursor.fetchall():
            counts[event] = counts.get(event, 0) + 1
        time.sleep(0.005)


def concurrent(server, data, numbers):
    """A share of the numbers for each count of writers."""
    server.result["concurrent"] = []
    for count, share in zip(WRITERS, np.array_split(numbers, len(WRITERS))):
        writers = [Writer(server) for _ in range(count)]
        pieces = [share[i::count] for i in range(count)]
        over, waits = threading.Event(), {}
        sampler = threading.Thread(target=sample_waits, args=(server, [w.session.pid for w in writers], over, waits))
        threads = [threading.Thread(target=lambda w=w, piece=piece: [w.add(n, data.base[n]) for n in piece]) for w, piece in zip(writers, pieces)]
        cpu, wall = sum(w.session.cpu() for w in writers), time.time()
        sampler.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall, cpu = time.time() - wall, sum(w.session.cpu() for w in writers) - cpu
        over.set()
        sampler.join()
        samples = max(sum(waits.values()), 1)
        shares = {event: n / samples for event, n in sorted(waits.items(), key=lambda item: -item[1])[:5]}
        server.result["concurrent"].append({"writers": count, "rows": len(share), "rows_s": len(share) / wall, "cpu_us": 1e6 * cpu / len(share),
                                            "samples": samples, "waits": shares})
        for writer in writers:
            writer.session.connection.close()


def nearest_first(data, numbers):
    rows = np.asarray(data.base[numbers[0]:numbers[-1] + 1], np.float32)
    return numbers[np.argsort(np.linalg.norm(rows - rows[0], axis=1), kind="stable")]


def count_nodes(server):
    """VACUUM counts an index's nodes when it has a dead row to remove."""
    server.execute("DELETE FROM items WHERE ctid = (SELECT min(ctid) FROM items)")
    server.execute("VACUUM (INDEX_CLEANUP on) items")


def nodes_of(server):
    return server.value("SELECT nodes FROM quiver_index_info('items_v')") if server.is_quiver else None


def update(server, data, numbers):
    server.execute("CREATE INDEX items_other ON items (other)")
    count_nodes(server)
    nodes, size = nodes_of(server), server.value("SELECT pg_relation_size('items_v')")
    with server.measured("update"):
        server.execute("UPDATE items SET other = other + 1 WHERE id BETWEEN 2 AND %s", (UPDATED + 1,))
        updated = server.cursor.rowcount
    grown = server.value("SELECT pg_relation_size('items_v')") - size
    count_nodes(server)
    server.result.update(updated=updated, update_grown=grown, update_nodes_before=nodes, update_nodes_after=nodes_of(server))


def equal(server, data, numbers):
    server.prepare("add_equal", "INSERT INTO items (id, v) SELECT $1 + i, $2 FROM generate_series(1, 1000) i")
    costs, vector = [], parameter(data.queries[0])
    for block in range(EQUAL // 1000):
        cpu = server.cpu()
        server.ids("add_equal", [(10**8 + 1000 * block).to_bytes(4, "big"), vector])
        costs.append(server.cpu() - cpu)
    server.result["equal_us"] = [1000 * cost for cost in costs]  # seconds a thousand rows, as microseconds a row
    server.execute("DELETE FROM items WHERE id > 100000000")
    server.execute("VACUUM items")


def mixed(server, data, numbers, minutes):
    written, over = [int(numbers[0])], threading.Event()

    def write():
        writer = Writer(server)
        for number in numbers:
            if over.is_set():
                return
            writer.add(number, data.base[number])
            written[0] = int(number) + 1

    thread = threading.Thread(target=write)
    server.execute("RESET hnsw.ef_search")
    server.prepare_nearest(data.operator)
    first, thread_started = written[0], thread.start()
    by_minute, asked = [], 0
    for _ in range(minutes):
        end, latencies, hits, wanted, before = time.time() + 60, [], 0, 0, written[0]
        while time.time() < end:
            number = asked % len(data.queries)
            present, start = written[0], time.time()
            answer = server.ids("nearest", [parameter(data.queries[number])])
            latencies.append(time.time() - start)
            near = [int(i) for i in data.truth[number] if i < first or i < present][:10]
            hits, wanted, asked = hits + len(set(answer) & set(near)), wanted + len(near), asked + 1
        p50, p99 = np.percentile(latencies, [50, 99])
        by_minute.append({"recall": hits / wanted, "p50_ms": 1000 * p50, "p99_ms": 1000 * p99, "queries": len(latencies), "rows": written[0] - before})
    over.set()
    thread.join()
    server.result["mixed"] = by_minute


def summary(title, results):
    def per(total, count, scale=1):
        return lambda r: scale * r[total] / r[count] if total in r else None

    rows = [("CPU an inserted row, us", "{:.0f}", per("insert_cpu", "inserted", 1e6)), ("WAL an inserted row, bytes", "{:.0f}", per("insert_wal", "inserted"))]
    for i, count in enumerate(WRITERS):
        rows += [(f"{label}, {count} writers", "{:.0f}", lambda r, i=i, f=field: r["concurrent"][i][f] if "concurrent" in r else None)
                 for label, field in (("rows a second", "rows_s"), ("CPU a row, us", "cpu_us"))]
    rows += [("CPU an update of another column, us", "{:.0f}", per("update_cpu", "updated", 1e6)), ("WAL of it, bytes", "{:.0f}", per("update_wal", "updated")),
             ("index grown by the updates, bytes a row", "{:.1f}", per("update_grown", "updated")),
             ("nodes before", "{}", lambda r: r.get("update_nodes_before")), ("nodes after", "{}", lambda r: r.get("update_nodes_after")),
             ("an equal row, first thousand, us", "{:.0f}", lambda r: r["equal_us"][0] if "equal_us" in r else None),
             ("an equal row, last thousand, us", "{:.0f}", lambda r: r["equal_us"][-1] if "equal_us" in r else None)]
    text = f"# {title}\n\n" + table(rows, results)
    text += "\n| | writers | where active sessions were |\n|---|---|---|\n"
    for r in results:
        for point in r.get("concurrent", []):
            shares = ", ".join(f"{event} {100 * share:.1f} %" for event, share in point["waits"].items())
            text += f"| {r['name']} | {point['writers']} | {shares} |\n"
    text += "\n| reading and writing | minute | recall@10 | p50, ms | p99, ms | queries/s | rows/s |\n|---|---|---|---|---|---|---|\n"
    for r in results:
        for minute, p in enumerate(r.get("mixed", []), 1):
            text += (f"| {r['name']} | {minute} | {p['recall']:.4f} | {p['p50_ms']:.2f} | {p['p99_ms']:.2f} | {p['queries'] / 60:.0f} | "
                     f"{p['rows'] / 60:.0f} |\n")
    return text


def main():
    parser = parser_for(__doc__)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--inserts", type=int, default=6000, help="rows for each of insert and concurrent")
    parser.add_argument("--near", action="store_true", help="rows of insert and concurrent in order of nearness")
    parser.add_argument("--reserve", type=int, default=200000, help="most rows kept for mixed; at most half of the set")
    parser.add_argument("--minutes", type=int, default=10)
    arguments = parser.parse_args()
    data = data_of(arguments)
    parts = arguments.parts.split(",")
    reserve = min(arguments.reserve, len(data.base) // 2) if "mixed" in parts else 0
    loaded = len(data.base) - reserve - 2 * arguments.inserts
    numbers = np.arange(loaded, len(data.base))
    shares = {"insert": numbers[:arguments.inserts], "concurrent": numbers[arguments.inserts:2 * arguments.inserts],
              "update": None, "equal": None, "mixed": numbers[2 * arguments.inserts:]}
    if arguments.near:
        shares.update({part: nearest_first(data, shares[part]) for part in ("insert", "concurrent")})
    with running(arguments.contenders) as servers:
        for server in servers:
            server.load(data.base[:loaded], columns=", other integer DEFAULT 0")
            server.build(data.metric)
        for part in parts:
            for server in servers:
                extra = (arguments.minutes,) if part == "mixed" else ()
                globals()[part](server, data, shares[part], *extra)
                print(part, server.name, "done", flush=True)
        results = [server.result for server in servers]
    title = f"Writing: {loaded} rows x {data.dimensions}, {data.metric}{', near rows one after another' if arguments.near else ''}"
    write_results(arguments.out, {"kind": "writes", "title": title, "results": results}, summary(title, results))


if __name__ == "__main__":
    sys.exit(main())
