# RUN: %model_python -W error %s
# UNSUPPORTED: asan
"""Layers with an edit that looks like a defect, but leaves a layer.

It is another one, with other weights, ids or kinds of experts. It may be raised
or not; the outputs are ONNX Runtime's."""

import unittest

from Inputs.planting import Cases, compute, is_raised

edit = Cases()


# Routers.


@edit("softmax over tokens, not columns", "loop", "softmax_topk")
@edit("softmax over tokens, not columns", "gather", "softmax_topk")
def _(p):
    p.set(p.node("Softmax"), axis=0)


@edit("the weights' softmax is over tokens, not slots", "dense", "topk_softmax")
def _(p):
    p.set(p.node("Softmax"), axis=0)


@edit("weights are divided by their sum over tokens, not slots", "scatter")
@edit("weights are divided by their sum over tokens, not slots", "bmm")
def _(p):
    p.router[-2].input[1] = p.const([0])


@edit("weights of the next token", "gather")
@edit("weights of the next token", "dense")
def _(p):
    p.replace(p.w, p.reversed(p.w, 0), p.users(p.w))


@edit("weights of the other slot", "scatter")
@edit("weights of the other slot", "gather")
def _(p):
    p.replace(p.w, p.reversed(p.w, 1), p.users(p.w))


@edit("weights of another TopK", "gather")
@edit("weights of another TopK", "loop")
def _(p):
    _, w = p.another_route()
    p.replace(p.w, w)


@edit("weights gathered at the ids of another TopK", "dense", "sigmoid_bias")
def _(p):
    p.node("GatherElements").input[1] = p.another_route()[0]


@edit("the k smallest scores are taken", "dense", "topk_softmax")
def _(p):
    p.set(p.node("TopK"), largest=0)


@edit("the worst group is kept", "gather", "groups", null="zero")
def _(p):
    p.set(p.all("TopK")[1], largest=0)


@edit("weights are divided by the first slot's alone", "dense")
def _(p):
    total = p.router[-1]
    ends = [p.const([v]) for v in (0, 1, 1)]
    total.input[1] = p.op("Slice", total.input[0], *ends)


@edit("a mean of the weights in place of their sum", "loop")
def _(p):
    p.router[-1].input[1] = p.op(
        "Div", p.router[-1].input[1], p.floats(p.layer.router.k)
    )


# The loop over experts.


@edit("one expert is missing", "loop")
def _(p):
    last = p.all("ScatterElements")[-1]
    (add,) = p.users(last.output[0])
    p.y = add.input[0]


@edit("one expert is missing", "scatter")
def _(p):
    p.y = p.all("ScatterND")[-1].input[0]


@edit("one expert is missing", "dense")
def _(p):
    p.y = next(n for n in p.all("Add") if n.output[0] == p.y).input[0]


@edit("two experts swapped their ids", "dense")
def _(p):
    p.all("Equal")[2].input[1] = p.const(1)
    p.all("Equal")[1].input[1] = p.const(2)


@edit("rows of the next token", "loop")
@edit("rows of the next token", "scatter")
@edit("rows of the next token", "sorted")
def _(p):
    p.replace(p.x, p.reversed(p.x, 0), p.gathers_of_rows())


@edit("rows of an expert lose their mean over tokens", "dense")
def _(p):
    mean = p.op("ReduceMean", p.x, p.const([0]))
    for node in p.all("MatMul")[::3]:
        node.input[0] = p.op("Sub", p.x, mean)


@edit("the second slot is dropped for all experts", "dense")
def _(p):
    first = p.floats([1.0, 0.0])
    for cast in p.all("Cast"):
        p.after(cast, "Mul", first)


@edit(
    "weights of null columns count for the last expert", "gather", "adamoe", null="zero"
)
def _(p):
    mask = p.users(p.w)[-1]
    p.replace(mask.output[0], p.w)


@edit(
    "weights of some null columns count for the last expert",
    "gather",
    "adamoe",
    null="zero",
)
def _(p):
    p.all("Less")[-1].input[1] = p.const(6)


@edit("the mask is an output too", "dense")
def _(p):
    chosen = p.op("Cast", p.all("Equal")[1].output[0], to=1)
    p.y = p.op("Concat", p.y, chosen, axis=1)


@edit("the rows of experts are used beside their sum", "gather")
def _(p):
    rows = p.all("Mul")[-1].output[0]
    wide = p.op("Reshape", rows, p.const([-1, 16]))
    p.y = p.op("Concat", p.y, wide, axis=1)


@edit("the sum starts at the rows", "loop")
def _(p):
    first = p.all("ConstantOfShape")[0]
    value = first.output[0]
    p.replace(value, p.op("Add", value, p.x), [p.users(value)[-1]])


@edit("the sum starts at one", "scatter")
def _(p):
    p.all("Expand")[0].input[0] = p.floats(1.0)


@edit("weights are rounded to half precision", "scatter")
def _(p):
    p.replace(p.w, p.op("Cast", p.op("Cast", p.w, to=10), to=1), p.users(p.w))


@edit("the largest weight of the slots, of which one is not zero", "dense")
def _(p):
    for node in p.all("ReduceSum")[1:]:
        node.op_type = "ReduceMax"


# Gathered weights.


@edit("the last expert's ids go to the one before", "gather")
def _(p):
    flat = p.all("Gather")[0].input[1]
    p.replace(flat, p.op("Min", flat, p.const(2)))


@edit("each id goes to the next expert", "gather")
def _(p):
    flat = p.all("Gather")[0].input[1]
    p.replace(flat, p.op("Mod", p.op("Add", flat, p.const(1)), p.const(4)))


@edit("a mean over slots, not a sum", "gather")
def _(p):
    p.all("ReduceSum")[-1].op_type = "ReduceMean"


@edit("the weight scales input and output", "gather")
def _(p):
    weight = p.op("Reshape", p.w, p.const([-1, 1]))
    rows = [n for n in p.all("Reshape") if n.output[0].startswith("Reshape")][1]
    p.after(rows, "Mul", weight)


@edit("square matrices are not transposed", "gather", inner=8)
def _(p):
    for node in p.all("Gather"):
        node.input[0] = p.op("Transpose", node.input[0], perm=[0, 2, 1])


# All experts in one product.


@edit("ids repeat, and weights add up", "bmm")
def _(p):
    users = [n for n in p.users(p.idx) if n not in p.router]
    p.replace(p.idx, p.op("Min", p.idx, p.const(1)), users)
    p.set(p.node("ScatterElements"), reduction="add")


@edit("weights of the experts in reverse", "bmm")
def _(p):
    value = p.node("ScatterElements").output[0]
    p.replace(value, p.reversed(value, 1))


@edit("a mean over experts, not a sum", "bmm")
def _(p):
    p.all("ReduceSum")[-1].op_type = "ReduceMean"


@edit("each expert reads the rows of another token", "bmm")
def _(p):
    p.replace(p.x, p.reversed(p.x, 0), [p.node("Unsqueeze")])


# Pairs sorted by expert.


@edit("two experts swapped one matrix", "sorted")
def _(p):
    a, b = p.all("MatMul")[1:3]
    a.input[1], b.input[1] = b.input[1], a.input[1]


class LooksWrongTest(unittest.TestCase):
    def test_all_compute_what_they_say(self):
        said = [line for _, _, line in compute(self, edit.list)]
        raised = sum(map(is_raised, said))
        print(f"{len(said)} look wrong, {raised} of them raised")
        self.assertGreaterEqual(raised, len(said) // 2)


if __name__ == "__main__":
    unittest.main()
