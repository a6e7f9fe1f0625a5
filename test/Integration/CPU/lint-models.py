# RUN: %python -W error %s %models %src_root/examples/adamoe
"""Lint names the models that tracing froze, and no other."""

import subprocess
import sys
import unittest
from pathlib import Path

MODELS, EXAMPLE = map(Path, sys.argv[1:3])
del sys.argv[1:]
#: What the warning says, and of which node.
FROZEN = {
    "jetmoe.block.eager-ts": "0, 0, 2, 3, 3, 2, 6, 4",
    "switch_transformers.block.eager-ts": "takes it that 6 experts are selected",
}


class LintTest(unittest.TestCase):
    def lint(self, model):
        graph = subprocess.run(
            ["moe-compile", model, "--emit=onnx"], check=True, stdout=subprocess.PIPE
        ).stdout
        done = subprocess.run(
            ["moe-opt", "--moe-lint", "-o", "/dev/null"],
            input=graph,
            check=True,
            stderr=subprocess.PIPE,
        )
        return done.stderr.decode()

    def test_models(self):
        models = {path.parent.name: path for path in MODELS.glob("*/model.onnx")}
        models.update({path.stem: path for path in EXAMPLE.glob("*.onnx")})
        self.assertGreaterEqual(len(models), 21)
        for name, path in sorted(models.items()):
            with self.subTest(name):
                text = self.lint(path)
                expected = FROZEN.get(name)
                self.assertEqual(text.count("warning:"), 1 if expected else 0, text)
                self.assertIn(expected or "", text)

    def test_tool(self):
        # On by default, no error, with the node's name.
        model = MODELS / "jetmoe.block.eager-ts" / "model.onnx"
        done = subprocess.run(
            ["moe-compile", model, "--emit=moe", "-o", "/dev/null"],
            check=True,
            capture_output=True,
            text=True,
        )
        self.assertRegex(done.stderr, "warning: .*node '.*/Split': frozen routing: ")


if __name__ == "__main__":
    unittest.main()
