"""Runs ``moe-compile``."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, List, Optional, Union

PathLike = Union[str, "os.PathLike[str]"]


class CompileError(RuntimeError):
    """``moe-compile`` failed. The message is what it wrote."""

    def __init__(self, message: str, returncode: int) -> None:
        super().__init__(message)
        self.returncode = returncode


class CompileWarning(UserWarning):
    """``moe-compile`` compiled the model as written, but doubts that it is meant so."""


def find_compiler(compiler: Optional[PathLike] = None) -> Path:
    """Finds ``moe-compile``.

    Looks at ``compiler``, the environment variable ``MOE_COMPILE``, ``PATH``,
    and the build folders of the source tree that holds this package.

    Raises:
        FileNotFoundError: if there is none; the message says where it looked.
    """
    given = compiler or os.environ.get("MOE_COMPILE")
    if given:
        found = shutil.which(os.fspath(given))
        if not found:
            raise FileNotFoundError(f"moe-compile: '{os.fspath(given)}' is no program")
        return Path(found)
    found = shutil.which("moe-compile")
    if found:
        return Path(found)
    build = Path(__file__).resolve().parents[2] / "build"
    for preset in ("release", "debug", "asan"):
        candidate = build / preset / "bin" / "moe-compile"
        if os.access(candidate, os.X_OK):
            return candidate
    raise FileNotFoundError(
        "moe-compile not found: give compiler=, set MOE_COMPILE, put it on PATH, "
        f"or build it in '{build}'"
    )


def _flags(options: Mapping[str, Any]) -> List[str]:
    """``{"target_cpu": "native", "dim": {"batch": 1}}`` as flags."""
    flags: List[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            flags.append(flag)
        elif isinstance(value, Mapping):
            flags += [f"{flag}={key}={item}" for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            flags += [f"{flag}={item}" for item in value]
        else:
            flags.append(f"{flag}={value}")
    return flags


def compile(  # noqa: A001 - the package's verb
    model: PathLike,
    output: Optional[PathLike] = None,
    *,
    compiler: Optional[PathLike] = None,
    emit: str = "lib",
    **options: Any,
) -> Path:
    """Compiles ``model`` and returns the path of the result.

    Args:
        model: an ``.onnx`` or ``.mlir`` file.
        output: where the result goes; by default ``model`` with the suffix
            ``.so`` (``.exe`` for ``emit="exe"``, ``.<emit>`` for other stages).
        compiler: path of ``moe-compile``; see :func:`find_compiler`.
        emit: a stage of ``moe-compile --emit``; ``lib`` is what :func:`load`
            takes.
        **options: further flags, with underscores for dashes. ``True`` gives a
            bare flag, a list or a dict repeats it: ``target_cpu="native"``,
            ``weights="embed"``, ``dim={"batch": 1}``.

    Doubts about the model become :class:`CompileWarning`.

    Raises:
        CompileError: with what the compiler wrote.
        FileNotFoundError: if there is no compiler or no ``model``.
    """
    program = find_compiler(compiler)
    source = Path(model)
    if not source.exists():
        raise FileNotFoundError(f"no model at '{source}'")
    if output is None:
        output = source.with_suffix({"lib": ".so"}.get(emit, "." + emit))
    result = Path(output)
    command = [
        os.fspath(program),
        os.fspath(source),
        "-o",
        os.fspath(result),
        f"--emit={emit}",
        *_flags(options),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        message = done.stderr.strip() or done.stdout.strip()
        raise CompileError(
            message or f"moe-compile ended with exit code {done.returncode}",
            done.returncode,
        )
    for line in done.stderr.splitlines():
        if line.startswith("warning: "):
            warnings.warn(line[len("warning: ") :], CompileWarning, stacklevel=2)
    return result
