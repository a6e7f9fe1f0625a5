"""Loads compiled models and runs them on NumPy arrays."""

from __future__ import annotations

import ctypes
import enum
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Dict, List, Optional, Tuple, Type, Union

import numpy as np

from . import _abi

PathLike = Union[str, "os.PathLike[str]"]
Arrays = Union[Mapping[str, Any], Sequence[Any]]


class Status(enum.IntEnum):
    """Why a call failed; the names of ``moe_status``."""

    INVALID_ARGUMENT = 1
    PRECONDITION_FAILED = 2
    OUT_OF_MEMORY = 3
    IO_ERROR = 4
    WEIGHTS_MISMATCH = 5
    UNSUPPORTED_CPU = 6
    ABI_MISMATCH = 7


class Error(RuntimeError):
    """A model refused to load or to run; ``status`` says which kind."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = Status(status)


@dataclass(frozen=True)
class ValueInfo:
    """An input or output: its dims are numbers, dim names, or None."""

    name: str
    dtype: str
    dims: Tuple[Union[int, str, None], ...]

    def __str__(self) -> str:
        dims = ",".join("?" if dim is None else str(dim) for dim in self.dims)
        return f"{self.name}: {self.dtype}[{dims}]"


@dataclass(frozen=True)
class LayerInfo:
    """An MoE layer: experts with weights, other ids, and selections per token."""

    name: str
    experts: int
    null_experts: int
    slots: int
    #: Whether runs count what it does.
    counted: bool


@dataclass(frozen=True)
class LayerLoad:
    """What an MoE layer did in one run."""

    name: str
    tokens: int
    #: Slots of each expert.
    counts: Tuple[int, ...]
    #: Slots that went to no expert.
    null_slots: int
    #: Two per product of the experts' matrix products, as far as they ran.
    expert_flops: int

    @property
    def load(self) -> float:
        """The mean number of experts per token; NaN without tokens."""
        return sum(self.counts) / self.tokens if self.tokens else float("nan")


# DLPack's codes.
_NAMES = {
    (0, 8): "int8",
    (0, 16): "int16",
    (0, 32): "int32",
    (0, 64): "int64",
    (1, 8): "uint8",
    (1, 16): "uint16",
    (1, 32): "uint32",
    (1, 64): "uint64",
    (2, 16): "float16",
    (2, 32): "float32",
    (2, 64): "float64",
    (4, 16): "bfloat16",
    (6, 8): "bool",
}


def _numpy_dtype(name: str) -> "np.dtype[Any]":
    if name != "bfloat16":
        return np.dtype(name)
    try:
        import ml_dtypes  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ImportError(
            "this model has bfloat16 inputs or outputs, which NumPy lacks; "
            "install ml_dtypes"
        ) from None
    dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return dtype


def _dtype_code(dtype: "np.dtype[Any]", what: str) -> _abi.DType:
    for (code, bits), name in _NAMES.items():
        if dtype.name == name and dtype.isnative:
            return _abi.DType(code, bits, 1)
    raise Error(
        Status.INVALID_ARGUMENT,
        f"input '{what}': arrays of type {dtype.str} ({dtype.name}) are not supported",
    )


def _make_tensor(array: "np.ndarray[Any, Any]", what: str) -> _abi.Tensor:
    """A tensor over the array's own memory; the array must outlive it."""
    strides = None
    if not array.flags.c_contiguous:
        if any(stride % array.itemsize for stride in array.strides):
            raise Error(
                Status.INVALID_ARGUMENT,
                f"input '{what}': its strides are no multiples of the element "
                "size; make it contiguous",
            )
        strides = (ctypes.c_int64 * max(array.ndim, 1))(
            *(stride // array.itemsize for stride in array.strides)
        )
    tensor = _abi.Tensor()
    tensor.data = array.ctypes.data
    tensor.device = _abi.Device(_abi.CPU, 0)
    tensor.ndim = array.ndim
    tensor.dtype = _dtype_code(array.dtype, what)
    tensor.shape = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
    tensor.strides = strides
    return tensor


def _copy_tensor(tensor: _abi.Tensor) -> "np.ndarray[Any, Any]":
    """An array of its own with the tensor's values."""
    shape = tuple(tensor.shape[d] for d in range(tensor.ndim))
    array = np.empty(shape, _numpy_dtype(_NAMES[tensor.dtype.code, tensor.dtype.bits]))
    if array.nbytes:
        ctypes.memmove(array.ctypes.data, tensor.data + tensor.byte_offset, array.nbytes)
    return array


def _parse_values(values: List[Dict[str, Any]]) -> Tuple[ValueInfo, ...]:
    return tuple(
        ValueInfo(
            value["name"],
            value["dtype"],
            tuple(None if dim in ("", "?", -1) else dim for dim in value["dims"]),
        )
        for value in values
    )


def _parse_layers(layers: List[Dict[str, Any]]) -> Tuple[LayerInfo, ...]:
    return tuple(
        LayerInfo(
            layer["name"],
            layer["experts"],
            layer["null_experts"],
            layer["slots"],
            layer["counted"],
        )
        for layer in layers
    )


class Model:
    """A compiled model that is ready to run. Made by :func:`load`.

    Runs may come from several threads; they happen one after the other. For
    concurrent runs load the model once per thread: the weights are shared.

    Attributes:
        description: what the compiler recorded, as in ``moe_describe``.
        inputs: name, dtype and dims of each input, in order.
        outputs: the same of the outputs.
        layers: the MoE layers, in order.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        weights: Optional[PathLike] = None,
        threads: int = 0,
        memory_limit: int = 0,
    ) -> None:
        # A name without a slash would be searched for in the system's folders.
        self._library = _abi.open_library(os.path.abspath(os.fspath(path)))
        self._is_open = True
        self._context = ctypes.c_void_p()
        self._lock = threading.Lock()
        self.description: Dict[str, Any] = json.loads(self._library.moe_describe())
        self.inputs = _parse_values(self.description["inputs"])
        self.outputs = _parse_values(self.description["outputs"])
        self.layers = _parse_layers(self.description["moe_layers"])
        options = _abi.Options()
        options.struct_size = ctypes.sizeof(_abi.Options)
        options.weights_path = os.fsencode(weights) if weights is not None else None
        options.num_threads = threads
        options.device = _abi.Device(_abi.CPU, 0)
        options.memory_limit = memory_limit
        status = self._library.moe_create(
            ctypes.byref(options), ctypes.byref(self._context)
        )
        if status != 0:
            error = Error(status, self._last_error())
            self.close()
            raise error

    def run(self, inputs: Arrays) -> Dict[str, "np.ndarray[Any, Any]"]:
        """Runs the model once.

        Args:
            inputs: arrays by input name, or in the order of :attr:`inputs`.
                Contiguous arrays are read where they are. What is no array is
                converted to the input's dtype.

        Returns:
            New arrays by output name.

        Raises:
            Error: with ``status`` INVALID_ARGUMENT for a wrong dtype, rank,
                shape or non-contiguous strides, PRECONDITION_FAILED if the
                model refuses the values, OUT_OF_MEMORY, IO_ERROR or
                WEIGHTS_MISMATCH.
            KeyError: for a missing or unknown input name.
            ValueError: if the model is closed.
        """
        arrays = self._order(inputs)
        tensors = (_abi.Tensor * max(len(arrays), 1))(
            *(
                _make_tensor(array, self._input_name(i))
                for i, array in enumerate(arrays)
            )
        )
        results = (_abi.Tensor * max(len(self.outputs), 1))()
        # The outputs are the context's: copy them before another run.
        with self._lock:
            if not self._context:
                raise ValueError("the model is closed")
            status = self._library.moe_run(
                self._context, tensors, len(arrays), results, len(self.outputs)
            )
            if status != 0:
                raise Error(status, self._last_error())
            return {
                value.name: _copy_tensor(results[i])
                for i, value in enumerate(self.outputs)
            }

    def get_layer_loads(self) -> Tuple[LayerLoad, ...]:
        """What each of :attr:`layers` did in the last run.

        Raises:
            Error: with ``status`` INVALID_ARGUMENT if the model was compiled
                without ``instrument_load=True``.
            ValueError: if the model is closed.
        """
        loads = []
        with self._lock:
            if not self._context:
                raise ValueError("the model is closed")
            for i, layer in enumerate(self.layers):
                load = _abi.LayerLoad()
                status = self._library.moe_get_layer_load(
                    self._context, i, ctypes.byref(load)
                )
                if status != 0:
                    raise Error(status, self._last_error())
                counts = tuple(load.counts[e] for e in range(load.num_experts))
                loads.append(
                    LayerLoad(
                        layer.name,
                        load.tokens,
                        counts,
                        load.null_slots,
                        load.expert_flops,
                    )
                )
        return tuple(loads)

    def close(self) -> None:
        """Ends the threads and frees the memory. Closing twice is fine."""
        with self._lock:
            context, self._context = self._context, ctypes.c_void_p()
            if context:
                self._library.moe_destroy(context)
            if self._is_open:
                self._is_open = False
                _abi.close_library(self._library)

    def __enter__(self) -> "Model":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Construction may have failed before these existed.
        if hasattr(self, "_lock"):
            self.close()

    def __repr__(self) -> str:
        inputs = ", ".join(map(str, self.inputs))
        outputs = ", ".join(map(str, self.outputs))
        return f"<moe_mlir.Model {self.description.get('name', '')!r}: ({inputs}) -> ({outputs})>"

    def _input_name(self, index: int) -> str:
        return self.inputs[index].name if index < len(self.inputs) else str(index)

    def _order(self, inputs: Arrays) -> List["np.ndarray[Any, Any]"]:
        if isinstance(inputs, Mapping):
            names = [value.name for value in self.inputs]
            missing = [name for name in names if name not in inputs]
            unknown = [name for name in inputs if name not in names]
            if missing or unknown:
                raise KeyError(
                    f"missing inputs: {missing}, unknown inputs: {unknown}; the "
                    f"model has {', '.join(map(str, self.inputs))}"
                )
            values: List[Any] = [inputs[name] for name in names]
        else:
            values = list(inputs)
        return [self._as_array(value, i) for i, value in enumerate(values)]

    def _as_array(self, value: Any, index: int) -> "np.ndarray[Any, Any]":
        if isinstance(value, (np.ndarray, np.generic)) or index >= len(self.inputs):
            return np.asarray(value)
        return np.asarray(value, dtype=_numpy_dtype(self.inputs[index].dtype))

    def _last_error(self) -> str:
        context = self._context if self._context else None
        message: bytes = self._library.moe_last_error(context)
        return message.decode("utf-8", "replace")


def load(
    path: PathLike,
    *,
    weights: Optional[PathLike] = None,
    threads: int = 0,
    memory_limit: int = 0,
) -> Model:
    """Loads a shared library that ``moe-compile --emit=lib`` wrote.

    Args:
        path: the library.
        weights: file or folder of its weights; by default beside it.
        threads: of the model's pool; 0 is one per core.
        memory_limit: bound in bytes on a run's memory besides weights; 0: none.

    Raises:
        Error: IO_ERROR or WEIGHTS_MISMATCH for its weights, UNSUPPORTED_CPU,
            ABI_MISMATCH or INVALID_ARGUMENT.
        OSError: if ``path`` is no compiled model.
    """
    return Model(path, weights=weights, threads=threads, memory_limit=memory_limit)


def run(path: PathLike, inputs: Arrays, **options: Any) -> Dict[str, "np.ndarray[Any, Any]"]:
    """Loads the model at ``path``, runs it once and closes it.

    ``options`` are those of :func:`load`. For more than one run load it once.
    """
    with load(path, **options) as model:
        return model.run(inputs)
