"""Compile Mixture-of-Experts models from ONNX and run them on NumPy arrays.

>>> library = moe_mlir.compile("model.onnx")            # doctest: +SKIP
>>> with moe_mlir.load(library) as model:               # doctest: +SKIP
...     outputs = model.run({"input_ids": ids})
"""

from ._compile import CompileError, CompileWarning, compile, find_compiler
from ._model import Error, LayerInfo, LayerLoad, Model, Status, ValueInfo, load, run

__all__ = [
    "CompileError",
    "CompileWarning",
    "Error",
    "LayerInfo",
    "LayerLoad",
    "Model",
    "Status",
    "ValueInfo",
    "compile",
    "find_compiler",
    "load",
    "run",
]
