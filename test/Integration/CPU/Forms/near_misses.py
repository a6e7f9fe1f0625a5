# RUN: %model_python -W error %s
# UNSUPPORTED: asan
"""Layers with one planted defect: none is raised, each computes what it says.

A near-miss is a layer of layers.py with one edit, which changes what it
computes. The matcher refuses it with a reason, or the proof undoes its raise;
either way the outputs are ONNX Runtime's. Here: forms that go from expert to
expert, and routers."""

import unittest

import numpy as np

from Inputs.planting import Cases, check_refused

# Refused with a reason.
near_miss = Cases()


# Routers.


@near_miss("ids of the next token", "bmm")
@near_miss("ids of the next token", "loop")
def _(p):
    users = [n for n in p.users(p.idx) if n not in p.router]
    p.replace(p.idx, p.reversed(p.idx, 0), users)


# The loop over experts.


@near_miss("one expert with another activation", "loop")
@near_miss("one expert with another activation", "scatter")
@near_miss("one expert with another activation", "dense")
def _(p):
    p.all("Sigmoid")[2].op_type = "Tanh"


@near_miss("an id occurs twice, another never", "loop")
def _(p):
    p.all("Gather")[6].input[1] = p.const(1)


@near_miss("an id occurs twice, another never", "scatter")
@near_miss("an id occurs twice, another never", "dense")
def _(p):
    p.all("Equal")[2].input[1] = p.const(1)


@near_miss("an id past the last", "dense")
def _(p):
    p.all("Equal")[2].input[1] = p.const(9)


@near_miss("one expert takes ids up to its own", "scatter")
@near_miss("one expert takes ids up to its own", "dense")
def _(p):
    p.all("Equal")[2].op_type = "LessOrEqual"


@near_miss("the weight is multiplied twice for one expert", "dense")
def _(p):
    weight = p.all("ReduceSum")[-2].output[0]
    p.after(p.users(weight)[0], "Mul", weight)


@near_miss("the mask of one expert is added to its rows", "dense")
def _(p):
    weight = p.all("ReduceSum")[-2]
    chosen = next(n for n in p.nodes if n.output[0] == weight.input[0]).input[1]
    hits = p.op("ReduceSum", chosen, p.const([-1]))
    p.after(p.users(weight.output[0])[0], "Add", hits)


@near_miss("each expert adds a bias after the weight", "scatter")
def _(p):
    for i, node in enumerate(p.all("ScatterND")):
        row = np.arange(8, dtype=np.float32) * 0.1 + i
        node.input[2] = p.op("Add", node.input[2], p.floats(row))


@near_miss("the sum of weights is added to an expert's rows", "dense")
def _(p):
    weight = p.all("ReduceSum")[-2].output[0]
    p.after(p.users(weight)[0], "Add", weight)


@near_miss("one expert's limit differs", "dense", expert="interleaved")
@near_miss("one expert's limit differs", "loop", expert="interleaved")
def _(p):
    p.all("Clip")[2].input[2] = p.floats(0.6)


@near_miss("one expert has a smaller inner size", "dense")
@near_miss("one expert has a smaller inner size", "loop")
def _(p):
    for i, node in enumerate(p.all("MatMul")[3:6]):
        matrix = p.layer.experts.matrices[i][1]
        matrix = matrix[:, :10] if i < 2 else matrix[:10]
        node.input[1] = p.g.weight(matrix.copy())


@near_miss("one expert reads rows of another tensor", "loop")
@near_miss("one expert reads rows of another tensor", "scatter")
def _(p):
    p.gathers_of_rows()[1].input[0] = p.other


@near_miss("one expert reads rows of another tensor", "dense")
def _(p):
    for node in p.users(p.x)[2:4]:
        p.replace(p.x, p.other, [node])


@near_miss("one expert writes to other tokens", "loop")
def _(p):
    node = p.all("ScatterElements")[1]
    last = p.op("Sub", p.op("Shape", p.x, start=0, end=1), p.const([1]))
    node.input[1] = p.op("Sub", last, node.input[1])


@near_miss("one expert writes to other tokens", "scatter")
def _(p):
    node = p.all("ScatterND")[1]
    last = p.op("Sub", p.op("Shape", p.x, start=0, end=1), p.const([1]))
    node.input[1] = p.op("Sub", last, node.input[1])


@near_miss("one expert overwrites what others added", "scatter")
def _(p):
    p.set(p.all("ScatterND")[1], reduction="none")


@near_miss("one expert takes the larger of its and the others' rows", "scatter")
def _(p):
    p.set(p.all("ScatterND")[1], reduction="max")


@near_miss("all experts multiply into the sum", "scatter")
def _(p):
    for node in p.all("ScatterND"):
        p.set(node, reduction="mul")
    first = p.all("ScatterND")[0]
    first.input[0] = p.op("Add", first.input[0], p.floats(1.0))


@near_miss("what was added before one expert is added twice", "loop")
def _(p):
    scatter = p.all("ScatterElements")[1]
    (add,) = p.users(scatter.output[0])
    add.input[1] = p.op("Add", add.input[0], scatter.output[0])


@near_miss("always the first slot's weight", "loop")
def _(p):
    for slot in p.all("Squeeze")[::2]:
        p.after(slot, "Mul", p.const(0))


@near_miss("weights of the first columns, not of the ids", "scatter", "softmax_topk")
def _(p):
    soft = p.node("Softmax").output[0]
    p.replace(p.w, soft, p.users(p.w))


@near_miss("one expert's weights are those of another router", "dense")
def _(p):
    p.all("Equal")[1].input[0] = p.another_route()[0]


@near_miss("an expert adds another expert's rows to its own", "dense")
def _(p):
    downs = p.all("MatMul")[2::3]
    first = downs[0].output[0]
    p.after(downs[1], "Add", first)


@near_miss("rows of an expert are divided by their number", "loop")
def _(p):
    for rows in p.gathers_of_rows():
        number = p.op("Cast", p.op("Shape", rows.output[0], start=0, end=1), to=1)
        p.after(rows, "Div", p.op("Max", number, p.floats([1.0])))


@near_miss("rows are divided by the number of tokens", "dense")
@near_miss("rows are divided by the number of tokens", "scatter")
def _(p):
    number = p.op("Cast", p.op("Shape", p.x, start=0, end=1), to=1)
    for down in p.all("Gemm")[2::3] or p.all("MatMul")[2::3]:
        p.after(down, "Div", number)


@near_miss("an expert's activation is a softmax over its tokens", "loop", expert="relu")
@near_miss(
    "an expert's activation is a softmax over its tokens", "dense", expert="relu"
)
def _(p):
    for node in p.all("Relu"):
        node.op_type = "Softmax"
        p.set(node, axis=0)


@near_miss("an expert sums its rows over tokens", "scatter")
def _(p):
    for down in p.all("Gemm")[2::3]:
        p.after(down, "CumSum", p.const(0))


@near_miss("the number of a token is added to its row", "dense")
def _(p):
    size = p.op("Squeeze", p.op("Shape", p.x, start=0, end=1))
    number = p.op("Cast", p.op("Range", p.const(0), size, p.const(1)), to=1)
    column = p.op("Unsqueeze", number, p.const([1]))
    for down in p.all("MatMul")[2::3]:
        p.after(down, "Add", column)


@near_miss("an expert takes at most two tokens", "loop")
def _(p):
    for hot in p.all("OneHot"):
        count = p.op("CumSum", hot.output[0], p.const(0))
        within = p.op("Cast", p.op("LessOrEqual", count, p.const(2)), to=7)
        p.after(hot, "Mul", within)


@near_miss("slots and tokens change places", "loop")
def _(p):
    for split in p.all("Split"):
        slot, token = split.output
        split.output[:] = [token, slot]
        slot = next(n for n in p.users(slot))
        p.after(slot, "Min", p.const(1))
    for rows in p.gathers_of_rows():
        size = p.op("Shape", p.x, start=0, end=1)
        p.replace(rows.input[1], p.op("Mod", rows.input[1], size))


@near_miss("the second slot is dropped for one expert", "dense")
def _(p):
    first = p.floats([1.0, 0.0])
    p.after(p.all("Cast")[1], "Mul", first)


@near_miss("one expert's weights lie in reverse order of tokens", "loop")
def _(p):
    weight = [n for n in p.all("Gather") if n.input[0].startswith("Reshape")][1]
    weight.input[0] = p.reversed(weight.input[0], 0)


@near_miss("one expert's columns are written mirrored", "loop")
def _(p):
    scatter = p.all("ScatterElements")[1]
    p.replace(scatter.output[0], p.reversed(scatter.output[0], 1))


@near_miss("one expert's bias is left out", "dense", expert="halves")
def _(p):
    add = p.all("Add")[2]
    p.replace(add.output[0], add.input[0])


@near_miss("one expert swaps gate and up", "loop", expert="halves")
@near_miss("one expert swaps gate and up", "dense", expert="halves")
def _(p):
    split = next(n for n in p.all("Split") if n.output[0] in p.all("Sigmoid")[1].input)
    gate, up = split.output
    split.output[:] = [up, gate]


@near_miss(
    "one expert's gate is a half of its rows in steps", "dense", expert="interleaved"
)
def _(p):
    p.all("Slice")[3].input[1] = p.const([0])


@near_miss("one expert has another factor in its sigmoid", "loop", expert="interleaved")
def _(p):
    scale = next(n for n in p.all("Mul") if n.output[0] in p.all("Sigmoid")[2].input)
    scale.input[1] = p.floats(1.0)


@near_miss("a copy of another tensor", "dense", "adamoe", null="copy")
@near_miss("a copy of another tensor", "loop", "adamoe", null="copy")
def _(p):
    if gathers := p.gathers_of_rows():
        gathers[5].input[0] = p.other
    else:
        last = [n for n in p.users(p.x) if n.op_type == "Mul"][1]
        p.replace(p.x, p.other, [last])


@near_miss("null columns add the mean of all rows", "gather", "adamoe", null="copy")
def _(p):
    last = [n for n in p.users(p.x) if n.op_type == "Mul"][-1]
    p.replace(p.x, p.op("ReduceMean", p.x, p.const([0])), [last])


class NearMissesTest(unittest.TestCase):
    def test_all_are_refused(self):
        self.assertGreaterEqual(len(near_miss.list), 52)
        check_refused(self, near_miss.list)


if __name__ == "__main__":
    unittest.main()
