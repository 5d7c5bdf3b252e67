#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Indexes of lists beside other indexes of the same rows, in one run.

usage: lists_bench.py BASE.fbin QUERY.fbin TRUTH.ibin l2|cosine|ip CONTENDER... [--rows N] [--queries N] [--out DIR]

A contender is NAME=PG_CONFIG:EXTENSION:METHOD:OPTIONS:SETTING:VALUE,VALUE,...: the access method, what stands in WITH (may be empty), and the setting
whose values are the points of its curve, as in lists=/path/to/pg_config:quiver:ivfpq::ivfpq.probes:20,40,80. The same server may serve several.
SETTING may be several joined by +, and each value as many: the curve is then the best of them, as in
vchordrq=/path/to/pg_config:vchord:vchordrq:[build.internal] lists = [342]:vchordrq.probes+vchordrq.epsilon:10+1,10+1.9. VectorChord's options are TOML, with ; for the end of a line.
Queries take turns, a block of one contender and then a block of the next, so that a noisy machine disturbs all alike; the floor of SQL, a
statement that returns ten rows without a search, is asked in the same turns.
Reported: build CPU with workers, bytes a row, recall@10 and server CPU a query at each value and where the curves cross .95 and .99, what a target of
recall reaches for quiver's indexes, CPU and WAL of an inserted row.
"""
import sys

import numpy as np

from report import at_recall, plot_recall, table, write_results
from server import Server, data_of, parser_for
from vectors import copied, parameter

TARGETS = [0.9, 0.95, 0.99]


class Contender(Server):
    def __init__(self, description):
        name, rest = description.split("=", 1)
        config, extension, method, options, self.setting, values = rest.split(":")
        if extension == "vchord" and options:
            options = "options = $$\n" + options.replace(";", "\n") + "\n$$"
        super().__init__(f"{name}={config}:{extension}::{method}:{options}", {"shared_buffers": "2GB", "maintenance_work_mem": "1GB"})
        self.values = values.split(",") if "+" in self.setting else [float(value) for value in values.split(",")]

    def begin(self, data):
        self.start()
        self.rows = data
        self.load(data.base)
        self.build(data.metric)
        self.result["row_bytes"] = self.result["bytes"] / len(data.base)
        self.execute("CREATE INDEX items_hash ON items (hashint4(id))")
        self.execute("VACUUM ANALYZE items")
        self.prepare_nearest(data.operator)
        self.prepare("floor", "SELECT id FROM items WHERE hashint4(id) > $2::integer AND $1::vector IS NOT NULL ORDER BY hashint4(id) LIMIT 10")

    def set(self, value):
        if "+" in self.setting:
            for setting, one in zip(self.setting.split("+"), value.split("+")):
                self.execute(f"SET {setting} = '{one}'")
        else:
            self.execute(f"SET {self.setting} = {value:g}")

    def turn(self, value, numbers):
        self.set(value)
        parameters = [[parameter(self.rows.queries[n])] for n in numbers]
        cpu = self.cpu()
        answers = [self.ids("nearest", p) for p in parameters]
        return answers, self.cpu() - cpu

    def floor(self, numbers):
        places = np.random.default_rng(7).integers(-2**31, 2**31 - 1, len(self.rows.queries))
        parameters = [[parameter(self.rows.queries[n]), int(places[n]).to_bytes(4, "big", signed=True)] for n in numbers]
        cpu = self.cpu()
        for pair in parameters:
            self.ids("floor", pair)
        return self.cpu() - cpu

    def targets(self):
        if not self.is_quiver:
            return
        self.execute(f"RESET {self.setting}")
        self.result["targets"] = []
        for target in TARGETS:
            self.execute(f"SET {self.method}.target_recall = {target}")
            cpu = self.cpu()
            reached = self.recall(self.rows.queries, self.rows.truth)
            self.result["targets"].append({"target": target, "reached": reached, "cpu_us": 1e6 * (self.cpu() - cpu) / len(self.rows.queries)})

    def insert(self):
        count = len(self.rows.base)
        self.execute(f"CREATE TEMP TABLE queries (id integer, v vector({self.rows.dimensions}))")
        self.copy("COPY queries FROM STDIN (FORMAT binary)", copied(np.asarray(self.rows.queries), count))
        self.execute("CHECKPOINT")
        self.execute("INSERT INTO items SELECT id, v FROM queries WHERE id < %s" % (count + 10))
        with self.measured("insert"):
            self.execute("INSERT INTO items SELECT id, v FROM queries WHERE id >= %s" % (count + 10))
        rows = len(self.rows.queries) - 10
        self.result["insert_us"], self.result["insert_bytes"] = 1e6 * self.result["insert_cpu"] / rows, self.result["insert_wal"] / rows


def measure(contenders, data, block=100):
    count = len(data.queries)
    blocks = [range(i, min(i + block, count)) for i in range(0, count, block)]
    floors = dict.fromkeys(contenders, 0.0)
    rounds = max(len(c.values) for c in contenders)
    for contender in contenders:
        contender.turn(contender.values[-1], range(count))  # warm
    for step in range(rounds):
        turns = [(c, c.values[step]) for c in contenders if step < len(c.values)]
        sums = {c: [0, 0.0] for c, _ in turns}
        for contender, value in turns:
            contender.turn(value, blocks[0])  # warm
        for numbers in blocks:
            for contender in contenders:
                floors[contender] += contender.floor(numbers)
            for contender, value in turns:
                answers, cpu = contender.turn(value, numbers)
                sums[contender][0] += sum(len(set(a) & set(data.truth[n, :10].tolist())) for n, a in zip(numbers, answers))
                sums[contender][1] += cpu
        for contender, value in turns:
            point = {"value": value, "recall": sums[contender][0] / (10 * count), "cpu_us": 1e6 * sums[contender][1] / count}
            contender.result["points"].append(point)
            print(contender.name, point, flush=True)
    for contender in contenders:
        contender.result["floor_us"] = 1e6 * floors[contender] / (count * rounds)


def summary(title, results, settings):
    rows = [("build CPU, s", "{:.1f}", lambda r: r["build_cpu"]), ("bytes a row", "{:.0f}", lambda r: r["row_bytes"]),
            ("CPU a query at recall .95, us", "{:.0f}", lambda r: at_recall(r["points"], 0.95, "cpu_us")),
            ("CPU a query at recall .99, us", "{:.0f}", lambda r: at_recall(r["points"], 0.99, "cpu_us")),
            ("floor of SQL, us", "{:.0f}", lambda r: r["floor_us"]), ("CPU an inserted row, us", "{:.0f}", lambda r: r["insert_us"]),
            ("WAL an inserted row, bytes", "{:.0f}", lambda r: r["insert_bytes"])]
    text = f"# {title}\n\n" + table(rows, results)
    if any(r.get("targets") for r in results):
        text += "\n| | target of recall | reached | CPU, us |\n|---|---|---|---|\n"
        text += "".join(f"| {r['name']} | {t['target']} | {t['reached']:.4f} | {t['cpu_us']:.0f} |\n" for r in results for t in r.get("targets", []))
    text += "\n| | setting | recall@10 | CPU, us |\n|---|---|---|---|\n"
    for r, setting in zip(results, settings):
        text += "".join(f"| {r['name']} | {setting} {p['value'] if isinstance(p['value'], str) else format(p['value'], 'g')} | {p['recall']:.4f} | {p['cpu_us']:.0f} |\n" for p in r["points"])
    return text


def main():
    arguments = parser_for(__doc__).parse_args()
    data = data_of(arguments)
    contenders = [Contender(description) for description in arguments.contenders]
    try:
        for contender in contenders:
            contender.begin(data)
            print(contender.name, contender.result, flush=True)
        measure(contenders, data)
        for contender in contenders:
            contender.targets()
            contender.insert()
    finally:
        for contender in contenders:
            contender.stop()
    results = [contender.result for contender in contenders]
    title = f"{len(data.base)} rows x {data.dimensions}, {data.metric}"
    write_results(arguments.out, {"kind": "lists", "title": title, "results": results}, summary(title, results, [c.setting for c in contenders]))
    plot_recall(arguments.out, title, results)


if __name__ == "__main__":
    sys.exit(main())
