# RUN: %model_python -W error %s %src_root
"""Runs that must be refused: each gives a status and a message through C (in
ctypes), the executable and the Python package, never an output or a crash."""

import ctypes
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

import moe_mlir
from moe_mlir import Status, _abi

EXAMPLE = Path(sys.argv.pop(1)) / "examples" / "adamoe"

# Everything that depends on data: an index, a shape, dims that must agree.
MODEL = """<ir_version: 10, opset_import: ["" : 22]>
hostile (float[T, 4] x, float[T] y, int64[N] i, int64[2] s) => (float[N, 4] g, float[A, B] r, float[T, 4] a) {
  g = Gather <axis = 0> (x, i)
  r = Reshape (x, s)
  two = Constant <value = int64[2] {-1, 1}> ()
  column = Reshape (y, two)
  a = Add (x, column)
}
"""


class HostileRunsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        (cls.folder / "m.onnxtxt").write_text(MODEL)
        cls.library = moe_mlir.compile(cls.folder / "m.onnxtxt")
        cls.program = moe_mlir.compile(
            cls.folder / "m.onnxtxt", cls.folder / "m", emit="exe"
        )
        cls.model = moe_mlir.load(cls.library)
        cls.addClassCleanup(cls.model.close)
        cls.good = {
            "x": np.arange(12, dtype=np.float32).reshape(3, 4),
            "y": np.ones(3, np.float32),
            "i": np.array([0, 2, -1]),
            "s": np.array([2, 6]),
        }

    def refuse_python(self, model, inputs, status, *words):
        with self.assertRaises(moe_mlir.Error) as caught:
            model.run(inputs)
        self.assertEqual(caught.exception.status, status, caught.exception)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def refuse_program(self, program, inputs, *words, flags=(), limit=""):
        np.savez(self.folder / "in.npz", **inputs)
        out = self.folder / "out"
        command = [program, "--inputs=in.npz", f"--output-dir={out}", *flags]
        done = subprocess.run(
            ["sh", "-c", f'{limit} exec "$@"', "-", *command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=50,
        )
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stderr.count("error: "), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(out.exists())

    def refuse(self, status, *words, **changed):
        inputs = {**self.good, **changed}
        self.refuse_python(self.model, inputs, status, *words)
        self.refuse_program(self.program, inputs, *words)
        # The context still runs.
        outputs = self.model.run(self.good)
        np.testing.assert_array_equal(outputs["g"], self.good["x"][[0, 2, 2]])
        np.testing.assert_array_equal(outputs["r"], self.good["x"].reshape(2, 6))
        np.testing.assert_array_equal(outputs["a"], self.good["x"] + 1)

    # The caller's mistakes

    def test_dtype(self):
        self.refuse(Status.INVALID_ARGUMENT, "'x'", "float32[T,4]", "float64[3,4]",
                    x=self.good["x"].astype(np.float64))
        self.refuse(Status.INVALID_ARGUMENT, "'i'", "int64", "int32",
                    i=np.zeros(3, np.int32))

    def test_rank_and_dims(self):
        self.refuse(Status.INVALID_ARGUMENT, "'x'", "float32[3]",
                    x=np.zeros(3, np.float32))
        self.refuse(Status.INVALID_ARGUMENT, "'x'", "float32[3,5]",
                    x=np.zeros((3, 5), np.float32))
        self.refuse(Status.INVALID_ARGUMENT, "T", "3", "2", y=np.ones(2, np.float32))
        self.refuse(Status.INVALID_ARGUMENT, "'s'", s=np.array([2, 3, 2]))

    def test_strides(self):
        """Files are contiguous: only callers can get this wrong."""
        inputs = {**self.good, "x": np.zeros((4, 3), np.float32).T}
        self.refuse_python(
            self.model, inputs, Status.INVALID_ARGUMENT, "'x'", "contiguous"
        )
        inputs["x"] = np.zeros((3, 8), np.float32)[:, ::2]
        self.refuse_python(
            self.model, inputs, Status.INVALID_ARGUMENT, "'x'", "contiguous"
        )
        inputs["x"] = np.zeros((6, 4), np.float32)[::-2]
        self.refuse_python(
            self.model, inputs, Status.INVALID_ARGUMENT, "'x'", "contiguous"
        )

    # The model's own preconditions

    def test_indices(self):
        for index in (3, -4, 2**62, -(2**63)):
            self.refuse(Status.PRECONDITION_FAILED, "node 'g'", i=np.array([0, index]))

    def test_reshape(self):
        for shape in ([5, 2], [7, -1], [-1, -1], [-2, 6], [2**62, 8], [2**62, 4]):
            self.refuse(Status.PRECONDITION_FAILED, "node 'r'", s=np.array(shape))

    def test_empty(self):
        inputs = {
            "x": np.zeros((0, 4), np.float32),
            "y": np.zeros(0, np.float32),
            "i": np.zeros(0, np.int64),
            "s": np.array([0, 4]),
        }
        outputs = self.model.run(inputs)
        self.assertEqual(outputs["g"].shape, (0, 4))
        self.refuse_python(
            self.model,
            {**inputs, "i": np.array([0])},
            Status.PRECONDITION_FAILED,
            "node 'g'",
        )

    # C: what no array can express

    def run_c(self, *tensors, count=None, outputs=3):
        library = self.model._library
        context = ctypes.c_void_p()
        self.assertEqual(library.moe_create(None, ctypes.byref(context)), 0)
        inputs = (_abi.Tensor * len(tensors))(*tensors)
        results = (_abi.Tensor * 4)()
        status = library.moe_run(
            context, inputs, len(tensors) if count is None else count, results, outputs
        )
        message = library.moe_last_error(context).decode()
        library.moe_destroy(context)
        return status, message

    def make_tensors(self):
        arrays = [self.good[name] for name in "xyis"]
        tensors = []
        for array in arrays:
            shape = (ctypes.c_int64 * array.ndim)(*array.shape)
            code = 2 if array.dtype == np.float32 else 0
            tensors.append(
                _abi.Tensor(
                    array.ctypes.data,
                    _abi.Device(1, 0),
                    array.ndim,
                    _abi.DType(code, 8 * array.itemsize, 1),
                    shape,
                    None,
                    0,
                )
            )
        return tensors

    def test_c(self):
        self.assertEqual(self.run_c(*self.make_tensors())[0], 0)

        def change(**fields):
            tensors = self.make_tensors()
            for name, value in fields.items():
                setattr(tensors[0], name, value)
            status, message = self.run_c(*tensors)
            self.assertEqual(status, Status.INVALID_ARGUMENT, message)
            self.assertIn("'x'", message)

        change(data=None)
        change(shape=None)
        change(ndim=-1)
        change(ndim=2**31 - 1)
        change(device=_abi.Device(2, 0))
        change(dtype=_abi.DType(2, 32, 2))
        change(shape=(ctypes.c_int64 * 2)(-3, 4))
        change(shape=(ctypes.c_int64 * 2)(2**61, 4))
        change(strides=(ctypes.c_int64 * 2)(1, 3))
        for options in ({"count": 3}, {"count": -1}, {"outputs": 2}, {"outputs": 4}):
            status, message = self.run_c(*self.make_tensors(), **options)
            self.assertEqual(status, Status.INVALID_ARGUMENT, message)

    # Memory

    def test_memory_limit(self):
        with moe_mlir.load(self.library, memory_limit=1000) as model:
            model.run(self.good)
            x = np.zeros((1000, 4), np.float32)
            self.refuse_python(
                model,
                {**self.good, "x": x, "y": x[:, 0].copy(), "s": np.array([4, 1000])},
                Status.OUT_OF_MEMORY,
                "1000",
            )
            model.run(self.good)


class TrainedModelTest(HostileRunsTest):
    """The same of a trained model: token ids, memory, weights."""

    test_dtype = test_rank_and_dims = test_strides = test_indices = None
    test_reshape = test_empty = test_c = test_memory_limit = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.ids = np.load(EXAMPLE / "adamoe.io.npz")["input_ids"][:1, :8].copy()
        for kind in ("batched", "loop"):
            moe_mlir.compile(
                EXAMPLE / f"adamoe.{kind}.onnx",
                cls.folder / f"{kind}.so",
                weights="beside",
            )
        cls.program = moe_mlir.compile(
            EXAMPLE / "adamoe.batched.onnx",
            cls.folder / "program",
            emit="exe",
            weights="beside",
        )

    def test_token_ids(self):
        with moe_mlir.load(self.folder / "batched.so") as model:
            expected = model.run([self.ids])["logits"]
            for bad in (256, -257, 2**40, -(2**63)):
                with self.subTest(bad):
                    ids = self.ids.copy()
                    ids[0, 3] = bad
                    self.refuse_python(
                        model, [ids], Status.PRECONDITION_FAILED, "node '"
                    )
                    self.refuse_program(self.program, {"input_ids": ids}, "node '")
            np.testing.assert_array_equal(model.run([self.ids])["logits"], expected)
            # Python's and ONNX's negative indices count from the end.
            np.testing.assert_array_equal(
                model.run([self.ids - 256])["logits"], expected
            )

    def test_out_of_memory(self):
        ids = np.zeros((64, 256), np.int64)
        with moe_mlir.load(
            self.folder / "batched.so", memory_limit=1 << 20
        ) as model:
            self.refuse_python(model, [ids], Status.OUT_OF_MEMORY, str(1 << 20))
        if not os.environ.get("ASAN_OPTIONS"):
            self.refuse_program(
                self.program, {"input_ids": ids}, "memory", limit="ulimit -v 150000;"
            )

    def refuse_weights(self, status, *words):
        with self.assertRaises(moe_mlir.Error) as caught:
            with moe_mlir.load(self.folder / "program.so") as model:
                model.run([self.ids])
        self.assertEqual(caught.exception.status, status, caught.exception)
        self.refuse_program(self.program, {"input_ids": self.ids}, *words)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_weights(self):
        (self.folder / "program.so").write_bytes(
            (self.folder / "batched.so").read_bytes().replace(
                b"batched.so.safetensors", b"program.safetensors\0\0\0"
            )
        )
        place = self.folder / "program.safetensors"
        right = place.read_bytes()

        def restore():
            place.unlink(missing_ok=True)
            place.write_bytes(right)

        self.addCleanup(restore)
        with moe_mlir.load(self.folder / "program.so") as model:
            model.run([self.ids])
        # Each time a new file: a mapped one must not change.
        place.unlink()
        self.refuse_weights(Status.IO_ERROR, "program.safetensors", "No such file")
        for size in (0, 7, 4096, len(right) // 2, len(right) - 100):
            place.unlink(missing_ok=True)
            place.write_bytes(right[:size])
            self.refuse_weights(Status.IO_ERROR, "truncated")
        place.unlink()
        place.mkdir()
        self.refuse_weights(Status.IO_ERROR, "not a regular file")
        place.rmdir()
        other = (self.folder / "loop.so.safetensors").read_bytes()
        place.write_bytes(other.ljust(len(right), b"\0"))
        with self.subTest("of another build"):
            self.refuse_weights(Status.WEIGHTS_MISMATCH, "hash", "compile again")
        # One bit of the last weight.
        damaged = bytearray(right)
        damaged[-200000] ^= 1
        place.unlink()
        place.write_bytes(damaged)
        self.refuse_weights(Status.WEIGHTS_MISMATCH, "hash", "compile again")


if __name__ == "__main__":
    unittest.main()
