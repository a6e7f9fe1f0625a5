"""The C interface of a compiled model (``MoERuntime.h``) in ctypes."""

from __future__ import annotations

import _ctypes
import ctypes
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_uint8, c_uint16, c_uint64, c_void_p


class DType(ctypes.Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class Device(ctypes.Structure):
    _fields_ = [("type", c_int32), ("id", c_int32)]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("device", Device),
        ("ndim", c_int32),
        ("dtype", DType),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint64),
        ("weights_path", c_char_p),
        ("num_threads", c_int32),
        ("device", Device),
        ("memory_limit", c_uint64),
        ("allocate_output", c_void_p),
        ("allocate_output_user", c_void_p),
    ]


class LayerLoad(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("num_experts", c_int64),
        ("num_null_experts", c_int64),
        ("num_slots", c_int64),
        ("tokens", c_int64),
        ("expert_slots", c_int64),
        ("null_slots", c_int64),
        ("expert_flops", c_int64),
        ("counts", POINTER(c_int64)),
    ]


CPU = 1


def open_library(path: str) -> ctypes.CDLL:
    """Opens a compiled model and declares its functions.

    Raises:
        OSError: if the file is no shared library, or none of a model.
    """
    library = ctypes.CDLL(path, mode=ctypes.RTLD_LOCAL)
    try:
        library.moe_describe.argtypes = []
        library.moe_describe.restype = c_char_p
        library.moe_create.argtypes = [POINTER(Options), POINTER(c_void_p)]
        library.moe_create.restype = c_int32
        library.moe_run.argtypes = [
            c_void_p,
            POINTER(Tensor),
            c_int32,
            POINTER(Tensor),
            c_int32,
        ]
        library.moe_run.restype = c_int32
        library.moe_get_layer_load.argtypes = [c_void_p, c_int32, POINTER(LayerLoad)]
        library.moe_get_layer_load.restype = c_int32
        library.moe_destroy.argtypes = [c_void_p]
        library.moe_destroy.restype = None
        library.moe_last_error.argtypes = [c_void_p]
        library.moe_last_error.restype = c_char_p
    except AttributeError as error:
        raise OSError(f"'{path}' is not a compiled model: {error}") from None
    return library


def close_library(library: ctypes.CDLL) -> None:
    """Closes what :func:`open_library` opened; none of its functions may be called.

    The system keeps an open library for its path: without this a library that
    was compiled again would not be seen.
    """
    _ctypes.dlclose(library._handle)
