# RUN: %model_python -W error %s
"""--bf16-dot: products of rows and weights that are rounded to bf16, summed in
f32, at sizes that no tile divides. Against float64 on the same rounded operands."""

import itertools
import subprocess
import tempfile
import unittest
from pathlib import Path

import moe_mlir
import numpy as np
from Inputs.bf16 import NO_DOT, has_dot, rounded

SIZES = (1, 7, 17, 33, 130)
#: Three blocks of products, the last of odd length.
LONG = 1027
INNER = (*SIZES, LONG)
ROWS = (0, 1, 2, 3, 7, 17, 33, 130)
EXPERTS, SLOTS = 3, 2
FORMS = ("dense", "gate and up", "alternating")


def silu(v):
    return v / (1 + np.exp(-v))


class Product:
    """One grouped matmul at stage `tensor`, and its weights."""

    def __init__(self, index, inner, columns, form, random):
        self.index, self.inner, self.columns, self.form = index, inner, columns, form
        shapes = {
            "dense": [(1, inner, columns)],
            "gate and up": [(EXPERTS, inner, columns)] * 2,
            "alternating": [(EXPERTS, inner, 2 * columns)],
        }[form]
        self.weights = [random.standard_normal(s).astype(np.float32) for s in shapes]

    def write(self, offset):
        """Symbols, ops, and where the next weights begin in their file."""
        symbols, lines, types = [], [], []
        for j, weight in enumerate(self.weights):
            kind = f"tensor<{'x'.join(map(str, weight.shape))}xf32>"
            name = f"w{self.index}_{j}"
            symbols.append(
                f'rt.weight @{name} {{source = [#rt.span<"w.bin", offset = {offset}, '
                f"length = {weight.nbytes}, hash = 0, {kind}>]}} : {kind}"
            )
            lines.append(f"%{name} = rt.weight_ref @{name} : {kind}")
            types.append(kind)
            offset += weight.nbytes
        names = [f"%w{self.index}_{j}" for j in range(len(self.weights))]
        slots, flags = "slots(%slots : tensor<?xi32>)", f"slots_per_row = {SLOTS} : i64"
        offsets, count, rows = "%offsets", EXPERTS + 1, "%r"
        if self.form == "dense":
            slots, flags, offsets, count, rows = "", "", "%all", 2, "%t"
        if self.form == "alternating":
            names, types = names * 2, types * 2
            flags += ", column_offsets = array<i64: 0, 1>"
            flags += ", column_strides = array<i64: 2, 2>"
        out = f"tensor<?x{self.columns}xf32>"
        sums = ", ".join(f"%s{j}: f32" for j in range(len(names)))
        epilogue = ["moe.yield %s0 : f32"]
        if len(names) == 2:
            epilogue = [
                "%one = arith.constant 1.0 : f32",
                "%neg = arith.negf %s0 : f32",
                "%exp = math.exp %neg : f32",
                "%more = arith.addf %exp, %one : f32",
                "%silu = arith.divf %s0, %more : f32",
                "%both = arith.mulf %silu, %s1 : f32",
                "moe.yield %both : f32",
            ]
        lines += [
            f"%e{self.index} = tensor.empty({rows}) : {out}",
            f"%y{self.index} = moe.grouped_matmul "
            f"rows(%x{self.inner} : tensor<?x{self.inner}xf32>) {slots}",
            f"  offsets({offsets} : tensor<{count}xi32>)",
            f"  weights({', '.join(names)} : {', '.join(types)}) {{{flags}}}",
            f"  outs(%e{self.index} : {out}) -> {out} {{",
            f"^bb0({sums}):",
            *epilogue,
            "}",
        ]
        return symbols, lines, offset

    def reference(self, x, slots, offsets):
        """The output, and the size of what was summed."""

        def multiply(rows, matrix):
            return rows @ matrix, np.abs(rows) @ np.abs(matrix)

        x = rounded(x).astype(np.float64)
        weights = [rounded(w).astype(np.float64) for w in self.weights]
        if self.form == "dense":
            return multiply(x, weights[0][0])
        parts = [(np.zeros((0, self.columns)),) * 2]
        for e in range(EXPERTS):
            rows = x[slots[offsets[e] : offsets[e + 1]] // SLOTS]
            matrices = [w[e] for w in weights]
            if self.form == "alternating":
                matrices = [matrices[0][:, ::2], matrices[0][:, 1::2]]
            (gate, g), (up, u) = (multiply(rows, m) for m in matrices)
            parts.append((silu(gate) * up, g * u + g + u))
        return tuple(np.concatenate(p) for p in zip(*parts))


def write_module(folder, products):
    symbols, lines, offset = [], [], 0
    for product in products:
        more, body, offset = product.write(offset)
        symbols += more
        lines += body
    (folder / "w.bin").write_bytes(
        b"".join(w.tobytes() for p in products for w in p.weights)
    )
    ins = [
        f'%x{k}: tensor<?x{k}xf32> {{rt.name = "x{k}", rt.dims = ["T", ""]}}'
        for k in INNER
    ]
    ins += [
        '%slots: tensor<?xi32> {rt.name = "slots", rt.dims = ["R"]}',
        f'%offsets: tensor<{EXPERTS + 1}xi32> {{rt.name = "offsets"}}',
        '%all: tensor<2xi32> {rt.name = "all"}',
    ]
    types = [f"tensor<?x{p.columns}xf32>" for p in products]
    outs = ", ".join(f'{t} {{rt.name = "y{i}"}}' for i, t in enumerate(types))
    names = ", ".join(f"%y{i}" for i in range(len(products)))
    lines = [
        "%zero = arith.constant 0 : index",
        f"%t = tensor.dim %x{SIZES[0]}, %zero : tensor<?x{SIZES[0]}xf32>",
        "%r = tensor.dim %slots, %zero : tensor<?xi32>",
        *lines,
        f"return {names} : {', '.join(types)}",
    ]
    text = [*symbols, f"func.func @main({', '.join(ins)}) -> ({outs}) {{", *lines, "}"]
    (folder / "products.mlir").write_text("\n".join(text) + "\n")


class BF16DotTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        random = np.random.default_rng(0)
        sizes = itertools.product(enumerate(SIZES), repeat=2)
        cases = [
            (inner, columns, FORMS[(i + j) % len(FORMS)])
            for (i, inner), (j, columns) in sizes
        ]
        cases += [(LONG, 33, form) for form in FORMS]
        cls.products = [Product(i, *case, random) for i, case in enumerate(cases)]
        write_module(cls.folder, cls.products)

    @classmethod
    def compile(cls, name, **options):
        result = cls.folder / name
        if not result.exists():
            moe_mlir.compile(
                cls.folder / "products.mlir",
                result,
                convert_weights="bf16",
                bf16_dot=True,
                **options,
            )
        return result

    def test_assembles(self):
        """Code for a CPU with dot products comes out of any compiler."""
        self.compile("products.o", emit="obj", target_cpu="cooperlake")
        text = subprocess.run(
            ["llvm-objdump", "-d", "--no-show-raw-insn", self.folder / "products.o"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        self.assertIn("vdpbf16ps", text)
        self.assertIn("vcvtneps2bf16", text)

    @unittest.skipUnless(has_dot(), NO_DOT)
    def test_values(self):
        random = np.random.default_rng(1)
        with moe_mlir.load(self.compile("products.so")) as model:
            for rows in ROWS:
                # One expert has no row.
                ids = random.integers(EXPERTS - 1, size=SLOTS * rows)
                slots = np.argsort(ids, kind="stable").astype(np.int32)
                offsets = np.searchsorted(ids[slots], range(EXPERTS + 1))
                offsets = offsets.astype(np.int32)
                x = {
                    k: random.standard_normal((rows, k)).astype(np.float32)
                    for k in INNER
                }
                inputs = {f"x{k}": values for k, values in x.items()}
                inputs.update(slots=slots, offsets=offsets)
                inputs.update(all=np.array([0, rows], dtype=np.int32))
                outputs = model.run(inputs)
                for p in self.products:
                    wanted, size = p.reference(x[p.inner], slots, offsets)
                    got = outputs[f"y{p.index}"]
                    name = f"{p.inner}x{p.columns} {p.form}"
                    with self.subTest(rows=rows, product=name):
                        self.assertEqual(got.shape, wanted.shape)
                        wrong = np.abs(got - wanted) > 2e-6 * size
                        self.assertFalse(wrong.any(), np.argwhere(wrong)[:4])

    @unittest.skipUnless(has_dot(), NO_DOT)
    def test_ties_and_special_values(self):
        """Rows round to nearest even; NaN and infinity stay in their rows."""
        p = next(p for p in self.products if p.form == "dense" and p.inner == 7)
        x = np.zeros((6, 7), dtype=np.float32)
        tie = np.float32(2**-8)
        x[0, 0], x[1, 0] = 1 + tie, 1 + 3 * tie
        x[2, 0], x[3, 6] = np.nan, np.inf
        x[4, 6] = 1
        inputs = {f"x{k}": np.zeros((6, k), dtype=np.float32) for k in INNER}
        inputs.update(
            x7=x,
            slots=np.zeros(0, dtype=np.int32),
            offsets=np.zeros(EXPERTS + 1, dtype=np.int32),
            all=np.array([0, 6], dtype=np.int32),
        )
        with moe_mlir.load(self.compile("products.so")) as model:
            y = model.run(inputs)[f"y{p.index}"]
        w = rounded(p.weights[0][0])
        np.testing.assert_array_equal(y[0], w[0])
        np.testing.assert_array_equal(y[1], w[0] * np.float32(1 + 4 * tie))
        self.assertTrue(np.isnan(y[2]).all())
        np.testing.assert_array_equal(y[3], np.sign(w[6]) * np.inf)
        np.testing.assert_array_equal(y[4], w[6])
        np.testing.assert_array_equal(y[5], 0 * w[0])


if __name__ == "__main__":
    unittest.main()
