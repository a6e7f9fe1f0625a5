"""Who is measured: each class runs one program or library on arrays.

``prepare`` takes the arrays of a case by name, ``run`` is what is timed, and
``output`` gives what the last run computed.
"""

from __future__ import annotations

import ctypes
import json
from ctypes import c_double, c_int64, c_void_p

import numpy as np

from .libraries import FLOATS, PEERS, OneDNNDense, OneDNNLayer, OpenBLASDense


class Ours:
    """A library that moe-compile made."""

    def __init__(self, threads: int, library: str) -> None:
        from moe_mlir import _abi

        self.abi = _abi
        self.library = _abi.open_library(library)
        self.context = c_void_p()
        options = _abi.Options()
        options.struct_size = ctypes.sizeof(_abi.Options)
        options.num_threads = threads
        self.check(
            self.library.moe_create(ctypes.byref(options), ctypes.byref(self.context))
        )

    def check(self, status: int) -> None:
        if status:
            message = self.library.moe_last_error(self.context or None)
            raise RuntimeError(message.decode("utf-8", "replace"))

    def tensor(self, array: np.ndarray):
        codes = {"i": 0, "u": 1, "f": 2}
        result = self.abi.Tensor()
        result.data = array.ctypes.data
        result.device = self.abi.Device(self.abi.CPU, 0)
        result.ndim = array.ndim
        result.dtype = self.abi.DType(codes[array.dtype.kind], 8 * array.itemsize, 1)
        result.shape = (c_int64 * array.ndim)(*array.shape)
        return result

    def prepare(self, arrays: dict) -> None:
        described = json.loads(self.library.moe_describe())
        self.arrays = [arrays[value["name"]] for value in described["inputs"]]
        self.inputs = (self.abi.Tensor * len(self.arrays))(
            *map(self.tensor, self.arrays)
        )
        self.results = (self.abi.Tensor * len(described["outputs"]))()

    def run(self) -> None:
        self.check(
            self.library.moe_run(
                self.context,
                self.inputs,
                len(self.inputs),
                self.results,
                len(self.results),
            )
        )

    def output(self) -> np.ndarray:
        result = self.results[0]
        shape = [result.shape[d] for d in range(result.ndim)]
        data = ctypes.cast(result.data + result.byte_offset, FLOATS)
        return np.ctypeslib.as_array(data, shape).copy()


class OnnxRuntime:
    def __init__(self, threads: int, model: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def prepare(self, arrays: dict) -> None:
        self.binding = self.session.io_binding()
        for value in self.session.get_inputs():
            self.binding.bind_cpu_input(value.name, arrays[value.name])
        self.binding.bind_output(self.session.get_outputs()[0].name)

    def run(self) -> None:
        self.session.run_with_iobinding(self.binding)

    def output(self) -> np.ndarray:
        return self.binding.copy_outputs_to_cpu()[0]


class Machine:
    """What bounds everyone: f32 operations per second, bytes read per second."""

    def __init__(self, threads: int, library: str) -> None:
        self.threads, self.library = threads, ctypes.CDLL(str(PEERS / library))
        self.library.peak_flops.restype = self.library.peak_bandwidth.restype = c_double

    def rates(self) -> list:
        return [
            self.library.peak_flops(self.threads),
            self.library.peak_bandwidth(self.threads),
        ]


KINDS = {
    "ours": Ours,
    "onnxruntime": OnnxRuntime,
    "onednn-layer": OneDNNLayer,
    "onednn-dense": OneDNNDense,
    "openblas-dense": OpenBLASDense,
    "machine": Machine,
}
