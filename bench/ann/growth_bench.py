#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Lists that begin empty and grow with the table, beside a fresh build of the same rows.

usage: growth_bench.py BASE.fbin QUERY.fbin TRUTH.ibin l2|cosine|ip CONTENDER [--rows N] [--queries N] [--out DIR]

The contender is a server of quiver with ivfpq lists: NAME=PG_CONFIG:quiver::ivfpq. An index made on an empty table takes a hundredth, a tenth,
two fifths and then all of the rows by INSERT, each followed by quiver_maintain. Then queries at three targets of recall; then the same after
REINDEX.
"""
import sys

from report import write_results
from server import data_of, parser_for, running

STEPS, TARGETS, WARM = [0.01, 0.1, 0.4, 1.0], [0.9, 0.95, 0.99], 50


def grow(server, data):
    server.load(data.base)
    server.execute("ALTER TABLE items RENAME TO staged")
    server.execute("CREATE TABLE items (LIKE staged)")
    server.execute(f"CREATE INDEX items_v ON items USING ivfpq (v vector_{data.metric}_ops)")
    done, inserted, maintained = 0, 0.0, 0.0
    for end in (int(share * len(data.base)) for share in STEPS):
        cpu = server.cpu()
        server.execute(f"INSERT INTO items SELECT * FROM staged WHERE id >= {done} AND id < {end} ORDER BY id")
        inserted, done, cpu = inserted + server.cpu() - cpu, end, server.cpu()
        server.execute("SELECT * FROM quiver_maintain('items_v')")
        maintained += server.cpu() - cpu
    return {"insert_cpu": inserted, "maintain_cpu": maintained}


def asked(server, data):
    server.prepare_nearest(data.operator)
    points = []
    for target in TARGETS:
        server.execute(f"SET ivfpq.target_recall = {target}")
        server.recall(data.queries[:WARM], data.truth)
        cpu = server.cpu()
        recall = server.recall(data.queries, data.truth)
        points.append({"target": target, "recall": recall, "cpu_us": 1e6 * (server.cpu() - cpu) / len(data.queries)})
    return {"points": points, "bytes": server.value("SELECT pg_relation_size('items_v')"),
            "problems": server.value("SELECT count(*) FROM quiver_verify('items_v')")}


def summary(title, rows, grown, fresh):
    lines = [f"# {title}", "", "| | grown from nothing | built afterwards |", "|---|---|---|"]
    for a, b in zip(grown["points"], fresh["points"]):
        lines.append(f"| target {a['target']}: recall, CPU | {a['recall']:.4f}, {a['cpu_us']:.0f} us | {b['recall']:.4f}, {b['cpu_us']:.0f} us |")
    lines += [f"| CPU a row | {1e6 * grown['insert_cpu'] / rows:.0f} us, and {1e6 * grown['maintain_cpu'] / rows:.0f} of maintenance | "
              f"{1e6 * fresh['build_cpu'] / rows:.0f} us |",
              f"| bytes a row | {grown['bytes'] / rows:.0f} | {fresh['bytes'] / rows:.0f} |",
              f"| problems that quiver_verify finds | {grown['problems']} | {fresh['problems']} |"]
    return "\n".join(lines) + "\n"


def main():
    arguments = parser_for(__doc__).parse_args()
    data = data_of(arguments)
    with running(arguments.contenders[:1]) as (server,):
        grown = grow(server, data)
        grown.update(asked(server, data))
        with server.measured("build"):
            server.execute("REINDEX INDEX items_v")
        fresh = {"build_cpu": server.result["build_cpu"], **asked(server, data)}
    title = f"Growth: {len(data.base)} rows x {data.dimensions}, {data.metric}"
    write_results(arguments.out, {"kind": "growth", "title": title, "grown": grown, "fresh": fresh}, summary(title, len(data.base), grown, fresh))


if __name__ == "__main__":
    sys.exit(main())
