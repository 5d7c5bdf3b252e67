#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Nearest rows under a WHERE: rows returned, their exactness, CPU of either plan, and which of the two the planner takes.

usage: filter_bench.py BASE.fbin QUERY.fbin TRUTH.ibin l2|cosine|ip CONTENDER... [--rows N] [--queries N] [--out DIR]

A column of random ranks has a btree beside the hnsw index. For shares of rows from 90 % down to one row, the query WHERE rank < N ORDER BY
distance LIMIT 10 runs three ways: as the planner chooses, by the graph (sorting and bitmaps disabled), by btree, bitmap and sort (index
scans disabled). Recall is against the exact neighbours among the matching rows; a query is full when it returned 10 rows or all that
match. A server without quiver is asked twice: as it comes, and with hnsw.iterative_scan = strict_order. Last, 90 % of the rows are deleted
and not vacuumed, and the unfiltered query runs.
"""
import pathlib
import sys

import numpy as np

from report import figure, finish, write_results
from server import data_of, nodes, parser_for, running
from vectors import exact, parameter

SHARES = [0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0]  # the last: one row
WAYS = {
    "chosen": "RESET enable_sort; RESET enable_bitmapscan; RESET enable_indexscan; RESET enable_seqscan; RESET enable_incremental_sort",
    "graph": "SET enable_sort = off; SET enable_bitmapscan = off; SET enable_seqscan = off; SET enable_indexscan = on",
    "sort": "SET enable_indexscan = off; SET enable_seqscan = off; SET enable_sort = on; SET enable_bitmapscan = on",
}


def variants(server):
    return [(server.name, "SELECT 1")] if server.is_quiver else [
        (server.name, "SET hnsw.iterative_scan = off"), (server.name + " iterative", "SET hnsw.iterative_scan = strict_order")]


def kind_of(plan):
    names = [n.get("Index Name") for n in nodes(plan)]
    kinds = [n["Node Type"] for n in nodes(plan)]
    return "graph" if "items_v" in names else "btree, sort" if "items_rank" in names and "Sort" in kinds else "seqscan, sort" if "Seq Scan" in kinds else kinds[-1]


def shown_plan(server, name, query):
    text = "[" + ",".join(repr(float(x)) for x in query) + "]"
    server.execute(f"EXPLAIN (FORMAT json) EXECUTE {name}('{text}')")
    return kind_of(server.cursor.fetchone()[0][0]["Plan"])


def ordered(data, ids, query):
    near = data.base[ids].astype(np.float64)
    products, squares = near @ query, (near**2).sum(1)
    distances = {"l2": squares - 2 * products, "ip": -products, "cosine": -products / np.sqrt(np.maximum(squares, 1e-30))}[data.metric]
    return bool((np.diff(distances) >= -1e-6 * np.abs(distances).max()).all()) if len(ids) else True


class Way:
    """One contender's plan for one share of rows, planned once and asked in turns with the others."""

    def __init__(self, server, variant, way, number, sql):
        self.server, self.name, self.setting, self.way = server, variant[0], variant[1], way
        self.statement = f"{way}_{number}"
        self.cpu, self.hits, self.full, self.ordered, self.asked = 0.0, 0, 0, 0, 0
        server.execute(f"{WAYS[way]}; {self.setting}; SET plan_cache_mode = force_generic_plan")
        server.prepare(self.statement, sql)

    def plan(self, data):
        self.kind = shown_plan(self.server, self.statement, data.queries[0])  # under the settings above; the plan is kept

    def ask(self, data, number, near, count=True):
        bound = parameter(data.queries[number])
        self.server.execute(self.setting)
        before = self.server.cpu()
        found = self.server.ids(self.statement, [bound])
        if count:
            self.cpu += self.server.cpu() - before
            self.hits += len(set(found) & set(near.tolist()))
            self.full += len(found) == len(near)
            self.ordered += ordered(data, found, data.queries[number])
            self.asked += 1

    def figures(self, wanted):
        return {"name": self.name, "way": self.way, "plan": self.kind, "cpu_us": 1e6 * self.cpu / self.asked, "recall": self.hits / (wanted * self.asked),
                "full": self.full / self.asked, "ordered": self.ordered / self.asked}


def take_turns(ways, data, matching, numbers):
    wanted = min(10, len(matching))
    near = matching[exact(data.base[matching], data.queries[:len(numbers)], data.metric, wanted)]
    for way in ways:
        for number in numbers[:10]:
            way.ask(data, number, near[number], count=False)
    for number in numbers:
        for way in ways:
            way.ask(data, number, near[number])
    for way in ways:
        print(len(matching), way.figures(wanted), flush=True)
    return [way.figures(wanted) for way in ways]


def prepare(server, data, ranks):
    server.load(data.base, columns=", rank integer")
    server.execute("CREATE TABLE ranks (id integer PRIMARY KEY, rank integer)")
    with server.cursor.copy("COPY ranks FROM STDIN") as copy:
        for number, rank in enumerate(ranks):
            copy.write_row((number, int(rank)))
    server.execute("CREATE TABLE ranked AS SELECT i.id, i.v, r.rank FROM items i JOIN ranks r USING (id) ORDER BY id")
    server.execute("DROP TABLE items, ranks")
    server.execute("ALTER TABLE ranked RENAME TO items")
    server.execute("CREATE INDEX items_rank ON items (rank)")
    server.build(data.metric)
    server.execute("VACUUM ANALYZE items")


def planned(servers, data, kinds, sql):
    ways = []
    for server in servers:
        server.execute("DEALLOCATE ALL")
        for number, variant in enumerate(variants(server)):
            for way in kinds:
                ways.append(Way(server, variant, way, number, sql))
                ways[-1].plan(data)
    return ways


def measure_share(servers, data, ranks, share, numbers):
    bound = max(1, round(share * len(ranks)))
    matching = np.flatnonzero(ranks < bound)
    ways = planned(servers, data, WAYS, f"SELECT id FROM items WHERE rank < {bound} ORDER BY v {data.operator} $1 LIMIT 10")
    return {"share": share, "rows": len(matching), "ways": take_turns(ways, data, matching, numbers)}


def measure_dead(servers, data, ranks, numbers):
    """Nine rows in ten deleted, no vacuum."""
    for server in servers:
        server.execute("DELETE FROM items WHERE rank >= %s", (len(ranks) // 10,))
    alive = np.flatnonzero(ranks < len(ranks) // 10)
    ways = planned(servers, data, ["graph"], f"SELECT id FROM items ORDER BY v {data.operator} $1 LIMIT 10")
    return {"share": "90 % dead", "rows": len(alive), "ways": take_turns(ways, data, alive, numbers)}


def label(share):
    return share if isinstance(share, str) else f"{100 * share:g} %" if share else "one row"


def summary(title, cases):
    text = f"# {title}\n\n| matching rows | | plan chosen | CPU as chosen, us | by the graph | by sorting | best / chosen | full | recall@10 | in order |\n"
    text += "|---|" + "---|" * 9 + "\n"
    for case in cases:
        for name in dict.fromkeys(w["name"] for w in case["ways"]):
            ways = {w["way"]: w for w in case["ways"] if w["name"] == name}
            chosen, graph, sort = ways.get("chosen", ways["graph"]), ways["graph"], ways.get("sort")
            best = min(w["cpu_us"] for w in ways.values())
            text += (f"| {label(case['share'])}, {case['rows']} | {name} | {chosen['plan']} | {chosen['cpu_us']:.0f} | {graph['cpu_us']:.0f}"
                     f"{'' if graph['plan'] == 'graph' else ' (' + graph['plan'] + ')'} | {'-' if sort is None else format(sort['cpu_us'], '.0f')} | "
                     f"{best / chosen['cpu_us']:.2f} | {100 * graph['full']:.0f} % | {graph['recall']:.4f} | {100 * graph['ordered']:.0f} % |\n")
    return text + "\nFull, recall and order are the graph's.\n"


def plot(out, title, cases):
    drawing, axes = figure()
    cases = [case for case in cases if not isinstance(case["share"], str)]
    for name in dict.fromkeys(w["name"] for case in cases for w in case["ways"]):
        for way, style in (("graph", "-"), ("sort", "--"), ("chosen", ":")):
            points = [(max(case["share"], 1e-5), w["cpu_us"]) for case in cases for w in case["ways"] if (w["name"], w["way"]) == (name, way)]
            axes.plot(*zip(*points), style, marker="o", markersize=3, label=f"{name}, {way}")
    axes.set_xscale("log")
    finish(drawing, axes, title, "share of rows that match", "CPU a query, us", pathlib.Path(out) / "filters")


def main():
    parser = parser_for(__doc__)
    arguments = parser.parse_args()
    data = data_of(arguments)
    ranks = np.random.default_rng(17).permutation(len(data.base))
    numbers = range(min(len(data.queries), 100))
    with running(arguments.contenders) as servers:
        for server in servers:
            prepare(server, data, ranks)
        cases = [measure_share(servers, data, ranks, share, numbers) for share in SHARES]
        cases.append(measure_dead(servers, data, ranks, numbers))
    title = f"Filters: {len(data.base)} rows x {data.dimensions}, {data.metric}, {len(numbers)} queries"
    write_results(arguments.out, {"kind": "filter", "title": title, "cases": cases}, summary(title, cases))
    plot(arguments.out, title, cases)


if __name__ == "__main__":
    sys.exit(main())
