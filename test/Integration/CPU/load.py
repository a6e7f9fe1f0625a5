# RUN: %model_python -W error %s
"""What runs count of MoE layers is what NumPy's routing says, exactly.

Layers are written at stage `moe`: router ids with and without elimination, ids
that come from outside, bodies that become grouped matmuls and bodies that
become loops. FLOPs are those of the experts' rows that really ran.
"""

import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np

import moe_mlir

HIDDEN = 6
KINDS = {
    "all experts": "ffn = 5",
    "zero experts behind": "ffn = 4, zero = 4",
    "runs of all kinds": "zero = 2, ffn = 2, copy = 1, ffn = 1, constant = 2",
}


def parse_kinds(text):
    """One kind per id."""
    runs = [run.split(" = ") for run in text.split(", ")]
    return [kind for kind, count in runs for _ in range(int(count))]


def swiglu(inner):
    """A body that becomes grouped matmuls: its weights, text and FLOPs."""
    body = f"""
    %h = onnx.MatMul %r, %a : (tensor<?x{HIDDEN}xf32>, tensor<{HIDDEN}x{inner}xf32>) -> tensor<?x{inner}xf32>
    %u = onnx.MatMul %r, %b : (tensor<?x{HIDDEN}xf32>, tensor<{HIDDEN}x{inner}xf32>) -> tensor<?x{inner}xf32>
    %s = onnx.Swish %h : (tensor<?x{inner}xf32>) -> tensor<?x{inner}xf32>
    %g = onnx.Mul %s, %u : (tensor<?x{inner}xf32>, tensor<?x{inner}xf32>) -> tensor<?x{inner}xf32>
    %o = onnx.MatMul %g, %c : (tensor<?x{inner}xf32>, tensor<{inner}x{HIDDEN}xf32>) -> tensor<?x{HIDDEN}xf32>"""
    shapes = [(HIDDEN, inner), (HIDDEN, inner), (inner, HIDDEN)]
    return shapes, body, 3 * 2 * HIDDEN * inner


def normalised():
    """A body that no grouped matmul is: it needs whole rows between products."""
    matrix = f"tensor<{HIDDEN}x{HIDDEN}xf32>"
    rows = f"tensor<?x{HIDDEN}xf32>"
    body = f"""
    %h = onnx.MatMul %r, %a : ({rows}, {matrix}) -> {rows}
    %s = onnx.Softmax %h {{axis = 1 : i64}} : ({rows}) -> {rows}
    %o = onnx.MatMul %s, %b : ({rows}, {matrix}) -> {rows}"""
    return [(HIDDEN, HIDDEN)] * 2, body, 2 * 2 * HIDDEN * HIDDEN


def tensor(shape, element="f32"):
    return "tensor<" + "".join(f"{d}x" for d in shape) + element + ">"


def write_layer(kinds, form, routed, slots, weights=None):
    """A module with one layer. Weights are inputs unless they are given."""
    ids = parse_kinds(kinds)
    experts, constants = ids.count("ffn"), ids.count("constant")
    shapes, body, _ = form
    arguments = [("x", tensor(("?", HIDDEN)))]
    arguments.append(
        ("scores", tensor(("?", len(ids))))
        if routed
        else ("ids", tensor(("?", slots), "i32"))
    )
    lines = []
    names = []
    for i, shape in enumerate(shapes):
        kind = tensor((experts, *shape))
        names.append((f"w{i}", kind))
        if weights is None:
            arguments.append((f"w{i}", kind))
        else:
            values = str(weights[i].tolist())
            lines.append(f"%w{i} = onnx.Constant dense<{values}> : {kind}")
    if constants:
        arguments.append(("constants", tensor((constants, HIDDEN))))
    if routed:
        lines.append(
            f"%ids, %weights = moe.route scores(%scores : {arguments[1][1]}) "
            f"{{select = #moe.topk<{slots}>}} -> {tensor(('?', slots), 'i32')}, "
            f"{tensor(('?', slots))}"
        )
    signature = ", ".join(
        f'%{name}: {kind} {{rt.name = "{name}"}}' for name, kind in arguments
    )
    rows = tensor(("?", HIDDEN))
    stacked = ", ".join(f"%{name}" for name, _ in names)
    stacked_types = ", ".join(kind for _, kind in names)
    slices = "".join(
        f", %{letter}: {tensor(shape)}" for letter, shape in zip("abc", shapes)
    )
    weight, weight_type = (
        (", %weights", f", {tensor(('?', slots))}") if routed else ("", "")
    )
    row_constants = (
        f"constants(%constants : {tensor((constants, HIDDEN))})" if constants else ""
    )
    text = "\n  ".join(lines)
    return f"""
func.func @main({signature}) -> {rows} {{
  {text}
  %y = moe.experts %ids{weight} rows(%x : {rows}) stacked({stacked} : {stacked_types})
      {row_constants} {{experts = #moe.kinds<{kinds}>}}
      : {tensor(("?", slots), "i32")}{weight_type} -> {rows} {{
  ^bb0(%r: {rows}{slices}):{body}
    moe.yield %o : {rows}
  }} loc("layers.7.moe")
  return %y : {rows}
}}
"""


def select(scores, slots):
    """Greatest first, NaN ahead of all, of equal ones the lowest index."""
    return np.lexsort(
        (np.broadcast_to(np.arange(scores.shape[1]), scores.shape), -scores, ~np.isnan(scores)),
        axis=1,
    )[:, :slots]


def make_scores(tokens, columns, seed):
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((tokens, columns)).astype(np.float32)
    if tokens > 4:
        scores[0] = 0  # ties
        scores[1] = np.nan
        scores[2] = -np.inf
        scores[3:5] = np.arange(columns)  # one expert for all
    return scores


class LoadTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def compile(self, text, **options):
        (self.folder / "m.mlir").write_text(text)
        return moe_mlir.compile(self.folder / "m.mlir", **options)

    def make_inputs(self, model, tokens, routing):
        rng = np.random.default_rng(tokens)
        inputs = {}
        for value in model.inputs:
            shape = [tokens if dim is None else dim for dim in value.dims]
            if value.name in ("scores", "ids"):
                inputs[value.name] = routing
            else:
                inputs[value.name] = rng.standard_normal(shape).astype(np.float32)
        return inputs

    def check(self, model, kinds, form, slots, ids, runs=None):
        """Compares the last run's numbers with those of `ids`. `runs[e]`: the
        expert that runs in place of e."""
        ids_of_kind = parse_kinds(kinds)
        experts = [i for i, kind in enumerate(ids_of_kind) if kind == "ffn"]
        (load,) = model.get_layer_loads()
        self.assertEqual(load.name, "layers.7.moe")
        self.assertEqual(load.tokens, len(ids))
        counts = tuple(int((ids == e).sum()) for e in experts)
        self.assertEqual(load.counts, counts)
        self.assertEqual(load.null_slots, ids.size - sum(counts))
        if len(ids):
            self.assertEqual(load.load, sum(counts) / len(ids))
        rows = sum(counts)
        if runs:
            rows = sum(
                len({runs[e] for e in row if e in experts}) for row in ids.tolist()
            )
        self.assertEqual(load.expert_flops, rows * form[2])

    def test_router(self):
        # More columns than one block of the matmul's loops has.
        forms = {"matmuls": swiglu(300), "loop": normalised()}
        for seed, (kind, kinds) in enumerate(KINDS.items()):
            for name, form in forms.items():
                with self.subTest(kinds=kind, body=name):
                    text = write_layer(kinds, form, routed=True, slots=3)
                    library = self.compile(text, instrument_load=True)
                    with moe_mlir.load(library) as model:
                        (layer,) = model.layers
                        self.assertTrue(layer.counted)
                        columns = len(parse_kinds(kinds))
                        for tokens in (7, 0, 1, 2, 33):
                            scores = make_scores(tokens, columns, seed)
                            model.run(self.make_inputs(model, tokens, scores))
                            self.check(model, kinds, form, 3, select(scores, 3))

    def test_ids_from_outside(self):
        kinds = KINDS["runs of all kinds"]
        columns = len(parse_kinds(kinds))
        form = swiglu(10)
        text = write_layer(kinds, form, routed=False, slots=2)
        library = self.compile(text, instrument_load=True)
        with moe_mlir.load(library) as model:
            for tokens in (33, 0, 1):
                ids = np.random.default_rng(tokens).permuted(
                    np.tile(np.arange(-1, columns, dtype=np.int32), (tokens, 1)), axis=1
                )[:, :2]
                model.run(self.make_inputs(model, tokens, np.ascontiguousarray(ids)))
                self.check(model, kinds, form, 2, ids)

    def test_merged_experts(self):
        # Expert 2 is a copy of expert 0, and expert 1 is zero: both are counted
        # where they are selected, and neither runs.
        kinds = "ffn = 4, zero = 2"
        form = normalised()
        rng = np.random.default_rng(5)
        weights = rng.integers(-4, 4, (2, 4, HIDDEN, HIDDEN)).astype(np.float32)
        weights[:, 2] = weights[:, 0]
        text = write_layer(kinds, form, True, slots=3, weights=weights)
        library = self.compile(text, instrument_load=True)
        with moe_mlir.load(library) as model:
            scores = make_scores(33, 6, 1)
            model.run(self.make_inputs(model, 33, scores))
            runs = {0: 0, 1: 1, 2: 0, 3: 3}
            self.check(model, kinds, form, 3, select(scores, 3), runs)

    def test_without_counters(self):
        text = write_layer("ffn = 4, zero = 4", swiglu(10), routed=True, slots=3)
        library = self.compile(text)
        symbols = subprocess.run(
            ["llvm-nm", "--no-sort", self.compile(text, emit="obj")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.assertNotIn("moe_rt_count", symbols)
        with moe_mlir.load(library) as model:
            info = moe_mlir.LayerInfo("layers.7.moe", 4, 4, 3, False)
            self.assertEqual(model.layers, (info,))
            with self.assertRaisesRegex(moe_mlir.Error, "--instrument-load"):
                model.get_layer_loads()

    def test_same_bits(self):
        text = write_layer(KINDS["runs of all kinds"], swiglu(10), True, slots=3)
        outputs = []
        for counted in (False, True):
            library = self.compile(text, instrument_load=counted)
            with moe_mlir.load(library) as model:
                scores = np.random.default_rng(3).standard_normal((33, 8))
                inputs = self.make_inputs(model, 33, scores.astype(np.float32))
                outputs.append(model.run(inputs))
        for name, array in outputs[0].items():
            np.testing.assert_array_equal(array, outputs[1][name])


if __name__ == "__main__":
    unittest.main()
