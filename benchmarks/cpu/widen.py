"""Widens the small language models of test/models, and writes their MoE layers as
ONNX Runtime's operator.

The graphs are exports of Hugging Face models with hidden dim 32, 4 heads (2 of
keys) of 8, inner dim 48, 8 experts and 96 tokens. All but the numbers of heads,
experts and layers grow; weights become random.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .forms import moe_attributes

HIDDEN, HEAD, INNER, EXPERTS = 32, 8, 48, 8


@dataclasses.dataclass(frozen=True)
class Widths:
    #: Of the hidden dim, heads and tokens.
    factor: int
    inner: int


def users_of(model: onnx.ModelProto, value: str) -> list:
    return [node for node in model.graph.node if value in node.input]


def producer_of(model: onnx.ModelProto, value: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if value in node.output)


def new_shape(name: str, shape: tuple, widths: Widths) -> tuple:
    if len(shape) == 3 or shape[0] == EXPERTS and "norm" not in name:
        # Stacked weights and biases of experts, and routers.
        wider = {INNER: widths.inner, 2 * INNER: 2 * widths.inner}
        wider[HIDDEN] = widths.factor * HIDDEN
        return (shape[0], *(wider[dim] for dim in shape[1:]))
    return tuple(widths.factor * dim for dim in shape)


def random_weight(name: str, shape: tuple, random) -> np.ndarray:
    values = random.standard_normal(shape, np.float32)
    if "norm" in name:
        return 1 + np.float32(0.1) * values
    # The larger dim of a matrix is close enough to its fan-in.
    return values * np.float32(max(shape[-2:]) ** -0.5 if len(shape) > 1 else 0.1)


def widen_floats(model: onnx.ModelProto, widths: Widths) -> int:
    """Returns the number of parameters."""
    random, parameters = np.random.default_rng(0), 0
    for tensor in model.graph.initializer:
        old = numpy_helper.to_array(tensor)
        if old.dtype != np.float32:
            continue
        half = widths.factor * HEAD // 2
        if old.shape == (1, HEAD // 2, 1):
            new = (10000.0 ** (-np.arange(half) / half)).reshape(1, half, 1)
        elif old.ndim == 0 and abs(old - HEAD**-0.5) < 1e-6:
            new = np.asarray((widths.factor * HEAD) ** -0.5)
        elif old.ndim in (0, 4) or "router.bias" in tensor.name:
            # Other scalars, and the sinks of heads, stay.
            continue
        else:
            new = random_weight(
                tensor.name, new_shape(tensor.name, old.shape, widths), random
            )
            parameters += new.size
        tensor.CopyFrom(numpy_helper.from_array(new.astype(np.float32), tensor.name))
    return parameters


def widen_ints(model: onnx.ModelProto, widths: Widths) -> None:
    """Shapes that hold a dim, and the middle of a head where rotation splits it."""
    graph = model.graph
    for tensor in list(graph.initializer):
        old = numpy_helper.to_array(tensor)
        if old.dtype != np.int64 or old.ndim != 1:
            continue
        if old[-1] == HIDDEN or old.tolist() == [HEAD]:
            new = old.copy()
            new[-1] *= widths.factor
            tensor.CopyFrom(numpy_helper.from_array(new, tensor.name))
        if old.tolist() == [HEAD // 2]:
            middle = numpy_helper.from_array(
                widths.factor * old, tensor.name + ".middle"
            )
            graph.initializer.append(middle)
            for node in users_of(model, tensor.name):
                if node.op_type == "Slice":
                    inputs = [
                        middle.name if i == tensor.name else i for i in node.input
                    ]
                    node.input[:] = inputs


def widen(model: onnx.ModelProto, widths: Widths) -> int:
    parameters = widen_floats(model, widths)
    widen_ints(model, widths)
    # Types of values between nodes are those of the narrow model.
    del model.graph.value_info[:]
    tokens = model.graph.output[0].type.tensor_type.shape.dim[-1]
    tokens.dim_value *= widths.factor
    return parameters


def operator_weights(model: onnx.ModelProto, stacks: list) -> list:
    """fc1, its bias, fc2, its bias: [out, in], gate and up rows alternate."""
    result = []
    for array, node in stacks:
        # The exporter multiplies weights by a column, or a row by weights.
        if array.ndim == 3 and producer_of(model, node.input[1]).op_type == "GatherND":
            array = array.transpose(0, 2, 1)
        elif array.ndim == 3 and len(stacks) == 2 and not result:
            array = np.stack(np.split(array, 2, axis=1), axis=2).reshape(array.shape)
        result.append(np.ascontiguousarray(array))
    return result if len(stacks) == 4 else [result[0], None, result[1], None]


def replace_layers(model: onnx.ModelProto) -> None:
    graph = model.graph
    arrays = {tensor.name: tensor for tensor in graph.initializer}
    routers = [
        node
        for node in graph.node
        if node.op_type == "Gemm"
        and node.input[1].endswith((".gate.weight", ".router.weight"))
    ]
    for place, router in enumerate(routers):
        start = list(graph.node).index(router)
        end = next(
            index
            for index in range(start, len(graph.node))
            if graph.node[index].op_type == "ReduceSum"
            and producer_of(model, graph.node[index].input[0]).op_type == "Reshape"
        )
        inside = list(graph.node)[start + 1 : end + 1]
        topk = next(node for node in inside if node.op_type == "TopK")
        slots = int(numpy_helper.to_array(arrays[topk.input[1]])[0])
        stacks = [
            (
                numpy_helper.to_array(arrays[node.input[0]]),
                users_of(model, node.output[0])[0],
            )
            for node in inside
            if node.op_type == "GatherND"
        ]
        attributes = moe_attributes(slots)
        if len(stacks) == 4:
            attributes |= {"activation_alpha": 1.702, "activation_beta": 1.0}
            attributes |= {"swiglu_limit": 7.0}
        inputs = [router.input[0], router.output[0]]
        for part, array in enumerate(operator_weights(model, stacks)):
            if array is not None:
                graph.initializer.append(
                    numpy_helper.from_array(array, f"moe{place}.{part}")
                )
            inputs.append("" if array is None else f"moe{place}.{part}")
        node = helper.make_node(
            "MoE", inputs, [inside[-1].output[0]], domain="com.microsoft", **attributes
        )
        for old in inside:
            graph.node.remove(old)
        graph.node.insert(start + 1, node)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
