# RUN: %model_python -W error %s
"""A model that updates its input leaves the caller's array as it was."""

import pathlib
import tempfile

import numpy as np

import moe_mlir

MODEL = """
func.func @main(%x: tensor<4xf32> {rt.name = "x", rt.dims = [""]},
                %i: tensor<?x1xi64> {rt.name = "i", rt.dims = ["N", ""]},
                %u: tensor<?xf32> {rt.name = "u", rt.dims = ["N"]})
    -> (tensor<4xf32> {rt.name = "y", rt.dims = [""]}) {
  %y = onnx.ScatterND %x, %i, %u {reduction = #onnx.reduction<add>}
    : (tensor<4xf32>, tensor<?x1xi64>, tensor<?xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
"""

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / "m.mlir").write_text(MODEL)
    library = moe_mlir.compile(folder / "m.mlir", folder / "m.so")
    x = np.arange(4, dtype=np.float32)
    inputs = {"x": x, "i": np.array([[1], [1]]), "u": np.ones(2, np.float32)}
    with moe_mlir.load(library) as model:
        for _ in range(2):
            (y,) = model.run(inputs).values()
            np.testing.assert_array_equal(y, [0, 3, 2, 3])
    np.testing.assert_array_equal(x, [0, 1, 2, 3])
