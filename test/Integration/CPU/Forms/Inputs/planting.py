"""One defect in a layer: its graph is built, then edited."""

import dataclasses
import pathlib
import re
import tempfile
import typing

import moe_mlir
import numpy as np
from onnx import helper

from Inputs.graph import Graph
from Inputs.layers import Layer
from Inputs.running import compile_model, difference, open_reference, run_reference

HIDDEN = 8
TOKENS = (1, 2, 7, 33)


@dataclasses.dataclass
class Case:
    what: str
    layer: Layer
    plant: typing.Callable

    def __str__(self):
        return f"{self.layer}: {self.what}"


class Cases:
    """A decorator that lists what it is put on: an edit of the layer named."""

    def __init__(self):
        self.list = []

    def __call__(
        self, what, form, router="mixtral", expert="swiglu", null="none", **sizes
    ):
        def add(plant):
            random = np.random.default_rng(len(self.list))
            layer = Layer.make(form, router, expert, null, random, **sizes)
            self.list.append(Case(what, layer, plant))
            return plant

        return add


class Plant:
    """The nodes of one layer in a graph, in the order in which they were built."""

    def __init__(self, g: Graph, layer: Layer, x: str, other: str, scores: str):
        self.g, self.layer = g, layer
        self.x, self.other, self.scores = x, other, scores
        first = len(g.nodes)
        self.idx, self.w = layer.router.build(g, scores)
        self.router = g.nodes[first:]
        self.y = getattr(layer, "_" + layer.form)(g, x, self.idx, self.w)
        self.nodes = g.nodes[first:]
        self.op, self.const, self.floats = g.op, g.const, g.floats

    def all(self, kind):
        return [n for n in self.nodes if n.op_type == kind]

    def node(self, kind, i=0):
        return self.all(kind)[i]

    def set(self, node, **attributes):
        kept = [a for a in node.attribute if a.name not in attributes]
        del node.attribute[:]
        node.attribute.extend(kept)
        node.attribute.extend(helper.make_attribute(*a) for a in attributes.items())

    def users(self, value):
        """Nodes of the layer as built that read a value."""
        return [n for n in self.nodes if value in n.input]

    def gathers_of_rows(self):
        return [n for n in self.users(self.x) if n.op_type.startswith("Gather")]

    def replace(self, value, new, users=None):
        """Users of a value, all or some, read another one."""
        for user in self.users(value) if users is None else users:
            for i, name in enumerate(user.input):
                if name == value:
                    user.input[i] = new
        if users is None and self.y == value:
            self.y = new

    def after(self, node, kind, *operands):
        """Another node on what a node gives to its users."""
        value = node.output[0]
        self.replace(value, self.op(kind, value, *operands))

    def another_route(self):
        """Ids and weights of a second router, on the first one's negated scores."""
        return self.layer.router.build(self.g, self.op("Neg", self.scores))

    def reversed(self, value, axis):
        """The elements along an axis in reverse."""
        ends = [self.const([v]) for v in (-1, -(2**62), axis, -1)]
        return self.op("Slice", value, *ends)


def sort(nodes):
    """Nodes so that each follows those that it reads."""
    made_by = {o: n for n in nodes for o in n.output}
    done, order = set(), []

    def visit(node):
        if id(node) in done:
            return
        done.add(id(node))
        for name in node.input:
            if name in made_by:
                visit(made_by[name])
        order.append(node)

    for node in nodes:
        visit(node)
    return order


def write(cases, path, is_healthy=False):
    """One model of all cases, or of the layers that they started from. The nodes
    of case i lie in the scope case<i>."""
    g = Graph()
    x = g.input("x", ["T", HIDDEN])
    other = g.input("other", ["T", HIDDEN])
    for i, case in enumerate(cases):
        first = len(g.nodes)
        scores = g.input(f"scores{i}", ["T", case.layer.router.columns])
        plant = Plant(g, case.layer, x, other, scores)
        if not is_healthy:
            case.plant(plant)
        g.output(plant.y, f"y{i}", ["T", None])
        for node in g.nodes[first:]:
            node.name = f"/case{i}/{node.output[0]}"
    g.nodes = sort(g.nodes)
    g.save(path)


def inputs_of(cases, tokens, random):
    """Adversarial scores for all cases, by name of the family."""
    x = {n: random.standard_normal((tokens, HIDDEN)) for n in ("x", "other")}
    families = ("normal", "ties", "all equal", "all to one", "one empty", "-inf")
    for family in families:
        feeds = dict(x)
        for i, case in enumerate(cases):
            # Steps of 1/64: no selection hangs on rounding.
            s = random.standard_normal((tokens, case.layer.router.columns))
            s = np.round(s * 64) / 64
            if family == "ties":
                s = np.round(s)
            if family == "all equal":
                s[:] = 0
            if family == "all to one":
                s[:, 1] += 20
            if family == "one empty":
                s[:, 2] -= 20
            if family == "-inf":
                s[::2, 0] = -np.inf
            feeds[f"scores{i}"] = s
        yield family, {n: a.astype(np.float32) for n, a in feeds.items()}


def is_raised(said):
    return bool(re.search(r"(?<!not )\bproven\b", said)) and "undone" not in said


def compute(test, cases):
    """Compiles cases and compares them with ONNX Runtime. Of each: the case,
    whether its edit changes what it computes, and what is said of it."""
    random = np.random.default_rng(5)
    changed = set()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(cases, folder / "before.onnx", is_healthy=True)
        write(cases, folder / "edited.onnx")
        said = compile_model(folder / "edited.onnx", folder / "m.so")
        before = open_reference(folder / "before.onnx")
        edited = open_reference(folder / "edited.onnx")
        with moe_mlir.load(folder / "m.so") as model:
            for tokens in TOKENS:
                for family, feeds in inputs_of(cases, tokens, random):
                    got = model.run(feeds)
                    expected = run_reference(edited, feeds)
                    unedited = run_reference(before, feeds)
                    for i, case in enumerate(cases):
                        y = f"y{i}"
                        with test.subTest(case=str(case), T=tokens, scores=family):
                            error = difference(got[y], expected[y])
                            test.assertLessEqual(error, 1e-5)
                        if difference(unedited[y], expected[y]) > 1e-3:
                            changed.add(i)
    lines = [[] for _ in cases]
    for line in said.splitlines():
        if match := re.match(r"case(\d+)\b", line):
            lines[int(match[1])].append(line)
    return [(c, i in changed, "\n".join(lines[i])) for i, c in enumerate(cases)]


def check_refused(test, cases):
    """No case is raised, and each has a reason: what is said of each."""
    by_proof = 0
    lines = compute(test, cases)
    for case, changed, said in lines:
        with test.subTest(case=str(case), said=said):
            test.assertTrue(changed, "the defect changes nothing")
            test.assertFalse(is_raised(said))
            test.assertRegex(said, r"not raised: node \S+ \(\w+\): \S|undone")
        by_proof += "undone" in said
    print(f"{len(cases)} near-misses, {by_proof} refused by the proof")
    return [(case, said) for case, _, said in lines]
