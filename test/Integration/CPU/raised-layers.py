# RUN: %python -W error %s %src_root
"""How many MoE layers of each model are raised and proven, and which are not."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop()).resolve()

# What differs from one layer in a block and two in a language model.
RAISED = {
    "adamoe.batched": 4,
    "adamoe.loop": 4,
    # Frozen by tracing: the graph fits only the tokens that it was traced with.
    "jetmoe.block.eager-ts": 0,
    "switch_transformers.block.eager-ts": 0,
}
# Layers that are named as not raised. Jetmoe's attention has experts, too: they
# make queries and outputs, not the sum of a layer.
NOT_RAISED = {
    "jetmoe.block.eager-ts": 1,
    "jetmoe.lm.batched_mm": 2,
    "switch_transformers.block.eager-ts": 1,
}


def models():
    """Path by name."""
    found = {f.parent.name: f for f in (ROOT / "test/models").glob("*/model.onnx")}
    found |= {f.stem: f for f in (ROOT / "examples/adamoe").glob("*.onnx")}
    return found


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
        found = models()
        self.assertEqual(len(found), 21)
        self.assertLessEqual(RAISED.keys() | NOT_RAISED.keys(), found.keys())
        for name, path in sorted(found.items()):
            with self.subTest(model=name):
                text, said = self.compile(path)
                raised = RAISED.get(name, 2 if ".lm." in name else 1)
                self.assertEqual(text.count(" = moe.experts "), raised, said)
                self.assertEqual(said.count("is proven"), raised, said)
                self.assertNotIn("moe.candidate", text)
                self.assertNotIn("undone", said)
                refused = re.findall(r"not raised: node \S+ \(\w+\): \S", said)
                self.assertEqual(len(refused), NOT_RAISED.get(name, 0), said)
                self.assertEqual(said.count("not raised"), len(refused), said)

    def test_attention_of_jetmoe_is_named(self):
        _, said = self.compile(models()["jetmoe.lm.batched_mm"])
        for line in said.splitlines():
            attention = line.split(":")[0].endswith(".self_attention")
            self.assertEqual("not raised" in line, attention, line)


if __name__ == "__main__":
    unittest.main()
