"""A decoder of OLMoE's kind as ONNX, bf16 throughout, with synthetic weights.

Weights are windows of one pool of random numbers, each at an offset of its own, so
that no two experts are alike; a file of 14 GB is then written as fast as the disk
takes it.
"""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BF16, F32, I64 = TensorProto.BFLOAT16, TensorProto.FLOAT, TensorProto.INT64

#: A prime number: no window of a power of two starts where another one does.
POOL = 16777259
#: Of transformers' initial weights.
DEVIATION = 0.02


@dataclasses.dataclass(frozen=True)
class Shape:
    """Of OLMoE-1B-7B, by default."""

    layers: int = 16
    hidden: int = 2048
    heads: int = 16
    inner: int = 1024
    experts: int = 64
    slots: int = 8
    vocabulary: int = 50304

    @property
    def head(self) -> int:
        return self.hidden // self.heads

    @property
    def layer_bytes(self) -> int:
        """Of the experts of one layer."""
        return 2 * 3 * self.experts * self.hidden * self.inner


class WeightsFile:
    """Where weights are written, one after the other, each from a page on."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.file = open(path, "wb")
        values = np.random.default_rng(0).standard_normal(POOL, np.float32)
        bits = (values * np.float32(DEVIATION)).view(np.uint32)
        # The upper half of a float is its bf16, rounded to zero.
        self.pool = (bits >> 16).astype(np.uint16)
        self.offset = 0
        self.count = 0
        self.elements = 0

    def add(self, name: str, dims: tuple, ones: bool = False) -> TensorProto:
        """Writes a tensor of bf16; norms are ones."""
        length = int(np.prod(dims))
        padding = -self.offset % 4096
        self.file.write(bytes(padding))
        self.offset += padding
        tensor = TensorProto(
            name=name, data_type=BF16, dims=dims, data_location=TensorProto.EXTERNAL
        )
        for key, value in [
            ("location", self.path.name),
            ("offset", self.offset),
            ("length", 2 * length),
        ]:
            tensor.external_data.add(key=key, value=str(value))
        if ones:
            self.file.write(np.full(length, 0x3F80, np.uint16).data)
        else:
            self._write_window(length)
        self.offset += 2 * length
        self.elements += length
        return tensor

    def _write_window(self, length: int) -> None:
        self.count += 1
        start = self.count * 65537 % POOL
        while length:
            part = self.pool[start : start + length]
            self.file.write(part.data)
            length -= len(part)
            start = 0


class Decoder:
    """Writes `path` and its weights beside it."""

    def __init__(self, shape: Shape, form: str, path: pathlib.Path) -> None:
        self.shape, self.form, self.path = shape, form, path
        self.file = WeightsFile(path.with_suffix(".data"))
        self.nodes: list = []
        self.initializers: list = []
        self.constants: dict = {}
        self.scope = ""

    # Nodes.

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes):
        serial = len(self.nodes)
        names = [f"{self.scope}{kind}_{serial}.{i}" for i in range(outputs)]
        self.nodes.append(
            helper.make_node(
                kind, inputs, names, f"/{self.scope}{kind}_{serial}", **attributes
            )
        )
        return names[0] if outputs == 1 else names

    def constant(self, array: np.ndarray, to: int) -> str:
        key = (array.tobytes(), array.shape, to)
        if key not in self.constants:
            name = self.constants[key] = f"constant_{len(self.constants)}"
            if to == BF16:
                bits = (array.astype(np.float32).view(np.uint32) >> 16).astype("<u2")
                tensor = TensorProto(name=name, data_type=BF16, dims=array.shape)
                tensor.raw_data = bits.tobytes()
            else:
                tensor = numpy_helper.from_array(array, name)
            self.initializers.append(tensor)
        return self.constants[key]

    def ints(self, *values: int) -> str:
        return self.constant(np.asarray(values, np.int64), I64)

    def scalar(self, value: int) -> str:
        return self.constant(np.asarray(value, np.int64), I64)

    def number(self, value: float, to: int = F32) -> str:
        return self.constant(np.asarray(value, np.float32), to)

    def weight(self, name: str, *dims: int, ones: bool = False) -> str:
        tensor = self.file.add(self.scope + name, dims, ones)
        self.initializers.append(tensor)
        return tensor.name

    def linear(self, name: str, x: str, inner: int, outer: int) -> str:
        """As exporters write it: a transposed weight."""
        weight = self.weight(f"{name}.weight", outer, inner)
        return self.op("MatMul", x, self.op("Transpose", weight, perm=[1, 0]))

    def cast(self, x: str, to: int) -> str:
        return self.op("Cast", x, to=to)

    def silu(self, x: str) -> str:
        return self.op("Mul", x, self.op("Sigmoid", x))

    # Parts.

    def norm(self, name: str, x: str) -> str:
        wide = self.cast(x, F32)
        square = self.op("Mul", wide, wide)
        mean = self.op("ReduceMean", square, self.ints(-1))
        root = self.op("Sqrt", self.op("Add", mean, self.number(1e-5)))
        scaled = self.cast(self.op("Div", wide, root), BF16)
        gain = self.weight(f"{name}.weight", self.shape.hidden, ones=True)
        return self.op("Mul", gain, scaled)

    def positions(self, ids: str) -> None:
        """Angles [1, 1, S, head] and the causal mask [1, 1, S, S]."""
        self.length = self.op("Shape", ids, start=1, end=2)
        count = self.op("Squeeze", self.length, self.ints(0))
        places = self.op("Range", self.scalar(0), count, self.scalar(1))
        half = self.shape.head // 2
        rates = (10000.0 ** (-np.arange(half) / half)).astype(np.float32)
        column = self.op("Unsqueeze", self.cast(places, F32), self.ints(1))
        angles = self.op("Mul", column, self.constant(rates.reshape(1, half), F32))
        both = self.op("Concat", angles, angles, axis=-1)
        wide = self.op("Unsqueeze", both, self.ints(0, 1))
        self.cosine = self.cast(self.op("Cos", wide), BF16)
        self.sine = self.cast(self.op("Sin", wide), BF16)
        row = self.op("Unsqueeze", places, self.ints(0))
        later = self.op("Greater", row, self.op("Unsqueeze", places, self.ints(1)))
        mask = self.op(
            "Where", later, self.number(np.finfo(np.float32).min), self.number(0)
        )
        self.mask = self.op("Unsqueeze", mask, self.ints(0, 1))

    def rotate(self, x: str) -> str:
        half, end = self.shape.head // 2, 2**63 - 1
        first = self.op("Slice", x, self.ints(0), self.ints(half), self.ints(3))
        second = self.op("Slice", x, self.ints(half), self.ints(end), self.ints(3))
        turned = self.op("Concat", self.op("Neg", second), first, axis=-1)
        return self.op(
            "Add", self.op("Mul", x, self.cosine), self.op("Mul", turned, self.sine)
        )

    def attention(self, x: str) -> str:
        s = self.shape

        def heads(name: str) -> str:
            y = self.linear(name, x, s.hidden, s.hidden)
            y = self.op("Reshape", y, self.ints(0, 0, s.heads, s.head))
            return self.op("Transpose", y, perm=[0, 2, 1, 3])

        q, k = self.rotate(heads("q_proj")), self.rotate(heads("k_proj"))
        v = heads("v_proj")
        scores = self.op("MatMul", q, self.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = self.op("Mul", scores, self.number(s.head**-0.5, BF16))
        scores = self.op("Add", self.cast(scores, F32), self.mask)
        shares = self.cast(self.op("Softmax", scores, axis=-1), BF16)
        y = self.op("Transpose", self.op("MatMul", shares, v), perm=[0, 2, 1, 3])
        y = self.op("Reshape", y, self.ints(0, 0, s.hidden))
        return self.linear("o_proj", y, s.hidden, s.hidden)

    def route(self, rows: str):
        """Slots' experts [T, k] and weights in bf16."""
        s = self.shape
        scores = self.cast(self.linear("gate", rows, s.hidden, s.experts), F32)
        shares = self.op("Softmax", scores, axis=-1)
        w, idx = self.op("TopK", shares, self.ints(s.slots), outputs=2, axis=-1)
        return idx, self.cast(w, BF16)

    def gathered(self, rows: str, idx: str, w: str) -> str:
        """Each slot gathers its expert's matrices out of stacks (batched_mm)."""
        s = self.shape
        flat = self.op("Reshape", idx, self.ints(-1))
        wide = self.op("Unsqueeze", rows, self.ints(1))
        wide = self.op("Expand", wide, self.ints(1, s.slots, 1))
        column = self.op("Reshape", wide, self.ints(-1, s.hidden, 1))

        def times(name: str, column: str, outer: int, inner: int) -> str:
            stack = self.weight(name, s.experts, outer, inner)
            return self.op("MatMul", self.op("Gather", stack, flat, axis=0), column)

        both = times("experts.gate_up_proj", column, 2 * s.inner, s.hidden)
        sizes = self.ints(s.inner, s.inner)
        gate, up = self.op("Split", both, sizes, outputs=2, axis=1)
        column = self.op("Mul", self.silu(gate), up)
        y = times("experts.down_proj", column, s.hidden, s.inner)
        y = self.op("Squeeze", y, self.ints(-1))
        y = self.op("Mul", y, self.op("Reshape", w, self.ints(-1, 1)))
        y = self.op("Reshape", y, self.ints(-1, s.slots, s.hidden))
        return self.op("ReduceSum", y, self.ints(1), keepdims=0)

    def looped(self, rows: str, idx: str, w: str) -> str:
        """Each expert takes its rows, and has matrices of its own (dynamo)."""
        s = self.shape
        y = self.op("Expand", self.number(0, BF16), self.op("Shape", rows))
        for e in range(s.experts):
            here = self.op("NonZero", self.op("Equal", idx, self.scalar(e)))
            places = self.op("Transpose", here, perm=[1, 0])
            one = self.ints(1)
            token = self.op("Slice", places, self.ints(0), one, one)
            some = self.op("GatherND", rows, token)
            name = f"experts.{e}"
            gate = self.linear(f"{name}.gate_proj", some, s.hidden, s.inner)
            up = self.linear(f"{name}.up_proj", some, s.hidden, s.inner)
            out = self.op("Mul", self.silu(gate), up)
            out = self.linear(f"{name}.down_proj", out, s.inner, s.hidden)
            weight = self.op("GatherND", w, places)
            weight = self.op("Unsqueeze", weight, self.ints(-1))
            out = self.op("Mul", weight, out)
            y = self.op("ScatterND", y, token, out, reduction="add")
        return y

    def layer(self, x: str) -> str:
        y = self.attention(self.norm("input_layernorm", x))
        x = self.op("Add", x, y)
        y = self.norm("post_attention_layernorm", x)
        rows = self.op("Reshape", y, self.ints(-1, self.shape.hidden))
        experts = {"stacked": self.gathered, "separate": self.looped}[self.form]
        y = experts(rows, *self.route(rows))
        return self.op("Add", x, self.op("Reshape", y, self.op("Shape", x)))

    def write(self) -> int:
        """Returns the number of parameters."""
        s = self.shape
        self.positions("input_ids")
        table = self.weight("embed_tokens.weight", s.vocabulary, s.hidden)
        x = self.op("Gather", table, "input_ids", axis=0)
        for i in range(s.layers):
            self.scope = f"layers.{i}."
            x = self.layer(x)
        self.scope = ""
        x = self.norm("norm", x)
        logits = self.cast(self.linear("lm_head", x, s.hidden, s.vocabulary), F32)
        self.nodes.append(helper.make_node("Identity", [logits], ["logits"]))
        self.file.file.close()
        dims = ["batch", "sequence"]
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "decoder",
            [info("input_ids", I64, dims)],
            [info("logits", F32, [*dims, s.vocabulary])],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", 18)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        onnx.save(model, self.path)
        return self.file.elements
