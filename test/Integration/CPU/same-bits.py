# RUN: %model_python -W error %s
"""Kernels give a row the same bits alone and in any batch, on any number of
threads, at sizes that no tile divides; and the numbers of float64."""

import tempfile
import unittest
from pathlib import Path

import moe_mlir
import numpy as np
import onnx
from Inputs.bf16 import NO_DOT, has_dot, rounded
from onnx import TensorProto, helper, numpy_helper

SIZES = [(1, 1), (7, 17), (17, 7), (33, 130), (130, 33), (300, 64)]
ROWS = [0, 1, 2, 3, 4, 7, 17, 33, 130, 200]


def write_model(path, random):
    """A dense product per size, with its rows as an input and a bias."""
    nodes, inputs, outputs, weights = [], [], [], []
    for i, (inner, columns) in enumerate(SIZES):
        weight = random.standard_normal((inner, columns)).astype(np.float32)
        bias = random.standard_normal(columns).astype(np.float32)
        weights += [
            numpy_helper.from_array(weight, f"w{i}"),
            numpy_helper.from_array(bias, f"b{i}"),
        ]
        nodes += [
            helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"p{i}"]),
            helper.make_node("Add", [f"p{i}", f"b{i}"], [f"y{i}"]),
        ]
        for name, extent, values in (("x", inner, inputs), ("y", columns, outputs)):
            values.append(
                helper.make_tensor_value_info(
                    f"{name}{i}", TensorProto.FLOAT, ["T", extent]
                )
            )
    # Two batches of matrices, as in attention.
    nodes.append(helper.make_node("MatMul", ["q", "k"], ["scores"]))
    nodes.append(helper.make_node("MatMul", ["scores", "v"], ["mixed"]))
    for name, shape in (
        ("q", ["B", "M", 17]),
        ("k", ["B", 17, "N"]),
        ("v", ["B", "N", 33]),
    ):
        inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    outputs.append(
        helper.make_tensor_value_info("mixed", TensorProto.FLOAT, ["B", "M", 33])
    )
    graph = helper.make_graph(nodes, "products", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 9
    onnx.save(model, path)
    return {w.name: numpy_helper.to_array(w).astype(np.float64) for w in weights}


class SameBitsTest(unittest.TestCase):
    options = {}

    @staticmethod
    def multiply(rows, weight):
        return rows @ weight

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.weights = write_model(
            cls.folder / "products.onnx", np.random.default_rng(0)
        )
        cls.program = moe_mlir.compile(
            cls.folder / "products.onnx", cls.folder / "products.so", **cls.options
        )

    @staticmethod
    def make_inputs(rows, random):
        def make(*shape):
            return random.standard_normal(shape).astype(np.float32)

        inputs = {f"x{i}": make(rows, inner) for i, (inner, _) in enumerate(SIZES)}
        inputs.update(q=make(3, rows, 17), k=make(3, 17, 21), v=make(3, 21, 33))
        return inputs

    def test_values(self):
        with moe_mlir.load(self.program) as model:
            for rows in ROWS:
                inputs = self.make_inputs(rows, np.random.default_rng(rows))
                outputs = model.run(inputs)
                wide = {n: v.astype(np.float64) for n, v in inputs.items()}
                wanted = {
                    f"y{i}": self.multiply(wide[f"x{i}"], self.weights[f"w{i}"])
                    + self.weights[f"b{i}"]
                    for i in range(len(SIZES))
                }
                wanted["mixed"] = wide["q"] @ wide["k"] @ wide["v"]
                for name, value in wanted.items():
                    with self.subTest(rows=rows, name=name):
                        scale = max(np.abs(value).max(initial=0), 1)
                        self.assertEqual(outputs[name].shape, value.shape)
                        difference = np.abs(outputs[name] - value).max(initial=0)
                        self.assertLess(difference, 1e-5 * scale)

    def test_rows_alone_and_threads(self):
        inputs = self.make_inputs(200, np.random.default_rng(1))
        with moe_mlir.load(self.program, threads=1) as model:
            whole = {n: v.copy() for n, v in model.run(inputs).items()}
            for first, count in ((0, 1), (5, 2), (100, 3), (40, 5), (10, 97)):
                part = dict(inputs)
                for name in part:
                    if name.startswith("x"):
                        part[name] = inputs[name][first : first + count]
                part["q"] = inputs["q"][:, first : first + count]
                outputs = model.run({n: np.ascontiguousarray(v) for n, v in part.items()})
                for name, value in outputs.items():
                    of_whole = whole[name]
                    cut = (
                        of_whole[:, first : first + count]
                        if name == "mixed"
                        else of_whole[first : first + count]
                    )
                    with self.subTest(first=first, count=count, name=name):
                        self.assertEqual(value.tobytes(), cut.tobytes())
        for threads in (2, 3):
            with moe_mlir.load(self.program, threads=threads) as model:
                for name, value in model.run(inputs).items():
                    with self.subTest(threads=threads, name=name):
                        self.assertEqual(value.tobytes(), whole[name].tobytes())


@unittest.skipUnless(has_dot(), NO_DOT)
class BF16DotSameBitsTest(SameBitsTest):
    """The same of dot products of bf16."""

    options = {"convert_weights": "bf16", "bf16_dot": True}

    @staticmethod
    def multiply(rows, weight):
        # Up to 1 KiB it is a constant, which nothing rounds.
        if 4 * weight.size > 1024:
            rows, weight = rounded(rows), rounded(weight)
        return rows.astype(np.float64) @ weight.astype(np.float64)


if __name__ == "__main__":
    unittest.main()
