"""The libraries as sides: oneDNN and OpenBLAS, see sides.py."""

from __future__ import annotations

import ctypes
import pathlib
import sys
from ctypes import POINTER, c_float, c_int, c_int32, c_int64, c_void_p

import numpy as np

FLOATS = POINTER(c_float)
PEERS = pathlib.Path(sys.prefix)


def address(array: np.ndarray, kind=FLOATS):
    return array.ctypes.data_as(kind)


#: Folders of oneDNN's builds in the peers' environment: on SYCL, and on GNU OpenMP.
ONEDNN = {"oneDNN 3.13": "", "oneDNN 3.2": "gnu"}


def open_onednn(name: str) -> ctypes.CDLL:
    library = ctypes.CDLL(str(PEERS / ONEDNN[name] / "peer.so"))
    library.library_version.restype = ctypes.c_char_p
    version = library.library_version().decode()
    if not f"oneDNN {version}.".startswith(name + "."):
        raise RuntimeError(f"opened oneDNN {version} for {name}")
    library.dense_create.restype = library.layer_create.restype = c_void_p
    library.dense_create.argtypes = [FLOATS, c_int64, c_int64]
    library.dense_prepare.argtypes = [c_void_p, c_int64]
    library.dense_run.argtypes = [c_void_p, FLOATS, FLOATS]
    library.layer_create.argtypes = [FLOATS] * 3 + [c_int64] * 3 + [c_int]
    library.layer_run.argtypes = [c_void_p, c_int64, c_int64, FLOATS]
    library.layer_run.argtypes += [POINTER(c_int32), FLOATS, FLOATS]
    return library


class OneDNNLayer:
    """The loop over experts of native/onednn.cpp; routing is given to it."""

    def __init__(self, threads: int, name: str, weights: str, layer: list) -> None:
        experts, hidden, inner = layer
        self.library = open_onednn(name)
        stacked = np.memmap(weights, np.float32, "r").reshape(3, experts, -1)
        parts = [address(part) for part in stacked]
        self.layer = self.library.layer_create(*parts, experts, hidden, inner, threads)

    def prepare(self, arrays: dict) -> None:
        self.arrays = arrays
        self.y = np.empty_like(arrays["x"])
        ids, weights = arrays["ids"], arrays["weights"]
        self.arguments = [
            *ids.shape,
            address(arrays["x"]),
            address(ids, POINTER(c_int32)),
        ]
        self.arguments += [address(weights), address(self.y)]

    def run(self) -> None:
        self.library.layer_run(self.layer, *self.arguments)

    def output(self) -> np.ndarray:
        return self.y


class OneDNNDense:
    def __init__(self, threads: int, name: str, weights: str) -> None:
        self.library = open_onednn(name)
        self.weights = np.load(weights)
        self.dense = self.library.dense_create(
            address(self.weights), *self.weights.shape
        )

    def prepare(self, arrays: dict) -> None:
        self.a = arrays["a"]
        self.y = np.empty((len(self.a), self.weights.shape[1]), np.float32)
        self.library.dense_prepare(self.dense, len(self.a))

    def run(self) -> None:
        self.library.dense_run(self.dense, address(self.a), address(self.y))

    def output(self) -> np.ndarray:
        return self.y


class OpenBLASDense:
    """sgemm, and sgemv for one row: sgemm is slow there."""

    def __init__(self, threads: int, weights: str) -> None:
        import scipy_openblas32

        folder = pathlib.Path(scipy_openblas32.get_lib_dir())
        self.library = ctypes.CDLL(str(folder / "libscipy_openblas.so"))
        self.library.scipy_openblas_set_num_threads(threads)
        self.weights = np.load(weights)

    def prepare(self, arrays: dict) -> None:
        self.a, (k, n) = arrays["a"], self.weights.shape
        m = len(self.a)
        self.y = np.empty((m, n), np.float32)
        one, zero = c_float(1), c_float(0)
        b, a, y = address(self.weights), address(self.a), address(self.y)
        row_major, plain, transposed = 101, 111, 112
        if m == 1:
            self.call = self.library.scipy_cblas_sgemv
            self.arguments = [row_major, transposed, k, n, one, b, n, a, 1, zero, y, 1]
        else:
            self.call = self.library.scipy_cblas_sgemm
            self.arguments = [row_major, plain, plain, m, n, k, one]
            self.arguments += [a, k, b, n, zero, y, n]

    def run(self) -> None:
        self.call(*self.arguments)

    def output(self) -> np.ndarray:
        return self.y
