#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Assembles the page of the hnsw index's figures from the results of the measurements.

usage: hnsw_page.py FOLDER PAGE.md

FOLDER holds one folder a measurement, as all.sh leaves them; what is missing is named as not measured. The aims are compared with the
first contender of each run, which is to be quiver, the second, pgvector, and one named hnswlib.
"""
import json
import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent / "ann"))
from report import at_recall  # noqa: E402

SECTIONS = [("words", "Words: 100 dimensions, cosine"), ("patches", "Patches: 128 dimensions, L2"), ("text", "Text: 384 dimensions, cosine"),
            ("text768", "Text: 768 dimensions, cosine"), ("workers", "Build with parallel workers"), ("dims", "By dimension"),
            ("writes", "Writing"), ("vacuum", "Vacuum"), ("filter", "Filters")]
VISITS = {"words": {0.95: 135, 0.99: 440}, "patches": {0.95: 60, 0.99: 110}}


def read(folder, name):
    path = folder / name / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def aim(lines, label, wanted, value, good):
    lines.append(f"| {label} | {wanted} | {'not measured' if value is None else value} | {'-' if value is None else 'reached' if good else 'not reached'} |")


def ratio_aims(lines, name, ann):
    quiver, others = ann["results"][0], {r["name"]: r for r in ann["results"][1:]}
    for recall, wanted in ((0.95, 12), (0.99, 20)):
        own = at_recall(quiver["points"], recall, "cpu_us")
        for other, least in (("pgvector", wanted), ("hnswlib", 1)):
            theirs = at_recall(others[other]["points"], recall, "cpu_us") if other in others else None
            ratio = theirs / own if own and theirs else None
            aim(lines, f"{name}: queries of CPU at {recall}, by {other}'s", f">= {least}x", ratio and f"{ratio:.2f}x", ratio and ratio >= least)
        if name in VISITS:
            visits = at_recall(quiver["points"], recall, "visits")
            aim(lines, f"{name}: visits a query at {recall}", f"<= {VISITS[name][recall]}", visits and f"{visits:.0f}", visits and visits <= VISITS[name][recall])
    cost = quiver.get("visit_us")
    aim(lines, f"{name}: cost of a visit, all included", "<= 1.2 us", cost and f"{cost:.2f} us", cost and cost <= 1.2)
    if "pgvector" in others:
        share = quiver["build_cpu"] / others["pgvector"]["build_cpu"]
        aim(lines, f"{name}: build CPU, by pgvector's", "<= 0.25", f"{share:.2f}", share <= 0.25)
    for target in quiver.get("targets", []):
        off = target["reached"] - target["target"]
        aim(lines, f"{name}: hnsw.target_recall {target['target']}", "within .01", f"{target['reached']:.4f}", abs(off) <= 0.01)


def all_vacuums(result):
    """A first VACUUM may leave the mending of lanes to later ones."""
    return sum(result[prefix + "_cpu"] for prefix in ("vacuum", "vacuum_again", "vacuum_third"))


def write_aims(lines, writes, vacuum):
    if writes and "insert_cpu" in writes["results"][0]:
        r = writes["results"][0]
        cpu, wal = 1e6 * r["insert_cpu"] / r["inserted"], r["insert_wal"] / r["inserted"]
        aim(lines, "CPU an inserted row", "<= 600 us", f"{cpu:.0f} us", cpu <= 600)
        aim(lines, "WAL an inserted row", "<= 12 KB", f"{wal / 1024:.1f} KB", wal <= 12 * 1024)
    if vacuum and len(vacuum["results"]) > 1:
        share = all_vacuums(vacuum["results"][0]) / all_vacuums(vacuum["results"][1])
        aim(lines, "VACUUM of a tenth, with the later mending, by pgvector's CPU", "<= 0.05", f"{share:.3f}", share <= 0.05)
    if vacuum:
        r = vacuum["results"][0]
        lost = r["fresh"]["recall"]["40"] - r["churn"][-1]["recall"]["40"]
        aim(lines, f"recall lost by {len(r['churn']) - 1} rounds of replacing half", "<= .01", f"{lost:.4f}", lost <= 0.01)


def section(folder, page, name, title):
    lines = ["", f"## {title}", ""]
    table = folder / name / "table.md"
    if not table.exists():
        return [*lines, "Not measured."]
    lines += [line[1:] if line.startswith("## ") else line for line in table.read_text(encoding="utf-8").replace("# ", "### ", 1).splitlines()]
    for plot in sorted((folder / name).glob("*.svg")):
        lines += ["", f"![{plot.stem}]({os.path.relpath(plot, page.parent)})"]
    return lines


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, page = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    lines = ["# The hnsw index, measured", "", "Made by `bench/hnsw_page.py` from the results beside it; how it is measured is in [the README](../README.md).", "",
             "| | aim | measured | |", "|---|---|---|---|"]
    for name in ("words", "patches", "text", "text768"):
        ann = read(folder, name)
        if ann:
            ratio_aims(lines, name, ann)
    write_aims(lines, read(folder, "writes"), read(folder, "vacuum"))
    for name, title in SECTIONS:
        lines += section(folder, page, name, title)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
