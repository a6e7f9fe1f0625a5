# RUN: %model_python -W error %s %src_root
"""Matrices in bf16 and f16: half the bytes, and the model as good as before."""

import sys
import tempfile
import unittest
from pathlib import Path

import moe_mlir
import numpy as np
from Inputs.bf16 import NO_DOT, has_dot

ROOT = Path(sys.argv.pop(1))


def bits_per_byte(logits, ids):
    """Mean of -log2 p of the byte that follows."""
    logits = logits[:, :-1].astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -np.take_along_axis(logs, ids[:, 1:, None], -1).mean() / np.log(2)


class ConvertWeightsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_model(self, ids, name, **options):
        """The logits, and the bytes of the weights."""
        program = moe_mlir.compile(
            ROOT / "examples" / "adamoe" / "adamoe.batched.onnx",
            self.folder / f"{name}.so",
            weights="beside",
            **options,
        )
        with moe_mlir.load(program) as model:
            logits = model.run([ids])["logits"]
        return logits, (self.folder / f"{name}.so.safetensors").stat().st_size

    def test_trained_model(self):
        with np.load(ROOT / "examples" / "adamoe" / "adamoe.io.npz") as stored:
            ids, expected = stored["input_ids"], stored["logits"]
        wanted = bits_per_byte(expected, ids)
        exact, size = self.run_model(ids, "f32")
        np.testing.assert_allclose(exact, expected, atol=1e-4)
        for name, worst in (("bf16", 5e-3), ("f16", 5e-4)):
            for cpu in ("native", "x86-64-v2"):
                with self.subTest(type=name, cpu=cpu):
                    logits, narrow = self.run_model(
                        ids, f"{name}-{cpu}", convert_weights=name, target_cpu=cpu
                    )
                    self.assertLess(abs(bits_per_byte(logits, ids) - wanted), worst)
                    # Rounded: not the same numbers.
                    self.assertGreater(np.abs(logits - exact).max(), 1e-4)
                    # Without vector kernels dense products stay as they are.
                    self.assertLess(narrow, 0.75 * size)

    @unittest.skipUnless(has_dot(), NO_DOT)
    def test_dot_products(self):
        """Activations rounded, too: not the same, and as good."""
        with np.load(ROOT / "examples" / "adamoe" / "adamoe.io.npz") as stored:
            ids, expected = stored["input_ids"], stored["logits"]
        plain, size = self.run_model(ids, "plain", convert_weights="bf16")
        dot, same = self.run_model(ids, "dot", convert_weights="bf16", bf16_dot=True)
        difference = bits_per_byte(dot, ids) - bits_per_byte(expected, ids)
        self.assertLess(abs(difference), 5e-3)
        self.assertGreater(np.abs(dot - plain).max(), 1e-4)
        self.assertLess(same, 1.01 * size)


if __name__ == "__main__":
    unittest.main()
