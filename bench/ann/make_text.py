#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Sentence embeddings of WordNet glosses and Debian's package descriptions, as NAME.base.fbin, NAME.query.fbin and NAME.gt.ibin (cosine).

usage: make_text.py MODEL_DIR OUT_DIR [--name NAME] [--rows N] [--minutes M] [--check]

MODEL_DIR: a folder with model.safetensors and tokenizer.json of all-MiniLM-L6-v2 (384 dimensions) or all-mpnet-base-v2 (768); which of
the two is seen from the weights. Needs numpy, torch and tokenizers; texts from Debian's wordnet-base and from apt-cache. Products are of
16-bit floats: on processors with instructions for matrices of them one core embeds about 800 texts a second with the first, 160 with
the second. With --minutes the set is what was done by then, a random part of the texts. --check embeds a few pairs of sentences and
prints their cosines instead.
"""
import argparse
import json
import math
import os
import pathlib
import re
import struct
import subprocess
import time

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional

HEADS, QUERIES, MAX_TOKENS, CHUNK, BATCH = 12, 1000, 48, 6400, 128


class Bert:
    """MiniLM: absolute positions from zero, token types."""

    epsilon, first_position = 1e-12, 0
    query, key, value, mixed = (f"attention.{part}" for part in ("self.query", "self.key", "self.value", "output.dense"))
    attention_norm = "attention.output.LayerNorm"

    @staticmethod
    def shift(weights):
        return weights["embeddings.token_type_embeddings.weight"][0]

    @staticmethod
    def bias(weights, tokens):  # of attention scores
        return None


class MPNet:
    """Absolute positions behind the padding token, and a bias of each attention score by the distance of two tokens, in buckets."""

    epsilon, first_position = 1e-5, 2
    query, key, value, mixed = (f"attention.attn.{part}" for part in "qkvo")
    attention_norm = "attention.LayerNorm"

    @staticmethod
    def shift(weights):
        return 0

    @staticmethod
    def bias(weights, tokens):
        table = weights["encoder.relative_attention_bias.weight"]  # [buckets][heads]
        half = len(table) // 2
        exact = half // 2
        offset = torch.arange(tokens)[:, None] - torch.arange(tokens)[None, :]  # query's place less the key's
        distance = offset.abs()
        far = exact + (torch.log(distance.clamp(min=1) / exact) / math.log(128 / exact) * (half - exact)).long()
        bucket = torch.where(distance < exact, distance, far.clamp(max=half - 1)) + torch.where(offset < 0, half, 0)
        return table[bucket].permute(2, 0, 1)


def read_weights(path):
    with open(path, "rb") as file:
        header_bytes = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(header_bytes))
        data = file.read()
    weights = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            first, end = entry["data_offsets"]
            weights[name] = torch.from_numpy(np.frombuffer(data[first:end], np.float32).reshape(entry["shape"]).copy()).bfloat16()
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


class Embedder:
    def __init__(self, folder):
        self.weights = read_weights(folder / "model.safetensors")
        self.form = MPNet if "encoder.relative_attention_bias.weight" in self.weights else Bert
        self.layers = sum(name.endswith(".intermediate.dense.weight") for name in self.weights)
        self.width = self.weights["embeddings.LayerNorm.weight"].shape[0]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS)

    def dense(self, x, part):
        return functional.linear(x, self.weights[part + ".weight"], self.weights[part + ".bias"])

    def normalize(self, x, part):
        return functional.layer_norm(x, x.shape[-1:], self.weights[part + ".weight"], self.weights[part + ".bias"], self.form.epsilon)

    def attention(self, x, layer, bias):
        count, tokens, width = x.shape
        q, k, v = (self.dense(x, layer + part).reshape(count, tokens, HEADS, -1).transpose(1, 2)
                   for part in (self.form.query, self.form.key, self.form.value))
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.dense(mixed.transpose(1, 2).reshape(count, tokens, width), layer + self.form.mixed)

    def embed(self, ids):
        """ids: [texts][tokens], all of one length."""
        tokens, form = ids.shape[1], self.form
        places = self.weights["embeddings.position_embeddings.weight"][form.first_position:form.first_position + tokens]
        x = self.weights["embeddings.word_embeddings.weight"][ids] + places + form.shift(self.weights)
        x = self.normalize(x, "embeddings.LayerNorm")
        bias = form.bias(self.weights, tokens)
        for number in range(self.layers):
            layer = f"encoder.layer.{number}."
            x = self.normalize(self.attention(x, layer, bias) + x, layer + form.attention_norm)
            inner = functional.gelu(self.dense(x, layer + "intermediate.dense"))
            x = self.normalize(self.dense(inner, layer + "output.dense") + x, layer + "output.LayerNorm")
        return functional.normalize(x.float().mean(1), dim=1).numpy()

    def rows(self, sentences):
        encoded = [e.ids for e in self.tokenizer.encode_batch(sentences)]
        rows = np.zeros((len(sentences), self.width), np.float32)
        by_length = sorted(range(len(sentences)), key=lambda i: len(encoded[i]))
        done = 0
        while done < len(by_length):
            length = len(encoded[by_length[done]])
            batch = [i for i in by_length[done:done + BATCH] if len(encoded[i]) == length]
            rows[batch] = self.embed(torch.tensor([encoded[i] for i in batch]))
            done += len(batch)
        return rows


def write(path, kind, rows):
    with open(f"{path}.part", "wb") as file:
        np.array(rows.shape, np.uint32).tofile(file)
        np.ascontiguousarray(rows, kind).tofile(file)
    os.replace(f"{path}.part", path)


def write_set(prefix, rows):
    """The first rows are the queries; the truth is exact."""
    queries, base = rows[:QUERIES], rows[QUERIES:]
    scores = -(queries @ base.T)
    near = np.argpartition(scores, 99, axis=1)[:, :100]
    order = np.argsort(np.take_along_axis(scores, near, 1), axis=1)
    write(f"{prefix}.base.fbin", np.float32, base)
    write(f"{prefix}.query.fbin", np.float32, queries)
    write(f"{prefix}.gt.ibin", np.int32, np.take_along_axis(near, order, 1))


def check(embedder):
    sentences = ["A small domesticated cat.", "A little house cat.", "A kitten plays with wool.", "The stock market fell sharply today.",
                 "Shares lost much of their value.", "a tool that converts images between formats", "image format conversion utility",
                 "a large river in South America"]
    rows = embedder.rows(sentences)
    print(np.round(rows @ rows.T, 2), np.linalg.norm(rows, axis=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--name", default="text")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    embedder = Embedder(arguments.model)
    if arguments.check:
        return check(embedder)
    arguments.out.mkdir(parents=True, exist_ok=True)
    sentences = texts()
    random = np.random.default_rng(3)
    sentences = [sentences[i] for i in random.permutation(len(sentences))[: arguments.rows + QUERIES]]
    pieces, end = [], time.time() + 60 * arguments.minutes
    for number, first in enumerate(range(0, len(sentences), CHUNK)):
        if time.time() > end and number > 0:
            break
        pieces.append(embedder.rows(sentences[first:first + CHUNK]))
        print(f"{sum(map(len, pieces))} of {len(sentences)}", flush=True)
        if number % 4 == 0:  # so that what is done serves when the rest is given up
            write_set(arguments.out / arguments.name, np.concatenate(pieces))
    write_set(arguments.out / arguments.name, np.concatenate(pieces))


if __name__ == "__main__":
    main()
