# RUN: %model_python -W error %s
# UNSUPPORTED: asan
"""Layers that exporters write otherwise than layers.py does: each is raised, and
computes what ONNX Runtime says."""

import unittest

import numpy as np

from Inputs.planting import Cases, compute, is_raised

variant = Cases()


# Routers.


@variant("the k smallest scores are taken", "dense", "topk_softmax")
@variant("the k smallest scores are taken", "gather", "mixtral")
@variant("the k smallest scores are taken", "loop", "softmax_topk")
def _(p):
    p.set(p.node("TopK"), largest=0)


@variant("columns past the true experts are padding", "loop", "softmax_topk")
@variant("columns past the true experts are padding", "bmm", "mixtral")
@variant("columns past the true experts are padding", "dense", "topk_softmax")
def _(p):
    mask = np.array([0, -0.5, 0, -np.inf], np.float32)
    first = p.nodes[0]
    first.input[0] = p.op("Add", p.scores, p.floats(mask))


@variant("another tensor than selection sees gives the weights", "gather", "mixtral")
@variant("another tensor than selection sees gives the weights", "loop", "sigmoid_bias")
@variant("another tensor than selection sees gives the weights", "dense", "groups")
def _(p):
    other = p.op("Sigmoid", p.op("Mul", p.scores, p.floats(0.3)))
    if gathers := p.all("GatherElements"):
        gathers[0].input[0] = other
        return
    values, ids = p.node("TopK").output
    p.replace(values, p.op("GatherElements", other, ids, axis=1))


@variant("weights of another TopK", "gather")
@variant("weights of another TopK", "loop")
def _(p):
    """The other TopK belongs to the layer, too: nothing is said of it."""
    _, w = p.another_route()
    p.replace(p.w, w)


def drop_null_columns(p):
    """Weights of null columns are set to 0 ahead of the division by their sum."""
    divide = next(n for n in p.router if n.op_type == "Div")
    true = p.op("Less", p.idx, p.const(p.layer.experts.count))
    weights = p.op("Mul", divide.input[0], p.op("Cast", true, to=1))
    total = p.op("ReduceSum", weights, p.const([-1]))
    divide.input[0] = weights
    divide.input[1] = p.op("Clip", total, p.floats(1e-9))


@variant("null columns lose their weight first", "loop", "mixtral", null="zero")
@variant("null columns lose their weight first", "scatter", "mixtral", null="zero")
@variant("null columns lose their weight first", "dense", "mixtral", null="zero")
@variant("null columns lose their weight first", "bmm", "mixtral", null="zero")
def _(p):
    drop_null_columns(p)


@variant("ids of null columns are those of the last expert", "gather", null="zero")
def _(p):
    drop_null_columns(p)
    # No mask but the router's.
    p.replace(p.users(p.w)[0].output[0], p.w)


# Sums.


@variant("the sum starts at the rows", "loop")
@variant("the sum starts at the rows", "loop", null="copy")
def _(p):
    value = p.all("ConstantOfShape")[0].output[0]
    p.replace(value, p.op("Add", value, p.x), [p.users(value)[-1]])


@variant("the sum starts at the rows", "scatter")
def _(p):
    p.all("ScatterND")[0].input[0] = p.x


@variant("the sum starts at the rows", "dense")
@variant("the sum starts at the rows", "dense", null="constant")
def _(p):
    product = next(n for n in p.all("Add") if "Mul" in n.input[0])
    product.input[0] = p.op("Add", p.other, product.input[0])


@variant("a mean over slots, not a sum", "gather")
@variant("a mean over slots, not a sum", "sorted")
@variant("a mean over experts, not a sum", "bmm")
@variant("a mean over experts, not a sum", "bmm", null="zero")
def _(p):
    p.all("ReduceSum")[-1].op_type = "ReduceMean"


# Columns.


@variant("ids repeat, and weights add up", "bmm")
def _(p):
    users = [n for n in p.users(p.idx) if n not in p.router]
    p.replace(p.idx, p.op("Min", p.idx, p.const(1)), users)
    p.set(p.node("ScatterElements"), reduction="add")


@variant("weights of the experts in reverse", "bmm")
@variant("weights of the experts in reverse", "bmm", expert="halves")
def _(p):
    value = p.node("ScatterElements").output[0]
    p.replace(value, p.reversed(value, 1))


@variant("the first columns are the null ones", "bmm", null="zero")
def _(p):
    columns = [n for n in p.all("Slice") if "ScatterElements" in n.input[0]][-1]
    columns.input[1], columns.input[2] = p.const([4]), p.const([8])


# Experts.


@variant("biases are stored by feature", "gather", expert="halves")
@variant("biases are stored by feature", "bmm", expert="interleaved")
@variant("biases are stored by feature", "sorted", expert="halves")
def _(p):
    weights = {w.name: w for w in p.g.initializers}
    for node in list(p.nodes):
        for i, name in enumerate(node.input):
            stack = weights.get(name)
            if stack is None or node.op_type not in ("Gather", "Add"):
                continue
            dims = list(stack.dims)
            if len(dims) < 2 or len([d for d in dims if d > 1]) != 2:
                continue
            array = np.frombuffer(stack.raw_data, np.float32).reshape(dims)
            stored = p.g.weight(np.ascontiguousarray(array.transpose()))
            perm = list(reversed(range(len(dims))))
            node.input[i] = p.op("Transpose", stored, perm=perm)


@variant("constant rows are gathered from a stack", "dense", null="constant")
def _(p):
    stack = p.g.weight(p.layer.constants)
    for i, node in enumerate(p.all("Expand")):
        node.input[0] = p.op("Gather", stack, p.const([i]), axis=0)


@variant("all null columns copy another tensor", "loop", null="copy")
def _(p):
    for gather in p.gathers_of_rows()[4:]:
        gather.input[0] = p.other


class RaisedVariantsTest(unittest.TestCase):
    def test_all_are_raised(self):
        self.assertGreaterEqual(len(variant.list), 30)
        for case, _, said in compute(self, variant.list):
            with self.subTest(case=str(case)):
                self.assertTrue(is_raised(said), said or "nothing is said")
                self.assertNotIn("not raised", said)


if __name__ == "__main__":
    unittest.main()
