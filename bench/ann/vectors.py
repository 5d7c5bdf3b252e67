# SPDX-License-Identifier: PostgreSQL
"""Files of vectors, exact neighbours, COPY's binary format and binary parameters, for every measurement.

Files are in big-ann format (.fbin: uint32 rows, uint32 dimensions, binary32; .ibin: exact neighbours).
"""
import struct

import numpy as np

OPERATORS = {"l2": "<->", "cosine": "<=>", "ip": "<#>"}


def read_matrix(path, kind):
    rows, columns = (int(x) for x in np.fromfile(path, np.uint32, 2))
    return np.memmap(path, kind, "r", 8, (rows, columns))


def exact(base, queries, metric, count=100):
    """The nearest rows of each query, nearest first."""
    base, queries = np.asarray(base, np.float32), np.asarray(queries, np.float32)
    if metric == "cosine":
        base = base / np.maximum(np.linalg.norm(base, axis=1, keepdims=True), 1e-30)
    squares = np.einsum("ij,ij->i", base, base, dtype=np.float64) if metric == "l2" else 0
    found = np.zeros((len(queries), count), np.int32)
    for first in range(0, len(queries), 100):
        scores = squares - (2 if metric == "l2" else 1) * (queries[first:first + 100] @ base.T)
        near = np.argpartition(scores, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(scores, near, 1), axis=1, kind="stable")
        found[first:first + 100] = np.take_along_axis(near, order, 1)
    return found


class Data:
    """Rows, queries and the truth; of a prefix of the rows when asked, with a truth of its own."""

    def __init__(self, base, query, truth, metric, rows=None, queries=1000):
        self.metric, self.operator = metric, OPERATORS[metric]
        self.base, self.queries = read_matrix(base, np.float32), read_matrix(query, np.float32)[:queries]
        if rows and rows < len(self.base):
            self.base = self.base[:rows]
            self.truth = exact(self.base, self.queries, metric)
        else:
            self.truth = read_matrix(truth, np.int32)[:queries]

    @property
    def dimensions(self):
        return self.base.shape[1]


def parameter(row, kind="vector"):
    """A value in the type's binary format."""
    element = ">f4" if kind == "vector" else ">f2"
    return struct.pack(">hh", len(row), 0) + np.asarray(row).astype(element).tobytes()


def copied(rows, first_id, kind="vector"):
    """(id integer, v) rows in COPY's binary format, in pieces."""
    yield b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
    dimensions = rows.shape[1]
    element, size = (">f4", 4) if kind == "vector" else (">f2", 2)
    layout = [("fields", ">i2"), ("a", ">i4"), ("id", ">i4"), ("b", ">i4"), ("dim", ">i2"), ("zero", ">i2"), ("x", element, (dimensions,))]
    for first in range(0, len(rows), 1000):
        piece = rows[first:first + 1000]
        block = np.zeros(len(piece), layout)
        block["fields"], block["a"], block["b"], block["dim"] = 2, 4, 4 + size * dimensions, dimensions
        block["id"] = np.arange(first_id + first, first_id + first + len(piece))
        block["x"] = piece
        yield block.tobytes()
    yield struct.pack(">h", -1)
