# RUN: %model_python -W error %s
"""Gates and combines on vectors, at sizes that no vector divides: against NumPy,
against the loops of a CPU without vectors, and a row alone against any batch, on
any number of threads."""

import tempfile
import unittest
from pathlib import Path

import moe_mlir
import numpy as np
from Inputs.moe_text import Program

COLUMNS = (1, 7, 16, 17, 33, 130, 600)
TOKENS = (0, 1, 2, 7, 33, 400)
HIDDEN = (1, 7, 17, 33, 130, 200)
SLOTS = 3


def build(test, program, name, **options):
    source = test.folder / f"{name}.mlir"
    source.write_text(str(program))
    return moe_mlir.compile(source, source.with_suffix(".so"), O=2, **options)


class Sizes(unittest.TestCase):
    """Subclasses write a program, make the inputs of some tokens, and compare."""

    @classmethod
    def setUpClass(cls):
        if cls is Sizes:
            raise unittest.SkipTest("only its subclasses are tests")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        program = cls.write()
        cls.program = build(cls, program, "vectors")
        cls.avx2 = build(cls, program, "avx2", target_cpu="x86-64-v3")
        cls.loops = build(cls, program, "loops", target_cpu="x86-64-v2")

    @staticmethod
    def run_on(program, inputs, threads=1):
        with moe_mlir.load(program, threads=threads) as model:
            return [value.copy() for value in model.run(inputs).values()]

    def test_values(self):
        for tokens in TOKENS:
            for program in (self.program, self.avx2):
                self.compare(program, tokens)

    def test_rows_alone_and_threads(self):
        inputs = self.inputs(400)
        whole = self.run_on(self.program, inputs)
        for threads in (2, 3):
            for value, other in zip(
                whole, self.run_on(self.program, inputs, threads), strict=True
            ):
                np.testing.assert_array_equal(value, other)
        with moe_mlir.load(self.program) as model:
            for first, count in ((0, 1), (5, 2), (100, 3), (40, 97)):
                part = {
                    name: value[first : first + count]
                    if name in self.of_tokens
                    else value
                    for name, value in inputs.items()
                }
                for value, cut in zip(whole, model.run(part).values(), strict=True):
                    np.testing.assert_array_equal(value[first : first + count], cut)


class GatesTest(Sizes):
    of_tokens = [f"s{n}" for n in COLUMNS]
    ROUTES = (
        ("none", "lowest_index", False),
        ("none", "highest_index", False),
        ("softmax", "lowest_index", False),
        ("sigmoid", "lowest_index", True),
    )

    # Of an even number of columns; the other half's cannot be selected.
    GROUPS = (
        "groups = #moe.groups<count = 2, keep = 1, score = sum_top2, "
        "masked = 0xFF800000>, "
    )

    @staticmethod
    def slots(n):
        return min(n, 8)

    @classmethod
    def write(cls):
        p = Program(
            **{f"s{n}": f"tensor<?x{n}xf32>" for n in COLUMNS},
            **{f"b{n}": f"tensor<{n}xf32>" for n in COLUMNS},
        )
        for n in COLUMNS:
            k = cls.slots(n)
            kinds = f"tensor<?x{k}xi32>", f"tensor<?x{k}xf32>"
            for score, tie, bias in cls.ROUTES:
                biased = f" bias(%b{n} : tensor<{n}xf32>)" if bias else ""
                over = ""
                if score != "none":
                    over = f"normalize_over = #moe.columns<0, {n}>, "
                if n % 2 == 0:
                    over += cls.GROUPS
                p.give(
                    *p.emit(
                        f"moe.route scores(%s{n} : tensor<?x{n}xf32>){biased} "
                        f"{{{over}select = #moe.topk<{k}, tie = {tie}>, "
                        f"score = #moe.score<{score}>}} -> {', '.join(kinds)}",
                        *kinds,
                    )
                )
        return p

    @staticmethod
    def inputs(tokens):
        random = np.random.default_rng(tokens)
        result = {}
        for n in COLUMNS:
            scores = random.standard_normal((tokens, n)).astype(np.float32)
            # Ties, zeros of both signs, infinities and NaN anywhere.
            scores[1::3] = np.round(scores[1::3])
            for value in (np.nan, -np.nan, np.inf, -np.inf, 1e-42):
                scores[2::5][random.random(scores[2::5].shape) < 0.15] = value
            scores[3::7] = -np.inf
            scores[4::11] = np.nan
            result[f"s{n}"] = scores
            result[f"b{n}"] = random.standard_normal(n).astype(np.float32)
        return result

    @staticmethod
    def best(values, k, tie):
        """Places of the k greatest, as onnx.TopK orders them."""
        n = values.shape[1]
        if tie == "highest_index":
            return n - 1 - GatesTest.best(values[:, ::-1], k, "lowest_index")
        greatest = np.where(np.isnan(values), 1, 0)
        numbers = np.where(np.isnan(values), 0, values)
        return np.lexsort((-numbers, -greatest), axis=1)[:, :k]

    @staticmethod
    def keep_half(scores):
        """The half with the greater sum of its two greatest; the other is -inf."""
        halves = scores.reshape(len(scores), 2, scores.shape[1] // 2)
        places = GatesTest.best(halves.reshape(-1, halves.shape[2]), 2, "lowest_index")
        two = np.take_along_axis(halves, places.reshape(-1, 2, 2), 2)
        with np.errstate(invalid="ignore"):
            kept = GatesTest.best(two[..., 0] + two[..., 1], 1, "lowest_index")
        is_kept = kept[:, :, None] == np.arange(2)[None, :, None]
        return np.where(is_kept, halves, np.float32(-np.inf)).reshape(scores.shape)

    def compare(self, program, tokens):
        inputs = self.inputs(tokens)
        values = iter(self.run_on(program, inputs))
        loops = iter(self.run_on(self.loops, inputs))
        for n in COLUMNS:
            for score, tie, bias in self.ROUTES:
                ids, weights = next(values), next(values)
                wanted_ids, wanted = next(loops), next(loops)
                with self.subTest(tokens=tokens, n=n, score=score, tie=tie):
                    self.check(inputs, n, score, tie, ids, weights)
                    # Scores closer than rounding may stand in any order.
                    clear = (ids == wanted_ids).all(1)
                    self.assertGreaterEqual(clear.sum(), 0.95 * tokens)
                    np.testing.assert_allclose(
                        weights[clear], wanted[clear], rtol=1e-5, atol=1e-30
                    )

    def check(self, inputs, n, score, tie, ids, weights):
        scores = inputs[f"s{n}"]
        self.assertTrue(((ids >= 0) & (ids < n)).all())
        if score == "none":
            if n % 2 == 0:
                scores = self.keep_half(scores)
            wanted = self.best(scores, self.slots(n), tie)
            np.testing.assert_array_equal(ids, wanted)
            weights_of = np.take_along_axis(inputs[f"s{n}"], ids, 1)
            np.testing.assert_array_equal(weights, weights_of)
            return
        finite = np.isfinite(scores).all(1)
        z = scores[finite].astype(np.float64)
        p = 1 / (1 + np.exp(-z))
        if score == "softmax":
            p = np.exp(z - z.max(1, keepdims=True))
        chosen = np.take_along_axis(p, ids[finite], 1)
        np.testing.assert_allclose(
            weights[finite],
            chosen / chosen.sum(1, keepdims=True),
            rtol=1e-5,
        )


class CombinesTest(Sizes):
    of_tokens = ("ids", "w", "c", *(f"{p}{n}" for n in HIDDEN for p in ("x", "t")))
    ELEMENTS = ("f32", "f16", "bf16", "f64")

    @classmethod
    def write(cls):
        p = Program(
            ids=f"tensor<?x{SLOTS}xi32>",
            w=f"tensor<?x{SLOTS}xf32>",
            c="tensor<?xf32>",
            **{f"x{n}": f"tensor<?x{n}xf32>" for n in HIDDEN},
            **{f"t{n}": f"tensor<?x{n}xf32>" for n in HIDDEN},
            **{f"u{n}": f"tensor<{n}xf32>" for n in HIDDEN},
            **{f"e{n}": f"tensor<4x{n}xf32>" for n in HIDDEN},
        )
        for n in HIDDEN:
            for element in cls.ELEMENTS:
                p.give(cls.write_one(p, n, element))
        return p

    @staticmethod
    def write_one(p, n, f):
        """y[t] = sum of w (x[t] + e[id]) + c t[t] + c v"""

        def cast(name):
            kind = p.types[name].replace("f32", f)
            return name if f == "f32" else p.op("Cast", name, to=kind)

        rows = f"tensor<?x{n}x{f}>"
        w, c, x, t, v, e = (
            cast(name) for name in ("%w", "%c", f"%x{n}", f"%t{n}", f"%u{n}", f"%e{n}")
        )
        y = p.emit(
            f"moe.experts %ids, {w} rows({x} : {rows}) "
            f"stacked({e} : tensor<4x{n}x{f}>) "
            f"terms({c}, {c} : tensor<?x{f}>, tensor<?x{f}>) "
            f"times({t}, {v} : {rows}, tensor<{n}x{f}>) "
            f"{{experts = #moe.kinds<ffn = 4>}} : tensor<?x{SLOTS}xi32>, "
            f"tensor<?x{SLOTS}x{f}> -> {rows} {{\n"
            f"  ^bb0(%r: {rows}, %b: tensor<{n}x{f}>):\n"
            f"    %s = onnx.Add %r, %b : ({rows}, tensor<{n}x{f}>) -> {rows}\n"
            f"    moe.yield %s : {rows}\n  }}",
            rows,
        )
        return y if f == "f32" else p.op("Cast", y, to=f"tensor<?x{n}xf32>")

    @staticmethod
    def inputs(tokens):
        random = np.random.default_rng(tokens)

        def make(*shape):
            return random.standard_normal(shape).astype(np.float32)

        ids = random.integers(-1, 4, (tokens, SLOTS)).astype(np.int32)
        ids[2::5] = -1
        ids[3::5] = 2
        result = {"ids": ids, "w": make(tokens, SLOTS), "c": make(tokens)}
        for n in HIDDEN:
            result |= {
                f"x{n}": make(tokens, n),
                f"t{n}": make(tokens, n),
                f"u{n}": make(n),
                f"e{n}": make(4, n),
            }
        return result

    def compare(self, program, tokens):
        inputs = self.inputs(tokens)
        values = iter(self.run_on(program, inputs))
        loops = iter(self.run_on(self.loops, inputs))
        for n in HIDDEN:
            for element in self.ELEMENTS:
                got = next(values)
                with self.subTest(tokens=tokens, n=n, element=element):
                    # The same order, and no fused multiply-add: the same bits.
                    np.testing.assert_array_equal(got, next(loops))
                    if element == "f32":
                        np.testing.assert_allclose(
                            got, self.reference(inputs, n), rtol=1e-4, atol=1e-5
                        )

    @staticmethod
    def reference(inputs, n):
        a = {name: v.astype(np.float64) for name, v in inputs.items() if name != "ids"}
        ids = inputs["ids"]
        rows = a[f"x{n}"][:, None] + a[f"e{n}"][np.maximum(ids, 0)]
        weights = np.where(ids >= 0, a["w"], 0)
        sums = np.einsum("ts,tsh->th", weights, rows)
        return sums + a["c"][:, None] * (a[f"t{n}"] + a[f"u{n}"])


if __name__ == "__main__":
    unittest.main()
