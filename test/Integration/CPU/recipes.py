# RUN: %model_python -W error %s
"""Weights by recipe: what a model returns of them is what NumPy computes, to the
byte, wherever they lie."""

import tempfile
import unittest
from pathlib import Path

import numpy as np

import moe_mlir



def spell(shape, element):
    return "tensor<" + "".join(f"{dim}x" for dim in shape) + element + ">"


class RecipesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "data").mkdir()
        self.random = np.random.default_rng(7)

    def check(self, sources, element, steps, expected, result):
        """Weights of `sources` by `steps` are `expected`, of element `result`."""
        spans, offset, bytes_ = [], 3, b"odd"
        for source in sources:
            spans.append(
                f'#rt.span<"data/w.bin", offset = {offset}, length = {source.nbytes}, '
                f"hash = 0, {spell(source.shape, element)}>"
            )
            bytes_ += source.tobytes()
            offset += source.nbytes
        (self.folder / "data" / "w.bin").write_bytes(bytes_)
        kind = spell(expected.shape, result)
        (self.folder / "m.mlir").write_text(
            f"rt.weight @w {{source = [{', '.join(spans)}], "
            f"recipe = [{', '.join(steps)}]}} : {kind}\n"
            f"func.func @main() -> {kind} {{\n"
            f"  %w = rt.weight_ref @w : {kind}\n"
            f"  return %w : {kind}\n}}\n"
        )
        for place in ("embed", "beside", "deferred"):
            with self.subTest(steps=steps, element=element, place=place):
                library = moe_mlir.compile(
                    self.folder / "m.mlir",
                    self.folder / f"{place}.so",
                    weights=place,
                    O=0,
                )
                weights = self.folder if place == "deferred" else None
                with moe_mlir.load(library, weights=weights) as model:
                    (output,) = model.run({}).values()
                self.assertEqual(output.shape, expected.shape)
                self.assertEqual(output.dtype, expected.dtype)
                self.assertEqual(output.tobytes(), expected.tobytes())
                library.unlink()

    def test_plain(self):
        w = self.random.standard_normal((5, 7)).astype(np.float32)
        self.check([w], "f32", [], w, "f32")

    def test_transpose(self):
        w = self.random.standard_normal((3, 4, 5)).astype(np.float64)
        for order in ((2, 0, 1), (0, 2, 1)):
            step = f"#rt.transpose<[{', '.join(map(str, order))}]>"
            expected = np.ascontiguousarray(w.transpose(order))
            self.check([w], "f64", [step], expected, "f64")

    def test_stack(self):
        experts = list(self.random.integers(-99, 99, (3, 6, 2)).astype(np.int8))
        self.check(experts, "i8", ["#rt.stack"], np.stack(experts), "i8")

    def test_cast(self):
        w = np.array(
            [0.0, -0.0, 1.5, 2.5, -2.5, 65504, 65520, 1e-8, 3.3, np.inf, -np.inf],
            np.float32,
        )
        with np.errstate(over="ignore"):
            half = w.astype(np.float16)
        self.check([w], "f32", ["#rt.cast<f16>"], half, "f16")
        self.check([w[:5]], "f32", ["#rt.cast<i32>"], w[:5].astype(np.int32), "i32")
        self.check([half], "f16", ["#rt.cast<f64>"], half.astype(np.float64), "f64")
        i = np.array([-(2**40), 3, 2**53 + 1, 300], np.int64)
        self.check([i], "i64", ["#rt.cast<f64>"], i.astype(np.float64), "f64")

    def test_all_steps(self):
        """Experts as a model has them: each transposed, all stacked, then cast."""
        experts = list(self.random.standard_normal((4, 8, 16)).astype(np.float32))
        expected = np.stack([w.T for w in experts]).astype(np.float16)
        steps = ["#rt.transpose<[1, 0]>", "#rt.stack", "#rt.cast<f16>"]
        self.check(experts, "f32", steps, expected, "f16")
        steps = ["#rt.cast<f16>", "#rt.stack", "#rt.transpose<[0, 2, 1]>"]
        self.check(experts, "f32", steps, expected, "f16")

    def test_pack(self):
        """Experts as matmul kernels take them: [in, out] in panels of columns."""
        for rows, columns in ((24, 40), (8, 5), (1, 16), (3, 0), (0, 3)):
            experts = list(
                self.random.standard_normal((3, columns, rows)).astype(np.float32)
            )
            panels = -(-columns // 16)
            padded = np.zeros((3, rows, panels * 16), np.float32)
            padded[:, :, :columns] = np.stack([w.T for w in experts])
            expected = np.ascontiguousarray(
                padded.reshape(3, rows, panels, 16).transpose(0, 2, 1, 3)
            )
            steps = ["#rt.transpose<[1, 0]>", "#rt.stack", "#rt.pack<16>"]
            self.check(experts, "f32", steps, expected, "f32")
            steps = ["#rt.cast<f16>", "#rt.stack", "#rt.transpose<[0, 2, 1]>", "#rt.pack<16>"]
            self.check(experts, "f32", steps, expected.astype(np.float16), "f16")

    def test_pack_pairs(self):
        """Rows 2q and 2q + 1 of a column lie together."""
        for rows, columns in ((24, 40), (7, 5), (1, 16), (3, 0), (0, 3)):
            experts = list(
                self.random.standard_normal((3, columns, rows)).astype(np.float32)
            )
            panels, pairs = -(-columns // 16), -(-rows // 2)
            padded = np.zeros((3, pairs * 2, panels * 16), np.float32)
            padded[:, :rows, :columns] = np.stack([w.T for w in experts])
            expected = np.ascontiguousarray(
                padded.reshape(3, pairs, 2, panels, 16).transpose(0, 3, 1, 4, 2)
            )
            step = "#rt.pack<16, pairs = 2>"
            steps = ["#rt.transpose<[1, 0]>", "#rt.stack", step]
            self.check(experts, "f32", steps, expected, "f32")
            steps = ["#rt.stack", "#rt.transpose<[0, 2, 1]>", "#rt.cast<f16>", step]
            self.check(experts, "f32", steps, expected.astype(np.float16), "f16")

    def test_empty(self):
        w = np.zeros((0, 3), np.float32)
        self.check([w, w], "f32", ["#rt.stack"], np.zeros((2, 0, 3), np.float32), "f32")


if __name__ == "__main__":
    unittest.main()
