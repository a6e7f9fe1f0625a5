"""Writes a model with big tensors everywhere that ONNX lets them be.

usage: embedded.py OUTPUT
"""

import struct
import sys

from wire import data, graph, initializer, model, node, tensor, text, value, varint

N = 512


def floats(start):
    return struct.pack(f"<{N}f", *range(start, start + N))


def constant(name, start):
    body = tensor("", [N], raw=floats(start))
    attribute = data(5, text(1, "value") + data(5, body) + varint(20, 4))
    return node("Constant", [], [name], attribute, name=name)


def branch(name, fields):
    return data(5, text(1, name) + data(6, fields) + varint(20, 5))


packed = data(5, varint(1, N) + varint(2, 1) + text(8, "packed") + data(4, floats(1)))
doubles = data(
    5,
    varint(1, N) + varint(2, 11) + text(8, "doubles")
    + data(10, struct.pack(f"<{N}d", *range(N))),
)
then_branch = graph(
    initializer("in_then", [N], raw=floats(2)),
    constant("also_in_then", 3),
    node("Add", ["in_then", "also_in_then"], ["p"], name="then"),
    value(12, "p", [N]),
)
else_branch = graph(node("Identity", ["x"], ["q"], name="else"), value(12, "q", [N]))
main = graph(
    initializer("raw", [N], raw=floats(0)),
    packed,
    doubles,
    value(11, "x", [N]),
    value(11, "c", [], 9),
    constant("node", 4),
    node("Sum", ["x", "raw", "packed", "node"], ["a"], name="sum"),
    node("If", ["c"], ["b"], branch("then_branch", then_branch)
         + branch("else_branch", else_branch), name="if"),
    node("Shift", ["b"], ["d"], name="shift", domain="local"),
    node("Shift", ["d"], ["e"], name="shift2", domain="local"),
    node("Identity", ["doubles"], ["f"], name="f"),
    value(12, "a", [N]),
    value(12, "e", [N]),
    value(12, "f", [N], 11),
)
# FunctionProto: its constant is used by two calls.
nodes = b"".join(
    data(7, part)
    for part in (
        text(2, "k") + text(3, "k") + text(4, "Constant")
        + data(5, text(1, "value") + data(5, tensor("", [N], raw=floats(5)))
               + varint(20, 4)),
        text(1, "u") + text(1, "k") + text(2, "v") + text(3, "add") + text(4, "Add"),
    )
)
function = data(
    25,
    text(1, "Shift") + text(4, "u") + text(5, "v") + nodes
    + data(9, text(1, "") + varint(2, 20)) + text(10, "local"),
)
with open(sys.argv[1], "wb") as file:
    file.write(model(main) + data(8, text(1, "local") + varint(2, 1)) + function)
