# RUN: %model_python -W error %s %models/mixtral.block.batched_mm
"""Thousands of runs keep their memory; two contexts in two threads give the
bits that each gives alone."""

import os
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import numpy as np

import moe_mlir

MODEL = Path(sys.argv.pop(1))
RUNS, SECONDS = 10_000, 20


def resident_kib(field):
    """VmHWM (peak) or VmRSS of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise RuntimeError(f"no {field} in /proc/self/status")


measures_memory = unittest.skipIf(
    os.environ.get("ASAN_OPTIONS"), "the sanitizer holds freed memory back"
)


class RepeatedRunsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.library = moe_mlir.compile(
            MODEL / "model.onnx", Path(folder.name) / "m.so"
        )
        inputs = np.load(MODEL / "inputs.npz")
        cls.shapes = [inputs[name] for name in sorted(inputs)]
        cls.x = max(cls.shapes, key=lambda array: array.size)

    @measures_memory
    def test_memory(self):
        with moe_mlir.load(self.library) as model:
            expected = model.run([self.x])
            for _ in range(100):
                model.run([self.x])
            before = resident_kib("VmHWM")
            end = time.monotonic() + SECONDS
            runs = 0
            while runs < RUNS and time.monotonic() < end:
                outputs = model.run([self.x])
                runs += 1
            self.assertGreater(runs, 100)
            self.assertLessEqual(resident_kib("VmHWM") - before, 256)
            for name, array in expected.items():
                self.assertEqual(outputs[name].tobytes(), array.tobytes())

    @measures_memory
    def test_memory_of_failed_and_changing_runs(self):
        """Neither other shapes nor refused inputs leave anything behind."""
        with moe_mlir.load(self.library) as model:

            def once():
                for x in self.shapes:
                    try:
                        model.run([x])
                    except moe_mlir.Error:
                        pass  # frozen by tracing: refuses other shapes
                with self.assertRaises(moe_mlir.Error):
                    model.run([self.x[0]])

            for _ in range(50):
                once()
            before = resident_kib("VmHWM")
            for _ in range(200):
                once()
            self.assertLessEqual(resident_kib("VmHWM") - before, 512)

    @measures_memory
    def test_contexts(self):
        """Made and destroyed: nothing is left of them."""

        def once():
            with moe_mlir.load(self.library, threads=2) as model:
                model.run([self.x])

        for _ in range(20):
            once()
        before = resident_kib("VmRSS")
        for _ in range(200):
            once()
        self.assertLessEqual(resident_kib("VmRSS") - before, 512)

    def test_two_threads(self):
        inputs = [self.x, self.x[::-1].copy()]
        with moe_mlir.load(self.library) as model:
            alone = [model.run([x]) for x in inputs]
        wrong = []

        def work(i):
            with moe_mlir.load(self.library, threads=2) as model:
                for _ in range(200):
                    for name, array in model.run([inputs[i]]).items():
                        if array.tobytes() != alone[i][name].tobytes():
                            wrong.append((i, name))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
