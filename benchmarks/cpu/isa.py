"""Instruction sets that a comparison is held to, for all sides alike."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ISA:
    """How each side is told which vector instructions it may use."""

    name: str
    #: Of moe-compile.
    flags: tuple
    #: Of oneDNN and OpenBLAS.
    environment: dict
    #: The library that measures the machine.
    machine: str
    #: ONNX Runtime takes what it finds.
    compares_onnxruntime: bool


ISAS = {
    isa.name: isa
    for isa in [
        ISA("native", (), {}, "machine.so", True),
        ISA(
            "avx2",
            ("--target-cpu=x86-64-v3",),
            {"ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"},
            "machine-avx2.so",
            False,
        ),
    ]
}
