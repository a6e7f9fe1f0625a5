"""ONNX graphs, node by node."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """A graph under construction; values are names."""

    def __init__(self, opset: int = 18) -> None:
        self.opset = opset
        self.nodes: list = []
        self.initializers: list = []
        self.inputs: list = []
        self.outputs: list = []
        self._count = 0
        self._constants: dict = {}
        self._random = np.random.default_rng(0)

    def name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes):
        """A node; its one output, or the list of them."""
        names = [self.name(kind) for _ in range(outputs)]
        self.nodes.append(
            helper.make_node(
                kind, list(inputs), names, name=f"/{names[0]}", **attributes
            )
        )
        return names[0] if outputs == 1 else names

    def const(self, value, dtype=np.int64) -> str:
        array = np.asarray(value, dtype=dtype)
        key = (array.tobytes(), array.shape, str(array.dtype))
        if key not in self._constants:
            self._constants[key] = self.weight(array, "c")
        return self._constants[key]

    def floats(self, value) -> str:
        return self.const(value, np.float32)

    def weight(self, array: np.ndarray, stem: str = "w") -> str:
        name = self.name(stem)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def random(self, *dims: int) -> str:
        """A weight of numbers between -0.6 and 0.6."""
        values = self._random.uniform(-0.6, 0.6, dims)
        return self.weight(values.astype(np.float32))

    def input(self, name: str, dims, element=TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, element, dims))
        return name

    def output(self, value: str, name: str, dims, element=TensorProto.FLOAT) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, element, dims))

    def save(self, path) -> None:
        graph = helper.make_graph(
            self.nodes, "g", self.inputs, self.outputs, self.initializers
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9
        )
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
