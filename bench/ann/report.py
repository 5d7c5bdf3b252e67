# SPDX-License-Identifier: PostgreSQL
"""Tables and plots that the measurements write, and the reading of a curve at a recall."""
import json
import pathlib

import numpy as np


def best(points, field):
    """The points that no other beats in both recall and the field, by recall, where points are of several settings; all of a curve of one."""
    points = sorted(points, key=lambda point: point["recall"])
    if not any("+" in str(p.get("value")) for p in points):
        return points
    return [p for p in points if not any(q["recall"] >= p["recall"] and q[field] < p[field] for q in points)]


def at_recall(points, recall, field):
    """The field where the curve crosses a recall, linear in log(1 - recall) between points; None outside. Of a grid of settings, the best."""
    points = best([p for p in points if p.get(field)], field)
    for low, high in zip(points, points[1:]):
        if low["recall"] <= recall <= high["recall"] and low["recall"] < 1 and high["recall"] < 1:
            a, b, x = (np.log(1 - value) for value in (low["recall"], high["recall"], recall))
            share = 0.0 if a == b else (x - a) / (b - a)
            return float(np.exp(np.log(low[field]) + share * (np.log(high[field]) - np.log(low[field]))))
    return None


def table(rows, results):
    """rows: (label, format, value of a result); the others' ratio to the first result behind them."""
    lines = ["| | " + " | ".join(r["name"] for r in results) + "".join(f" | {r['name']} / {results[0]['name']}" for r in results[1:]) + " |",
             "|---|" + "---|" * (2 * len(results) - 1)]
    for label, form, value_of in rows:
        values = [value_of(result) for result in results]
        shown = ["-" if v is None else form.format(v) for v in values]
        ratios = ["-" if v is None or not values[0] else f"{v / values[0]:.2f}" for v in values[1:]]
        lines.append(f"| {label} | " + " | ".join(shown + ratios) + " |")
    return "\n".join(lines) + "\n"


def write_results(out, everything, text):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")
    (out / "table.md").write_text(text, encoding="utf-8")
    print(text, flush=True)


def figure():
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    return pyplot.subplots(figsize=(7, 4.5))


def plot_recall(out, title, results):
    drawing, axes = figure()
    for result in results:
        points = best(result["points"], "cpu_us")
        axes.plot([p["recall"] for p in points], [1e6 / p["cpu_us"] for p in points], marker="o", markersize=4,
                  label=result["name"])
    axes.set_xlim(0.8, 1.0)
    finish(drawing, axes, title, "recall@10", "queries per second of CPU", pathlib.Path(out) / "recall")


def finish(drawing, axes, title, x, y, path, log=True):
    if log:
        axes.set_yscale("log")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=9)
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    drawing.tight_layout()
    drawing.savefig(f"{path}.svg")
    drawing.savefig(f"{path}.png", dpi=120)
