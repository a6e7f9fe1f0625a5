# RUN: %model_python -W error %s
"""Experts of every kind and body against NumPy in float64.

Cases share the inputs of their program: rows, ids that a route could make and
ids that only a caller makes (empty experts, one expert for all, null slots in
any place), weights, and stacks of matrices."""

import subprocess
import tempfile
import unittest
from pathlib import Path

import moe_mlir
import numpy as np
from Inputs.moe_text import Program

E, H, I, K = 4, 6, 5, 3
TOKENS = (0, 1, 2, 7, 33)


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def silu(v):
    return v * sigmoid(v)


class Body:
    """Onnx ops on rows, and the same in NumPy.

    `write(p, a)` gives the name of the result; `a` maps operands to names.
    `reference(a)` takes the rows of one expert and its slices."""

    def __init__(self, name, stacked, write, reference, shared=(), rows=()):
        self.name, self.stacked, self.shared = name, stacked, shared
        self.rows, self.write, self.reference = ("x", *rows), write, reference


def rows(columns):
    return f"tensor<?x{columns}xf32>"


def matmul(p, lhs, rhs, columns):
    return p.op("MatMul", lhs, rhs, to=rows(columns))


def same(p, name, *operands):
    return p.op(name, *operands, to=p.types[operands[0]])


def number(p, value):
    return p.constant(value, "tensor<f32>")


def writeReLU(p, a):
    h = same(p, "Relu", matmul(p, a["x"], a["up"], I))
    return matmul(p, h, a["down"], H)


def gated(p, gate, up):
    h = same(p, "Mul", gate, same(p, "Sigmoid", gate))
    return same(p, "Mul", h, up)


def writeApart(p, a):
    h = gated(p, matmul(p, a["x"], a["gate"], I), matmul(p, a["x"], a["up"], I))
    return matmul(p, h, a["down"], H)


def writeHalves(p, a):
    both = matmul(p, a["x"], a["both"], 2 * I)
    gate, up = p.op("Split", both, to=(rows(I), rows(I)), axis=-1, num_outputs=2)
    return matmul(p, gated(p, gate, up), a["down"], H)


def sliced(p, value, start, end, step, columns):
    names = [p.ints(start), p.ints(end), p.ints(1), p.ints(step)]
    kinds = ", ".join([p.types[value]] + ["tensor<1xi64>"] * 4)
    return p.emit(
        f"onnx.Slice {value}, {names[0]}, {names[1]} axes({names[2]}) "
        f"steps({names[3]}) : ({kinds}) -> {rows(columns)}",
        rows(columns),
    )


def clip(p, value, low, high):
    bounds = ""
    for name, bound in (("min", low), ("max", high)):
        if bound is not None:
            bounds += f" {name}({number(p, bound)} : tensor<f32>)"
    return p.emit(
        f"onnx.Clip {value}{bounds} : ({p.types[value]}) -> {p.types[value]}",
        p.types[value],
    )


def writeInterleaved(p, a):
    """GPT-OSS: biases, even and odd columns, clamps."""
    both = same(p, "Add", matmul(p, a["x"], a["both"], 2 * I), a["bothBias"])
    gate = clip(p, sliced(p, both, 0, 2**62, 2, I), None, 0.75)
    up = clip(p, sliced(p, both, 1, 2**62, 2, I), -0.75, 0.75)
    g = same(p, "Sigmoid", same(p, "Mul", gate, number(p, 1.702)))
    up = same(p, "Add", up, number(p, 1.0))
    h = same(p, "Mul", up, same(p, "Mul", gate, g))
    return same(p, "Add", matmul(p, h, a["down"], H), a["downBias"])


def interleaved(a):
    both = a["x"] @ a["both"] + a["bothBias"]
    gate = np.minimum(both[:, ::2], 0.75)
    up = np.clip(both[:, 1::2], -0.75, 0.75)
    h = (up + 1) * gate * sigmoid(1.702 * gate)
    return h @ a["down"] + a["downBias"]


def writeVectors(p, a):
    """Vectors and numbers of every shape an epilogue can read."""
    h = same(p, "Add", matmul(p, a["x"], a["up"], I), a["rowBias"])
    h = same(p, "Mul", h, a["number"])
    h = same(p, "Add", h, a["sharedVector"])
    h = same(p, "Mul", h, p.constant([[1.0, 2.0, 3.0, 4.0, 5.0]], f"tensor<1x{I}xf32>"))
    flat = p.op("Squeeze", a["rowBias"], p.ints(0), to=f"tensor<{I}xf32>")
    h = same(p, "Add", h, flat)
    h = p.op(
        "Where",
        p.op("Greater", h, number(p, 0.0), to=f"tensor<?x{I}xi1>"),
        h,
        number(p, -0.5),
        to=rows(I),
    )
    return matmul(p, h, a["down"], H)


def vectors(a):
    h = (a["x"] @ a["up"] + a["rowBias"]) * a["number"] + a["sharedVector"]
    h = h * np.array([1, 2, 3, 4, 5]) + a["rowBias"]
    return np.where(h > 0, h, -0.5) @ a["down"]


def writeSlicedTwice(p, a):
    """A column slice of what is made of a column slice, used twice."""
    both = matmul(p, a["x"], a["both"], 2 * I)
    odd = same(p, "Relu", sliced(p, both, 1, 2**62, 2, I))
    return matmul(p, same(p, "Add", odd, odd), a["down"], H)


def writeDeep(p, a):
    h = same(p, "Tanh", matmul(p, a["x"], a["up"], I))
    h = same(p, "Tanh", matmul(p, h, a["down"], H))
    h = same(p, "Abs", matmul(p, h, a["up"], I))
    return matmul(p, h, a["down"], H)


def writeShared(p, a):
    """LoRA: a matrix for all experts and two small ones for each."""
    low = matmul(p, matmul(p, a["x"], a["low"], 2), a["high"], H)
    return same(p, "Add", matmul(p, a["x"], a["base"], H), low)


def writeNormalised(p, a):
    mean = p.op("ReduceMean", a["x"], p.ints(1), to=rows(1))
    h = p.op("Sub", a["x"], mean, to=rows(H))
    h = p.op("Softmax", matmul(p, h, a["up"], I), to=rows(I))
    return matmul(p, h, a["down"], H)


def normalised(a):
    h = (a["x"] - a["x"].mean(1, keepdims=True)) @ a["up"]
    h = np.exp(h - h.max(1, keepdims=True))
    return h / h.sum(1, keepdims=True) @ a["down"]


def writeTransposed(p, a):
    up = p.emit(
        f"onnx.Transpose {a['upT']} {{perm = array<i64: 1, 0>}} "
        f": (tensor<{I}x{H}xf32>) -> tensor<{H}x{I}xf32>",
        f"tensor<{H}x{I}xf32>",
    )
    return matmul(p, same(p, "Relu", matmul(p, a["x"], up, I)), a["down"], H)


def writeQuantised(p, a):
    """Bytes, and a scale and a zero point per expert; bytes as rows too."""
    matrix = p.op(
        "DequantizeLinear",
        a["bytes"],
        a["number"],
        a["zero"],
        to=f"tensor<{H}x{I}xf32>",
    )
    side = p.op("Cast", a["sideBytes"], to=rows(H))
    h = matmul(p, same(p, "Add", a["x"], side), matrix, I)
    return matmul(p, h, a["down"], H)


def quantised(a):
    matrix = (a["bytes"] - a["zero"]) * a["number"]
    return (a["x"] + a["sideBytes"]) @ matrix @ a["down"]


def writeSide(p, a):
    h = matmul(p, a["side"], a["up"], I)
    wide = same(p, "Add", matmul(p, h, a["down"], H), a["x"])
    cube = p.op("Reshape", a["cube"], p.ints(-1, H), to=rows(H))
    return same(p, "Mul", wide, cube)


def writeResidual(p, a):
    return same(p, "Add", writeReLU(p, a), a["x"])


BODIES = [
    Body(
        "relu",
        ("up", "down"),
        writeReLU,
        lambda a: np.maximum(a["x"] @ a["up"], 0) @ a["down"],
    ),
    Body(
        "apart",
        ("gate", "up", "down"),
        writeApart,
        lambda a: (silu(a["x"] @ a["gate"]) * (a["x"] @ a["up"])) @ a["down"],
    ),
    Body(
        "halves",
        ("both", "down"),
        writeHalves,
        lambda a: (
            (silu(a["x"] @ a["both"][:, :I]) * (a["x"] @ a["both"][:, I:])) @ a["down"]
        ),
    ),
    Body(
        "interleaved",
        ("both", "bothBias", "down", "downBias"),
        writeInterleaved,
        interleaved,
    ),
    Body(
        "vectors",
        ("up", "rowBias", "number", "down"),
        writeVectors,
        vectors,
        shared=("sharedVector",),
    ),
    Body(
        "sliced twice",
        ("both", "down"),
        writeSlicedTwice,
        lambda a: 2 * np.maximum(a["x"] @ a["both"][:, 1::2], 0) @ a["down"],
    ),
    Body(
        "deep",
        ("up", "down"),
        writeDeep,
        lambda a: (
            np.abs(np.tanh(np.tanh(a["x"] @ a["up"]) @ a["down"]) @ a["up"]) @ a["down"]
        ),
    ),
    Body(
        "linear",
        ("square",),
        lambda p, a: matmul(p, a["x"], a["square"], H),
        lambda a: a["x"] @ a["square"],
    ),
    Body(
        "shared",
        ("low", "high"),
        writeShared,
        lambda a: a["x"] @ a["base"] + a["x"] @ a["low"] @ a["high"],
        shared=("base",),
    ),
    Body("normalised", ("up", "down"), writeNormalised, normalised),
    Body(
        "transposed",
        ("upT", "down"),
        writeTransposed,
        lambda a: np.maximum(a["x"] @ a["upT"].T, 0) @ a["down"],
    ),
    Body(
        "side",
        ("up", "down"),
        writeSide,
        lambda a: (a["side"] @ a["up"] @ a["down"] + a["x"]) * a["cube"].reshape(-1, H),
        rows=("side", "cube"),
    ),
    Body(
        "residual",
        ("up", "down"),
        writeResidual,
        lambda a: np.maximum(a["x"] @ a["up"], 0) @ a["down"] + a["x"],
    ),
    Body(
        "quantised",
        ("bytes", "number", "zero", "down"),
        writeQuantised,
        quantised,
        rows=("sideBytes",),
    ),
    Body(
        "nothing", (), lambda p, a: same(p, "Tanh", a["x"]), lambda a: np.tanh(a["x"])
    ),
]

OPERANDS = {
    "x": ("?", H),
    "side": ("?", H),
    "cube": ("?", 2, H // 2),
    "up": (E, H, I),
    "gate": (E, H, I),
    "both": (E, H, 2 * I),
    "down": (E, I, H),
    "square": (E, H, H),
    "bothBias": (E, 2 * I),
    "downBias": (E, H),
    "rowBias": (E, 1, I),
    "number": (E,),
    "low": (E, H, 2),
    "high": (E, 2, H),
    "upT": (E, I, H),
    "base": (H, H),
    "sharedVector": (I,),
    "constants": (2, H),
    "w": ("?", K),
    "u": ("?", K),
    "c1": ("?",),
    "c2": ("?",),
    "t1": ("?", H),
    "t2": (H,),
    "bytes": (E, H, I),
    "zero": (E,),
    "sideBytes": ("?", H),
}
BYTES = ("bytes", "zero", "sideBytes")

KINDS = [
    ("ffn = 4",),
    ("ffn = 4", "zero = 3"),
    ("zero = 2", "ffn = 3", "copy = 1", "ffn = 1"),
    ("copy = 2", "ffn = 2", "zero = 1", "ffn = 2"),
    ("constant = 1", "ffn = 4", "constant = 1", "copy = 1"),
    ("zero = 1", "constant = 2", "copy = 2", "ffn = 4", "zero = 1"),
]


class Case:
    def __init__(
        self,
        body,
        kinds=KINDS[0],
        ids="ids",
        weights=True,
        inputWeights=False,
        terms=False,
        route=None,
        table=None,
    ):
        self.body, self.kinds, self.ids, self.weights = body, kinds, ids, weights
        self.inputWeights, self.terms = inputWeights, terms
        self.route, self.table, self.slots = route, table, None
        self.name = (
            f"{body.name}, {kinds}, {weights=}, {inputWeights=}, {terms=}, {table=}"
        )

    def listKinds(self):
        """(kind, position among its kind) of each id."""
        result, counts = [], {}
        for run in self.kinds:
            kind, count = run.split(" = ")
            for _ in range(int(count)):
                position = counts.get(kind, 0)
                counts[kind] = position + 1
                result.append((kind, position))
        return result

    def numIds(self):
        return len(self.listKinds())

    def write(self, p):
        count = self.numIds()
        idKind = f"tensor<?x{K}xi32>"
        ids, weights = self.makeIds(p, count, idKind)
        groups = [
            ("rows", self.body.rows),
            ("stacked", self.body.stacked),
            ("shared", self.body.shared),
        ]
        operands = ""
        for name, values in groups:
            if values:
                names = ", ".join(f"%{v}" for v in values)
                kinds = ", ".join(p.types[f"%{v}"] for v in values)
                operands += f" {name}({names} : {kinds})"
        if any(kind == "constant" for kind, _ in self.listKinds()):
            numConstants = sum(kind == "constant" for kind, _ in self.listKinds())
            assert numConstants == 2
            operands += f" constants(%constants : {p.types['%constants']})"
        if self.inputWeights:
            operands += f" input_weights(%u : {p.types['%u']})"
        if self.terms:
            operands += (
                f" terms(%c1, %c2 : tensor<?xf32>, tensor<?xf32>) "
                f"times(%t1, %t2 : {p.types['%t1']}, {p.types['%t2']})"
            )
        inner = Program()
        inner.count = p.count + 1000
        arguments, names = [], {}
        for name in self.body.rows + self.body.stacked + self.body.shared:
            kind = p.types[f"%{name}"]
            if name in self.body.stacked:
                kind = kind.replace(f"<{E}x", "<", 1)
            inner.types[f"%b_{name}"] = kind
            arguments.append(f"%b_{name}: {kind}")
            names[name] = f"%b_{name}"
        result = self.body.write(inner, names)
        slots = f"{ids}, {weights}" if self.weights else ids
        types = f"{idKind}, tensor<?x{K}xf32>" if self.weights else idKind
        body = "\n".join("  " + line for line in inner.lines)
        p.give(
            p.emit(
                f"moe.experts {slots}{operands} "
                f"{{experts = #moe.kinds<{', '.join(self.kinds)}>}} : {types} -> "
                f"{rows(H)} {{\n  ^bb0({', '.join(arguments)}):\n{body}\n"
                f"    moe.yield {result} : {rows(H)}\n  }}",
                rows(H),
            )
        )

    def writeRoute(self, p):
        kinds = f"tensor<?x{K}xi32>", f"tensor<?x{K}xf32>"
        return p.emit(
            f"moe.route scores(%scores : tensor<?x8xf32>) {{{self.route}}} -> "
            + ", ".join(kinds),
            *kinds,
        )

    def makeIds(self, p, count, idKind):
        """The caller's ids as far as there are such experts."""
        ids, weights = "%ids", "%w"
        if self.slots:
            ids, weights = self.slots
        elif self.route:
            ids, weights = self.writeRoute(p)
        if self.table is not None:
            table = ", ".join(map(str, self.table))
            ids, weights = p.emit(
                f"moe.renumber {ids}, {weights} {{table = array<i32: {table}>}} "
                f": {idKind}, tensor<?x{K}xf32>",
                idKind,
                f"tensor<?x{K}xf32>",
            )
        return ids, weights

    def reference(self, a, ids, w):
        """y[t], slot by slot."""
        a = {k: v.astype(np.float64) for k, v in a.items() if v.dtype != np.int32}
        y = np.zeros((len(ids), H))
        kinds = self.listKinds()
        for t, s in np.ndindex(*ids.shape):
            if ids[t, s] < 0:
                continue
            kind, position = kinds[ids[t, s]]
            factor = w[t, s] if self.weights else 1.0
            if kind == "copy":
                y[t] += factor * a["x"][t]
            elif kind == "constant":
                y[t] += factor * a["constants"][position]
            elif kind == "ffn":
                local = {name: a[name][t : t + 1] for name in self.body.rows}
                if self.inputWeights:
                    local["x"] = local["x"] * a["u"][t, s]
                local |= {name: a[name][position] for name in self.body.stacked}
                local |= {name: a[name] for name in self.body.shared}
                y[t] += factor * self.body.reference(local)[0]
        if self.terms:
            y += a["c1"][:, None] * a["t1"] + a["c2"][:, None] * a["t2"]
        return y


def renumber(ids, w, table):
    """The definition of `moe.renumber`, token by token."""
    ids, w = np.array(ids), np.array(w, np.float64)
    for row, weights in zip(ids, w):
        seen = {}
        for s, id_ in enumerate(row):
            new = table[id_] if id_ >= 0 else -1
            if new >= 0 and new in seen:
                weights[seen[new]] += weights[s]
                new = -1
            elif new >= 0:
                seen[new] = s
            row[s] = new
    return ids, w


def cases():
    by = {body.name: body for body in BODIES}
    for body in BODIES:
        if body.name == "nothing":
            continue
        yield Case(body)
    yield Case(by["nothing"], ("zero = 1", "ffn = 4"))
    yield Case(by["nothing"], ("zero = 1", "copy = 3"), terms=True)
    yield Case(by["nothing"], ("constant = 2", "zero = 2"), weights=False)
    yield Case(by["nothing"], ("zero = 4",))
    for kinds in KINDS[1:]:
        for name in ("apart", "residual"):
            yield Case(by[name], kinds)
    for name in ("relu", "interleaved", "shared", "normalised"):
        yield Case(by[name], KINDS[5], weights=False, inputWeights=True, terms=True)
        yield Case(by[name], KINDS[2], inputWeights=True)
        yield Case(by[name], terms=True)
    for table in (
        (0, -1, 1, 0, 2, 3, 3),
        (3, 2, 1, 0, -1, -1, -1),
        (1,) * 7,
        (-1,) * 7,
    ):
        yield Case(by["apart"], table=table)
        yield Case(by["apart"], KINDS[5], table=(9, 3, 4, 5, 3, 0, 2))
        yield Case(by["shared"], table=table)


def argumentTypes():
    return {
        name: "tensor<"
        + "".join(f"{d}x" for d in shape)
        + ("ui8>" if name in BYTES else "f32>")
        for name, shape in OPERANDS.items()
    }


def compileText(test, text, name):
    """The model of a program; nothing is eliminated unless the test says so."""
    source = test.folder / f"{name}.mlir"
    source.write_text(text)
    if not getattr(test, "eliminates", False):
        lowered = subprocess.run(
            ["moe-opt", "--moe-tensor-pipeline", source],
            capture_output=True,
            text=True,
            check=True,
        )
        source.write_text(lowered.stdout)
    # What is said of bits must hold of vectorised code; the rest is many kernels.
    options = {"O": 0}
    if test is SameBitsTest:
        # Without the kernels of vector CPUs, whose sums and exp round otherwise
        # than the loops that a body has there.
        options = {"O": 2, "target_cpu": "x86-64-v2"}
    model = moe_mlir.load(
        moe_mlir.compile(source, source.with_suffix(".so"), **options)
    )
    test.addClassCleanup(model.close)
    return model


class ExpertsTest(unittest.TestCase):
    group = 16

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder, every = Path(folder.name), list(cases())
        # Ids that the caller gives fit all cases of a program.
        every.sort(key=lambda case: cls.limit(case))
        cls.models = []
        while every:
            limit = cls.limit(every[0])
            part = [c for c in every if cls.limit(c) == limit][: cls.group]
            every = [c for c in every if c not in part]
            cls.models.append((limit, part, cls.build(part, f"m{len(cls.models)}")))

    @staticmethod
    def limit(case):
        return len(case.table) if case.table is not None else case.numIds()

    @classmethod
    def build(cls, part, name):
        p = Program(ids=f"tensor<?x{K}xi32>", **argumentTypes())
        for case in part:
            case.write(p)
        return compileText(cls, str(p), name)

    @staticmethod
    def inputs(tokens, limit, seed=0):
        random = np.random.default_rng(seed)
        result = {}
        for name, shape in OPERANDS.items():
            shape = [tokens if d == "?" else d for d in shape]
            result[name] = random.standard_normal(shape).astype(np.float32)
            if name in BYTES:
                result[name] = random.integers(0, 256, shape).astype(np.uint8)
        ids = random.integers(-1, limit, (tokens, K)).astype(np.int32)
        if tokens > 20:
            ids[:4] = -1
            ids[4:14] = limit - 1  # one expert for all
            ids[14:18, 0], ids[14:18, 1:] = 0, -1
        result["ids"] = ids
        return result

    def check(self, case, inputs, output):
        ids, w = inputs["ids"], inputs["w"].astype(np.float64)
        if case.table is not None:
            ids, w = renumber(ids, w, case.table)
        wanted = case.reference(inputs, ids, w)
        self.assertEqual(output.shape, wanted.shape)
        scale = max(np.abs(wanted).max(initial=0), 1)
        self.assertLess(np.abs(output - wanted).max(initial=0), 1e-5 * scale)

    def test_values(self):
        for limit, part, model in self.models:
            for tokens in TOKENS:
                inputs = self.inputs(tokens, limit, tokens)
                for case, output in zip(part, model.run(inputs).values()):
                    with self.subTest(case=case.name, tokens=tokens):
                        self.check(case, inputs, output)

    def test_distributions(self):
        """Empty experts, one for all, none at all."""
        for limit, part, model in self.models:
            for id_ in (-1, 0, limit - 1):
                inputs = self.inputs(9, limit, 3)
                inputs["ids"][:] = id_
                for case, output in zip(part, model.run(inputs).values()):
                    with self.subTest(case=case.name, id=id_):
                        self.check(case, inputs, output)

    def test_a_row_does_not_see_others(self):
        for limit, part, model in self.models:
            inputs = self.inputs(33, limit, 4)
            inputs["x"][7] = np.nan
            whole = list(model.run(inputs).values())
            for t in (0, 6, 20, 32):
                alone = {
                    name: value[t : t + 1]
                    if name == "ids" or OPERANDS[name][0] == "?"
                    else value
                    for name, value in inputs.items()
                }
                for case, all_, got in zip(part, whole, model.run(alone).values()):
                    with self.subTest(case=case.name, t=t):
                        self.assertEqual(got[0].tobytes(), all_[t].tobytes())

    def test_ids_without_an_expert(self):
        for limit, _, model in self.models:
            for id_ in (limit, -2, 2**31 - 1, -(2**31)):
                inputs = self.inputs(5, limit, 1)
                inputs["ids"][3, 1] = id_
                with self.assertRaisesRegex(moe_mlir.Error, r"ids of experts must be"):
                    model.run(inputs)


class EliminatedTest(ExpertsTest):
    """The same cases once kinds have become ids of -1 and terms."""

    eliminates = True


class SameBitsTest(unittest.TestCase):
    """One expert for all is what its body says, to the bit."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)

    def test_same_bits_as_onnx(self):
        for element, type_ in (("f32", "f4"), ("f16", "f2"), ("f64", "f8")):
            p = Program(ids=f"tensor<?x{K}xi32>", **argumentTypes())
            for body in BODIES:
                Case(body, weights=False).write(p)
                expert = p.constant(2, "tensor<i64>")
                names = {name: f"%{name}" for name in body.rows + body.shared}
                for name in body.stacked:
                    kind = p.types[f"%{name}"].replace(f"<{E}x", "<", 1)
                    names[name] = p.op("Gather", f"%{name}", expert, to=kind)
                p.give(body.write(p, names))
            model = compileText(type(self), str(p).replace("f32", element), element)
            for tokens in TOKENS:
                inputs = ExpertsTest.inputs(tokens, E, 11)
                inputs = {
                    name: value.astype(type_) if value.dtype == np.float32 else value
                    for name, value in inputs.items()
                }
                inputs["ids"][:] = [-1, 2, -1]
                outputs = list(model.run(inputs).values())
                for body, got, wanted in zip(BODIES, outputs[::2], outputs[1::2]):
                    with self.subTest(body=body.name, element=element, tokens=tokens):
                        # A sum from 0 has no -0.
                        np.testing.assert_array_equal(got, wanted + 0.0)


class FusedTest(unittest.TestCase):
    """A gate that takes in what follows the route is the steps one by one."""

    ROUTES = (
        "select = #moe.topk<3>, score = #moe.score<softmax>",
        (
            "select = #moe.topk<3>, score = #moe.score<softmax>, "
            "normalize_over = #moe.columns<0, 4>, "
            "denominator = #moe.denominator<zero_as_one>"
        ),
        "select = #moe.topk<3>, score = #moe.score<sigmoid>, order = #moe.order<after>",
    )
    TABLES = (
        None,
        (0, 1, 2, 3, -1, -1, -1, -1),
        (0, 1, 0, 2, 1, -1, 3, 3),
        (-1, 3, -1, 2, -1, 1, -1, 0),
        (-1,) * 8,
    )

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)

    def test_steps(self):
        p = Program(scores="tensor<?x8xf32>", **argumentTypes())
        body, made = BODIES[1], []
        for attributes in self.ROUTES:
            for table in self.TABLES:
                kinds = (
                    ("copy = 1", "ffn = 4", "zero = 3") if table is None else KINDS[0]
                )
                case = Case(body, kinds, route=attributes, table=table)
                case.write(p)
                made.append(case)
                # Ids that are results are needed as they are.
                apart = Case(
                    body, kinds, route=attributes + ", scale = 1.0 : f32", table=table
                )
                apart.slots = apart.writeRoute(p)
                p.give(*apart.slots)
                apart.write(p)
        text = subprocess.run(
            ["moe-opt", "--convert-moe-layers-to-kernels"],
            input=str(p),
            capture_output=True,
            text=True,
            check=True,
        )
        gates = [line for line in text.stdout.splitlines() if "moe.gate" in line]
        self.assertEqual(len(gates), 2 * len(made))
        self.assertEqual(sum("table =" in line for line in gates), len(made))
        model = compileText(type(self), str(p), "fused")
        for tokens in TOKENS:
            inputs = ExpertsTest.inputs(tokens, E, tokens)
            del inputs["ids"]
            random = np.random.default_rng(tokens)
            inputs["scores"] = random.integers(-2, 3, (tokens, 8)).astype(np.float32)
            values = iter(model.run(inputs).values())
            for case in made:
                with self.subTest(route=case.route, table=case.table, tokens=tokens):
                    fused, ids, weights, steps = (next(values) for _ in range(4))
                    self.assertEqual(fused.tobytes(), steps.tobytes())
                    wanted = ids, weights
                    if case.table is not None:
                        wanted = renumber(ids, weights, case.table)
                    wanted = case.reference(inputs, *wanted)
                    scale = max(np.abs(wanted).max(initial=0), 1)
                    error = np.abs(fused - wanted).max(initial=0)
                    self.assertLess(error, 1e-5 * scale)


if __name__ == "__main__":
    unittest.main()
