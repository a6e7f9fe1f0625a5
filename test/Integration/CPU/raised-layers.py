# RUN: %python -W error %s %src_root
"""How many MoE layers of each model are raised and proven, and which are not."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from Forms.Inputs.models import FROZEN, count_layers, find_models

ROOT = sys.argv.pop()

# Layers that are named as not raised. Jetmoe's attention has experts, too: they
# make queries and outputs, not the sum of a layer.
NOT_RAISED = dict.fromkeys(FROZEN, 1) | {"jetmoe.lm.batched_mm": 2}


class RaisedLayersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.text = pathlib.Path(folder.name) / "m.mlir"

    def compile(self, model):
        """The text of stage moe-opt, and what is said of the layers."""
        finished = subprocess.run(
            ["moe-compile", model, "--emit=moe-opt", "-o", self.text],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(finished.returncode, 0, finished.stderr)
        return self.text.read_text(), finished.stderr

    def test_all(self):
        found = find_models(ROOT)
        self.assertEqual(len(found), 21)
        self.assertLessEqual(NOT_RAISED.keys(), found.keys())
        for name, path in found.items():
            with self.subTest(model=name):
                text, said = self.compile(path)
                raised = count_layers(name)
                self.assertEqual(text.count(" = moe.experts "), raised, said)
                self.assertEqual(said.count("is proven"), raised, said)
                self.assertNotIn("moe.candidate", text)
                self.assertNotIn("undone", said)
                refused = re.findall(r"not raised: node \S+ \(\w+\): \S", said)
                self.assertEqual(len(refused), NOT_RAISED.get(name, 0), said)
                self.assertEqual(said.count("not raised"), len(refused), said)

    def test_attention_of_jetmoe_is_named(self):
        _, said = self.compile(find_models(ROOT)["jetmoe.lm.batched_mm"])
        for line in said.splitlines():
            attention = line.split(":")[0].endswith(".self_attention")
            self.assertEqual("not raised" in line, attention, line)


if __name__ == "__main__":
    unittest.main()
