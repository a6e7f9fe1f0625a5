# RUN: %python -W error %s %src_root/examples/adamoe
"""The profile of the trained AdaMoE model: times add up to most of the run, and
FLOPs and bytes are what NumPy's count of the model and its stored loads say."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

EXAMPLE = Path(sys.argv.pop(1))
HIDDEN, EXPERTS, COLUMNS, SLOTS = 128, 8, 16, 3


class ProfileTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.stored = np.load(EXAMPLE / "adamoe.io.npz")
        for form in ("batched", "loop"):
            subprocess.run(
                [
                    "moe-compile",
                    EXAMPLE / f"adamoe.{form}.onnx",
                    "--instrument-profile",
                    "--emit=lib",
                    f"-o={cls.folder / form}.so",
                ],
                check=True,
                stderr=subprocess.DEVNULL,
            )

    def profile(self, form, **options):
        subprocess.run(
            [
                "moe-run",
                self.folder / f"{form}.so",
                f"--inputs={EXAMPLE / 'adamoe.io.npz'}",
                f"--report={self.folder / 'r.json'}",
                "--profile",
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return json.loads((self.folder / "r.json").read_text())

    def test_times_add_up(self):
        """Of one run: medians of several runs need not."""
        for form in ("batched", "loop"):
            shares = []
            for _ in range(5):
                report = self.profile(form, warmup=2)
                total = sum(step["time_us"] for step in report["profile"])
                run = report["time_ms"]["median"] * 1e3
                self.assertLessEqual(total, run)
                shares.append(total / run)
            # What disturbs a run may hit what is between the steps.
            self.assertGreaterEqual(max(shares), 0.5)

    def test_layers(self):
        tokens = self.stored["input_ids"].size
        for form in ("batched", "loop"):
            steps = self.profile(form, threads=1)["profile"]
            names = sorted({step["layer"] for step in steps} - {None})
            self.assertEqual(len(names), 4)
            for name, load in zip(names, self.stored["load"]):
                rows = round(float(load) * tokens)
                parts = {}
                for step in steps:
                    if step["layer"] == name:
                        parts.setdefault(step["computation"], []).append(step)
                self.assertLessEqual(
                    {"gate", "dispatch", "grouped_matmul", "combine"}, set(parts)
                )
                products = parts["grouped_matmul"]
                self.assertEqual(
                    sum(step["flops"] for step in products),
                    rows * 3 * 2 * HIDDEN * HIDDEN,
                )
                # Gate and up together, then down: all experts have rows here.
                matrices = 3 * EXPERTS * HIDDEN * HIDDEN * 4
                activations = (tokens + 3 * rows) * HIDDEN * 4
                self.assertGreaterEqual(
                    sum(step["bytes"] for step in products), matrices + activations
                )
                self.assertLessEqual(
                    sum(step["bytes"] for step in products),
                    matrices + activations + rows * 16,
                )
                (combine,) = parts["combine"]
                self.assertGreaterEqual(
                    combine["bytes"], (rows + tokens) * HIDDEN * 4 + tokens * SLOTS * 4
                )

    def test_products(self):
        """Four square matrices, the two products of attention, the router's
        projection in its gate or ahead of it, and the head."""
        batch, length = self.stored["input_ids"].shape
        for form in ("batched", "loop"):
            steps = self.profile(form)["profile"]
            flops = sum(
                step["flops"]
                for step in steps
                if step["computation"] in ("matmul", "gate") and step["flops"]
            )
            columns = 4 * 4 * HIDDEN + 4 * COLUMNS + 256
            linear = batch * length * HIDDEN * columns
            attention = 4 * 2 * batch * length * length * HIDDEN
            self.assertEqual(flops, 2 * (linear + attention))


if __name__ == "__main__":
    unittest.main()
