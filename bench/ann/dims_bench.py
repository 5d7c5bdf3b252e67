#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""hnsw over dimensions from 3 to 16,000: recall, visits, bytes and build CPU a row, CPU a query, beside another extension where it can.

usage: dims_bench.py FOLDER CONTENDER... [--dimensions 3,32,...] [--rows N] [--out DIR]

FOLDER holds the sets of ann_bench.py; words serves 100 dimensions, patches 128, text 384, text768 768, where the files are. For other
dimensions vectors are made from one of them, because random numbers of many dimensions have no near neighbours to find: a prefix of the
axes of a random rotation of patches (3, 32), or a random linear map of a real vector (text768, else text) into more dimensions plus noise of a tenth of its
length. These are named synthetic in the table: their intrinsic dimension is their source's. L2, except cosine where the real set is cosine.
vector up to 2,000 dimensions, for contenders that take no more halfvec up to 4,000; quiver's is always vector.
Rows: --rows (50,000) up to 1,536 dimensions, a fifth above.
"""
import argparse
import pathlib
import sys

import numpy as np

from report import at_recall, figure, finish, write_results
from server import running
from vectors import OPERATORS, exact, read_matrix

DIMENSIONS = [3, 32, 100, 128, 384, 768, 1024, 1536, 3072, 4000, 8000, 16000]
REAL = {100: ("words", "cosine"), 128: ("patches", "l2"), 384: ("text", "cosine"), 768: ("text768", "cosine")}
EFS, QUERIES, LEAST = [10, 20, 40, 80, 160, 320, 640], 500, 10000


def stored(folder, name, count):
    """(rows, queries) of a real set; None when there is none, or one too small to stand for its kind."""
    if not (folder / f"{name}.base.fbin").exists():
        return None
    base, queries = read_matrix(folder / f"{name}.base.fbin", np.float32), read_matrix(folder / f"{name}.query.fbin", np.float32)
    if len(base) < min(count, LEAST):
        return None
    return np.array(base[:count]), np.array(queries[:QUERIES])


def mapped(source, dimensions, random):
    """Real vectors through one random linear map, with noise."""
    directions = random.standard_normal((source[0].shape[1], dimensions), np.float32) / np.float32(np.sqrt(source[0].shape[1]))
    made = []
    for rows in source:
        image = rows @ directions
        noise = random.standard_normal(image.shape, np.float32) * (np.linalg.norm(image, axis=1, keepdims=True) / np.sqrt(dimensions) / 10)
        made.append((image + noise).astype(np.float32))
    return made


def rows_of(folder, dimensions, count):
    """(rows, queries, metric, what they are)"""
    random = np.random.default_rng(dimensions)
    if dimensions in REAL:
        name, metric = REAL[dimensions]
        real = stored(folder, name, count)
        if real is not None:
            return *real, metric, name
    if dimensions < 128:
        base, queries = stored(folder, "patches", count)
        axes = np.linalg.qr(random.standard_normal((base.shape[1], base.shape[1])))[0][:, :dimensions].astype(np.float32)
        return base @ axes, queries @ axes, "l2", "synthetic: projected patches"
    name, source = next((name, found) for name in ("text768", "text", "words") if (found := stored(folder, name, count)) is not None)
    return *mapped(source, dimensions, random), "l2", f"synthetic: mapped {name}"


def type_for(server, dimensions):
    if server.is_quiver or dimensions <= 2000:
        return "vector"
    return "halfvec" if dimensions <= 4000 else None


def prepared(server, rows, kind, metric):
    server.result = {"name": server.name, "kind": kind, "points": []}
    server.execute("DEALLOCATE ALL; RESET ALL")
    server.load(rows, kind)
    server.build(metric, kind)
    server.result["bytes_row"] = server.result["bytes"] / len(rows)
    server.result["build_us_row"] = 1e6 * server.result["build_cpu"] / len(rows)
    server.prepare_nearest(OPERATORS[metric])


def measure_points(servers, queries, truth):
    blocks = [range(i, min(i + 100, len(queries))) for i in range(0, len(queries), 100)]
    for ef in EFS:
        sums = {server.name: [0, 0.0] for server in servers}
        for server in servers:
            server.ask(ef, queries, blocks[0], server.result["kind"])
        for numbers in blocks:
            for server in servers:
                answers, cpu, _ = server.ask(ef, queries, numbers, server.result["kind"])
                sums[server.name][0] += sum(len(set(a) & set(truth[n, :10].tolist())) for n, a in zip(numbers, answers))
                sums[server.name][1] += cpu
        for server in servers:
            hits, cpu = sums[server.name]
            server.result["points"].append({"ef": ef, "recall": hits / (10 * len(queries)), "cpu_us": 1e6 * cpu / len(queries),
                                            **server.buffers(queries[::25], server.result["kind"])})


def measure_dimension(servers, folder, dimensions, count):
    base, queries, metric, source = rows_of(folder, dimensions, count)
    truth = exact(base, queries, metric, 10)
    taking_part = [server for server in servers if type_for(server, dimensions)]
    for server in taking_part:
        prepared(server, base, type_for(server, dimensions), metric)
    measure_points(taking_part, queries, truth)
    results = [server.result for server in taking_part]
    print(dimensions, source, [(r["name"], r["bytes_row"], r["points"][2]) for r in results], flush=True)
    return {"dimensions": dimensions, "rows": len(base), "metric": metric, "source": source, "results": results}


def summary(cases):
    def shown(value, form="{:.0f}"):
        return "-" if value is None else form.format(value)

    lines = ["# hnsw by dimension", "",
             "| dimensions, rows, data | | bytes a row | build CPU a row, us | recall at ef 40 | visits at .95 / .99 | CPU at .95 / .99, us | best recall |",
             "|---|---|---|---|---|---|---|---|"]
    for case in cases:
        for r in case["results"]:
            points, default = r["points"], next(p for p in r["points"] if p["ef"] == 40)
            pairs = [" / ".join(shown(at_recall(points, recall, field)) for recall in (0.95, 0.99)) for field in ("visits", "cpu_us")]
            lines.append(f"| {case['dimensions']}, {case['rows']}, {case['source']}, {case['metric']} | {r['name']}, {r['kind']} | {r['bytes_row']:.0f} | "
                         f"{r['build_us_row']:.0f} | {default['recall']:.4f} ({default['cpu_us']:.0f} us, {default['visits']:.0f} visits) | "
                         f"{pairs[0]} | {pairs[1]} | {max(p['recall'] for p in points):.4f} |")
    lines += ["", "Where a curve lies above the recall at its smallest ef_search, no figure can be read at that recall: the column of ef 40 tells."]
    return "\n".join(lines) + "\n"


def plot(out, cases):
    drawing, axes = figure()
    for name in dict.fromkeys(r["name"] for case in cases for r in case["results"]):
        at_default = [(case["dimensions"], next(p for p in r["points"] if p["ef"] == 40)["cpu_us"])
                      for case in cases for r in case["results"] if r["name"] == name]
        axes.plot(*zip(*at_default), marker="o", label=name)
    axes.set_xscale("log")
    finish(drawing, axes, "CPU a query at ef_search 40", "dimensions", "us", pathlib.Path(out) / "dimensions")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("contenders", nargs="+")
    parser.add_argument("--dimensions", default=",".join(map(str, DIMENSIONS)))
    parser.add_argument("--rows", type=int, default=50000)
    parser.add_argument("--out", default="bench/results/run")
    arguments = parser.parse_args()
    cases = []
    with running(arguments.contenders) as servers:
        for dimensions in map(int, arguments.dimensions.split(",")):
            count = arguments.rows if dimensions <= 1536 else arguments.rows // 5
            cases.append(measure_dimension(servers, arguments.folder, dimensions, count))
    write_results(arguments.out, {"kind": "dims", "cases": cases}, summary(cases))
    plot(arguments.out, cases)


if __name__ == "__main__":
    sys.exit(main())
