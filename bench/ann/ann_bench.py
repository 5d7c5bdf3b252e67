#!/usr/bin/env python3
"""Recall against speed through SQL, for quiver and another extension beside it, in one run.

usage: ann_bench.py BASE.fbin QUERY.fbin TRUTH.ibin l2|cosine|ip NAME=PG_CONFIG:EXTENSION[:EF,EF,...]... [options]

Each contender has a server of its own (PG_CONFIG chooses it; the extension must be installed there), a throw-away cluster
with the same settings, the same rows in the same order, one connection. Queries take turns: a block of one contender, then
a block of the next, so that a noisy machine disturbs both alike. Files are in big-ann format (.fbin: uint32 rows, uint32
dimensions, binary32; .ibin: exact neighbours).

Reported: build CPU and wall seconds, size, WAL; for each ef_search recall@10 against the exact neighbours, server CPU a
query (the backend's own scheduler statistics, planning not included), queries a second, buffers a query; CPU and WAL of an
inserted row (without full-page images); rows out of order, and rows missing from an exhaustive scan. Writes table.md, results.json, recall.svg and
recall.png into the output folder.
"""
import argparse
import contextlib
import io
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
import psycopg2

OPERATORS = {"l2": ("<->", "vector_l2_ops"), "cosine": ("<=>", "vector_cosine_ops"), "ip": ("<#>", "vector_ip_ops")}
DEFAULT_EF = [10, 20, 40, 60, 80, 100, 140, 200, 300, 400, 600, 800, 1000]
INSERTED = 1000


def read_matrix(path, kind):
    rows, columns = (int(x) for x in np.fromfile(path, np.uint32, 2))
    return np.memmap(path, kind, "r", 8, (rows, columns))


class CopyStream(io.RawIOBase):
    """(id, vector) rows in COPY's binary format."""

    def __init__(self, base, first, count):
        self.base, self.next, self.end = base, first, first + count
        self.buffer = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
        self.closed_off = False

    def read(self, size=-1):
        dimensions = self.base.shape[1]
        while len(self.buffer) < size and not self.closed_off:
            last = min(self.end, self.next + 1000)
            if last == self.next:
                self.buffer += struct.pack(">h", -1)
                self.closed_off = True
                break
            layout = [("fields", ">i2"), ("a", ">i4"), ("id", ">i4"), ("b", ">i4"), ("dim", ">i2"), ("zero", ">i2"),
                      ("x", ">f4", (dimensions,))]
            block = np.zeros(last - self.next, layout)
            block["fields"], block["a"], block["b"], block["dim"] = 2, 4, 4 + 4 * dimensions, dimensions
            block["id"] = np.arange(self.next, last)
            block["x"] = self.base[self.next:last]
            self.buffer += block.tobytes()
            self.next = last
        piece, self.buffer = self.buffer[:size], self.buffer[size:]
        return piece


class Contender:
    def __init__(self, description, arguments):
        self.name, rest = description.split("=", 1)
        parts = rest.split(":")
        self.config, self.extension = parts[0], parts[1]
        self.efs = [int(ef) for ef in parts[2].split(",")] if len(parts) > 2 else DEFAULT_EF
        self.arguments = arguments
        self.operator, self.operator_class = OPERATORS[arguments.metric]
        self.result = {"name": self.name, "points": []}
        self.folder = None

    def as_user(self):
        return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def start(self):
        bindir = subprocess.run([self.config, "--bindir"], check=True, capture_output=True, text=True).stdout.strip()
        self.ctl = f"{bindir}/pg_ctl"
        self.folder = tempfile.mkdtemp(prefix="quiver-bench.")
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        os.chmod(self.folder, 0o755)
        data = f"{self.folder}/data"
        subprocess.run([*self.as_user(), f"{bindir}/initdb", "-D", data, "-A", "trust", "-N", "-U", "postgres"], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.folder)
        with open(f"{data}/postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"""listen_addresses = ''
unix_socket_directories = '{self.folder}'
shared_buffers = {self.arguments.shared_buffers}
maintenance_work_mem = {self.arguments.maintenance_work_mem}
max_parallel_maintenance_workers = 0
max_wal_size = 32GB
checkpoint_timeout = 1h
autovacuum = off
jit = off
fsync = off
full_page_writes = off
""")
        subprocess.run([*self.as_user(), self.ctl, "-D", data, "-l", f"{self.folder}/log", "-w", "start"], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.folder)
        self.connection = psycopg2.connect(host=self.folder, user="postgres", dbname="postgres")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.pid = self.value("SELECT pg_backend_pid()")

    def stop(self):
        if self.folder is None:
            return
        subprocess.run([*self.as_user(), self.ctl, "-D", f"{self.folder}/data", "-m", "immediate", "stop"], check=False,
                       stdout=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(self.folder, ignore_errors=True)

    def value(self, sql, arguments=None):
        self.cursor.execute(sql, arguments)
        return self.cursor.fetchone()[0]

    def cpu(self):
        """Seconds this backend has run."""
        return int(pathlib.Path(f"/proc/{self.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9

    @contextlib.contextmanager
    def measured(self, prefix):
        cpu, wall, lsn = self.cpu(), time.time(), self.value("SELECT pg_current_wal_insert_lsn()")
        yield
        self.result[prefix + "_cpu"] = self.cpu() - cpu
        self.result[prefix + "_wall"] = time.time() - wall
        self.result[prefix + "_wal"] = int(self.value("SELECT pg_current_wal_insert_lsn() - %s", (lsn,)))

    def load_and_build(self, base):
        dimensions = base.shape[1]
        self.cursor.execute(f"CREATE EXTENSION {self.extension}")
        self.cursor.execute(f"CREATE TABLE items (id integer, v vector({dimensions}))")
        self.cursor.copy_expert("COPY items FROM STDIN (FORMAT binary)", CopyStream(base, 0, len(base)))
        self.cursor.execute("VACUUM ANALYZE items")
        options = f"WITH (m = {self.arguments.m}, ef_construction = {self.arguments.ef_construction})"
        with self.measured("build"):
            self.cursor.execute(f"CREATE INDEX items_v ON items USING hnsw (v {self.operator_class}) {options}")
        self.result["bytes"] = self.value("SELECT pg_relation_size('items_v')")

    def prepare(self, queries):
        dimensions = queries.shape[1]
        self.cursor.execute(f"CREATE TEMP TABLE queries (i integer PRIMARY KEY, v vector({dimensions}))")
        self.cursor.copy_expert("COPY queries FROM STDIN (FORMAT binary)", CopyStream(queries, 0, len(queries)))
        self.cursor.execute("VACUUM ANALYZE queries")
        self.cursor.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        self.cursor.execute(f"PREPARE nearest(integer) AS SELECT id FROM items ORDER BY v {self.operator} "
                            "(SELECT v FROM queries WHERE i = $1) LIMIT 10")
        self.cursor.execute(f"PREPARE ordered(integer) AS SELECT v {self.operator} (SELECT v FROM queries WHERE i = $1) FROM items "
                            f"ORDER BY v {self.operator} (SELECT v FROM queries WHERE i = $1) LIMIT 100")

    def ask(self, ef, numbers):
        """(ids for each query, CPU seconds, wall seconds)"""
        self.cursor.execute(f"SET hnsw.ef_search = {ef}")
        cpu, wall, answers = self.cpu(), time.time(), []
        for number in numbers:
            self.cursor.execute(f"EXECUTE nearest({number})")
            answers.append([row[0] for row in self.cursor.fetchall()])
        return answers, self.cpu() - cpu, time.time() - wall

    def buffers(self, ef, numbers):
        self.cursor.execute(f"SET hnsw.ef_search = {ef}")
        total = 0
        for number in numbers:
            self.cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT json) EXECUTE nearest({number})")
            plans = [self.cursor.fetchone()[0][0]["Plan"]]
            while plans:
                plan = plans.pop()
                if plan.get("Index Name") == "items_v":
                    total += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
                plans += [child for child in plan.get("Plans", []) if child.get("Index Name") == "items_v" or child.get("Plans")]
        return total / len(numbers)

    def check(self, rows):
        """Rows out of order within LIMIT 100, and rows that an exhaustive query lacks."""
        misordered = 0
        for number in range(50):
            self.cursor.execute(f"EXECUTE ordered({number})")
            distances = [row[0] for row in self.cursor.fetchall()]
            misordered += sum(b < a for a, b in zip(distances, distances[1:]))
        found = self.value(f"SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v {self.operator} "
                           "(SELECT v FROM queries WHERE i = 0)) t")
        self.result["misordered"], self.result["missing"] = misordered, rows - found

    def insert(self, queries, first_id):
        self.cursor.execute("CHECKPOINT")
        self.cursor.execute("INSERT INTO items SELECT %s + i, v FROM queries WHERE i = 0", (first_id,))
        with self.measured("insert"):
            self.cursor.execute("INSERT INTO items SELECT %s + i, v FROM queries WHERE i > 0", (first_id,))
        self.result["inserted"] = len(queries) - 1


def measure(contenders, truth, query_count, block=100):
    blocks = [range(i, min(i + block, query_count)) for i in range(0, query_count, block)]
    for step in range(max(len(c.efs) for c in contenders)):
        turns = [(c, c.efs[step]) for c in contenders if step < len(c.efs)]
        sums = {c.name: [0.0, 0.0, 0] for c, _ in turns}
        for contender, ef in turns:
            contender.ask(ef, blocks[0])  # warm
        for numbers in blocks:
            for contender, ef in turns:
                answers, cpu, wall = contender.ask(ef, numbers)
                hits = sum(len(set(answer) & set(truth[n, :10].tolist())) for n, answer in zip(numbers, answers))
                for i, amount in enumerate((cpu, wall, hits)):
                    sums[contender.name][i] += amount
        for contender, ef in turns:
            cpu, wall, hits = sums[contender.name]
            contender.result["points"].append({
                "ef": ef, "recall": hits / (10 * query_count), "cpu_us": 1e6 * cpu / query_count,
                "qps": query_count / wall, "buffers": contender.buffers(ef, range(0, query_count, 20))})
            print(contender.name, contender.result["points"][-1], flush=True)


def at_recall(points, recall, field):
    """The field where the curve crosses a recall, linear in log(1 - recall) between points; None outside."""
    points = sorted(points, key=lambda point: point["recall"])
    for low, high in zip(points, points[1:]):
        if low["recall"] <= recall <= high["recall"] and low["recall"] < 1 and high["recall"] < 1:
            a, b, x = (np.log(1 - value) for value in (low["recall"], high["recall"], recall))
            share = 0.0 if a == b else (x - a) / (b - a)
            return float(np.exp(np.log(low[field]) + share * (np.log(high[field]) - np.log(low[field]))))
    return None


def write_report(out, title, results):
    def number(value, form="{:.0f}"):
        return "-" if value is None else form.format(value)

    lines = [f"# {title}", "", "| | " + " | ".join(r["name"] for r in results) + " | ratio |", "|---|" + "---|" * (len(results) + 1)]

    def line(label, values, form="{:.0f}"):
        ratio = values[-1] / values[0] if len(values) > 1 and None not in values and values[0] else None
        lines.append(f"| {label} | " + " | ".join(number(v, form) for v in values) + f" | {number(ratio, '{:.2f}')} |")

    line("build CPU, s", [r["build_cpu"] for r in results], "{:.1f}")
    line("build WAL, MB", [r["build_wal"] / 1e6 for r in results])
    line("index, MB", [r["bytes"] / 1e6 for r in results])
    for recall in (0.9, 0.95, 0.99):
        line(f"server CPU a query at recall {recall}, us", [at_recall(r["points"], recall, "cpu_us") for r in results])
        line(f"buffers a query at recall {recall}", [at_recall(r["points"], recall, "buffers") for r in results])
        line(f"queries a second at recall {recall}", [at_recall(r["points"], recall, "qps") for r in results])
    line("CPU an inserted row, us", [1e6 * r["insert_cpu"] / r["inserted"] for r in results])
    line("WAL an inserted row, bytes", [r["insert_wal"] / r["inserted"] for r in results])
    line("rows out of order, 50 x LIMIT 100", [r["misordered"] for r in results])
    line("rows missing from an exhaustive query", [r["missing"] for r in results])
    lines += ["", "| | ef_search | recall@10 | server CPU, us | queries/s | buffers |", "|---|---|---|---|---|---|"]
    for result in results:
        for p in result["points"]:
            lines.append(f"| {result['name']} | {p['ef']} | {p['recall']:.4f} | {p['cpu_us']:.0f} | {p['qps']:.0f} | {p['buffers']:.0f} |")
    (out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "results.json").write_text(json.dumps({"title": title, "results": results}, indent=1), encoding="utf-8")


def plot(out, title, results):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for result in results:
        axes.plot([p["recall"] for p in result["points"]], [1e6 / p["cpu_us"] for p in result["points"]], marker="o", markersize=4,
                  label=result["name"])
    axes.set_yscale("log")
    axes.set_xlim(0.8, 1.0)
    axes.set_xlabel("recall@10")
    axes.set_ylabel("queries per second of server CPU")
    axes.set_title(title)
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(out / "recall.svg")
    figure.savefig(out / "recall.png", dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("query")
    parser.add_argument("truth")
    parser.add_argument("metric", choices=OPERATORS)
    parser.add_argument("contenders", nargs="+")
    parser.add_argument("--title", default="recall against speed")
    parser.add_argument("--out", default="bench/results/run")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--m", type=int, default=16)
    parser.add_argument("--ef-construction", type=int, default=64)
    parser.add_argument("--shared-buffers", default="4GB")
    parser.add_argument("--maintenance-work-mem", default="3GB")
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    base, queries = read_matrix(arguments.base, np.float32), read_matrix(arguments.query, np.float32)
    truth = read_matrix(arguments.truth, np.int32)
    contenders = [Contender(description, arguments) for description in arguments.contenders]
    try:
        for contender in contenders:
            contender.start()
            contender.load_and_build(base)
            contender.prepare(queries)
            print(contender.name, contender.result, flush=True)
        measure(contenders, truth, min(arguments.queries, len(queries)))
        for contender in contenders:
            contender.check(len(base))
            contender.insert(queries, len(base))
    finally:
        for contender in contenders:
            contender.stop()
    results = [contender.result for contender in contenders]
    write_report(out, arguments.title, results)
    plot(out, arguments.title, results)
    print((out / "table.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
