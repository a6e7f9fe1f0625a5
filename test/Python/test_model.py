# RUN: env MOE_FAKE_LIBRARY=%build_root/lib/libmoe_fake_model.so %model_python -W error %s
"""Tests of moe_mlir.load and Model.run, on the hand-written fake model.

MOE_FAKE_LIBRARY names the shared library of test/Runtime/FakeModel.c.
"""

import os
import threading
import unittest

import numpy as np

import moe_mlir

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

LIBRARY = os.environ.get("MOE_FAKE_LIBRARY", "")
BIAS = np.array([0.5, 1.5, 2.5, 3.5], np.float32)


class ModelTest(unittest.TestCase):
    def setUp(self):
        self.model = moe_mlir.load(LIBRARY)
        self.addCleanup(self.model.close)
        self.x = np.arange(12, dtype=np.float32).reshape(3, 4)

    def check_error(self, status, text, inputs):
        with self.assertRaises(moe_mlir.Error) as caught:
            self.model.run(inputs)
        self.assertEqual(caught.exception.status, status)
        self.assertIn(text, str(caught.exception))

    def test_description(self):
        self.assertEqual(self.model.description["name"], "fake")
        self.assertEqual(
            [str(value) for value in self.model.inputs],
            ["x: float32[batch,4]", "mode: int64[]"],
        )
        self.assertEqual([value.name for value in self.model.outputs], ["y", "t", "n"])
        self.assertIn("fake", repr(self.model))

    def test_layers(self):
        self.assertEqual(
            self.model.layers,
            (moe_mlir.LayerInfo("layers.0.moe", 2, 1, 2, True),),
        )
        self.assertNotEqual(self.model.get_layer_loads()[0].load, 0)  # NaN
        self.model.run([self.x, 0])
        (load,) = self.model.get_layer_loads()
        self.assertEqual(load, moe_mlir.LayerLoad("layers.0.moe", 3, (3, 1), 2, 300))
        self.assertEqual(load.load, 4 / 3)
        self.model.close()
        with self.assertRaisesRegex(ValueError, "closed"):
            self.model.get_layer_loads()

    def test_run_by_name_and_in_order(self):
        for inputs in ({"mode": 0, "x": self.x}, [self.x, 0], (self.x, np.int64(0))):
            outputs = self.model.run(inputs)
            np.testing.assert_array_equal(outputs["y"], self.x + BIAS)
            np.testing.assert_array_equal(outputs["t"], self.x.T)
            self.assertEqual(outputs["n"], 3)
            self.assertEqual(outputs["n"].dtype, np.int64)

    def test_outputs_survive_the_next_run(self):
        first = self.model.run([self.x, 0])["y"]
        self.model.run([self.x + 100, 0])
        np.testing.assert_array_equal(first, self.x + BIAS)

    def test_empty_batch(self):
        outputs = self.model.run([np.zeros((0, 4), np.float32), 0])
        self.assertEqual(outputs["y"].shape, (0, 4))
        self.assertEqual(outputs["t"].shape, (4, 0))

    def test_wrong_names(self):
        with self.assertRaisesRegex(KeyError, "missing inputs.*mode"):
            self.model.run({"x": self.x})
        with self.assertRaisesRegex(KeyError, "unknown inputs.*z"):
            self.model.run({"x": self.x, "mode": 0, "z": 1})

    def test_wrong_count(self):
        self.check_error(moe_mlir.Status.INVALID_ARGUMENT, "was given 1", [self.x])
        self.check_error(
            moe_mlir.Status.INVALID_ARGUMENT, "was given 3", [self.x, 0, self.x]
        )

    def test_wrong_arrays(self):
        wrong = {
            "got float64[3,4]: the element type differs": self.x.astype(np.float64),
            "rank 1 instead of 2": self.x[0],
            "dim 1 must be 4": self.x[:, :3].copy(),
            "its strides are not row-major; make it contiguous": self.x[:, ::-1],
            "are not supported": self.x.astype(">f4"),
        }
        for text, array in wrong.items():
            with self.subTest(text):
                self.check_error(
                    moe_mlir.Status.INVALID_ARGUMENT, text, [array, 0]
                )
        np.testing.assert_array_equal(
            self.model.run([self.x, 0])["y"], self.x + BIAS, "usable afterwards"
        )

    @unittest.skipUnless(ml_dtypes, "ml_dtypes is not installed")
    def test_bfloat16_is_known(self):
        self.check_error(
            moe_mlir.Status.INVALID_ARGUMENT,
            "got bfloat16[3,4]",
            [self.x.astype(ml_dtypes.bfloat16), 0],
        )

    def test_strings_are_refused(self):
        self.check_error(
            moe_mlir.Status.INVALID_ARGUMENT,
            "input 'x': arrays of type",
            [np.array([["a"]]), 0],
        )

    def test_model_refuses_values(self):
        self.check_error(
            moe_mlir.Status.PRECONDITION_FAILED, "/layer/Gather", [self.x, 1]
        )

    def test_out_of_memory(self):
        self.check_error(moe_mlir.Status.OUT_OF_MEMORY, "out of memory", [self.x, 2])
        with moe_mlir.load(LIBRARY, memory_limit=1000) as small:
            with self.assertRaisesRegex(moe_mlir.Error, "memory_limit of 1000"):
                small.run([self.x, 0])

    def test_bad_options(self):
        with self.assertRaisesRegex(moe_mlir.Error, "num_threads is -1"):
            moe_mlir.load(LIBRARY, threads=-1)

    def test_close(self):
        self.model.close()
        self.model.close()
        with self.assertRaisesRegex(ValueError, "closed"):
            self.model.run([self.x, 0])

    def test_no_library(self):
        with self.assertRaises(OSError):
            moe_mlir.load("/nowhere/model.so")
        with self.assertRaises(OSError):
            moe_mlir.load(__file__)

    def test_library_that_is_no_model(self):
        import _ctypes

        with self.assertRaisesRegex(OSError, "not a compiled model"):
            moe_mlir.load(_ctypes.__file__)

    def test_one_shot_run(self):
        outputs = moe_mlir.run(LIBRARY, [self.x, 5], threads=2)
        np.testing.assert_array_equal(outputs["y"], self.x + BIAS)

    def test_threads_share_a_model(self):
        failures = []

        def work(offset):
            for i in range(100):
                x = np.full((1 + i % 5, 4), offset, np.float32)
                if not np.array_equal(self.model.run([x, 0])["y"], x + BIAS):
                    failures.append(offset)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


if __name__ == "__main__":
    unittest.main()
