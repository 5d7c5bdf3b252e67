#!/usr/bin/env python3
"""hnsw over the other types and metrics - halfvec, L1, bit, sparsevec - for quiver and another extension beside it, in one run.

usage: types_bench.py CASE,CASE... BASE_FOLDER NAME=PG_CONFIG:EXTENSION... [--rows N] [--out DIR]

Cases, with what they are made of:
  dense      vector, L2           patches.base.fbin
  half       halfvec, L2          the same
  l1         vector, L1           words.base.fbin
  hamming    bit, Hamming         text.base.fbin, the sign of each axis
  jaccard    bit(1024), Jaccard   texts, each a set of hashed trigrams of letters
  sparse_ip  sparsevec, product   texts, words weighted by tf-idf
  sparse_l2, sparse_cosine, sparse_l1   the same
The folder holds the .fbin files of ann_bench.py; texts are those of make_text.py. Recall counts distances, because bits have many
ties. Server CPU a query, build CPU, index size and inserted rows are measured as in ann_bench.py.
"""
import argparse
import collections
import json
import math
import pathlib
import re
import subprocess
import sys
import zlib

import numpy as np

from report import at_recall
from server import Server, index_buffers
from vectors import read_matrix

QUERIES, EFS = 200, [10, 20, 40, 80, 160, 320, 640]
CASES = {
    "dense": ("vector", "<->", "vector_l2_ops"), "half": ("halfvec", "<->", "halfvec_l2_ops"), "l1": ("vector", "<+>", "vector_l1_ops"),
    "hamming": ("bit", "<~>", "bit_hamming_ops"), "jaccard": ("bit", "<%>", "bit_jaccard_ops"),
    "sparse_ip": ("sparsevec", "<#>", "sparsevec_ip_ops"), "sparse_l2": ("sparsevec", "<->", "sparsevec_l2_ops"),
    "sparse_cosine": ("sparsevec", "<=>", "sparsevec_cosine_ops"), "sparse_l1": ("sparsevec", "<+>", "sparsevec_l1_ops"),
}


def texts():
    """WordNet's glosses and Debian's package descriptions, in a mixed order that is always the same."""
    found = set()
    for path in sorted(pathlib.Path("/usr/share/wordnet").glob("data.*")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if " | " in line:
                found.add(line.split(" | ", 1)[1].strip())
    packages = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    found |= set(re.findall(r"^Description: (.*)", packages, re.MULTILINE))
    return sorted((text for text in found if len(text) > 15), key=lambda text: zlib.crc32(text.encode()))


def sparse_rows(limit):
    words = [re.findall(r"[a-z]{2,}", text.lower()) for text in texts()[:limit]]
    frequency = collections.Counter(word for line in words for word in set(line))
    numbers = {word: i + 1 for i, word in enumerate(sorted(frequency))}
    for line in words:
        counts = collections.Counter(line)
        elements = {numbers[word]: (1 + math.log(n)) * math.log(len(words) / frequency[word]) for word, n in counts.items()}
        yield "{" + ",".join(f"{i}:{elements[i]:.5g}" for i in sorted(elements) if elements[i] > 0) + "}/" + str(len(numbers))


def trigram_rows(limit):
    for text in texts()[:limit]:
        bits = np.zeros(1024, bool)
        squeezed = re.sub(r"[^a-z]+", " ", text.lower())
        for i in range(len(squeezed) - 2):
            bits[zlib.crc32(squeezed[i:i + 3].encode()) % 1024] = True
        yield "".join("1" if bit else "0" for bit in bits)


def rows_of(case, folder, limit):
    if case.startswith("sparse"):
        return list(sparse_rows(limit))
    if case == "jaccard":
        return list(trigram_rows(limit))
    name = {"dense": "patches", "half": "patches", "l1": "words", "hamming": "text"}[case]
    base = read_matrix(f"{folder}/{name}.base.fbin", np.float32)[:limit]
    if case == "hamming":
        return ["".join("1" if x > 0 else "0" for x in row) for row in base]
    return ["[" + ",".join(f"{x:.7g}" for x in row) + "]" for row in base]


def declared(case, rows):
    kind = CASES[case][0]
    count = len(rows[0]) if kind == "bit" else rows[0].rsplit("/", 1)[1] if kind == "sparsevec" else rows[0].count(",") + 1
    return f"{kind}({count})"


class TypesContender(Server):
    def load_case(self, case, rows):
        kind, self.operator, self.operator_class = CASES[case]
        self.result = {"name": self.name, "points": []}
        self.cursor.execute("DROP TABLE IF EXISTS items, queries")
        self.cursor.execute(f"CREATE TABLE items (id serial, v {declared(case, rows)})")
        self.cursor.execute(f"CREATE TABLE queries (i serial PRIMARY KEY, v {declared(case, rows)})")
        self.copy("COPY items (v) FROM STDIN", (row + "\n" for row in rows[:-2 * QUERIES]))
        self.copy("COPY queries (v) FROM STDIN", (row + "\n" for row in rows[-2 * QUERIES:]))
        self.cursor.execute("ANALYZE items")
        with self.measured("build"):
            self.cursor.execute(f"CREATE INDEX items_v ON items USING hnsw (v {self.operator_class})")
        self.result["bytes"] = self.value("SELECT pg_relation_size('items_v')")
        self.cursor.execute("DEALLOCATE ALL; RESET ALL; SET plan_cache_mode = force_generic_plan")
        query = f"SELECT v {self.operator} (SELECT v FROM queries WHERE i = $1) FROM items ORDER BY v {self.operator} (SELECT v FROM queries WHERE i = $1) LIMIT 10"
        self.cursor.execute(f"PREPARE nearest(integer) AS {query}")

    def distances(self, number):
        self.cursor.execute(f"EXECUTE nearest({number})")
        return [row[0] for row in self.cursor.fetchall()]

    def exact(self):
        self.cursor.execute("SET enable_indexscan = off")
        worst = [self.distances(number)[-1] for number in range(1, QUERIES + 1)]
        self.cursor.execute("DEALLOCATE nearest; RESET enable_indexscan; SET enable_seqscan = off")
        query = f"SELECT v {self.operator} (SELECT v FROM queries WHERE i = $1) FROM items ORDER BY v {self.operator} (SELECT v FROM queries WHERE i = $1) LIMIT 10"
        self.cursor.execute(f"PREPARE nearest(integer) AS {query}")
        return worst

    def point(self, ef, worst):
        self.cursor.execute(f"SET hnsw.ef_search = {ef}")
        for number in range(1, 51):
            self.distances(number)
        cpu, hits = self.cpu(), 0
        for number in range(1, QUERIES + 1):
            hits += sum(d <= worst[number - 1] + 1e-6 * abs(worst[number - 1]) for d in self.distances(number))
        cpu = self.cpu() - cpu
        asked = range(1, QUERIES + 1, 10)
        buffers = sum(index_buffers(self.plan(f"EXECUTE nearest({number})"), "items_v") for number in asked) / len(asked)
        self.result["points"].append({"ef": ef, "recall": hits / (10 * QUERIES), "cpu_us": 1e6 * cpu / QUERIES, "buffers": buffers})
        print(self.name, self.result["points"][-1], flush=True)

    def insert_rows(self):
        with self.measured("insert"):
            self.cursor.execute("INSERT INTO items (v) SELECT v FROM queries WHERE i > %s", (QUERIES,))
        self.result["inserted"] = QUERIES


def report(case, count, results):
    lines = [f"## {case}: {CASES[case][0]}, {CASES[case][1]}, {count} rows", "",
             "| | " + " | ".join(r["name"] for r in results) + " | ratio |", "|---|" + "---|" * (len(results) + 1)]

    def line(label, values, form):
        ratio = f"{values[-1] / values[0]:.2f}" if len(values) > 1 and None not in values and values[0] else "-"
        lines.append(f"| {label} | " + " | ".join("-" if v is None else form.format(v) for v in values) + f" | {ratio} |")

    line("build CPU, s", [r["build_cpu"] for r in results], "{:.1f}")
    line("index, MB", [r["bytes"] / 1e6 for r in results], "{:.0f}")
    line("CPU an inserted row, us", [1e6 * r["insert_cpu"] / r["inserted"] for r in results], "{:.0f}")
    for recall in (0.9, 0.95, 0.99):
        line(f"server CPU a query at recall {recall}, us", [at_recall(r["points"], recall, "cpu_us") for r in results], "{:.0f}")
    lines += ["", "| | ef_search | recall@10 | server CPU, us | buffers |", "|---|---|---|---|---|"]
    for r in results:
        lines += [f"| {r['name']} | {p['ef']} | {p['recall']:.4f} | {p['cpu_us']:.0f} | {p['buffers']:.0f} |" for p in r["points"]]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases")
    parser.add_argument("folder")
    parser.add_argument("contenders", nargs="+")
    parser.add_argument("--rows", type=int, default=60000)
    parser.add_argument("--out", default="bench/results/run")
    parser.add_argument("--shared-buffers", default="4GB")
    parser.add_argument("--maintenance-work-mem", default="3GB")
    arguments = parser.parse_args()
    settings = {"shared_buffers": arguments.shared_buffers, "maintenance_work_mem": arguments.maintenance_work_mem}
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    contenders = [TypesContender(description, settings) for description in arguments.contenders]
    everything, tables = {}, []
    try:
        for contender in contenders:
            contender.start()
        for case in arguments.cases.split(","):
            rows = rows_of(case, arguments.folder, arguments.rows + 2 * QUERIES)
            for contender in contenders:
                contender.load_case(case, rows)
            worst = [contender.exact() for contender in contenders][0]
            for ef in EFS:
                for contender in contenders:
                    contender.point(ef, worst)
            for contender in contenders:
                contender.insert_rows()
            everything[case] = [contender.result for contender in contenders]
            tables.append(report(case, len(rows) - 2 * QUERIES, everything[case]))
            print(tables[-1], flush=True)
    finally:
        for contender in contenders:
            contender.stop()
    (out / "table.md").write_text("# hnsw over other types and metrics\n\n" + "\n".join(tables), encoding="utf-8")
    (out / "results.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
