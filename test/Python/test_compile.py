# RUN: %python -W error %s
"""Tests of moe_mlir.compile against a stand-in for moe-compile."""

import os
import stat
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import moe_mlir

STAND_IN = """#!/bin/sh
# Writes its arguments to the file after -o, or fails if the model says so.
case "$1" in *odd*) echo "warning: node 'y': odd" >&2; echo "layer: 8 experts" >&2;; esac
case "$1" in *bad*) echo "error: node 'x' is not supported" >&2; exit 1;; esac
printf '%s\\n' "$@" > "$3"
"""


class CompileTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.compiler = self.folder / "moe-compile"
        self.compiler.write_text(STAND_IN)
        self.compiler.chmod(self.compiler.stat().st_mode | stat.S_IXUSR)
        self.model = self.folder / "model.onnx"
        self.model.touch()

    def test_flags(self):
        result = moe_mlir.compile(
            self.model,
            compiler=self.compiler,
            target_cpu="native",
            dim={"batch": 1, "sequence": 64},
            require_raise=True,
            save_stages=None,
        )
        self.assertEqual(result, self.folder / "model.so")
        self.assertEqual(
            result.read_text().split("\n")[3:-1],
            [
                "--emit=lib",
                "--target-cpu=native",
                "--dim=batch=1",
                "--dim=sequence=64",
                "--require-raise",
            ],
        )

    def test_output_and_stage(self):
        output = self.folder / "other.mlir"
        result = moe_mlir.compile(
            self.model, output, compiler=self.compiler, emit="tensor"
        )
        self.assertEqual(result, output)
        self.assertIn("--emit=tensor", output.read_text())

    def test_error(self):
        bad = self.folder / "bad.onnx"
        bad.touch()
        with self.assertRaisesRegex(moe_mlir.CompileError, "node 'x'") as caught:
            moe_mlir.compile(bad, compiler=self.compiler)
        self.assertEqual(caught.exception.returncode, 1)

    def test_warning(self):
        odd = self.folder / "odd.onnx"
        odd.touch()
        with self.assertWarnsRegex(moe_mlir.CompileWarning, "^node 'y': odd$"):
            moe_mlir.compile(odd, compiler=self.compiler)

    def test_missing_model(self):
        with self.assertRaisesRegex(FileNotFoundError, "no model at"):
            moe_mlir.compile(self.folder / "none.onnx", compiler=self.compiler)

    def test_compiler_from_the_environment(self):
        with mock.patch.dict(os.environ, {"MOE_COMPILE": str(self.compiler)}):
            self.assertEqual(moe_mlir.find_compiler(), self.compiler)
        with mock.patch.dict(os.environ, {"PATH": str(self.folder), "MOE_COMPILE": ""}):
            self.assertEqual(moe_mlir.find_compiler(), self.compiler)

    def test_no_compiler(self):
        with self.assertRaisesRegex(FileNotFoundError, "is no program"):
            moe_mlir.find_compiler(self.folder / "nothing")


if __name__ == "__main__":
    unittest.main()
