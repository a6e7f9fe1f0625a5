"""Whole layers, routers included, in spellings that layers.py does not have: one
function each. They read the tokens from `x`, [T, HIDDEN], or, where `rank` is 3,
[batch, sequence, HIDDEN]."""

import pathlib
import re
import tempfile

import numpy as np

import moe_mlir
from Inputs.graph import Graph
from Inputs.running import compile_model, difference, open_reference, run_reference

EXPERTS, SLOTS, HIDDEN, INNER = 4, 2, 8, 6
LAST = 2**63 - 1

FORMS = {}


def form(function):
    FORMS[function.__name__] = function
    return function


def route(g, experts=EXPERTS):
    """Mixtral's: softmax, top-k, divided by the sum."""
    scores = g.op("MatMul", "x", g.random(HIDDEN, experts))
    values, ids = g.op(
        "TopK", g.op("Softmax", scores, axis=-1), g.const([SLOTS]), outputs=2, axis=-1
    )
    return g.op("Div", values, g.op("ReduceSum", values, g.const([-1]), keepdims=1)), ids


def swiglu(g, row, act="Sigmoid"):
    gate = g.op("MatMul", row, g.random(HIDDEN, INNER))
    hidden = g.op("Mul", gate, g.op(act, gate))
    hidden = g.op("Mul", hidden, g.op("MatMul", row, g.random(HIDDEN, INNER)))
    return g.op("MatMul", hidden, g.random(INNER, HIDDEN))


def zeros(g):
    return g.op("ConstantOfShape", g.op("Shape", "x"))


def pairs_of(g, ids, expert):
    """Tokens and slots of an expert, [n, 1] each, and both, [n, 2]."""
    both = g.op("Transpose", g.op("NonZero", g.op("Equal", ids, g.const(expert))), perm=[1, 0])
    token, slot = g.op("Split", both, outputs=2, axis=1, num_outputs=2)
    return token, slot, both


def expert_loop(g, expert=swiglu, experts=EXPERTS, start=None):
    """torch.where of each id; index_put with accumulation."""
    weights, ids = route(g)
    sums = start(g) if start else zeros(g)
    for e in range(experts):
        token, _, both = pairs_of(g, ids, e)
        y = expert(g, g.op("GatherND", "x", token))
        y = g.op("Mul", y, g.op("Unsqueeze", g.op("GatherND", weights, both), g.const([-1])))
        sums = g.op("ScatterND", sums, token, y, reduction="add")
    return sums


form(expert_loop)


@form
def torchscript_loop(g):
    """One-hot ids, linearised weights, index_add as ScatterElements."""
    weights, ids = route(g)
    sums = zeros(g)
    mask = g.op("OneHot", ids, g.const(EXPERTS), g.const([0, 1]), axis=-1)
    mask = g.op("Transpose", mask, perm=[2, 1, 0])
    for e in range(EXPERTS):
        hits = g.op("Cast", g.op("Gather", mask, g.const(e), axis=0), to=9)
        pairs = g.op("NonZero", hits)
        slot = g.op("Gather", pairs, g.const(0), axis=0)
        token = g.op("Gather", pairs, g.const(1), axis=0)
        rows = g.op("Gather", g.op("Unsqueeze", "x", g.const([0])), token, axis=1)
        y = swiglu(g, g.op("Reshape", rows, g.const([-1, HIDDEN])))
        place = g.op("Add", g.op("Mul", token, g.const(SLOTS)), slot)
        weight = g.op("Gather", g.op("Reshape", weights, g.const([-1])), place, axis=0)
        y = g.op("Mul", y, g.op("Unsqueeze", weight, g.const([1])))
        at = g.op("Expand", g.op("Unsqueeze", token, g.const([1])), g.op("Shape", y))
        sums = g.op("ScatterElements", sums, at, y, axis=0, reduction="add")
    return sums


@form
def hit_tokens_loop(g):
    """Tokens that have an expert in any slot; the weight as a masked sum."""
    weights, ids = route(g)
    sums = zeros(g)
    for e in range(EXPERTS):
        mask = g.op("Cast", g.op("Equal", ids, g.const(e)), to=1)
        hit = g.op("ReduceSum", mask, g.const([-1]), keepdims=0)
        token = g.op("Squeeze", g.op("NonZero", hit), g.const([0]))
        weight = g.op("ReduceSum", g.op("Mul", weights, mask), g.const([-1]), keepdims=1)
        y = swiglu(g, g.op("Gather", "x", token, axis=0))
        y = g.op("Mul", y, g.op("Gather", weight, token, axis=0))
        sums = g.op("ScatterND", sums, g.op("Unsqueeze", token, g.const([-1])), y, reduction="add")
    return sums


def masked(g, weigh):
    """Every expert on all tokens; a chain of sums of `weigh(e, mask, weights, y)`."""
    weights, ids = route(g)
    total = None
    for e in range(EXPERTS):
        mask = g.op("Cast", g.op("Equal", ids, g.const(e)), to=1)
        y = weigh(e, mask, weights, swiglu(g, "x"))
        total = g.op("Add", total, y) if total else y
    return total


def weight_of(g, mask, weights):
    """The weight of an expert for each token."""
    return g.op("ReduceSum", g.op("Mul", weights, mask), g.const([-1]), keepdims=1)


@form
def dense_masks(g):
    """Rows times masked weights."""
    return masked(g, lambda e, mask, weights, y: g.op("Mul", y, weight_of(g, mask, weights)))


@form
def dense_masks_of_sequences(g):
    return dense_masks(g)


dense_masks_of_sequences.rank = 3


@form
def gathered_weights(g):
    """Stacked weights gathered per slot, rows as columns of one."""
    weights, ids = route(g)
    up = g.op("Gather", g.random(EXPERTS, INNER, HIDDEN), ids, axis=0)
    down = g.op("Gather", g.random(EXPERTS, HIDDEN, INNER), ids, axis=0)
    column = g.op("Unsqueeze", "x", g.const([1, 3]))
    y = g.op("MatMul", down, g.op("Relu", g.op("MatMul", up, column)))
    y = g.op("Mul", g.op("Squeeze", y, g.const([3])), g.op("Unsqueeze", weights, g.const([-1])))
    return g.op("ReduceSum", y, g.const([1]), keepdims=0)


@form
def gathered_of_sequences(g):
    """[batch, sequence, slot] without flattening, with a bias."""
    weights, ids = route(g)
    row = g.op("Unsqueeze", "x", g.const([2, 3]))
    hidden = g.op("MatMul", row, g.op("Gather", g.random(EXPERTS, HIDDEN, INNER), ids, axis=0))
    bias = g.op("Gather", g.random(EXPERTS, INNER), ids, axis=0)
    hidden = g.op("Relu", g.op("Add", hidden, g.op("Unsqueeze", bias, g.const([3]))))
    y = g.op("MatMul", hidden, g.op("Gather", g.random(EXPERTS, INNER, HIDDEN), ids, axis=0))
    y = g.op("Mul", g.op("Squeeze", y, g.const([3])), g.op("Unsqueeze", weights, g.const([-1])))
    return g.op("ReduceSum", y, g.const([2]), keepdims=0)


gathered_of_sequences.rank = 3


@form
def combine_by_product(g):
    """The weights of a token as a row times the rows of its slots."""
    weights, ids = route(g)
    up = g.op("Gather", g.random(EXPERTS, HIDDEN, INNER), ids, axis=0)
    y = g.op("Tanh", g.op("MatMul", g.op("Unsqueeze", "x", g.const([1, 2])), up))
    y = g.op("MatMul", y, g.op("Gather", g.random(EXPERTS, INNER, HIDDEN), ids, axis=0))
    y = g.op("MatMul", g.op("Unsqueeze", weights, g.const([1])), g.op("Squeeze", y, g.const([2])))
    return g.op("Squeeze", y, g.const([1]))


@form
def mean_over_slots(g):
    """The mean of the slots' rows: a factor behind the sum."""
    weights, ids = route(g)
    up = g.op("Gather", g.random(EXPERTS, HIDDEN, HIDDEN), ids, axis=0)
    y = g.op("Squeeze", g.op("MatMul", g.op("Unsqueeze", "x", g.const([1, 2])), up), g.const([2]))
    y = g.op("Mul", y, g.op("Unsqueeze", weights, g.const([-1])))
    return g.op("ReduceMean", y, g.const([1]), keepdims=0)


@form
def least_scores(g):
    """The experts of the least scores are those of the greatest negated ones."""
    scores = g.op("MatMul", "x", g.random(HIDDEN, EXPERTS))
    weights, ids = g.op("TopK", scores, g.const([SLOTS]), outputs=2, axis=-1, largest=0)
    up = g.op("Gather", g.random(EXPERTS, HIDDEN, HIDDEN), ids, axis=0)
    y = g.op("Squeeze", g.op("MatMul", g.op("Unsqueeze", "x", g.const([1, 2])), up), g.const([2]))
    y = g.op("Mul", y, g.op("Unsqueeze", weights, g.const([-1])))
    return g.op("ReduceSum", y, g.const([1]), keepdims=0)


@form
def experts_without_weights(g):
    _, ids = route(g)
    up = g.op("Gather", g.random(EXPERTS, HIDDEN, INNER), ids, axis=0)
    y = g.op("Relu", g.op("MatMul", g.op("Unsqueeze", "x", g.const([1, 2])), up))
    y = g.op("MatMul", y, g.op("Gather", g.random(EXPERTS, INNER, HIDDEN), ids, axis=0))
    return g.op("ReduceSum", g.op("Squeeze", y, g.const([2])), g.const([1]), keepdims=0)


@form
def weighted_hidden_row(g):
    """The weight multiplies the hidden row, in front of the last product."""
    weights, ids = route(g)
    up = g.op("Gather", g.random(EXPERTS, HIDDEN, INNER), ids, axis=0)
    y = g.op("Relu", g.op("MatMul", g.op("Unsqueeze", "x", g.const([1, 2])), up))
    y = g.op("Mul", y, g.op("Unsqueeze", weights, g.const([2, 3])))
    y = g.op("MatMul", y, g.op("Gather", g.random(EXPERTS, INNER, HIDDEN), ids, axis=0))
    return g.op("ReduceSum", g.op("Squeeze", y, g.const([2])), g.const([1]), keepdims=0)


@form
def norm_and_scale_per_expert(g):
    """An RMS norm inside of the expert and a factor per expert."""
    weights, ids = route(g)
    weights = g.op("Mul", weights, g.op("Gather", g.random(EXPERTS), ids, axis=0))
    up = g.op("Gather", g.random(EXPERTS, HIDDEN, INNER), ids, axis=0)
    hidden = g.op("MatMul", g.op("Unsqueeze", "x", g.const([1, 2])), up)
    mean = g.op("ReduceMean", g.op("Mul", hidden, hidden), g.const([-1]), keepdims=1)
    hidden = g.op("Div", hidden, g.op("Sqrt", g.op("Add", mean, g.floats(1e-6))))
    y = g.op("MatMul", hidden, g.op("Gather", g.random(EXPERTS, INNER, HIDDEN), ids, axis=0))
    y = g.op("Mul", g.op("Squeeze", y, g.const([2])), g.op("Unsqueeze", weights, g.const([-1])))
    return g.op("ReduceSum", y, g.const([1]), keepdims=0)


@form
def batched_over_experts(g, default=None):
    """gpt-oss: x for every expert, interleaved gate and up, scores [T, E]."""
    scores = g.op("Gemm", "x", g.random(HIDDEN, EXPERTS), g.random(EXPERTS))
    values, ids = g.op("TopK", scores, g.const([SLOTS]), outputs=2, axis=-1)
    dense = zeros_like(g, scores, default)
    dense = g.op("ScatterElements", dense, ids, g.op("Softmax", values, axis=-1), axis=1)
    rows = g.op("Reshape", g.op("Tile", "x", g.const([EXPERTS, 1])), g.const([EXPERTS, -1, HIDDEN]))
    both = g.op("MatMul", rows, g.random(EXPERTS, HIDDEN, 2 * INNER))
    both = g.op("Add", both, g.random(EXPERTS, 1, 2 * INNER))
    gate = g.op("Slice", both, g.const([0]), g.const([LAST]), g.const([2]), g.const([2]))
    up = g.op("Slice", both, g.const([1]), g.const([LAST]), g.const([2]), g.const([2]))
    gate = g.op("Clip", gate, "", g.floats(7.0))
    up = g.op("Clip", up, g.floats(-7.0), g.floats(7.0))
    gate = g.op("Mul", gate, g.op("Sigmoid", g.op("Mul", gate, g.floats(1.702))))
    y = g.op("Mul", g.op("Add", up, g.floats(1.0)), gate)
    y = g.op("Add", g.op("MatMul", y, g.random(EXPERTS, INNER, HIDDEN)), g.random(EXPERTS, 1, HIDDEN))
    weight = g.op("Unsqueeze", g.op("Transpose", dense, perm=[1, 0]), g.const([-1]))
    return g.op("ReduceSum", g.op("Mul", y, weight), g.const([0]), keepdims=0)


def zeros_like(g, value, default=None):
    filled = g.op("ConstantOfShape", g.op("Shape", value))
    return g.op("Add", filled, g.floats(default)) if default else filled


@form
def one_hot_einsum(g):
    """Dispatch and combination by one-hot products."""
    weights, ids = route(g)
    hot = g.op("OneHot", ids, g.const(EXPERTS), g.floats([0, 1]), axis=-1)
    combine = g.op("Einsum", weights, hot, equation="tk,tke->te")
    mask = g.op("ReduceSum", hot, g.const([1]), keepdims=0)
    rows = g.op("Einsum", "x", mask, equation="th,te->eth")
    y = g.op("Einsum", rows, g.random(EXPERTS, HIDDEN, INNER), equation="eth,ehi->eti")
    y = g.op("Einsum", g.op("Relu", y), g.random(EXPERTS, INNER, HIDDEN), equation="eti,eih->eth")
    return g.op("Einsum", combine, y, equation="te,eth->th")


@form
def sorted_slices(g, restore=True):
    """grouped_mm: pairs sorted by id, a slice of rows per expert, and back."""
    weights, ids = route(g)
    count = g.op("Mul", g.op("Gather", g.op("Shape", "x"), g.const([0])), g.const([SLOTS]))
    by_id, order = g.op(
        "TopK", g.op("Reshape", ids, g.const([-1])), count, outputs=2, axis=0, largest=0
    )
    _, back = g.op("TopK", order, count, outputs=2, axis=0, largest=0)
    rows = g.op("Gather", "x", g.op("Div", order, g.const(SLOTS)), axis=0)
    hot = g.op("Equal", g.op("Unsqueeze", by_id, g.const([-1])), g.const(range(EXPERTS)))
    counts = g.op("ReduceSum", g.op("Cast", hot, to=7), g.const([0]), keepdims=0)
    ends = g.op("CumSum", counts, g.const(0))

    def grouped(values, stacked):
        parts, start = [], g.const([0])
        for e in range(EXPERTS):
            end = g.op("Slice", ends, g.const([e]), g.const([e + 1]), g.const([0]))
            one = g.op("Slice", stacked, g.const([e]), g.const([e + 1]), g.const([0]))
            part = g.op("Slice", values, start, end, g.const([0]))
            parts.append(g.op("MatMul", part, g.op("Squeeze", one, g.const([0]))))
            start = end
        return g.op("Concat", *parts, axis=0)

    both = grouped(rows, g.random(EXPERTS, HIDDEN, 2 * INNER))
    gate, up = g.op("Split", both, outputs=2, axis=-1, num_outputs=2)
    hidden = g.op("Mul", g.op("Mul", gate, g.op("Sigmoid", gate)), up)
    y = grouped(hidden, g.random(EXPERTS, INNER, HIDDEN))
    weight = g.op("Gather", g.op("Reshape", weights, g.const([-1])), order, axis=0)
    y = g.op("Mul", y, g.op("Unsqueeze", weight, g.const([-1])))
    if restore:
        y = g.op("Gather", y, back, axis=0)
    y = g.op("Reshape", y, g.const([-1, SLOTS, HIDDEN]))
    return g.op("ReduceSum", y, g.const([1]), keepdims=0)


@form
def top_1(g):
    """Switch: the greatest probability and its column."""
    p = g.op("Softmax", g.op("MatMul", "x", g.random(HIDDEN, EXPERTS)), axis=-1)
    ids = g.op("ArgMax", p, axis=-1, keepdims=1)
    weight = g.op("ReduceMax", p, g.const([-1]), keepdims=1)
    total = None
    for e in range(EXPERTS):
        mask = g.op("Cast", g.op("Equal", ids, g.const(e)), to=1)
        hidden = g.op("Relu", g.op("MatMul", "x", g.random(HIDDEN, INNER)))
        y = g.op("Mul", g.op("MatMul", hidden, g.random(INNER, HIDDEN)), mask)
        y = g.op("Mul", y, weight)
        total = g.op("Add", total, y) if total else y
    return total


@form
def identity_experts(g):
    """LongCat: ids from EXPERTS on give the row itself; a selection bias."""
    scores = g.op("MatMul", "x", g.random(HIDDEN, 2 * EXPERTS))
    p = g.op("Softmax", scores, axis=-1)
    bias = g.floats([0.01 * i for i in range(2 * EXPERTS)])
    _, ids = g.op("TopK", g.op("Add", p, bias), g.const([SLOTS]), outputs=2, axis=-1, sorted=0)
    weights = g.op("Mul", g.op("GatherElements", p, ids, axis=1), g.floats(6.0))
    sums = zeros(g)
    for e in range(2 * EXPERTS):
        token, _, both = pairs_of(g, ids, e)
        row = g.op("GatherND", "x", token)
        y = swiglu(g, row) if e < EXPERTS else row
        y = g.op("Mul", y, g.op("Unsqueeze", g.op("GatherND", weights, both), g.const([-1])))
        sums = g.op("ScatterND", sums, token, y, reduction="add")
    return sums


@form
def scaled_and_biased_sum(g):
    """A factor and a bias behind the sum: the bias stays outside."""
    y = g.op("Mul", dense_masks(g), g.floats(2.5))
    return g.op("Add", y, g.random(HIDDEN))


def forms_of_rank(rank):
    return {n: f for n, f in FORMS.items() if getattr(f, "rank", 2) == rank}


def build_model(cases):
    """A graph of layers by name, all on the same tokens: each is `build(g)`, its
    result y<i>, and its nodes lie in the scope case<i>."""
    g = Graph(opset=20)
    ranks = {getattr(build, "rank", 2) for build in cases.values()}
    (rank,) = ranks
    dims = ["T", "S"][: rank - 1]
    g.input("x", [*dims, HIDDEN])
    for i, build in enumerate(cases.values()):
        first = len(g.nodes)
        g.output(build(g), f"y{i}", [*dims, HIDDEN])
        for node in g.nodes[first:]:
            node.name = f"/case{i}/{node.output[0]}"
    return g


def compute(test, cases):
    """Compiles layers by name, compares them with ONNX Runtime, and returns what
    is said of each."""
    with tempfile.TemporaryDirectory() as name:
        model, library = (pathlib.Path(name) / file for file in ("m.onnx", "m.so"))
        said = compile_layers(cases, model, library)
        reference = open_reference(model)
        with moe_mlir.load(library) as compiled:
            check_values(test, cases, compiled, reference)
    return said


def compile_layers(cases, model, library):
    """What is said of each layer."""
    build_model(cases).save(model)
    lines = {case: [] for case in cases}
    for line in compile_model(model, library).splitlines():
        if match := re.match(r"case(\d+)\b", line):
            lines[list(cases)[int(match[1])]].append(line)
    return {case: "\n".join(found) for case, found in lines.items()}


def check_values(test, cases, compiled, reference):
    random = np.random.default_rng(6)
    (x,) = reference.get_inputs()
    lead = (2,) * (len(x.shape) - 2)
    # Some near-misses take slots for tokens: there are as many.
    for tokens in (SLOTS, 7, 33):
        rows = random.standard_normal((*lead, tokens, HIDDEN))
        feeds = {"x": rows.astype(np.float32)}
        got, expected = compiled.run(feeds), run_reference(reference, feeds)
        for i, case in enumerate(cases):
            with test.subTest(case=case, T=tokens):
                error = difference(got[f"y{i}"], expected[f"y{i}"])
                test.assertLessEqual(error, 1e-5)
