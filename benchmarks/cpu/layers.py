"""SwiGLU layers: their weights, routings, and what they compute."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np


@dataclasses.dataclass(frozen=True)
class Layer:
    name: str
    experts: int
    hidden: int
    inner: int
    slots: int
    #: Columns behind the experts' that stand for no work.
    zeros: int = 0

    @property
    def bytes_of_expert(self) -> int:
        return 12 * self.hidden * self.inner

    def flops(self, slots: int) -> int:
        return 6 * slots * self.hidden * self.inner


# Sizes of OLMoE-1B-7B, Qwen3-30B-A3B, Mixtral-8x7B (an eighth of its inner
# dim), gpt-oss-20b.
LAYERS = [
    Layer("OLMoE", 64, 2048, 1024, 8),
    Layer("Qwen3-MoE", 128, 2048, 768, 8),
    Layer("Mixtral/8", 8, 4096, 1792, 2),
    Layer("gpt-oss", 32, 2880, 2880, 4),
]
SMALL = Layer("small", 16, 1024, 512, 4)
ROUTINGS = ["uniform", "Zipf(1)", "one-hot"]


def write_weights(layer: Layer, file: pathlib.Path) -> None:
    """Gate, up ([E, H, I]) and down ([E, I, H]), one after the other."""
    random = np.random.default_rng(0)
    with open(file, "wb") as out:
        for rows in [layer.hidden, layer.hidden, layer.inner]:
            for _ in range(layer.experts):
                matrix = random.standard_normal(layer.hidden * layer.inner, np.float32)
                matrix *= np.float32(rows**-0.5)
                out.write(matrix.data)


def read_weights(layer: Layer, file: pathlib.Path) -> list:
    parts = np.memmap(file, np.float32, "r").reshape(3, layer.experts, -1)
    wide = (layer.experts, layer.hidden, layer.inner)
    return [
        parts[0].reshape(wide),
        parts[1].reshape(wide),
        parts[2].reshape(wide[0], *wide[:0:-1]),
    ]


def choose(layer: Layer, tokens: int, routing: str, nulls: int = 0) -> np.ndarray:
    """Ids of the slots: [T, k]; the last `nulls` of each token are null columns."""
    random = np.random.default_rng(tokens)
    experts, slots = layer.experts, layer.slots - nulls
    if routing == "one-hot":
        ids = np.tile(np.arange(slots), (tokens, 1))
    else:
        rank = np.arange(1, experts + 1) if routing == "Zipf(1)" else np.ones(experts)
        # The largest of log p + Gumbel noise: drawn without replacement by p.
        noise = random.gumbel(size=(tokens, experts)) - np.log(rank)
        # Popular experts lie anywhere.
        order = random.permutation(experts)
        ids = order[np.argsort(-noise, axis=1)[:, :slots]]
    null_ids = np.tile(np.arange(experts, experts + nulls), (tokens, 1))
    return np.concatenate([ids, null_ids], axis=1)


def make_case(layer: Layer, ids: np.ndarray) -> dict:
    """Rows, scores that route them to `ids`, and the weights that come of those."""
    random = np.random.default_rng(len(ids))
    x = random.standard_normal((len(ids), layer.hidden), np.float32)
    scores = random.standard_normal((len(ids), layer.experts + layer.zeros), np.float32)
    chosen = np.take_along_axis(scores, ids, 1) + np.float32(12)
    np.put_along_axis(scores, ids, chosen, 1)
    weights = np.exp(chosen.astype(np.float64))
    weights /= weights.sum(axis=1, keepdims=True)
    return {
        "x": x,
        "scores": scores,
        "ids": ids.astype(np.int32),
        "weights": weights.astype(np.float32),
    }


def reference(layer: Layer, weights: list, case: dict, rows: np.ndarray) -> np.ndarray:
    """The layer in float64, for these rows."""
    result = np.zeros((len(rows), layer.hidden))
    x, ids = case["x"][rows].astype(np.float64), case["ids"][rows]
    for expert in np.unique(ids[ids < layer.experts]):
        token, slot = np.nonzero(ids == expert)
        gate, up, down = (part[expert].astype(np.float64) for part in weights)
        gates = x[token] @ gate
        outs = (gates / (1 + np.exp(-gates)) * (x[token] @ up)) @ down
        result[token] += case["weights"][rows][token, slot][:, None] * outs
    return result
