"""Layers as each side takes them: MLIR at stage `moe`, ONNX Runtime's operator."""

from __future__ import annotations

import pathlib

import numpy as np

from .layers import Layer


def write_mlir(layer: Layer, weights: pathlib.Path, file: pathlib.Path) -> None:
    """Routing and experts, weights as ranges of the file of `write_weights`."""
    e, h, i, k = layer.experts, layer.hidden, layer.inner, layer.slots
    n = e + layer.zeros
    wide, back = f"tensor<{e}x{h}x{i}xf32>", f"tensor<{e}x{i}x{h}xf32>"
    size = 4 * e * h * i
    symbols = [("gate", wide), ("up", wide), ("down", back)]
    text = "".join(
        f'rt.weight @{name} {{source = [#rt.span<"{weights.name}", '
        f"offset = {place * size}, "
        f"length = {size}, hash = 0, {kind}>]}} : {kind}\n"
        for place, (name, kind) in enumerate(symbols)
    )
    row, between = f"tensor<?x{h}xf32>", f"tensor<?x{i}xf32>"
    in_type = f"({row}, tensor<{h}x{i}xf32>)"
    out_type = f"({between}, tensor<{i}x{h}xf32>)"
    zeros = f", zero = {layer.zeros}" if layer.zeros else ""
    text += f"""
func.func @main(%x: {row} {{rt.name = "x", rt.dims = ["T", ""]}},
                %s: tensor<?x{n}xf32> {{rt.name = "scores", rt.dims = ["T", ""]}})
    -> ({row} {{rt.name = "y", rt.dims = ["T", ""]}}) {{
  %gate = rt.weight_ref @gate : {wide}
  %up = rt.weight_ref @up : {wide}
  %down = rt.weight_ref @down : {back}
  %ids, %w = moe.route scores(%s : tensor<?x{n}xf32>)
    {{select = #moe.topk<{k}>, score = #moe.score<softmax>,
     normalize_over = #moe.columns<0, {n}>}}
    -> tensor<?x{k}xi32>, tensor<?x{k}xf32>
  %y = moe.experts %ids, %w rows(%x : {row})
      stacked(%gate, %up, %down : {wide}, {wide}, {back})
      {{experts = #moe.kinds<ffn = {e}{zeros}>}}
      : tensor<?x{k}xi32>, tensor<?x{k}xf32> -> {row} {{
  ^bb0(%r: {row}, %a: tensor<{h}x{i}xf32>, %b: tensor<{h}x{i}xf32>,
       %c: tensor<{i}x{h}xf32>):
    %0 = onnx.MatMul %r, %a : {in_type} -> {between}
    %1 = onnx.Sigmoid %0 : ({between}) -> {between}
    %2 = onnx.Mul %0, %1 : ({between}, {between}) -> {between}
    %3 = onnx.MatMul %r, %b : {in_type} -> {between}
    %4 = onnx.Mul %2, %3 : ({between}, {between}) -> {between}
    %5 = onnx.MatMul %4, %c : {out_type} -> {row}
    moe.yield %5 : {row}
  }}
  return %y : {row}
}}
"""
    file.write_text(text)


def moe_attributes(slots: int) -> dict:
    """Of ONNX Runtime's MoE operator, for SwiGLU with gate and up interleaved."""
    return {
        "k": slots,
        "activation_type": "swiglu",
        "swiglu_fusion": 1,
        "activation_alpha": 1.0,
        "activation_beta": 0.0,
        "normalize_routing_weights": 1,
    }


def write_onnx(layer: Layer, weights: list, file: pathlib.Path) -> None:
    """The layer as ONNX Runtime's MoE operator, weights in FILE.data."""
    import onnx
    from onnx import TensorProto, helper

    e, h, i = layer.experts, layer.hidden, layer.inner
    data, tensors, offset = file.with_suffix(".data"), [], 0
    with open(data, "wb") as out:
        for expert in range(e):
            both = np.stack([part[expert].T for part in weights[:2]], axis=1)
            out.write(np.ascontiguousarray(both).data)
        for expert in range(e):
            out.write(np.ascontiguousarray(weights[2][expert].T).data)
    for name, shape in [("fc1", (e, 2 * i, h)), ("fc2", (e, h, i))]:
        tensor = TensorProto(
            name=name, data_type=1, dims=shape, data_location=TensorProto.EXTERNAL
        )
        length = 4 * int(np.prod(shape))
        for key, value in [
            ("location", data.name),
            ("offset", offset),
            ("length", length),
        ]:
            tensor.external_data.add(key=key, value=str(value))
        tensors.append(tensor)
        offset += length
    node = helper.make_node(
        "MoE",
        ["x", "scores", "fc1", "", "fc2"],
        ["y"],
        domain="com.microsoft",
        **moe_attributes(layer.slots),
    )
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "layer",
        [info("x", 1, ["T", h]), info("scores", 1, ["T", e])],
        [info("y", 1, ["T", h])],
        tensors,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), file)
