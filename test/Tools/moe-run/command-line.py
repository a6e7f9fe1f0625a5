# RUN: %python -W error %s
"""moe-run on models, text and libraries. The flags that it shares with compiled
executables are tested in test/Driver."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np

MODEL = """<ir_version: 10, opset_import: ["" : 22]>
small (float[T, 2] x) => (float[T, 2] y) { y = Exp (x) }
"""
TEXT = """\
func.func @main(%x: tensor<?x2xf32> {rt.name = "x", rt.dims = ["T", ""]})
    -> (tensor<?x2xf32> {rt.name = "y", rt.dims = ["T", ""]}) {
  %0 = onnx.Exp %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}
"""


class MoeRunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        (cls.folder / "m.onnxtxt").write_text(MODEL)
        (cls.folder / "m.mlir").write_text(TEXT)
        (cls.folder / "tmp").mkdir()
        subprocess.run(
            ["moe-compile", "m.mlir", "--emit=lib"], cwd=cls.folder, check=True
        )
        x = np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2)
        np.savez(cls.folder / "in.npz", x=x)
        np.savez(cls.folder / "right.npz", y=np.exp(x))
        np.savez(cls.folder / "wrong.npz", y=np.exp(x) + 1)

    def test_signal_while_compiling(self):
        """Neither its own temporary folder nor the compiler's in it is left."""
        temporary = self.folder / "tmp"
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with subprocess.Popen(
            ["moe-run", "m.onnxtxt", "--inputs=in.npz"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(temporary)},
        ) as run:
            while run.poll() is None:
                if list(temporary.glob("moe-run-*/.moe-compile-*")):
                    run.terminate()
                    break
                time.sleep(0.001)
        self.assertEqual(run.returncode, -signal.SIGTERM)
        self.assertEqual(list(temporary.glob("moe-run-*")), [])

    def check(self, code, *flags, out="", err="", **environment):
        done = subprocess.run(
            ["moe-run", *flags],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=50,
            env={**os.environ, "TMPDIR": str(self.folder / "tmp"), **environment},
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(out, done.stdout)
        self.assertIn(err, done.stderr)
        if code != 0:
            self.assertIn("error: ", done.stderr)
        # What it compiled and compared in is gone (`.ses` is ONNX Runtime's).
        left = [name for name in os.listdir(self.folder / "tmp") if name != ".ses"]
        self.assertEqual(left, [])
        return done

    def test_kinds_of_models(self):
        for name in ("m.onnxtxt", "m.mlir", "m.so", "./m.so"):
            with self.subTest(name):
                inputs = [name, "--inputs=in.npz"]
                self.check(0, *inputs, out="y: float32[3,2]")
                self.check(0, *inputs, "--compare-with=right.npz", out="y: ")
                self.check(1, *inputs, "--compare-with=wrong.npz", out="DIFFERENT")
                self.check(0, name, "--help", out="x  float32[T,2]")

    def test_wrong_models(self):
        (self.folder / "bad.mlir").write_text(TEXT[:100])
        (self.folder / "bad.so").write_text(TEXT)
        for name, message in {
            "none.onnx": "No such file",
            "none.so": "none.so",
            "bad.mlir": "could not be compiled",
            "bad.so": "cannot open 'bad.so'",
            "in.npz": "neither a model",
        }.items():
            with self.subTest(name):
                self.check(1, name, "--inputs=in.npz", err=message)

    def test_wrong_usage(self):
        for flags in (
            [],
            ["--inputs=in.npz"],
            ["m.so", "m.so"],
            ["m.so", "--frobnicate"],
            ["m.so", "--repeat=0"],
            ["m.so", "--warmup=-1"],
            ["m.so", "--input=x"],
        ):
            with self.subTest(flags):
                self.check(2, *flags, err="--help")

    def test_onnxruntime(self):
        # It takes binary models only: made of the text by the onnx package.
        import onnx
        import onnx.parser

        onnx.save(onnx.parser.parse_model(MODEL), self.folder / "m.onnx")
        flags = ["--inputs=in.npz", "--compare-with=onnxruntime"]
        self.check(0, "m.onnx", *flags, out="y: ", MOE_PYTHON=sys.executable)
        self.check(1, "m.onnx", *flags, err="MOE_PYTHON", MOE_PYTHON="/bin/false")
        self.check(1, "m.onnx", *flags, err="MOE_PYTHON", MOE_PYTHON="/none")

    def test_profile(self):
        """A model file is compiled for it; a library must have been."""
        done = self.check(0, "m.mlir", "--inputs=in.npz", "--profile")
        self.assertIn("elementwise", done.stderr)
        self.check(
            1,
            "m.so",
            "--inputs=in.npz",
            "--profile",
            err="--profile: no step of the model is timed; compile it with "
            "moe-compile --instrument-profile",
        )

    def test_report(self):
        flags = ["--inputs=in.npz", "--compare-with=right.npz", "--report=r.json"]
        self.check(0, "m.so", *flags, "--repeat=4", "--warmup=1", out="4 runs")
        report = json.loads((self.folder / "r.json").read_text())
        self.assertEqual(list(report), ["outputs", "time_ms", "moe_layers"])
        self.assertEqual(report["time_ms"]["runs"], 4)
        y = report["outputs"]["y"]
        self.assertEqual((y["dtype"], y["dims"], y["equal"]), ("float32", [3, 2], True))
        self.assertLessEqual(y["largest_difference"], 1e-6)


if __name__ == "__main__":
    unittest.main()
