# RUN: %model_python -W error %s
"""Functions of vectors, over the whole range of float32, against float64.

Errors are in units in the last place of the result. An element's bits must not
depend on its place in a vector, nor on its neighbours."""

import math
import tempfile
import unittest
from pathlib import Path

import moe_mlir
import numpy as np
from Inputs.moe_text import Program

V = "tensor<?xf32>"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# The function, and how many units it may be off.
FUNCTIONS = {
    "Exp": (np.exp, 1),
    "Log": (np.log, 1),
    "Tanh": (np.tanh, 1),
    "Erf": (np.vectorize(math.erf, otypes=[float]), 1),
    "Sin": (np.sin, 1),
    "Cos": (np.cos, 1),
    "Sqrt": (np.sqrt, 0.5),
    "Sigmoid": (sigmoid, 2.5),
}

SPECIAL = np.float32(
    [0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 4, 1e-45, -1e-45, 3.4e38, -3.4e38]
    # Where exp overflows, becomes denormal, and 0.
    + [88.72283, 88.72284, -87.33654, -87.33655, -103.97208, -103.97209, -104]
    # Where series begin and end, and sin takes more of pi.
    + [0.03125, 10, 2.0**30, np.nextafter(np.float32(2.0**30), np.float32(0))]
)


def make_inputs():
    rng = np.random.default_rng(0)
    bits = np.arange(0, 2**32, 16411, dtype=np.uint64).astype(np.uint32)
    near_pi = rng.integers(0, 10**6, 20000) * (np.pi / 2)
    parts = [bits.view(np.float32), rng.uniform(-110, 95, 50000), near_pi, SPECIAL]
    x = np.concatenate([part.astype(np.float32) for part in parts])
    return x[rng.permutation(x.size)]


class VectorFunctions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        path = Path(folder.name)
        program = Program(x=V)
        for name in FUNCTIONS:
            program.give(program.op(name, "%x", to=V))
        (path / "m.mlir").write_text(str(program))
        cls.models = {}
        for cpu in ("x86-64-v3", "native"):
            library = path / f"{cpu}.so"
            moe_mlir.compile(path / "m.mlir", library, target_cpu=cpu)
            try:
                cls.models[cpu] = moe_mlir.load(library)
            except moe_mlir.Error:
                continue  # not on this CPU
            cls.addClassCleanup(cls.models[cpu].close)

    def run_all(self, cpu, x):
        return dict(zip(FUNCTIONS, self.models[cpu].run({"x": x}).values()))

    def test_accuracy(self):
        x = make_inputs()
        with np.errstate(invalid="ignore"):  # signalling NaN
            wide = x.astype(np.float64)
        for cpu in self.models:
            for name, got in self.run_all(cpu, x).items():
                function, units = FUNCTIONS[name]
                with np.errstate(all="ignore"):
                    exact = function(wide)
                    expected = exact.astype(np.float32)
                    error = np.abs(got - exact) / np.spacing(np.abs(expected))
                finite = np.isfinite(expected) & np.isfinite(got)
                with self.subTest(cpu=cpu, function=name):
                    np.testing.assert_array_equal(got[~finite], expected[~finite])
                    worst = np.argmax(np.where(finite, error, 0))
                    self.assertLessEqual(error[worst], units, x[worst])
                    zeros = expected == 0
                    np.testing.assert_array_equal(
                        np.signbit(got[zeros]), np.signbit(expected[zeros])
                    )

    def test_neighbours(self):
        x = make_inputs()[:1000]
        for cpu in self.models:
            together = self.run_all(cpu, x)
            for begin, end in ((0, 1), (3, 10), (7, 23), (5, 38), (100, 999)):
                alone = self.run_all(cpu, x[begin:end])
                for name in FUNCTIONS:
                    with self.subTest(cpu=cpu, begin=begin, function=name):
                        # NaN is any of its bits.
                        number = ~np.isnan(alone[name])
                        np.testing.assert_array_equal(
                            alone[name].view(np.uint32)[number],
                            together[name][begin:end].view(np.uint32)[number],
                        )


if __name__ == "__main__":
    unittest.main()
