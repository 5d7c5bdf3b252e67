#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""VACUUM of an hnsw index: what a tenth of dead rows costs, and what ten rounds of replacing half of all rows leave.

usage: vacuum_bench.py BASE.fbin QUERY.fbin TRUTH.ibin l2|cosine|ip CONTENDER... [--rows N] [--churn-rows N] [--rounds N] [--out DIR]

First part, on all rows: a random tenth is deleted, then VACUUM (PARALLEL 0): CPU, WAL, buffers (as VACUUM VERBOSE counts them, heap
included); recall of the present rows before and after. An index may
leave the mending of its lanes to a later VACUUM, so one more row is deleted and VACUUM runs again, twice; the sum of all is what counts.
Second part, on --churn-rows: the table holds half of them; a round deletes a random half of the rows in the table, inserts as many
of the others and vacuums. By round: recall@10 at two settings against the exact neighbours among the rows then present, size, and what
quiver_verify reports (unreachable nodes are invariant 6). At the end the same rows in a fresh index.
"""
import pathlib
import re
import sys
import time

import numpy as np

from report import figure, finish, table, write_results
from server import data_of, parser_for, running
from vectors import copied, exact

EFS = [40, 200]


def vacuum(server, prefix):
    notices = []

    def keep(diagnostic):
        notices.append(diagnostic.message_primary)

    server.connection.add_notice_handler(keep)
    with server.measured(prefix):
        server.execute("VACUUM (VERBOSE, PARALLEL 0, INDEX_CLEANUP on) items")
    server.connection.remove_notice_handler(keep)
    used = re.search(r"buffer usage: (\d+) hits, (\d+) (?:misses|reads), (\d+) dirtied", "\n".join(notices))
    server.result[prefix + "_buffers"] = int(used.group(1)) + int(used.group(2)) if used else None


def recall_now(server, data, present, queries):
    """recall@10 by ef_search, against the exact neighbours among the present rows."""
    truth, reached = exact(data.base[present], data.queries[:queries], data.metric, 10), {}
    for ef in EFS:
        server.execute(f"SET hnsw.ef_search = {ef}")
        reached[str(ef)] = server.recall(data.queries[:queries], truth, present)
    return reached


def damage(server):
    """Reports of quiver_verify by invariant; None for others."""
    if not server.is_quiver:
        return None
    server.execute("SELECT invariant || CASE WHEN is_damage THEN ' (damage)' ELSE '' END, count(*) FROM quiver_verify('items_v') GROUP BY 1")
    return {str(name): count for name, count in server.cursor.fetchall()}


def tenth(server, data, dead):
    server.load(data.base)
    server.build(data.metric)
    server.execute("DELETE FROM items WHERE id = ANY(%s)", (dead.tolist(),))
    present = np.setdiff1d(np.arange(len(data.base)), dead)
    server.prepare_nearest(data.operator)
    server.result["recall_dead"] = recall_now(server, data, present, 300)
    server.execute("CHECKPOINT")
    vacuum(server, "vacuum")
    server.result["deleted"] = len(dead)
    server.result["recall_vacuumed"] = recall_now(server, data, present, 300)
    for prefix, row in (("vacuum_again", present[0]), ("vacuum_third", present[1])):
        server.execute("DELETE FROM items WHERE id = %s", (int(row),))
        vacuum(server, prefix)
    server.result["recall_mended"] = recall_now(server, data, present[2:], 300)
    server.result["tenth_verify"] = damage(server)


def churn(servers, data, rows, rounds):
    random = np.random.default_rng(11)
    pool = random.permutation(len(data.base))[:rows]
    present, absent = pool[:rows // 2], pool[rows // 2:]
    for server in servers:
        server.load(data.base[np.sort(present)])
        server.execute("TRUNCATE items")
        insert_rows(server, data, present)
        server.build(data.metric, prefix="churn_build")
        server.prepare_nearest(data.operator)
        server.result["churn"] = [state(server, data, present, {})]
    for number in range(rounds):
        order = random.permutation(len(present))
        leaving, staying = present[order[:len(order) // 2]], present[order[len(order) // 2:]]
        entering, waiting = absent[:len(leaving)], absent[len(leaving):]
        present, absent = np.concatenate([staying, entering]), np.concatenate([waiting, leaving])
        for server in servers:
            server.execute("DELETE FROM items WHERE id = ANY(%s)", (leaving.tolist(),))
            cpu = server.cpu()
            insert_rows(server, data, entering)
            cost = {"insert_us": 1e6 * (server.cpu() - cpu) / len(entering)}
            vacuum(server, "churn_vacuum")
            cost["vacuum_cpu"] = server.result["churn_vacuum_cpu"]
            server.result["churn"].append(state(server, data, present, cost))
            print(number + 1, server.name, server.result["churn"][-1], flush=True)
    for server in servers:
        server.execute("REINDEX INDEX items_v")
        server.result["fresh"] = state(server, data, present, {})


def insert_rows(server, data, numbers):
    """By COPY, in the order of the numbers, which are the ids."""
    server.execute(f"CREATE TEMP TABLE IF NOT EXISTS staged (place integer, v vector({data.dimensions}))")
    server.execute("CREATE TEMP TABLE IF NOT EXISTS numbers (place integer, id integer)")
    server.execute("TRUNCATE staged, numbers")
    server.copy("COPY staged FROM STDIN (FORMAT binary)", copied(data.base[numbers], 0))
    server.execute("INSERT INTO numbers SELECT i - 1, id FROM unnest(%s::integer[]) WITH ORDINALITY u(id, i)", (numbers.tolist(),))
    server.execute("INSERT INTO items (id, v) SELECT id, v FROM staged JOIN numbers USING (place) ORDER BY place")


def state(server, data, present, more):
    size = server.value("SELECT pg_relation_size('items_v')")
    return {"recall": recall_now(server, data, present, 300), "bytes": size, "verify": damage(server), **more}


def all_vacuums(result, of="cpu"):
    return sum(result[f"{prefix}_{of}"] for prefix in ("vacuum", "vacuum_again", "vacuum_third"))


def summary(title, results):
    def value(name, scale=1.0):
        return lambda r: scale * r[name] if r.get(name) is not None else None

    rows = [("VACUUM of a tenth: CPU, s", "{:.2f}", value("vacuum_cpu")), ("WAL, MB", "{:.1f}", value("vacuum_wal", 1e-6)),
            ("buffers", "{}", lambda r: r.get("vacuum_buffers")), ("wall, s", "{:.1f}", value("vacuum_wall")),
            ("CPU of all three a dead row, us", "{:.0f}", lambda r: 1e6 * all_vacuums(r) / r["deleted"]),
            ("second VACUUM, of one row more: CPU, s", "{:.2f}", value("vacuum_again_cpu")), ("WAL, MB", "{:.1f}", value("vacuum_again_wal", 1e-6)),
            ("third, of one row more: CPU, s", "{:.2f}", value("vacuum_third_cpu")),
            ("all three: CPU, s", "{:.2f}", all_vacuums), ("all three: WAL, MB", "{:.1f}", lambda r: all_vacuums(r, "wal") / 1e6)]
    for when in ("dead", "vacuumed", "mended"):
        rows += [(f"recall@10 with the tenth {when}, ef_search {ef}", "{:.4f}", lambda r, w=when, e=ef: r[f"recall_{w}"][str(e)]) for ef in EFS]
    text = f"# {title}\n\n" + table(rows, results) + "".join(f"\nquiver_verify of {r['name']} after it: {r['tenth_verify']}\n" for r in results if r["tenth_verify"] is not None)
    text += ("\n| replacing half | round | " + " | ".join(f"recall@10, ef {ef}" for ef in EFS) +
             " | index, MB | CPU an insert, us | VACUUM CPU, s | quiver_verify |\n|---|---|" + "---|" * (len(EFS) + 4) + "\n")
    for r in results:
        for number, s in [*enumerate(r["churn"]), ("fresh index", r["fresh"])]:
            text += (f"| {r['name']} | {number} | " + " | ".join(f"{s['recall'][str(ef)]:.4f}" for ef in EFS) + f" | {s['bytes'] / 1e6:.1f} | "
                     f"{s.get('insert_us', 0):.0f} | {s.get('vacuum_cpu', 0):.2f} | {'-' if s['verify'] is None else s['verify'] or 'nothing'} |\n")
    return text


def plot(out, title, results):
    drawing, axes = figure()
    for r in results:
        line, = axes.plot([s["recall"]["40"] for s in r["churn"]], marker="o", label=f"{r['name']}, ef_search 40")
        axes.axhline(r["fresh"]["recall"]["40"], color=line.get_color(), linestyle="--", linewidth=0.8)
    finish(drawing, axes, title + "; dashed: a fresh index of the same rows", "round", "recall@10", pathlib.Path(out) / "churn", log=False)


def main():
    parser = parser_for(__doc__)
    parser.add_argument("--churn-rows", type=int, default=60000)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    data = data_of(arguments)
    dead = np.sort(np.random.default_rng(5).permutation(len(data.base))[:len(data.base) // 10])
    with running(arguments.contenders) as servers:
        for server in servers:
            start = time.time()
            tenth(server, data, dead)
            print(server.name, {k: v for k, v in server.result.items() if k != "points"}, f"{time.time() - start:.0f} s", flush=True)
        churn(servers, data, min(arguments.churn_rows, len(data.base)), arguments.rounds)
        results = [server.result for server in servers]
    title = f"Vacuum: {len(data.base)} rows x {data.dimensions}, {data.metric}; replacing half of {min(arguments.churn_rows, len(data.base)) // 2}"
    write_results(arguments.out, {"kind": "vacuum", "title": title, "results": results}, summary(title, results))
    plot(arguments.out, title, results)


if __name__ == "__main__":
    sys.exit(main())
