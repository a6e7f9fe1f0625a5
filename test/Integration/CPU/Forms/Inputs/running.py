"""Compiled models beside ONNX Runtime."""

import pathlib
import subprocess
import tempfile
import unittest

import numpy as np
import onnxruntime


class FolderTest(unittest.TestCase):
    """Each test has a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


def compile_model(model, output, *flags):
    """Compiles to a library, if flags say nothing else; what moe-compile says."""
    finished = subprocess.run(
        ["moe-compile", model, "-o", output, *(flags or ("--emit=lib", "-O1"))],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise AssertionError(finished.stderr)
    return finished.stderr


def open_reference(model):
    """A model, its path or its bytes, in ONNX Runtime, node by node."""
    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model),
        options,
        providers=["CPUExecutionProvider"],
    )


def run_reference(session, feeds):
    """Outputs by name."""
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds)))


def difference(got, expected):
    """Largest difference of the rows that are finite, over the largest value."""
    if got.shape != expected.shape:
        return np.inf
    rows = np.isfinite(expected).all(axis=-1)
    if not rows.any():
        return 0.0
    largest = max(np.abs(expected[rows]).max(), 1e-6)
    return float(np.abs(got[rows] - expected[rows]).max() / largest)
