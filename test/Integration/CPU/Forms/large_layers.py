# RUN: %python -W error %s small
"""Layers whose weights are larger than the proof's memory: proven where they are
raised rightly, undone where they are not.

usage: large_layers.py small|mixtral

Weights are holes of sparse files: none of their bytes matters. `mixtral` has a
layer of Mixtral-8x7B, 5.6 GB.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from onnx import TensorProto, helper

from Inputs.graph import Graph
from Inputs.layers import Experts, Layer, Router

#: Experts, hidden, inner; MiB of the proof; seconds; forms.
SIZES = {
    "small": (8, 512, 1024, 320, 60, ("loop", "scatter", "gather")),
    "mixtral": (8, 4096, 14336, 4096, 240, ("loop", "scatter", "gather")),
}
EXPERTS, HIDDEN, INNER, MEMORY, SECONDS, FORMS = SIZES[sys.argv.pop()]
#: Mistakes that only weights tell.
WRONG = ("expert-order", "gate-and-up")


class Hole(np.ndarray):
    """Zeros that take no memory."""

    @staticmethod
    def make(*shape):
        return np.broadcast_to(np.float32(0), shape).view(Hole)

    def copy(self, *_):
        return self


class SparseGraph(Graph):
    """Its weights lie in a file beside it that has no bytes."""

    size = 0

    def weight(self, array, stem="w"):
        if not isinstance(array, Hole):
            return super().weight(array, stem)
        tensor = TensorProto(
            name=self.name(stem),
            data_type=TensorProto.FLOAT,
            dims=array.shape,
            data_location=TensorProto.EXTERNAL,
        )
        place = {"location": "w.bin", "offset": self.size, "length": array.nbytes}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self.size += array.nbytes
        self.initializers.append(tensor)
        return tensor.name

    def save(self, path):
        graph = helper.make_graph(
            self.nodes, "g", self.inputs, self.outputs, self.initializers
        )
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        path.write_bytes(model.SerializeToString())
        with (path.parent / "w.bin").open("wb") as file:
            file.truncate(self.size)


class LargeLayersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write_layer(self, form):
        shapes = [(HIDDEN, INNER)] * 2 + [(INNER, HIDDEN)]
        matrices = [Hole.make(EXPERTS, *shape) for shape in shapes]
        router = Router("mixtral", EXPERTS, EXPERTS, 2, np.zeros(EXPERTS))
        experts = Experts("swiglu", EXPERTS, matrices, [None] * 3)
        layer = Layer(form, router, experts, "none", np.zeros((0, HIDDEN)))
        g = SparseGraph()
        names = g.input("x", ["T", HIDDEN]), g.input("scores", ["T", EXPERTS])
        g.output(layer.build(g, *names), "y", ["T", HIDDEN])
        g.save(self.folder / "m.onnx")

    def run_tool(self, *command):
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.folder
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def prove(self, *passes):
        return self.run_tool(
            *("moe-opt", "raised.mlir", *passes, "-o", "/dev/null"),
            f"--moe-verify-raise=memory-mib={MEMORY} seconds={SECONDS}",
            *("--remarks-filter=moe-verify-raise", "--remark-format=emitRemark"),
        )

    def test_forms(self):
        for form in FORMS:
            with self.subTest(form):
                self.write_layer(form)
                self.run_tool("moe-compile", "m.onnx", "--emit=onnx", "-o", "m.mlir")
                self.run_tool("moe-opt", "m.mlir", "--moe-raise-onnx", "-o", "raised.mlir")
                said = self.prove()
                self.assertRegex(said, r"is proven: equal on \d+ inputs, T in {.*\b[27]\b")
                for wrong in WRONG:
                    said = self.prove(f"--test-moe-wrong-raise=kind={wrong}")
                    self.assertIn("the raise is undone: values differ", said, wrong)


if __name__ == "__main__":
    unittest.main()
