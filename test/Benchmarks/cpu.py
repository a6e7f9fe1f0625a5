# RUN: %model_python -W error %s %src_root/benchmarks
"""What `./dev bench cpu` compares is the same work: layers and models for all sides
compute what float64, or ONNX Runtime on the plain model, computes. Its processes
answer, its sums are right, and what fails or differs is said."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx

BENCHMARKS = sys.argv.pop()
sys.path.insert(0, BENCHMARKS)

from cpu.bench import Goal, Line, Table  # noqa: E402
from cpu.forms import write_mlir, write_onnx  # noqa: E402
from cpu.layers import ROUTINGS, Layer, choose, make_case, read_weights  # noqa: E402
from cpu.layers import reference, write_weights  # noqa: E402
from cpu.report import format_table, summarise  # noqa: E402
from cpu.sides import OnnxRuntime, Ours  # noqa: E402
from cpu.widen import Widths, replace_layers, widen  # noqa: E402
from cpu.workers import Failed, Side, Times, Worker, check  # noqa: E402

MODELS = Path(BENCHMARKS).parent / "test" / "models"


def compile_library(model: Path) -> str:
    library = model.with_suffix(".so")
    command = ["moe-compile", model, "-o", library, "--emit=lib"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return str(library)


def compute(side, arrays: dict) -> np.ndarray:
    side.prepare(arrays)
    side.run()
    return side.output()


class Work(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def make_layer(self, layer: Layer) -> list:
        write_weights(layer, self.folder / "weights.bin")
        write_mlir(layer, self.folder / "weights.bin", self.folder / "layer.mlir")
        return read_weights(layer, self.folder / "weights.bin")

    def test_layers(self):
        layer = Layer("tiny", 5, 24, 17, 2)
        weights = self.make_layer(layer)
        write_onnx(layer, weights, self.folder / "layer.onnx")
        sides = {
            "ours": Ours(1, compile_library(self.folder / "layer.mlir")),
            "onnxruntime": OnnxRuntime(1, str(self.folder / "layer.onnx")),
        }
        for tokens in [1, 9]:
            for routing in ROUTINGS:
                with self.subTest(tokens=tokens, routing=routing):
                    case = make_case(layer, choose(layer, tokens, routing))
                    self.assertEqual(len(set(case["ids"][0])), layer.slots)
                    expected = reference(layer, weights, case, np.arange(tokens))
                    check(
                        {name: compute(side, case) for name, side in sides.items()},
                        expected,
                    )

    def test_null_columns(self):
        layer = Layer("tiny", 5, 24, 17, 4, zeros=5)
        weights = self.make_layer(layer)
        case = make_case(layer, choose(layer, 6, "uniform", nulls=2))
        side = Ours(1, compile_library(self.folder / "layer.mlir"))
        expected = reference(layer, weights, case, np.arange(6))
        check({"ours": compute(side, case)}, expected)

    def test_widened_models(self):
        ids = {"input_ids": np.random.default_rng(0).integers(0, 96, (1, 33))}
        for family in ["mixtral", "gpt_oss"]:
            with self.subTest(family):
                model = onnx.load(MODELS / f"{family}.lm.batched_mm" / "model.onnx")
                self.assertGreater(widen(model, Widths(2, 80)), 250_000)
                # The system knows an open library by its path.
                plain = self.folder / f"{family}.onnx"
                operator = self.folder / f"{family}.operator.onnx"
                onnx.save(model, plain)
                replace_layers(model)
                self.assertEqual([n.op_type for n in model.graph.node].count("MoE"), 2)
                self.assertNotIn("TopK", [n.op_type for n in model.graph.node])
                onnx.save(model, operator)
                expected = compute(OnnxRuntime(1, str(plain)), ids)
                results = {
                    "operator": compute(OnnxRuntime(1, str(operator)), ids),
                    "ours": compute(Ours(1, compile_library(plain)), ids),
                }
                check(results, expected)


class Processes(unittest.TestCase):
    def test_answers(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            layer = Layer("tiny", 3, 8, 8, 1)
            write_weights(layer, folder / "weights.bin")
            weights = read_weights(layer, folder / "weights.bin")
            write_onnx(layer, weights, folder / "layer.onnx")
            case = make_case(layer, choose(layer, 4, "uniform"))
            np.savez(folder / "case.npz", **case)
            side = Side("onnxruntime", {"model": str(folder / "layer.onnx")})
            worker = Worker("peer", side, 1)
            try:
                saved = folder / "y.npy"
                worker.ask({"prepare": str(folder / "case.npz"), "save": str(saved)})
                self.assertGreater(worker.ask({"time": 0.001}), 0)
                expected = reference(layer, weights, case, np.arange(4))
                check({"peer": np.load(saved)}, expected)
                # A failure is said, and the next request answered.
                with self.assertRaisesRegex(Failed, "peer: FileNotFoundError"):
                    worker.ask({"prepare": str(folder / "none.npz")})
                self.assertGreater(worker.ask({"time": 0.001}), 0)
            finally:
                worker.close()

    def test_ends_early(self):
        with self.assertRaisesRegex(Failed, "ours: OSError"):
            Worker("ours", Side("ours", {"library": "/none.so"}), 1)


class CommandLine(unittest.TestCase):
    def test_rows_of_an_isa(self):
        done = subprocess.run(
            [sys.executable, "-m", "cpu", "models", "--isa", "avx2"],
            cwd=BENCHMARKS,
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn("--isa avx2: ONNX Runtime cannot be held to it", done.stderr)


class Sums(unittest.TestCase):
    def test_ratio_is_within_rounds(self):
        # A slow second hits both: the ratio does not see it.
        times = Times({"ours": [1, 10, 1], "a": [2, 20, 2], "b": [3, 3, 9]}, 1, 1)
        self.assertEqual(times.ratio("a", "ours"), 2)
        self.assertEqual(times.fastest(["a", "b"]), "a")

    def test_differences_are_said(self):
        good = np.ones((2, 3))
        for bad in [good * 1.001, good * np.nan, np.ones((2, 4))]:
            with self.assertRaisesRegex(Failed, "bad: "):
                check({"good": good, "bad": bad}, good)

    def test_report(self):
        table = Table(
            "t", "Title", {"a / b": Goal(1.0, 2.0, 1.5), "c": Goal(None, None)}
        )
        table.lines = [
            Line("one", 1, {"ours": 1.0}, {"a / b": 0.5, "c": 0.9}, {"c": 0.8}),
            Line("two", 2, {"ours": 2.0}, {"a / b": 2.0, "c": 0.1}),
            Line("three", 2, failed="ours: wrong by | 1"),
        ]
        text = "\n".join(format_table(table))
        self.assertIn("| one | 1 | 1 | **0.50** | 0.90 |", text)
        self.assertIn("failed: ours: wrong by \\| 1", text)
        summary = summarise([table])
        said = "| 0.50 | 1.00 | 1 of 2 miss it, the geomean misses; 1 failed |"
        self.assertIn(said, summary)
        self.assertIn("| 0.90 | 0.90 | all reach it; 1 failed |", summary)
        empty = Table("u", "Empty", {"x": Goal(1.6, 2.0)}, note="not measured: no flag")
        self.assertIn("| ≥ 1.6 | not measured: no flag | | |", summarise([empty]))


if __name__ == "__main__":
    unittest.main()
