#!/usr/bin/env python3
"""Makes words.tsv.gz, the demo's data, from the full set of GloVe words in big-ann format.

usage: make_sample.py words.base.fbin words.txt words.tsv.gz

Takes the 10,200 most frequent words that are letters only and rounds their coordinates to three decimals; 200 of them,
drawn with a fixed seed, are marked as queries. One line a word: word, TAB, base or query, TAB, vector. The full set is
shuffled with numpy's default_rng(7) after 1,000 words were set apart, so a row's rank in frequency is known.

GloVe word vectors: Pennington, Socher and Manning (2014), released under the Public Domain Dedication and License 1.0.
Needs Debian's python3-numpy.
"""
import gzip
import re
import sys

import numpy as np

WORDS, QUERIES, HELD_OUT = 10_200, 200, 1_000


def main(base_path, words_path, out_path):
    rows, dimensions = np.fromfile(base_path, np.uint32, 2)
    base = np.memmap(base_path, np.float32, "r", 8, (int(rows), int(dimensions)))
    with open(words_path, encoding="utf-8") as file:
        words = file.read().split("\n")[:rows]
    rank = np.random.default_rng(7).permutation(int(rows) + HELD_OUT)[HELD_OUT:]
    chosen = [i for i in np.argsort(rank) if words[i].isascii() and words[i].isalpha()][:WORDS]
    queries = set(np.random.default_rng(1).choice(np.arange(500, WORDS), QUERIES, replace=False).tolist())
    with gzip.GzipFile(out_path, "wb", 9, mtime=0) as file:
        for place, i in enumerate(chosen):
            vector = ",".join(re.sub(r"^(-?)0\.", r"\1.", f"{x:.3f}") for x in base[i])
            kind = "query" if place in queries else "base"
            file.write(f"{words[i]}\t{kind}\t[{vector}]\n".encode())


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
