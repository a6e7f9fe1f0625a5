"""MoE layers in the spellings of exporters, and the same in NumPy.

A layer is a form x a router x an expert x a null kind. `Layer.build` writes it
as ONNX, from its scores [T, N] on; `Layer.reference` computes it: the routing
in float32, in the graph's order of operations, and values in float64 given it.
"""

import dataclasses

import numpy as np

F32 = np.float32


def softmax32(z):
    with np.errstate(invalid="ignore"):
        e = np.exp(z - z.max(axis=-1, keepdims=True, initial=-np.inf), dtype=F32)
        return e / e.sum(axis=-1, keepdims=True, dtype=F32)


def sigmoid32(z):
    with np.errstate(over="ignore"):
        return (F32(1) / (F32(1) + np.exp(-z, dtype=F32))).astype(F32)


def sigmoid64(z):
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-z))


def topk(scores, k):
    """Indices of the k largest, the lower first of equal ones."""
    return np.argsort(-scores, axis=-1, kind="stable")[:, :k]


def gaps_are_clear(scores, k):
    """Rows where the selection does not hang on rounding: neighbours in rank
    differ by more than 1e-6 of the larger, or not at all."""
    ordered = -np.sort(-scores, axis=-1)[:, : k + 1].astype(np.float64)
    with np.errstate(invalid="ignore"):
        gap = ordered[:, :-1] - ordered[:, 1:]
        size = np.maximum(np.abs(ordered[:, :-1]), np.abs(ordered[:, 1:]))
        clear = (gap == 0) | (gap > 1e-6 * size)
    return clear.all(axis=-1)


# Routers: build(graph, scores) -> idx, w; reference(scores) -> idx, w64, clear.


@dataclasses.dataclass
class Router:
    kind: str
    columns: int
    true: int
    k: int
    bias: np.ndarray

    def build(self, g, scores):
        return getattr(self, "_build_" + self.kind)(g, scores)

    def reference(self, scores):
        return getattr(self, "_reference_" + self.kind)(scores)

    def _topk(self, g, values, **attributes):
        return g.op("TopK", values, g.const([self.k]), outputs=2, **attributes)

    def _renormalise(self, g, w):
        return g.op("Div", w, g.op("ReduceSum", w, g.const([-1])))

    def _build_softmax_topk(self, g, scores):
        w, idx = self._topk(g, g.op("Softmax", scores, axis=-1))
        return idx, w

    def _reference_softmax_topk(self, scores):
        p = softmax32(scores)
        idx = topk(p, self.k)
        w = np.take_along_axis(p, idx, -1).astype(np.float64)
        return idx, w, gaps_are_clear(p, self.k)

    def _build_mixtral(self, g, scores):
        idx, w = self._build_softmax_topk(g, scores)
        return idx, self._renormalise(g, w)

    def _reference_mixtral(self, scores):
        idx, w, clear = self._reference_softmax_topk(scores)
        with np.errstate(invalid="ignore"):
            return idx, w / w.sum(-1, keepdims=True), clear

    def _build_topk_softmax(self, g, scores):
        w, idx = self._topk(g, scores)
        return idx, g.op("Softmax", w, axis=1)

    def _reference_topk_softmax(self, scores):
        idx = topk(scores, self.k)
        z = np.take_along_axis(scores, idx, -1).astype(np.float64)
        with np.errstate(invalid="ignore"):
            e = np.exp(z - z.max(-1, keepdims=True, initial=-np.inf))
            return idx, e / e.sum(-1, keepdims=True), gaps_are_clear(scores, self.k)

    def _build_sigmoid_bias(self, g, scores):
        p = g.op("Sigmoid", scores)
        choice = g.op("Add", p, g.floats(self.bias))
        _, idx = self._topk(g, choice, sorted=0)
        w = g.op("GatherElements", p, idx, axis=1)
        total = g.op("Add", g.op("ReduceSum", w, g.const([-1])), g.floats(1e-20))
        return idx, g.op("Mul", g.op("Div", w, total), g.floats(2.5))

    def _reference_sigmoid_bias(self, scores):
        p = sigmoid32(scores)
        choice = (p + self.bias).astype(F32)
        idx = topk(choice, self.k)
        w = np.take_along_axis(p, idx, -1).astype(np.float64)
        w = w / (w.sum(-1, keepdims=True) + 1e-20) * 2.5
        return idx, w, gaps_are_clear(choice, self.k)

    def _build_adamoe(self, g, scores):
        w, idx = self._topk(g, g.op("Softmax", scores, axis=-1))
        true = g.op("Cast", g.op("Less", idx, g.const(self.true)), to=1)
        total = g.op("ReduceSum", g.op("Mul", w, true), g.const([-1]))
        one = g.op("Expand", g.floats(1.0), g.op("Shape", total))
        safe = g.op("Where", g.op("Equal", total, g.floats(0.0)), one, total)
        return idx, g.op("Div", w, safe)

    def _reference_adamoe(self, scores):
        idx, w, clear = self._reference_softmax_topk(scores)
        total = (w * (idx < self.true)).sum(-1, keepdims=True)
        return idx, w / np.where(total == 0, 1.0, total), clear

    def _build_groups(self, g, scores):
        p = g.op("Sigmoid", scores)
        choice = g.op("Add", p, g.floats(self.bias))
        groups, each = 2, self.columns // 2
        grouped = g.op("Reshape", choice, g.const([-1, groups, each]))
        best, _ = g.op("TopK", grouped, g.const([2]), outputs=2)
        score = g.op("ReduceSum", best, g.const([-1]), keepdims=0)
        _, kept = g.op("TopK", score, g.const([1]), outputs=2, sorted=0)
        zeros = g.op("Expand", g.floats(0.0), g.op("Shape", score))
        ones = g.op("Expand", g.floats(1.0), g.op("Shape", kept))
        mask = g.op("ScatterElements", zeros, kept, ones, axis=1)
        wide = g.op("Unsqueeze", mask, g.const([-1]))
        wide = g.op("Expand", wide, g.const([1, groups, each]))
        wide = g.op("Reshape", wide, g.const([-1, self.columns]))
        closed = g.op("Not", g.op("Cast", wide, to=9))
        masked = g.op("Where", closed, g.floats(-np.inf), choice)
        _, idx = self._topk(g, masked, sorted=0)
        w = g.op("GatherElements", p, idx, axis=1)
        return idx, self._renormalise(g, w)

    def _reference_groups(self, scores):
        p = sigmoid32(scores)
        choice = (p + self.bias).astype(F32)
        grouped = choice.reshape(len(choice), 2, self.columns // 2)
        score = -np.sort(-grouped, axis=-1)[..., :2].sum(-1, dtype=F32)
        kept = topk(score, 1)
        closed = np.ones_like(score, dtype=bool)
        np.put_along_axis(closed, kept, False, -1)
        closed = np.repeat(closed, self.columns // 2, axis=-1)
        masked = np.where(closed, F32(-np.inf), choice)
        idx = topk(masked, self.k)
        w = np.take_along_axis(p, idx, -1).astype(np.float64)
        clear = gaps_are_clear(masked, self.k) & gaps_are_clear(score, 1)
        return idx, w / w.sum(-1, keepdims=True), clear


# Experts: body(graph, linear, rows), where linear(i, rows) is rows times the
# expert's i-th matrix plus its bias if it has one.


@dataclasses.dataclass
class Experts:
    kind: str
    count: int
    matrices: list  # of [count, in, out]
    biases: list  # of [count, out] or None

    @staticmethod
    def make(kind, count, hidden, inner, random):
        wide = kind in ("halves", "interleaved")
        shapes = {
            "relu": [(hidden, inner), (inner, hidden)],
            "swiglu": [(hidden, inner), (hidden, inner), (inner, hidden)],
        }.get(kind, [(hidden, 2 * inner), (inner, hidden)])
        matrices = [
            (random.standard_normal((count, *shape)) / shape[0] ** 0.5).astype(F32)
            for shape in shapes
        ]
        biases = [
            random.standard_normal((count, shape[1])).astype(F32) if wide else None
            for shape in shapes
        ]
        return Experts(kind, count, matrices, biases)

    def body(self, g, linear, rows, axis=-1):
        if self.kind == "relu":
            return linear(1, g.op("Relu", linear(0, rows)))
        if self.kind == "swiglu":
            gate = linear(0, rows)
            act = g.op("Mul", gate, g.op("Sigmoid", gate))
            return linear(2, g.op("Mul", act, linear(1, rows)))
        both = linear(0, rows)
        if self.kind == "halves":
            inner = self.matrices[1].shape[1]
            gate, up = g.op(
                "Split", both, g.const([inner, inner]), outputs=2, axis=axis
            )
            act = g.op("Mul", gate, g.op("Sigmoid", gate))
            return linear(1, g.op("Mul", act, up))
        end, one, two = g.const([2**63 - 1]), g.const([axis]), g.const([2])
        gate = g.op("Slice", both, g.const([0]), end, one, two)
        up = g.op("Slice", both, g.const([1]), end, one, two)
        gate = g.op("Clip", gate, "", g.floats(0.7))
        up = g.op("Clip", up, g.floats(-0.7), g.floats(0.7))
        act = g.op("Mul", gate, g.op("Sigmoid", g.op("Mul", gate, g.floats(1.702))))
        return linear(1, g.op("Mul", g.op("Add", up, g.floats(1.0)), act))

    def reference(self, e, rows):
        def linear(i, x):
            y = x @ self.matrices[i][e].astype(np.float64)
            return y if self.biases[i] is None else y + self.biases[i][e]

        if self.kind == "relu":
            return linear(1, np.maximum(linear(0, rows), 0))
        if self.kind == "swiglu":
            gate = linear(0, rows)
            return linear(2, gate * sigmoid64(gate) * linear(1, rows))
        both = linear(0, rows)
        if self.kind == "halves":
            gate, up = np.split(both, 2, axis=-1)
            return linear(1, gate * sigmoid64(gate) * up)
        gate = np.minimum(both[:, ::2], F32(0.7))
        up = np.clip(both[:, 1::2], F32(-0.7), F32(0.7))
        return linear(1, (up + 1) * gate * sigmoid64(F32(1.702) * gate))


@dataclasses.dataclass
class Layer:
    form: str
    router: Router
    experts: Experts
    null: str  # none, zero, copy, constant
    constants: np.ndarray  # a row per null column, for "constant"

    @staticmethod
    def make(form, router, expert, null, random, hidden=8, inner=12):
        count, k = 4, 2
        nulls = 0 if null == "none" else 4
        columns = count + nulls
        bias = random.standard_normal(columns).astype(F32) * F32(0.3)
        return Layer(
            form,
            Router(router, columns, count, 3 if nulls else k, bias),
            Experts.make(expert, count, hidden, inner, random),
            null,
            random.standard_normal((nulls, hidden)).astype(F32),
        )

    def __str__(self):
        return f"{self.form}/{self.router.kind}/{self.experts.kind}/{self.null}"

    def reference(self, x, scores):
        """y [T, H] and which rows have a clear selection."""
        # Adversarial scores make NaN on purpose.
        with np.errstate(all="ignore"):
            idx, w, clear = self.router.reference(scores)
        y = np.zeros(x.shape, np.float64)
        x = x.astype(np.float64)
        for t, s in np.ndindex(*idx.shape):
            e = idx[t, s]
            if e < self.experts.count:
                y[t] += w[t, s] * self.experts.reference(e, x[t : t + 1])[0]
            elif self.null == "copy":
                y[t] += w[t, s] * x[t]
            elif self.null == "constant":
                y[t] += w[t, s] * self.constants[e - self.experts.count]
        return y, clear

    def build(self, g, x, scores):
        idx, w = self.router.build(g, scores)
        return getattr(self, "_" + self.form)(g, x, idx, w)

    # Forms.

    def _own_linear(self, g, e, transposed=False):
        """Each expert's matrices are initialisers of their own."""
        names = {}

        def linear(i, rows):
            matrix, bias = self.experts.matrices[i][e], self.experts.biases[i]
            if i not in names:
                stored = matrix.T.copy() if transposed else matrix
                names[i] = g.weight(stored, f"experts.{e}.{i}")
            if transposed:
                inputs = [] if bias is None else [g.weight(bias[e], "b")]
                return g.op("Gemm", rows, names[i], *inputs, transB=1)
            y = g.op("MatMul", rows, names[i])
            return y if bias is None else g.op("Add", y, g.weight(bias[e], "b"))

        return linear

    def _expert_rows(self, g, e, rows):
        """What expert e makes of some rows; None: nothing."""
        if e < self.experts.count:
            transposed = self.form == "scatter"
            return self.experts.body(g, self._own_linear(g, e, transposed), rows)
        if self.null == "copy":
            return rows
        if self.null == "constant":
            row = g.weight(self.constants[e - self.experts.count][None], "v")
            return g.op("Expand", row, g.op("Shape", rows))
        return None

    def _loop(self, g, x, idx, w):
        """TorchScript's loop over experts: NonZero, linear positions,
        ScatterElements into zeros."""
        columns, k = self.router.columns, self.router.k
        one_hot = g.op("OneHot", idx, g.const(columns), g.const([0, 1]), axis=-1)
        mask = g.op("Transpose", one_hot, perm=[2, 1, 0])
        y = g.op("ConstantOfShape", g.op("Shape", x), value=_scalar(0.0))
        flat = g.op("Reshape", w, g.const([-1, 1]))
        for e in range(columns):
            if self._is_skipped(e):
                continue
            here = g.op("Cast", g.op("Gather", mask, g.const(e), axis=0), to=9)
            pairs = g.op("Transpose", g.op("NonZero", here), perm=[1, 0])
            slot, token = g.op("Split", pairs, g.const([1, 1]), outputs=2, axis=1)
            slot = g.op("Squeeze", slot, g.const([1]))
            token = g.op("Squeeze", token, g.const([1]))
            rows = g.op("Gather", x, token, axis=0)
            out = self._expert_rows(g, e, rows)
            position = g.op("Add", slot, g.op("Mul", token, g.const([k])))
            out = g.op("Mul", out, g.op("Gather", flat, position, axis=0))
            index = g.op("Unsqueeze", token, g.const([1]))
            index = g.op("Expand", index, g.op("Shape", out))
            zeros = g.op("ConstantOfShape", g.op("Shape", y), value=_scalar(0.0))
            y = g.op("Add", y, g.op("ScatterElements", zeros, index, out, axis=0))
        return y

    def _scatter(self, g, x, idx, w):
        """Dynamo's loop: Equal, GatherND of the weight, ScatterND add."""
        y = g.op("Expand", g.floats(0.0), g.op("Shape", x))
        for e in range(self.router.columns):
            if self._is_skipped(e):
                continue
            pairs = g.op("NonZero", g.op("Equal", idx, g.const(e)))
            places = g.op("Transpose", pairs, perm=[1, 0])
            token = g.op("Slice", places, g.const([0]), g.const([1]), g.const([1]))
            rows = g.op("GatherND", x, token)
            out = self._expert_rows(g, e, rows)
            weight = g.op("Unsqueeze", g.op("GatherND", w, places), g.const([-1]))
            out = g.op("Mul", weight, out)
            y = g.op("ScatterND", y, token, out, reduction="add")
        return y

    def _dense(self, g, x, idx, w):
        """Every expert on all tokens, times its weight or 0."""
        y = None
        for e in range(self.router.columns):
            if self._is_skipped(e):
                continue
            chosen = g.op("Cast", g.op("Equal", idx, g.const(e)), to=1)
            weight = g.op("ReduceSum", g.op("Mul", w, chosen), g.const([-1]))
            out = g.op("Mul", self._expert_rows(g, e, x), weight)
            y = out if y is None else g.op("Add", y, out)
        return y

    def _stacked(self, g, i, transposed):
        matrix = self.experts.matrices[i]
        return g.weight(matrix.transpose(0, 2, 1).copy() if transposed else matrix)

    def _gather(self, g, x, idx, w):
        """Weights gathered per slot (batched_mm)."""
        k, hidden = self.router.k, self.experts.matrices[-1].shape[2]
        if self.router.columns > self.experts.count:
            limit = g.const(self.experts.count - 1)
            true = g.op("Cast", g.op("Less", idx, g.const(self.experts.count)), to=1)
            clipped, weights = g.op("Clip", idx, "", limit), g.op("Mul", w, true)
        else:
            clipped, weights = idx, w
        flat = g.op("Reshape", clipped, g.const([-1]))
        rows = g.op("Unsqueeze", x, g.const([1]))
        rows = g.op("Expand", rows, g.const([1, k, 1]))
        rows = g.op("Reshape", rows, g.const([-1, hidden]))

        def linear(i, some):
            matrix = g.op("Gather", self._stacked(g, i, True), flat, axis=0)
            column = g.op("Unsqueeze", some, g.const([-1]))
            out = g.op("Squeeze", g.op("MatMul", matrix, column), g.const([-1]))
            bias = self.experts.biases[i]
            if bias is None:
                return out
            return g.op("Add", out, g.op("Gather", g.weight(bias), flat, axis=0))

        out = self.experts.body(g, linear, rows)
        out = g.op("Mul", out, g.op("Reshape", weights, g.const([-1, 1])))
        out = g.op("Reshape", out, g.const([-1, k, hidden]))
        y = g.op("ReduceSum", out, g.const([1]), keepdims=0)
        if self.null not in ("copy", "constant"):
            return y
        of_null = g.op("Mul", w, g.op("Sub", g.floats(1.0), true))
        if self.null == "copy":
            total = g.op("ReduceSum", of_null, g.const([-1]))
            return g.op("Add", y, g.op("Mul", x, total))
        number = g.op("Sub", idx, g.const(self.experts.count))
        number = g.op("Max", number, g.const(0))
        rows = g.op("Gather", g.weight(self.constants), number, axis=0)
        rows = g.op("Mul", rows, g.op("Unsqueeze", of_null, g.const([-1])))
        return g.op("Add", y, g.op("ReduceSum", rows, g.const([1]), keepdims=0))

    def _bmm(self, g, x, idx, w):
        """All experts in one batched product, times scores scattered to [T, N]."""
        columns, count = self.router.columns, self.experts.count
        shape = g.op("Concat", g.op("Shape", x, start=0, end=1), g.const([columns]),
                     axis=0)
        zeros = g.op("Expand", g.floats(0.0), shape)
        scores = g.op("ScatterElements", zeros, idx, w, axis=1)
        if columns > count:
            of_null = g.op("Slice", scores, g.const([count]), g.const([columns]), g.const([1]))
            scores = g.op("Slice", scores, g.const([0]), g.const([count]), g.const([1]))
        rows = g.op("Tile", g.op("Unsqueeze", x, g.const([0])), g.const([count, 1, 1]))

        def linear(i, some):
            out = g.op("MatMul", some, self._stacked(g, i, False))
            bias = self.experts.biases[i]
            if bias is None:
                return out
            return g.op("Add", out, g.weight(bias[:, None, :].copy()))

        out = self.experts.body(g, linear, rows)
        weight = g.op("Transpose", scores, perm=[1, 0])
        out = g.op("Mul", out, g.op("Unsqueeze", weight, g.const([-1])))
        y = g.op("ReduceSum", out, g.const([0]), keepdims=0)
        if self.null == "copy":
            total = g.op("ReduceSum", of_null, g.const([-1]))
            return g.op("Add", y, g.op("Mul", total, x))
        if self.null == "constant":
            return g.op("Add", y, g.op("MatMul", of_null, g.weight(self.constants)))
        return y

    def _sorted(self, g, x, idx, w):
        """Pairs sorted by expert, one slice per expert (grouped_mm)."""
        k, count = self.router.k, self.experts.count
        flat = g.op("Reshape", idx, g.const([-1]))
        size = g.op("Shape", flat)
        _, order = g.op("TopK", flat, size, outputs=2, axis=0, largest=0)
        _, inverse = g.op("TopK", order, size, outputs=2, axis=0, largest=0)
        token = g.op("Div", order, g.const(k))
        rows = g.op("Gather", x, token, axis=0)
        hot = g.op("OneHot", flat, g.const(count), g.const([0, 1]), axis=-1)
        sizes = g.op("ReduceSum", hot, g.const([0]), keepdims=0)
        ends = g.op("CumSum", sizes, g.const(0))

        def linear(i, some):
            parts = []
            stacked = self._stacked(g, i, False)
            for e in range(count):
                end = g.op("Slice", ends, g.const([e]), g.const([e + 1]))
                begin = g.const([0])
                if e:
                    begin = g.op("Slice", ends, g.const([e - 1]), g.const([e]))
                part = g.op("Slice", some, begin, end, g.const([0]))
                matrix = g.op("Slice", stacked, g.const([e]), g.const([e + 1]),
                              g.const([0]))
                matrix = g.op("Squeeze", matrix, g.const([0]))
                out = g.op("MatMul", part, matrix)
                bias = self.experts.biases[i]
                if bias is not None:
                    out = g.op("Add", out, g.weight(bias[e]))
                parts.append(out)
            return g.op("Concat", *parts, axis=0)

        out = self.experts.body(g, linear, rows)
        weight = g.op("Gather", g.op("Reshape", w, g.const([-1])), order, axis=0)
        out = g.op("Mul", out, g.op("Unsqueeze", weight, g.const([-1])))
        out = g.op("Gather", out, inverse, axis=0)
        out = g.op("Reshape", out, g.const([-1, k, self.experts.matrices[-1].shape[2]]))
        return g.op("ReduceSum", out, g.const([1]), keepdims=0)

    def _is_skipped(self, e):
        return e >= self.experts.count and self.null in ("none", "zero")


def _scalar(value):
    from onnx import helper

    return helper.make_tensor("value", 1, [1], [value])
