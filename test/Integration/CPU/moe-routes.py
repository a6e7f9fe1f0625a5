# RUN: %model_python -W error %s
"""Routes against the onnx ops that they stand for, to the bit, and against NumPy.

Each case is a `moe.route` and, in the same program, its spelling in onnx ops.
Ids and weights must be equal bit for bit, whatever the scores hold: ties, NaN,
infinities. NumPy in float32, written from the definition, must select the same
wherever the choice is clear."""

import itertools
import tempfile
import unittest
from pathlib import Path

import moe_mlir
import numpy as np
from Inputs.moe_text import Program

N, H = 8, 5


class Route:
    """One case, with the defaults of `moe.route`."""

    def __init__(self, **options):
        self.k, self.tie, self.score, self.order = 3, "lowest_index", "none", "before"
        self.bias = self.mask = self.mix = self.groups = self.over = None
        self.denominator = self.scale = self.threshold = self.project = None
        self.sums, self.element = (), "f32"
        vars(self).update(options)
        self.name = ", ".join(f"{k}={v}" for k, v in options.items())

    def matrix(self, columns, kind=None):
        return f"tensor<?x{columns}x{kind or self.element}>"

    # Both spellings take operands in the case's element type.

    def moe(self, p, scores, bias, mask, mix, x, w):
        f = self.element
        select = f"#moe.topk<{self.k}, tie = {self.tie}>"
        if self.threshold:
            select = f"#moe.sparse_mixer<threshold = {self.threshold:e}>"
        attributes = [
            f"select = {select}",
            f"score = #moe.score<{self.score}>",
            f"order = #moe.order<{self.order}>",
        ]
        if self.groups:
            count, keep, score, masked = self.groups
            attributes.append(
                f"groups = #moe.groups<count = {count}, keep = {keep}, "
                f"score = {score}, masked = {masked}>"
            )
        if self.over:
            attributes.append(
                f"normalize_over = #moe.columns<{self.over[0]}, {self.over[1]}>"
            )
        if self.denominator:
            attributes.append(f"denominator = #moe.denominator<{self.denominator}>")
        if self.scale:
            attributes.append(f"scale = {self.scale:e} : f32")
        operands = f"scores({scores} : {self.matrix(N)})"
        if self.project:
            names = ", ".join([x, *self.matrices(p, w)])
            kinds = ", ".join(p.types[v] for v in names.split(", "))
            operands = f"project({names} : {kinds})"
        for name, value in (("bias", bias), ("mask", mask)):
            if getattr(self, name):
                operands += f" {name}({value} : tensor<{N}x{f}>)"
        if self.mix:
            operands += f" mix({mix} : {self.matrix(N)})"
        ids, weights = self.matrix(self.k, "i32"), self.matrix(self.k)
        i, v = p.emit(
            f"moe.route {operands} {{{', '.join(attributes)}}} -> {ids}, {weights}",
            ids,
            weights,
        )
        results = [i, v]
        for b, e in self.sums:
            kind = f"tensor<?x{f}>"
            results.append(
                p.emit(
                    f"moe.slot_sum {i}, {v} {{columns = #moe.columns<{b}, {e}>}} "
                    f": {ids}, {weights} -> {kind}",
                    kind,
                )
            )
        return results

    def matrices(self, p, w):
        """The projection's matrix in `project` parts."""
        if self.project == 1:
            return [w]
        widths = [3, N - 3]
        kinds = [f"tensor<{H}x{width}x{self.element}>" for width in widths]
        return p.op("Split", w, p.ints(*widths), to=tuple(kinds), axis=1)

    def within(self, p, ids, begin, end):
        """Whether ids [T, k] are in a range."""
        kind = self.matrix(self.k, "i1")
        low = p.op("GreaterOrEqual", ids, p.constant(begin, "tensor<i64>"), to=kind)
        high = p.op("Less", ids, p.constant(end, "tensor<i64>"), to=kind)
        return p.op("And", low, high, to=kind)

    def onnx(self, p, scores, bias, mask, mix, x, w):
        f, wide = self.element, self.matrix(N)
        z = scores
        if self.project:
            parts = [
                p.op("MatMul", x, m, to=f"tensor<?x{p.types[m].split('x')[1]}x{f}>")
                for m in self.matrices(p, w)
            ]
            z = p.op("Concat", *parts, to=wide, axis=1)
        if self.mask:
            z = p.op("Add", z, mask, to=wide)
        if self.threshold:
            ids, weights = self.mixer(p, z)
        else:
            ids, weights = self.top(p, z, bias, mix)
        slots = self.matrix(self.k)
        zero = p.constant(0.0, f"tensor<{f}>")

        def total(begin, end, keepdims, kind):
            kept = p.op(
                "Where", self.within(p, ids, begin, end), weights, zero, to=slots
            )
            return p.op("ReduceSum", kept, p.ints(-1), to=kind, keepdims=keepdims)

        if self.over:
            column = self.matrix(1)
            d = total(*self.over, 1, column)
            kind, *value = (self.denominator or "plain").split()
            if kind == "zero_as_one":
                isZero = p.op("Equal", d, zero, to=self.matrix(1, "i1"))
                one = p.constant(1.0, f"tensor<{f}>")
                d = p.op("Where", isZero, one, d, to=column)
            elif kind != "plain":
                bound = p.constant(value[0], f"tensor<{f}>")
                d = p.op({"plus": "Add", "at_least": "Max"}[kind], d, bound, to=column)
            weights = p.op("Div", weights, d, to=slots)
        if self.scale:
            weights = p.op(
                "Mul", weights, p.constant(self.scale, f"tensor<{f}>"), to=slots
            )
        sums = [total(b, e, 0, f"tensor<?x{f}>") for b, e in self.sums]
        return [p.op("Cast", ids, to=self.matrix(self.k, "i32")), weights, *sums]

    def scored(self, p, values, kind):
        name = {"softmax": "Softmax", "sigmoid": "Sigmoid"}.get(self.score)
        return p.op(name, values, to=kind) if name else values

    def top(self, p, z, bias, mix):
        wide, slots = self.matrix(N), self.matrix(self.k)
        i64 = self.matrix(self.k, "i64")
        before = self.scored(p, z, wide) if self.order == "before" else z
        c = p.op("Add", before, bias, to=wide) if self.bias else before
        if self.groups:
            c = self.grouped(p, c)
        if self.tie == "highest_index":
            c = self.reverse(p, c, wide)
        _, ids = p.op("TopK", c, p.ints(self.k), to=(slots, i64), axis=1)
        if self.tie == "highest_index":
            ids = p.op("Sub", p.constant(N - 1, "tensor<i64>"), ids, to=i64)
        source = mix if self.mix else before
        weights = p.op("GatherElements", source, ids, to=slots, axis=1)
        if self.order == "after":
            weights = self.scored(p, weights, slots)
        return ids, weights

    @staticmethod
    def reverse(p, c, wide):
        starts, ends = p.ints(-1), p.ints(-N - 1)
        axes, steps = p.ints(1), p.ints(-1)
        kinds = ", ".join([wide] + ["tensor<1xi64>"] * 4)
        return p.emit(
            f"onnx.Slice {c}, {starts}, {ends} axes({axes}) steps({steps}) "
            f": ({kinds}) -> {wide}",
            wide,
        )

    def grouped(self, p, c):
        """As DeepSeek-V3 spells it."""
        f = self.element
        count, keep, score, masked = self.groups
        size = N // count
        cube = f"tensor<?x{count}x{size}x{f}>"
        parts = p.op("Reshape", c, p.ints(-1, count, size), to=cube)
        of = self.matrix(count)
        if score == "max":
            values = p.op("ReduceMax", parts, p.ints(-1), to=of, keepdims=0)
        else:
            two = f"tensor<?x{count}x2x"
            best, _ = p.op("TopK", parts, p.ints(2), to=(two + f + ">", two + "i64>"))
            values = p.op("ReduceSum", best, p.ints(-1), to=of, keepdims=0)
        _, kept = p.op(
            "TopK",
            values,
            p.ints(keep),
            to=(self.matrix(keep), self.matrix(keep, "i64")),
        )
        shape = p.op("Shape", values, to="tensor<2xi64>")
        none = p.op(
            "Expand",
            p.constant(0.0, "tensor<f32>"),
            shape,
            to=self.matrix(count, "f32"),
        )
        shape = p.op("Shape", kept, to="tensor<2xi64>")
        ones = p.op(
            "Expand", p.constant(1.0, "tensor<f32>"), shape, to=self.matrix(keep, "f32")
        )
        chosen = p.op(
            "ScatterElements", none, kept, ones, to=self.matrix(count, "f32"), axis=1
        )
        column = p.op("Unsqueeze", chosen, p.ints(-1), to=f"tensor<?x{count}x1xf32>")
        spread = p.op(
            "Expand", column, p.ints(1, 1, size), to=f"tensor<?x{count}x{size}xf32>"
        )
        flat = p.op("Reshape", spread, p.ints(-1, N), to=self.matrix(N, "f32"))
        isKept = p.op("Cast", flat, to=self.matrix(N, "i1"))
        value = p.constant(masked, f"tensor<{f}>")
        return p.op("Where", isKept, c, value, to=self.matrix(N))

    def mixer(self, p, z):
        """As PhiMoE spells it."""
        f, wide, one = self.element, self.matrix(N), self.matrix(1)
        i64, flags = self.matrix(1, "i64"), self.matrix(N, "i1")
        threshold = p.constant(self.threshold, f"tensor<{f}>")
        low = {"f16": "0xFC00", "bf16": "0xFF80"}.get(f, "0xFF800000")
        lowest = p.constant(low, f"tensor<{f}>")
        size = p.op("Abs", z, to=wide)
        current, ids, weights = z, [], []
        for _ in range(2):
            top = p.op("ReduceMax", current, p.ints(-1), to=one)
            chosen = p.op("ArgMax", current, to=i64, axis=-1)
            factor = p.op("Max", size, top, to=wide)
            ratio = p.op("Div", p.op("Sub", top, z, to=wide), factor, to=wide)
            isFar = p.op("Greater", ratio, threshold, to=flags)
            kept = p.op("Where", isFar, lowest, current, to=wide)
            q = p.op("Softmax", kept, to=wide)
            ids.append(chosen)
            weights.append(p.op("GatherElements", q, chosen, to=one, axis=1))
            shape = p.op("Shape", chosen, to="tensor<2xi64>")
            gone = p.op("Expand", lowest, shape, to=one)
            current = p.op("ScatterElements", z, chosen, gone, to=wide, axis=1)
        return (
            p.op("Concat", *ids, to=self.matrix(2, "i64"), axis=1),
            p.op("Concat", *weights, to=self.matrix(2), axis=1),
        )

    # The definition, in NumPy.

    def numpy(self, z, bias, mask, mix):
        """Selection scores, ids and weights of rows of finite scores."""
        z = z + mask if self.mask else z
        if self.threshold:
            return self.numpyMixer(z)
        score = {"softmax": softmax, "sigmoid": lambda v: 1 / (1 + np.exp(-v))}.get(
            self.score, lambda v: v
        )
        p = score(z) if self.order == "before" else z
        c = p + bias if self.bias else p.copy()
        if self.groups:
            count, keep, kind, masked = self.groups
            parts = c.reshape(-1, count, N // count)
            of = parts.max(-1) if kind == "max" else np.sort(parts)[..., -2:].sum(-1)
            order = np.argsort(-of, axis=1, kind="stable")
            for row, dropped in zip(parts, order[:, keep:]):
                row[dropped] = -np.inf if masked == "0xFF800000" else float(masked)
        if self.tie == "highest_index":
            ids = N - 1 - np.argsort(-c[:, ::-1], axis=1, kind="stable")[:, : self.k]
        else:
            ids = np.argsort(-c, axis=1, kind="stable")[:, : self.k]
        weights = np.take_along_axis(mix if self.mix else p, ids, 1)
        if self.order == "after":
            weights = score(weights)
        return c, ids, self.finish(ids, weights)

    def finish(self, ids, weights):
        if self.over:
            b, e = self.over
            d = np.where((ids >= b) & (ids < e), weights, 0).sum(1, keepdims=True)
            kind, *value = (self.denominator or "plain").split()
            if kind == "zero_as_one":
                d = np.where(d == 0, 1, d)
            if kind == "plus":
                d = d + float(value[0])
            if kind == "at_least":
                d = np.maximum(d, float(value[0]))
            weights = weights / d
        return weights * (self.scale or 1)

    def numpyMixer(self, z):
        current, ids, weights = z, [], []
        rows = np.arange(len(z))
        for _ in range(2):
            top = current.max(1, keepdims=True)
            far = (top - z) / np.maximum(np.abs(z), top) > self.threshold
            q = softmax(np.where(far, -np.inf, current))
            ids.append(current.argmax(1))
            weights.append(q[rows, ids[-1]])
            current = current.copy()
            current[rows, ids[-1]] = -np.inf
        ids, weights = np.stack(ids, 1), np.stack(weights, 1)
        return z, ids, self.finish(ids, weights)


def softmax(v):
    e = np.exp(v - v.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def cases():
    """Each form that a model has, then combinations of all parts."""
    yield Route(score="softmax")
    yield Route(score="softmax", over=(0, N))
    yield Route(score="softmax", order="after")
    yield Route(score="softmax", over=(0, 4), denominator="zero_as_one", sums=((4, 8),))
    yield Route(score="softmax", over=(2, 6), sums=((0, 2), (6, 8)))
    yield Route(score="sigmoid", order="after", k=1)
    yield Route(
        score="sigmoid",
        bias=True,
        over=(0, N),
        scale=2.5,
        denominator="plus 1.0e-20",
        groups=(4, 2, "sum_top2", "0xFF800000"),
    )
    yield Route(score="sigmoid", bias=True, groups=(2, 1, "sum_top2", "0.0"))
    yield Route(score="softmax", groups=(4, 2, "max", "0.0"), scale=16.0)
    yield Route(score="softmax", bias=True, over=(0, N), denominator="at_least 0.5")
    yield Route(score="softmax", mask=True, over=(0, N))
    yield Route(score="softmax", mix=True, over=(0, N))
    yield Route(score="sigmoid", mix=True, order="after", tie="highest_index")
    yield Route(tie="highest_index")
    yield Route(k=N, score="softmax", over=(0, N), tie="highest_index")
    yield Route(k=1)
    yield Route(k=2, threshold=0.02)
    yield Route(k=2, threshold=0.5, mask=True, scale=2.0)
    yield Route(project=1, score="softmax", over=(0, N))
    yield Route(project=2, mask=True, score="sigmoid", bias=True)
    for element in ("f16", "bf16", "f64"):
        yield Route(
            element=element,
            score="softmax",
            over=(0, 6),
            bias=True,
            mask=True,
            denominator="plus 0.0078125",
            scale=2.5,
            sums=((6, 8),),
        )
        yield Route(element=element, score="sigmoid", order="after", over=(0, N))
        yield Route(
            element=element,
            score="softmax",
            project=2,
            groups=(4, 3, "sum_top2", "0.0"),
        )
    yield Route(element="f16", k=2, threshold=0.02)
    yield Route(element="bf16", k=2, threshold=0.1)
    norms = [
        (None, None),
        ((0, N), None),
        ((0, 5), "zero_as_one"),
        ((0, 5), "plus 1.0e-6"),
    ]
    for i, (score, order, k, (over, denominator)) in enumerate(
        itertools.product(
            ("none", "softmax", "sigmoid"), ("before", "after"), (2, 5), norms
        )
    ):
        bits = i * 2654435761 >> 7
        yield Route(
            score=score,
            order=order,
            k=k,
            over=over,
            denominator=denominator,
            bias=bool(bits & 1),
            mask=bool(bits & 2),
            mix=bool(bits & 4),
            tie=("lowest_index", "highest_index")[bits >> 3 & 1],
            groups=[None, (2, 1, "max", "0.0"), None, (4, 3, "sum_top2", "0xFF800000")][
                bits >> 4 & 3
            ],
            scale=[None, 1.5][bits >> 6 & 1],
            sums=[(), ((5, 8),)][bits >> 7 & 1],
        )


def scoreRows(random, tokens):
    """Rows of every kind: the first ones adversarial."""
    s = random.standard_normal((max(tokens, 1), N)).astype(np.float32)
    nan, inf = np.nan, np.inf
    hard = [
        np.zeros(N),
        np.full(N, -inf),
        np.full(N, inf),
        np.full(N, nan),
        [1, 1, 2, 2, 2, 1, 1, 2],
        [0, -inf] * 4,
        [nan, 1, inf, nan, 0, -inf, 2, 2],
        [100, 0, 0, 0, 0, 0, 0, 0],
        [-100, 100] * 4,
        [0.0, -0.0] * 4,
        [1e38, -1e38] * 4,
        [3, 3, 3, 3, 3, 3, 3, nan],
        np.arange(N),
        -np.arange(N),
    ]
    if tokens > len(hard):
        s[: len(hard)] = hard
        # Ties among ordinary scores.
        s[len(hard) : len(hard) + 6, 1::2] = s[len(hard) : len(hard) + 6, ::2]
    return s[:tokens]


class RoutesTest(unittest.TestCase):
    group = 12

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder, cls.models, cls.loops = Path(folder.name), [], []
        every = list(cases())
        for i in range(0, len(every), cls.group):
            routes, source = every[i : i + cls.group], cls.write(i, every)
            cls.models.append((routes, cls.build(source)))
            # Without the kernels of vector CPUs, whose exp rounds otherwise.
            cls.loops.append((routes, cls.build(source, target_cpu="x86-64-v2")))

    @classmethod
    def write(cls, start, every):
        p = Program(
            scores=f"tensor<?x{N}xf32>",
            bias=f"tensor<{N}xf32>",
            mask=f"tensor<{N}xf32>",
            mix=f"tensor<?x{N}xf32>",
            x=f"tensor<?x{H}xf32>",
            w=f"tensor<{H}x{N}xf32>",
        )
        for route in every[start : start + cls.group]:
            operands = []
            for name, kind in p.arguments.items():
                value, cast = f"%{name}", kind.replace("f32", route.element)
                if cast != kind:
                    value = p.op("Cast", value, to=cast)
                operands.append(value)
            for values in (route.moe(p, *operands), route.onnx(p, *operands)):
                for value in values:
                    kind = p.types[value]
                    if route.element in ("f16", "bf16", "f64") and "i32" not in kind:
                        value = p.op(
                            "Cast", value, to=kind.replace(route.element, "f32")
                        )
                    p.give(value)
        source = cls.folder / f"routes{start}.mlir"
        source.write_text(str(p))
        return source

    @classmethod
    def build(cls, source, **options):
        program = source.with_suffix(".loops.so" if options else ".so")
        model = moe_mlir.load(moe_mlir.compile(source, program, O=2, **options))
        cls.addClassCleanup(model.close)
        return model

    def runAll(self, inputs, models=None):
        """The route, its outputs, and those of the onnx ops, for each case."""
        for routes, model in models or self.models:
            values = iter(model.run(inputs).values())
            for route in routes:
                count = 2 + len(route.sums)
                yield (
                    route,
                    [next(values) for _ in range(count)],
                    [next(values) for _ in range(count)],
                )

    def inputs(self, tokens, seed):
        random = np.random.default_rng(seed)

        def make(*shape):
            return random.standard_normal(shape).astype(np.float32)

        mask = make(N)
        mask[[2, 5]] = -np.inf
        return {
            "scores": scoreRows(random, tokens),
            "bias": make(N),
            "mask": mask,
            "mix": make(tokens, N),
            "x": make(tokens, H),
            "w": make(H, N),
        }

    def test_same_bits_as_onnx(self):
        for tokens in (0, 1, 2, 7, 33):
            for route, got, expected in self.runAll(
                self.inputs(tokens, tokens), self.loops
            ):
                with self.subTest(tokens=tokens, route=route.name):
                    for mine, theirs in zip(got, expected):
                        self.assertEqual(mine.shape, theirs.shape)
                        np.testing.assert_array_equal(mine, theirs)
                    ids = got[0]
                    self.assertTrue(((ids >= 0) & (ids < N)).all())

    def test_definition(self):
        inputs = self.inputs(200, 1)
        inputs["scores"] = (
            np.random.default_rng(2).standard_normal((200, N)).astype(np.float32)
        )
        for route, (ids, weights, *_), _ in self.runAll(inputs):
            if route.element not in ("f32", "f64"):
                continue
            with self.subTest(route=route.name):
                z = inputs["x"] @ inputs["w"] if route.project else inputs["scores"]
                with np.errstate(divide="ignore", invalid="ignore"):
                    c, wantedIds, wanted = route.numpy(
                        z, inputs["bias"], inputs["mask"], inputs["mix"]
                    )
                # Scores that are closer than rounding may stand in any order.
                gaps = np.sort(c)[:, ::-1]
                with np.errstate(invalid="ignore"):
                    gaps = gaps[:, :-1] - gaps[:, 1:]
                clear = ~((gaps != 0) & (gaps < 1e-5)).any(1)
                self.assertGreater(clear.sum(), 150)
                np.testing.assert_array_equal(ids[clear], wantedIds[clear])
                np.testing.assert_allclose(
                    weights[clear], wanted[clear], rtol=2e-5, atol=1e-6
                )

    def test_a_row_does_not_see_others(self):
        inputs = self.inputs(33, 5)
        whole = [got for _, got, _ in self.runAll(inputs)]
        for t in (0, 6, 20, 32):
            alone = dict(inputs)
            for name in ("scores", "mix", "x"):
                alone[name] = inputs[name][t : t + 1]
            for all_, (route, got, _) in zip(whole, self.runAll(alone)):
                with self.subTest(route=route.name, t=t):
                    for mine, row in zip(got, all_):
                        self.assertEqual(mine[0].tobytes(), row[t].tobytes())


if __name__ == "__main__":
    unittest.main()
