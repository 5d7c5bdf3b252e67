#!/usr/bin/env python3
"""Distance functions, text and binary input and output through SQL, for quiver and another extension beside it, in one run.

usage: functions_bench.py NAME=PG_CONFIG:EXTENSION... [--rows N] [--copy-rows N] [--out DIR]

Distances: nanoseconds of server CPU a call, N calls over rows of 3, 100, 128, 768 and 1,536 dimensions that stay in the processor's
cache, so that memory does not decide; the least time of the same query without a distance is taken off all. Sparse vectors have about one element in eight. Input and output: N x 128 vectors, the best of three;
COPY: --copy-rows x 128, the better of two. Both servers take turns at every line. Writes functions.md into the output folder.
"""
import argparse
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "ann"))
from server import Server  # noqa: E402

DIMENSIONS = [3, 100, 128, 768, 1536]
TYPES = {
    "vector": ("elements::vector", ["l2_distance", "inner_product", "cosine_distance", "l1_distance"]),
    "halfvec": ("elements::halfvec", ["l2_distance", "inner_product", "cosine_distance", "l1_distance"]),
    "sparsevec": ("(SELECT array_agg(CASE WHEN abs(e) > 0.875 THEN e ELSE 0 END ORDER BY i) FROM unnest(elements) WITH ORDINALITY u(e, i))::vector::sparsevec",
                  ["l2_distance", "inner_product", "cosine_distance", "l1_distance"]),
    "bit": ("(SELECT string_agg(CASE WHEN e > 0 THEN '1' ELSE '0' END, '') FROM unnest(elements) e)::bit varying",
            ["hamming_distance", "jaccard_distance"]),
}


def resident_rows(dimensions):
    """As many as stay in the second-level cache."""
    return max(10, min(1000, 2**17 // (4 * dimensions)))


class FunctionsContender(Server):
    def once(self, sql):
        start = self.cpu()
        self.cursor.execute(sql)
        return self.cpu() - start

    def fill(self, dimensions):
        self.cursor.execute("SET client_min_messages = error; SET max_parallel_workers_per_gather = 0; SELECT setseed(0.25)")
        self.cursor.execute("DROP TABLE IF EXISTS raw, typed CASCADE")
        self.cursor.execute(f"CREATE TABLE raw AS SELECT array_agg((random() * 2 - 1)::real) AS elements "
                            f"FROM generate_series(1, {resident_rows(dimensions)}) i, generate_series(1, {dimensions}) GROUP BY i")
        columns = ", ".join(f"{expression} AS {name}" for name, (expression, _) in TYPES.items())
        self.cursor.execute(f"CREATE TABLE typed AS SELECT {columns} FROM raw")
        for name in TYPES:
            self.cursor.execute(f"DROP TABLE IF EXISTS only_{name}; CREATE UNLOGGED TABLE only_{name} (v {name if name != 'bit' else 'bit varying'}); "
                                f"ALTER TABLE only_{name} ALTER v SET STORAGE plain" if name != "bit" else
                                "DROP TABLE IF EXISTS only_bit; CREATE UNLOGGED TABLE only_bit (v bit varying)")
            self.cursor.execute(f"INSERT INTO only_{name} SELECT t.{name} FROM typed t")


def best(contenders, sql, times=7):
    """Least CPU seconds of each contender in turns."""
    rounds = [[contender.once(sql) for contender in contenders] for _ in range(times)]
    return [min(column) for column in zip(*rounds)]


def distance_lines(contenders, rows):
    lines = ["| ns a call | " + " | ".join(str(d) for d in DIMENSIONS) + " |", "|---|" + "---|" * len(DIMENSIONS)]
    cells = {}
    for dimensions in DIMENSIONS:
        for contender in contenders:
            contender.fill(dimensions)
        turns = rows // resident_rows(dimensions)
        calls = turns * resident_rows(dimensions)
        for name, (_, functions) in TYPES.items():
            # One floor for all: two servers' floors differ by more than a distance takes.
            floor = min(best(contenders, f"SELECT count(v) FROM only_{name}, generate_series(1, {turns})"))
            for function in functions:
                totals = best(contenders, f"SELECT count({function}(v, (SELECT v FROM only_{name} LIMIT 1))) FROM only_{name}, generate_series(1, {turns})")
                times = [1e9 * (total - floor) / calls for total in totals]
                cells[name, function, dimensions] = times
                print(name, function, dimensions, [f"{t:.1f}" for t in times], flush=True)
    for name, (_, functions) in TYPES.items():
        for function in functions:
            row = [cells[name, function, d] for d in DIMENSIONS]
            lines.append(f"| {name} {function} | " + " | ".join(
                " / ".join(f"{t:.0f}" for t in times) + (f" ({times[-1] / times[0]:.1f}x)" if len(times) > 1 else "") for times in row) + " |")
    return lines


def transfer_lines(contenders, rows, copy_rows):
    lines = ["", "| 128 dimensions, CPU ms | " + " | ".join(c.name for c in contenders) + " | ratio |", "|---|" + "---|" * (len(contenders) + 1)]

    def line(label, times):
        lines.append(f"| {label} | " + " | ".join(f"{1e3 * t:.0f}" for t in times) + (f" | {times[-1] / times[0]:.2f} |" if len(times) > 1 else " | - |"))
        print(lines[-1], flush=True)

    def less(sql, floor):
        return [a - b for a, b in zip(best(contenders, sql, 3), best(contenders, floor, 3))]

    for contender in contenders:
        contender.cursor.execute("SELECT setseed(0.5); DROP TABLE IF EXISTS v, t; CREATE UNLOGGED TABLE v (v vector)")
        contender.cursor.execute(f"INSERT INTO v SELECT array_agg(x)::vector FROM (SELECT i, (sqrt(-2 * ln(1 - random())) * cos(6.2831853 * random()))::real AS x "
                                 f"FROM generate_series(1, {rows}) i, generate_series(1, 128)) e GROUP BY i")
        contender.cursor.execute("CREATE UNLOGGED TABLE t AS SELECT v::text AS t FROM v")
        contender.cursor.execute("CREATE TABLE IF NOT EXISTS w (v vector(128))")
    line(f"text out, {rows} rows", less("SELECT count(vector_out(v)) FROM v", "SELECT count(v) FROM v"))
    line(f"text in, {rows} rows", less("SELECT count(t::vector) FROM t", "SELECT count(t) FROM t"))
    line(f"send, {rows} rows", less("SELECT count(vector_send(v)) FROM v", "SELECT count(v) FROM v"))
    for form in ("text", "binary"):
        out, back = [], []
        for contender in contenders:
            path = f"{contender.folder}/copied.{form}"
            contender.cursor.execute(f"DROP TABLE IF EXISTS many; CREATE UNLOGGED TABLE many AS SELECT v.v FROM v, generate_series(1, {copy_rows // rows})")
            out.append(min(contender.once(f"COPY many TO '{path}' (FORMAT {form})") for _ in range(2)))
            least = float("inf")
            for _ in range(2):
                contender.cursor.execute("TRUNCATE w")
                least = min(least, contender.once(f"COPY w FROM '{path}' (FORMAT {form})"))
            back.append(least)
            contender.cursor.execute("DROP TABLE many")
        line(f"COPY TO, {form}, {copy_rows} rows", out)
        line(f"COPY FROM, {form}, {copy_rows} rows", back)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contenders", nargs="+")
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--copy-rows", type=int, default=1000000)
    parser.add_argument("--out", default="bench/results/run")
    parser.add_argument("--shared-buffers", default="4GB")
    parser.add_argument("--maintenance-work-mem", default="1GB")
    arguments = parser.parse_args()
    settings = {"shared_buffers": arguments.shared_buffers, "maintenance_work_mem": arguments.maintenance_work_mem}
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    contenders = [FunctionsContender(description, settings) for description in arguments.contenders]
    try:
        for contender in contenders:
            contender.start()
        names = " / ".join(c.name for c in contenders)
        lines = ["# Functions through SQL", "", f"{names}, {arguments.rows} rows, server CPU; in brackets the last by the first.", ""]
        lines += distance_lines(contenders, arguments.rows)
        lines += transfer_lines(contenders, min(arguments.rows, 100000), arguments.copy_rows)
    finally:
        for contender in contenders:
            contender.stop()
    (out / "functions.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
