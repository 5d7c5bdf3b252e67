#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Recall against speed: quiver, another extension, and hnswlib in-process, side by side in one run.

usage: ann_bench.py BASE.fbin QUERY.fbin TRUTH.ibin l2|cosine|ip CONTENDER... [options]

A contender is NAME=PG_CONFIG:EXTENSION[:EF,EF,...], a server with a throw-away cluster of its own (server.py), or
NAME=hnswlib[:EF,EF,...], the library called by a small program (hnswlib_bench.cpp; ef_construction 200, one thread). Same rows, same order,
one connection. Queries take turns: a block of one contender, then a block of the next, so that a noisy machine disturbs all alike.
A query is a prepared statement with a generic plan, binary parameters and results: SELECT id FROM items ORDER BY v <-> $1 LIMIT 10.

Reported: build CPU (with workers) and wall seconds, size, WAL; for each ef_search recall@10, server CPU a query (the backend's own
scheduler statistics), queries a second, pages visited in the index, and with the heap. In the same turns the floor of SQL: ten random heap rows through a btree
with the vector bound but unused. A line through CPU over visits tells the cost of a visit and the fixed cost beyond the floor. For quiver also
what hnsw.target_recall reaches. CPU and WAL of an inserted row; rows out of order; rows missing from an exhaustive scan.
Writes table.md, results.json, recall.svg and recall.png into the output folder.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from report import at_recall, plot_recall, table, write_results
from server import DEFAULT_EF, Server
from vectors import Data, copied, parameter

TARGETS = [0.8, 0.9, 0.95, 0.99]


class ServerContender(Server):
    def begin(self, data, arguments):
        self.rows = data
        self.start()
        self.load(data.base, storage=arguments.storage)
        self.build(data.metric, m=arguments.m, ef_construction=arguments.ef_construction)
        self.execute("CREATE INDEX items_hash ON items (hashint4(id))")
        self.execute("VACUUM ANALYZE items")
        self.prepare_nearest(data.operator)
        self.prepare("floor", "SELECT id FROM items WHERE hashint4(id) > $2::integer AND $1::vector IS NOT NULL ORDER BY hashint4(id) LIMIT 10")
        self.prepare("ordered", f"SELECT id FROM items ORDER BY v {data.operator} $1 LIMIT 100")

    def turn(self, ef, numbers):
        return self.ask(ef, self.rows.queries, numbers)

    def floor(self, numbers):
        """(CPU seconds) of the same statement without a search."""
        places = np.random.default_rng(7).integers(-2**31, 2**31 - 1, len(self.rows.queries))
        parameters = [[parameter(self.rows.queries[n]), int(places[n]).to_bytes(4, "big", signed=True)] for n in numbers]
        cpu = self.cpu()
        for pair in parameters:
            self.ids("floor", pair)
        return self.cpu() - cpu

    def point_buffers(self, ef, numbers):
        self.execute(f"SET hnsw.ef_search = {ef}")
        return self.buffers(self.rows.queries[numbers.start:numbers.stop:numbers.step])

    def targets(self):
        """What hnsw.target_recall reaches on queries that the index has never seen."""
        if not self.is_quiver:
            return
        self.result["targets"] = []
        for target in TARGETS:
            self.execute(f"SET hnsw.target_recall = {target}")
            cpu = self.cpu()
            reached = self.recall(self.rows.queries, self.rows.truth)
            cpu_us = 1e6 * (self.cpu() - cpu) / len(self.rows.queries)
            self.result["targets"].append({"target": target, "reached": reached, "cpu_us": cpu_us,
                                           **self.buffers(self.rows.queries[::20])})
        self.execute("RESET hnsw.target_recall")

    def finish(self):
        data, misordered = self.rows, 0
        base = np.asarray(data.base)
        for query in data.queries[:50]:
            near = base[self.ids("ordered", [parameter(query)])].astype(np.float64)
            products, squares = near @ query, (near**2).sum(1)
            distances = {"l2": squares - 2 * products, "ip": -products, "cosine": -products / np.sqrt(np.maximum(squares, 1e-30))}[data.metric]
            misordered += int((np.diff(distances) < -1e-6 * np.abs(distances).max()).sum())
        self.prepare("all_rows", f"SELECT id FROM items ORDER BY v {data.operator} $1")
        self.result["misordered"] = misordered
        self.result["missing"] = len(base) - len(set(self.ids("all_rows", [parameter(data.queries[0])])))
        self.execute(f"CREATE TEMP TABLE queries (id integer, v vector({data.dimensions}))")
        self.execute("CHECKPOINT")
        self.copy("COPY queries FROM STDIN (FORMAT binary)", copied(np.asarray(data.queries), len(base)))
        self.execute("INSERT INTO items SELECT id, v FROM queries WHERE id = %s", (len(base),))
        with self.measured("insert"):
            self.execute("INSERT INTO items SELECT id, v FROM queries WHERE id > %s", (len(base),))
        self.result["inserted"] = len(data.queries) - 1


class HnswlibContender:
    """The library in a child process that answers one block of queries at a time."""

    is_quiver = False

    def __init__(self, description, arguments):
        self.name, rest = description.split("=", 1)
        parts = rest.split(":")
        self.efs = [int(ef) for ef in parts[1].split(",")] if len(parts) > 1 else DEFAULT_EF
        self.arguments, self.result, self.child = arguments, {"name": self.name, "points": []}, None
        self.folder = tempfile.TemporaryDirectory(prefix="quiver-bench.")

    def begin(self, data, arguments):
        program = f"{self.folder.name}/hnswlib_bench"
        source = pathlib.Path(__file__).resolve().with_name("hnswlib_bench.cpp")
        subprocess.run(["g++", "-std=c++17", "-O3", "-march=native", "-w", source, "-o", program], check=True)
        self.child = subprocess.Popen([program, arguments.base, arguments.query, data.metric, str(len(data.base)), str(arguments.m), "200"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        wall = time.time()
        _, cpu, size = self.child.stdout.readline().split()
        self.result.update(build_cpu=float(cpu), build_wall=time.time() - wall, bytes=int(size))

    def turn(self, ef, numbers):
        wall = time.time()
        self.child.stdin.write(f"{ef} {numbers.start} {len(numbers)}\n")
        self.child.stdin.flush()
        cpu, *labels = self.child.stdout.readline().split()
        ids = np.array(labels, int).reshape(len(numbers), -1)
        return ids.tolist(), float(cpu), time.time() - wall

    def targets(self):
        pass

    def finish(self):
        pass

    def stop(self):
        if self.child is not None:
            self.child.stdin.close()
            self.child.wait()


def measure(contenders, data, block=100):
    count = len(data.queries)
    blocks = [range(i, min(i + block, count)) for i in range(0, count, block)]
    floors = {c.name: 0.0 for c in contenders if isinstance(c, ServerContender)}
    rounds = max(len(c.efs) for c in contenders)
    for step in range(rounds):
        turns = [(c, c.efs[step]) for c in contenders if step < len(c.efs)]
        sums = {c.name: [0.0, 0.0, 0] for c, _ in turns}
        for contender, ef in turns:
            contender.turn(ef, blocks[0])  # warm
        for numbers in blocks:
            for contender in contenders:
                if contender.name in floors:
                    floors[contender.name] += contender.floor(numbers)
            for contender, ef in turns:
                answers, cpu, wall = contender.turn(ef, numbers)
                hits = sum(len(set(answer) & set(data.truth[n, :10].tolist())) for n, answer in zip(numbers, answers))
                for i, amount in enumerate((cpu, wall, hits)):
                    sums[contender.name][i] += amount
        for contender, ef in turns:
            cpu, wall, hits = sums[contender.name]
            point = {"ef": ef, "recall": hits / (10 * count), "cpu_us": 1e6 * cpu / count, "qps": count / wall}
            if isinstance(contender, ServerContender):
                point.update(contender.point_buffers(ef, range(0, count, 20)))
            contender.result["points"].append(point)
            print(contender.name, point, flush=True)
    for contender in contenders:
        if contender.name in floors:
            contender.result["floor_us"] = 1e6 * floors[contender.name] / (count * rounds)
            add_visit_cost(contender.result)


def add_visit_cost(result):
    """Least squares of CPU over visits, each point by its own size, over the points of useful recall."""
    points = [p for p in result["points"] if 0.8 <= p["recall"] <= 0.995]
    if len(points) < 3:
        return
    visits, cpu = (np.array([p[name] for p in points]) for name in ("visits", "cpu_us"))
    slope, fixed = np.polyfit(visits, cpu, 1, w=1 / cpu)
    result.update(visit_us=float(slope), fixed_us=float(fixed), beyond_floor_us=float(fixed - result["floor_us"]))


def shown(value):
    return "-" if value is None else f"{value:.0f}"


def summary(title, results):
    def per(result, total, count, scale=1):
        return scale * result[total] / result[count] if total in result else None

    rows = [("build CPU with workers, s", "{:.1f}", lambda r: r["build_cpu"]), ("build wall, s", "{:.0f}", lambda r: r["build_wall"]),
            ("build WAL, MB", "{:.0f}", lambda r: r["build_wal"] / 1e6 if "build_wal" in r else None),
            ("index, MB", "{:.0f}", lambda r: r["bytes"] / 1e6)]
    for recall in (0.9, 0.95, 0.99):
        for label, field in (("CPU a query, us", "cpu_us"), ("index buffers (visits) a query", "visits"), ("queries a second", "qps")):
            rows.append((f"{label}, at recall {recall}", "{:.0f}", lambda r, x=recall, f=field: at_recall(r["points"], x, f)))
    rows += [("floor of SQL, us", "{:.1f}", lambda r: r.get("floor_us")),
             ("fixed cost beyond the floor, us", "{:.1f}", lambda r: r.get("beyond_floor_us")),
             ("cost of a visit, us", "{:.2f}", lambda r: r.get("visit_us")),
             ("CPU an inserted row, us", "{:.0f}", lambda r: per(r, "insert_cpu", "inserted", 1e6)),
             ("WAL an inserted row, bytes", "{:.0f}", lambda r: per(r, "insert_wal", "inserted")),
             ("rows out of order, 50 x LIMIT 100", "{}", lambda r: r.get("misordered")),
             ("rows missing from an exhaustive query", "{}", lambda r: r.get("missing"))]
    text = f"# {title}\n\n" + table(rows, results)
    targets = [(r["name"], t) for r in results for t in r.get("targets", [])]
    if targets:
        text += "\n| hnsw.target_recall | reached | within .01 | CPU, us | visits |\n|---|---|---|---|---|\n"
        text += "".join(f"| {t['target']} | {t['reached']:.4f} | {'yes' if abs(t['reached'] - t['target']) <= 0.01 else 'above' if t['reached'] > t['target'] else 'no'} | "
                        f"{t['cpu_us']:.0f} | {t['visits']:.0f} |\n" for _, t in targets)
    text += "\n| | ef_search | recall@10 | CPU, us | queries/s | visits | with the heap |\n|---|---|---|---|---|---|---|\n"
    for r in results:
        text += "".join(f"| {r['name']} | {p['ef']} | {p['recall']:.4f} | {p['cpu_us']:.0f} | {p['qps']:.0f} | {shown(p.get('visits'))} | {shown(p.get('buffers'))} |\n"
                        for p in r["points"])
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("base", "query", "truth"):
        parser.add_argument(name)
    parser.add_argument("metric", choices=["l2", "cosine", "ip"])
    parser.add_argument("contenders", nargs="+")
    parser.add_argument("--title", default="recall against speed")
    parser.add_argument("--out", default="bench/results/run")
    parser.add_argument("--rows", type=int, help="a prefix of the rows, with a truth computed for it")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--storage", choices=["plain", "external", "extended", "main"], help="of the table's vectors, in place of their type's own")
    parser.add_argument("--m", type=int, default=16)
    parser.add_argument("--ef-construction", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0, help="max_parallel_maintenance_workers")
    parser.add_argument("--shared-buffers", default="3GB")
    parser.add_argument("--maintenance-work-mem", default="3GB")
    arguments = parser.parse_args()
    data = Data(arguments.base, arguments.query, arguments.truth, arguments.metric, arguments.rows, arguments.queries)
    settings = {"max_parallel_maintenance_workers": arguments.workers, "shared_buffers": arguments.shared_buffers,
                "maintenance_work_mem": arguments.maintenance_work_mem}
    contenders = [HnswlibContender(d, arguments) if d.split("=", 1)[1].split(":")[0] == "hnswlib" else ServerContender(d, settings)
                  for d in arguments.contenders]
    try:
        for contender in contenders:
            contender.begin(data, arguments)
            print(contender.name, contender.result, flush=True)
        measure(contenders, data)
        for contender in contenders:
            contender.targets()
            contender.finish()
    finally:
        for contender in contenders:
            contender.stop()
    results = [contender.result for contender in contenders]
    title = f"{arguments.title}: {len(data.base)} rows x {data.dimensions}, {data.metric}, {arguments.workers} workers"
    write_results(arguments.out, {"kind": "ann", "title": title, "results": results}, summary(title, results))
    plot_recall(arguments.out, title, results)


if __name__ == "__main__":
    sys.exit(main())
