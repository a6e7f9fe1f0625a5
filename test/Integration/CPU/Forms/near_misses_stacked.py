# RUN: %model_python -W error %s
# UNSUPPORTED: asan
"""Near-misses, as in near_misses.py, of forms that stack their experts."""

import unittest

import numpy as np

from Inputs.planting import Cases, check_refused

# Refused with a reason.
near_miss = Cases()


# Gathered weights.


@near_miss("one matrix is gathered at the ids of another router", "gather")
def _(p):
    idx, _ = p.another_route()
    p.all("Gather")[1].input[1] = p.op("Reshape", idx, p.const([-1]))


@near_miss("one matrix is gathered in reverse order of slots", "gather")
def _(p):
    p.all("Gather")[2].input[1] = p.reversed(p.all("Gather")[2].input[1], 0)


@near_miss("a bias is gathered by slot, not by expert", "gather", expert="halves")
def _(p):
    size = p.op("Shape", p.all("Gather")[0].input[1])
    slots = p.op("Range", p.const(0), p.op("Squeeze", size), p.const(1))
    p.all("Gather")[1].input[1] = p.op("Mod", slots, p.const(p.layer.router.k))


@near_miss("rows lie in order of slots, ids in order of tokens", "gather")
def _(p):
    unsqueeze, expand = p.node("Unsqueeze"), p.node("Expand")
    unsqueeze.input[1] = p.const([0])
    expand.input[1] = p.const([p.layer.router.k, 1, 1])


@near_miss("weights lie in order of slots, rows in order of tokens", "gather")
def _(p):
    p.replace(p.w, p.op("Transpose", p.w, perm=[1, 0]), p.users(p.w))


@near_miss("slots are summed as if rows lay in order of slots", "gather")
def _(p):
    p.all("Reshape")[-1].input[1] = p.const([p.layer.router.k, -1, 8])
    p.all("ReduceSum")[-1].input[1] = p.const([0])


@near_miss("the largest of the slots, not their sum", "gather")
def _(p):
    last = p.all("ReduceSum")[-1]
    last.op_type = "ReduceMax"


@near_miss("summed over the row, not over slots", "gather")
@near_miss("summed over the row, not over slots", "sorted")
def _(p):
    p.all("ReduceSum")[-1].input[1] = p.const([2])


@near_miss("the largest of the slots, behind groups", "gather", "groups")
def _(p):
    p.all("ReduceSum")[-1].op_type = "ReduceMax"


@near_miss("rows of slots lose their mean over tokens", "gather")
def _(p):
    rows = p.all("Reshape")[-1]
    p.after(rows, "Sub", p.op("ReduceMean", rows.output[0], p.const([0])))


@near_miss("the weight scales the gate only", "gather")
def _(p):
    weight = p.op("Reshape", p.w, p.const([-1, 1]))
    p.after(p.node("Squeeze"), "Mul", weight)


@near_miss("the weight scales the input of the gate, and the output", "gather")
def _(p):
    rows = p.op(
        "Mul", p.node("Unsqueeze", 1).input[0], p.op("Reshape", p.w, p.const([-1, 1]))
    )
    p.node("Unsqueeze", 1).input[0] = rows


@near_miss("a bias per slot after the weight", "gather")
def _(p):
    rows = np.arange(2 * 8, dtype=np.float32).reshape(2, 8) * 0.1
    p.after(p.all("Reshape")[-1], "Add", p.floats(rows))


# All experts in one product.


@near_miss("ids repeat, and the last weight is kept", "bmm")
def _(p):
    users = [n for n in p.users(p.idx) if n not in p.router]
    p.replace(p.idx, p.op("Min", p.idx, p.const(1)), users)


@near_miss("experts that are not selected weigh one", "bmm")
def _(p):
    scatter = p.node("ScatterElements")
    scatter.input[0] = p.op("Add", scatter.input[0], p.floats(1.0))


@near_miss("experts that are not selected keep their score", "bmm", "softmax_topk")
def _(p):
    p.node("ScatterElements").input[0] = p.node("Softmax").output[0]


@near_miss("the largest of the experts, not their sum", "bmm")
def _(p):
    p.all("ReduceSum")[-1].op_type = "ReduceMax"


@near_miss("weights of null columns, which are 0", "bmm", "adamoe", null="zero")
def _(p):
    true = p.op("Cast", p.op("Less", p.idx, p.const(4)), to=1)
    p.node("ScatterElements").input[2] = p.op("Mul", p.w, true)
    columns = [n for n in p.all("Slice") if "ScatterElements" in n.input[0]][-1]
    columns.input[1], columns.input[2] = p.const([4]), p.const([8])


# Pairs sorted by expert.


@near_miss("the sizes are those of another router's ids", "sorted")
def _(p):
    idx, _ = p.another_route()
    p.node("OneHot").input[0] = p.op("Reshape", idx, p.const([-1]))


@near_miss("rows are not put back in order", "sorted")
def _(p):
    inverse = p.all("Gather")[-1]
    p.replace(inverse.output[0], inverse.input[0])


@near_miss("rows are put in order by the permutation, not its inverse", "sorted")
def _(p):
    p.all("Gather")[-1].input[1] = p.all("TopK")[1].output[1]


@near_miss("weights are not sorted with their rows", "sorted")
def _(p):
    weight = p.all("Gather")[-2]
    p.replace(weight.output[0], weight.input[0])


@near_miss("rows are sorted by the ids' mirror image", "sorted")
def _(p):
    p.set(p.all("TopK")[1], largest=1)


@near_miss("rows of the token after a wrong division", "sorted")
def _(p):
    p.node("Div", 1).input[1] = p.const(3)


@near_miss("two experts' rows change places", "sorted")
def _(p):
    concat = p.all("Concat")[0]
    concat.input[1], concat.input[2] = concat.input[2], concat.input[1]


class StackedNearMissesTest(unittest.TestCase):
    def test_all_are_refused(self):
        self.assertGreaterEqual(len(near_miss.list), 26)
        for case, said in check_refused(self, near_miss.list):
            # Groups of columns are no experts: one line is about the layer.
            if case.layer.router.kind == "groups":
                self.assertEqual(said.count("not raised"), 1, said)


if __name__ == "__main__":
    unittest.main()
