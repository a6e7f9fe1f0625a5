# RUN: %model_python -W error %s %src_root/examples/adamoe
"""The load of the trained AdaMoE model on its stored ids is PyTorch's, exactly.

FLOPs of experts, counted by the loops that do them, are load times the cost of
one expert: null experts cost nothing. Both spellings of the model; the report
of moe-run and the Python package.
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

import moe_mlir

EXAMPLE = Path(sys.argv.pop(1))
#: Two FLOPs per product of three matrices.
EXPERT_FLOPS = 2 * 3 * 128 * 128


class LoadTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.stored = np.load(EXAMPLE / "adamoe.io.npz")

    def check(self, loads):
        """`loads` has (load, tokens, counts, null slots, FLOPs) of each layer."""
        self.assertEqual(len(loads), 4)
        for stored, (load, tokens, counts, null_slots, flops) in zip(
            self.stored["load"], loads
        ):
            self.assertEqual(np.float32(load), stored)
            self.assertEqual(tokens, self.stored["input_ids"].size)
            self.assertEqual(len(counts), 8)
            self.assertEqual(sum(counts) + null_slots, 3 * tokens)
            self.assertEqual(flops, load * tokens * EXPERT_FLOPS)

    def test_package(self):
        library = moe_mlir.compile(
            EXAMPLE / "adamoe.loop.onnx",
            self.folder / "m.so",
            instrument_load=True,
            require_raise=True,
        )
        with moe_mlir.load(library) as model:
            self.assertEqual(
                [(layer.experts, layer.null_experts) for layer in model.layers],
                [(8, 8)] * 4,
            )
            model.run({"input_ids": self.stored["input_ids"]})
            self.check(
                [
                    (load.load, load.tokens, load.counts, load.null_slots, load.expert_flops)
                    for load in model.get_layer_loads()
                ]
            )

    def test_report(self):
        subprocess.run(
            [
                "moe-run",
                EXAMPLE / "adamoe.batched.onnx",
                f"--inputs={EXAMPLE / 'adamoe.io.npz'}",
                f"--report={self.folder / 'r.json'}",
                "--repeat=2",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        report = json.loads((self.folder / "r.json").read_text())
        keys = ("load", "tokens", "counts", "null_slots", "expert_flops")
        self.check([tuple(layer[key] for key in keys) for layer in report["moe_layers"]])


if __name__ == "__main__":
    unittest.main()
