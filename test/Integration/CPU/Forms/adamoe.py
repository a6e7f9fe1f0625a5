# RUN: %model_python -W error %s %models
"""AdaMoE as its paper says: null columns that are copies leave Mixtral as it was,
no null columns are plain Mixtral, a token of null experts alone gives 0, weights
are normalised over true experts, and the work is load times one expert's."""

import json
import pathlib
import subprocess
import sys
import unittest

import numpy as np
import onnx
from onnx import helper, numpy_helper

from Inputs.graph import Graph
from Inputs.layers import Experts, Layer, Router
from Inputs.running import FolderTest, compile_model

MODELS = pathlib.Path(sys.argv[1])


def insert_after(graph, node, *new):
    position = list(graph.node).index(node) + 1
    for added in reversed(new):
        graph.node.insert(position, added)


def with_null_columns(model, nulls, k):
    """mixtral.lm with `nulls` copies of router columns, top-k, and weights over
    true experts only: AdaMoE before fine-tuning."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    arrays = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                arrays[node.output[0]] = numpy_helper.to_array(attribute.t)
    added = []

    def const(array):
        name = f"null_const_{len(added)}"
        added.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    producer = {name: node for node in graph.node for name in node.output}
    for topk in [n for n in graph.node if n.op_type == "TopK"]:
        values, indices = topk.output
        softmax = producer[topk.input[0]]
        gemm = producer[softmax.input[0]]
        router = arrays[gemm.input[1]]
        experts = router.shape[0]
        copies = np.concatenate([router, router[np.arange(nulls) % experts]])
        gemm.input[1] = const(copies)
        topk.input[1] = const(np.array([k]))
        prefix = topk.name + "_true"
        (total,) = [
            n for n in graph.node if n.op_type == "ReduceSum" and n.input[0] == values
        ]
        (share,) = [n for n in graph.node if n.op_type == "Div" and n.input[0] == values]
        total.input[0] = prefix + "_w"
        shared, share.output[0] = share.output[0], prefix + "_share"
        insert_after(
            graph,
            topk,
            helper.make_node("Less", [indices, const(np.array(experts))], [prefix]),
            helper.make_node("Cast", [prefix], [prefix + "_f"], to=1),
            helper.make_node("Mul", [values, prefix + "_f"], [prefix + "_w"]),
        )
        insert_after(
            graph,
            share,
            helper.make_node("Mul", [prefix + "_share", prefix + "_f"], [shared]),
        )
        # The shapes that name the number of slots.
        for node in graph.node:
            for i, name in enumerate(node.input):
                array = arrays.get(name)
                if array is None or array.dtype != np.int64 or array.ndim != 1:
                    continue
                if list(array) == [1, 2, 1]:
                    node.input[i] = const(np.array([1, k, 1]))
                elif len(array) == 3 and list(array[:2]) == [-1, 2]:
                    node.input[i] = const(np.array([-1, k, array[2]]))
    graph.initializer.extend(added)
    del graph.value_info[:]
    return model


class AdaMoETest(FolderTest):
    def compile(self, model):
        """A program that counts loads."""
        program = self.folder / (pathlib.Path(model).stem + ".run")
        compile_model(model, program, "--instrument-load")
        return program

    def run_program(self, program, inputs):
        """Outputs by name, and the report's layers."""
        np.savez(self.folder / "inputs.npz", **inputs)
        report = self.folder / "report.json"
        finished = subprocess.run(
            [program, "--inputs", self.folder / "inputs.npz"]
            + ["--output-dir", self.folder / "out", "--report", report],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(finished.returncode, 0, finished.stderr)
        outputs = {
            path.stem: np.load(path) for path in (self.folder / "out").glob("*.npy")
        }
        return outputs, json.loads(report.read_text())["moe_layers"]

    def test_initial_state_is_mixtral(self):
        """Null columns that are copies: ties break to the true expert."""
        folder = MODELS / "mixtral.lm.batched_mm"
        mixtral = onnx.load(folder / "model.onnx")
        stored = np.load(folder / "inputs.npz")
        (name,) = [i.name for i in mixtral.graph.input]
        plain = self.compile(folder / "model.onnx")
        for nulls, k in [(0, 2), (8, 3)]:
            path = self.folder / f"null{nulls}.onnx"
            onnx.save(with_null_columns(mixtral, nulls, k), str(path))
            program = self.compile(path)
            for key in stored:
                inputs = {name: stored[key]}
                expected, layers = self.run_program(plain, inputs)
                got, null_layers = self.run_program(program, inputs)
                with self.subTest(nulls=nulls, shape=stored[key].shape):
                    self.assertEqual(len(null_layers), 2)
                    for layer, null_layer in zip(layers, null_layers):
                        self.assertEqual(null_layer["load"], 2.0)
                        self.assertEqual(null_layer["null_experts"], nulls)
                        self.assertEqual(layer["counts"], null_layer["counts"])
                    for output in expected:
                        difference = np.abs(expected[output] - got[output]).max()
                        self.assertLessEqual(difference, 1e-5)

    def make_layer(self, router, random):
        """A layer of 4 true and 4 zero experts, top-3."""
        experts = Experts.make("swiglu", 4, 8, 12, random)
        route = Router(router, 8, 4, 3, np.zeros(8, np.float32))
        return Layer("gather", route, experts, "zero", np.zeros((4, 8), np.float32))

    def compile_layer(self, layer):
        g = Graph()
        names = g.input("x", ["T", 8]), g.input("scores", ["T", 8])
        g.output(layer.build(g, *names), "y", ["T", 8])
        g.save(self.folder / "layer.onnx")
        return self.compile(self.folder / "layer.onnx")

    def run_layer(self, program, x, scores):
        outputs, (said,) = self.run_program(program, {"x": x, "scores": scores})
        return outputs["y"], said

    def test_all_null_tokens_give_zero(self):
        random = np.random.default_rng(3)
        layer = self.make_layer("adamoe", random)
        x = random.standard_normal((5, 8)).astype(np.float32)
        scores = random.standard_normal((5, 8)).astype(np.float32)
        scores[:, 4:] += 30
        y, said = self.run_layer(self.compile_layer(layer), x, scores)
        self.assertTrue((y == 0).all())
        self.assertEqual((said["load"], said["expert_flops"]), (0, 0))

    def test_normalisations_differ_where_they_must(self):
        """Over all selected, or over true ones: they differ exactly for tokens
        that select both kinds."""
        random = np.random.default_rng(4)
        over_true = self.make_layer("adamoe", random)
        over_all = self.make_layer("mixtral", random)
        over_all.experts = over_true.experts
        x = random.standard_normal((200, 8)).astype(np.float32)
        scores = random.standard_normal((200, 8)).astype(np.float32)
        left, _ = self.run_layer(self.compile_layer(over_true), x, scores)
        right, _ = self.run_layer(self.compile_layer(over_all), x, scores)
        ids, _, _ = over_true.router.reference(scores)
        true = (ids < 4).sum(-1)
        both = (true > 0) & (true < 3)
        self.assertTrue(both.any() and (true == 0).any() and (true == 3).any())
        differs = np.abs(left - right).max(-1) > 1e-6
        np.testing.assert_array_equal(differs, both)

    def test_work_is_load_times_one_expert(self):
        """FLOPs, counted where they are done, against NumPy's routing."""
        random = np.random.default_rng(5)
        layer = self.make_layer("adamoe", random)
        cost = sum(2 * m.shape[1] * m.shape[2] for m in layer.experts.matrices)
        program = self.compile_layer(layer)
        for tokens in (0, 1, 33, 130):
            x = random.standard_normal((tokens, 8)).astype(np.float32)
            scores = random.standard_normal((tokens, 8)).astype(np.float32)
            _, said = self.run_layer(program, x, scores)
            ids, _, _ = layer.router.reference(scores)
            counts = [int((ids == e).sum()) for e in range(4)]
            self.assertEqual(said["tokens"], tokens)
            self.assertEqual(said["counts"], counts)
            self.assertEqual(said["expert_flops"], sum(counts) * cost)
            load = sum(counts) / tokens if tokens else None
            self.assertEqual(said["load"], load)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
