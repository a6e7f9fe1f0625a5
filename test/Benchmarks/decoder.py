# RUN: %model_python -W error %s %src_root
"""The decoder of `./dev bench large_model`, small: its layers are raised, both
places of its weights give the same bits, and those are the numbers of ONNX Runtime
on the same graph in f32, but for bf16's rounding."""

import sys
import tempfile
import unittest
from pathlib import Path

import moe_mlir
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper

sys.path.insert(0, str(Path(sys.argv.pop(1)) / "benchmarks"))
import decoder  # noqa: E402

SHAPE = decoder.Shape(
    layers=2, hidden=64, heads=2, inner=48, experts=4, slots=2, vocabulary=96
)


def widen(model):
    """All of bf16 becomes f32."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.BFLOAT16:
            array = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "to":
                attribute.i = TensorProto.FLOAT
    return model


class DecoderTest(unittest.TestCase):
    def check(self, form):
        ids = np.random.default_rng(0).integers(0, SHAPE.vocabulary, (2, 9))
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "model.onnx"
            parameters = decoder.Decoder(SHAPE, form, path).write()
            self.assertGreater(parameters, 100_000)
            results = []
            for mode in ["beside", "deferred"]:
                library = moe_mlir.compile(
                    path, Path(name) / f"{mode}.so", weights=mode, require_raise=True
                )
                with moe_mlir.load(library) as model:
                    results.append(model.run([ids])["logits"])
            wide = widen(onnx.load(path)).SerializeToString()
        np.testing.assert_array_equal(results[0], results[1])
        session = onnxruntime.InferenceSession(wide, providers=["CPUExecutionProvider"])
        (expected,) = session.run(None, {"input_ids": ids})
        scale = np.abs(expected).max()
        # A rounding may choose another expert: most tokens agree.
        close = np.abs(results[0] - expected).max(axis=-1) < 0.03 * scale
        self.assertGreaterEqual(close.mean(), 0.9)

    def test_stacked(self):
        self.check("stacked")

    def test_separate(self):
        self.check("separate")


if __name__ == "__main__":
    unittest.main()
