"""Every way in which a raise can be wrong is found, and undone.

RUN: %python %s written %S/Inputs %models %src_root/examples %t
"""

import re
import subprocess
import sys
from pathlib import Path

WHICH = sys.argv[1]
INPUTS, MODELS, EXAMPLES, SCRATCH = map(Path, sys.argv[2:])

# What the first difference must be in: routing, its weights, or values. A kind
# stands where it is wrong; a factor on weights that are normalised later is not.
ROUTING, WEIGHTS, VALUES = "routing differs", "routing weights differ", "values differ"

WRITTEN = {
    "candidate-null.mlir": {
        "scale": WEIGHTS,
        "no-normalization": WEIGHTS,
        "column-range": WEIGHTS,
        "zero-denominator": WEIGHTS,
        "tie-rule": ROUTING,
        "one-slot-less": ROUTING,
        "sorted-order": ROUTING,
        "slot-order": WEIGHTS,
        "score-position": WEIGHTS,
        "other-score": WEIGHTS,
        "expert-order": VALUES,
        "gate-and-up": VALUES,
        "transposed-weight": VALUES,
        "activation": VALUES,
        "shared-row": VALUES,
        "copy-for-zero": VALUES,
        "no-weights": VALUES,
        "input-weights": VALUES,
    },
    "candidate-groups.mlir": {
        "zero-denominator": WEIGHTS,
        "score-position": ROUTING,
        "no-mask": WEIGHTS,
        "no-selection-bias": ROUTING,
        "biased-mixing": WEIGHTS,
        "group-score": ROUTING,
        "fewer-groups": ROUTING,
        "gate-and-up": VALUES,
        "no-expert-bias": VALUES,
        "clamp": VALUES,
    },
}
RAISED = {
    EXAMPLES / "adamoe" / "adamoe.batched.onnx": {
        "tie-rule": ROUTING,
        "sorted-order": ROUTING,
        "expert-order": VALUES,
        "gate-and-up": VALUES,
        "transposed-weight": VALUES,
        "copy-for-zero": VALUES,
    },
    MODELS / "gpt_oss.block.batched_mm" / "model.onnx": {
        "tie-rule": ROUTING,
        "no-expert-bias": VALUES,
        "clamp": VALUES,
    },
    MODELS / "llama4_text.block.eager-ts" / "model.onnx": {
        "tie-rule": ROUTING,
        "input-weights": VALUES,
    },
}


def run(*command) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stderr


def prove(module: Path, *flags: str) -> list[str]:
    """The remarks on all layers of a module."""
    printed = run(
        "moe-opt",
        module,
        *flags,
        "--moe-verify-raise",
        "--remarks-filter=moe-verify-raise",
        "--remark-format=emitRemark",
        "-o",
        "/dev/null",
    )
    return re.findall(r'Remark="(.*)"', printed)


def check(module: Path, kinds: dict[str, str]) -> None:
    remarks = prove(module)
    assert remarks, f"{module} has no candidate"
    for remark in remarks:
        assert remark.startswith("the raised layer is proven"), remark
    for kind, difference in kinds.items():
        remarks = prove(module, f"--test-moe-wrong-raise=kind={kind}")
        print(f"{module.name}: {kind}: {remarks}")
        for remark in remarks:
            assert remark.startswith(f"the raise is undone: {difference}"), remark


def check_written() -> None:
    for name, kinds in WRITTEN.items():
        check(INPUTS / name, kinds)
    assert len({kind for kinds in WRITTEN.values() for kind in kinds}) >= 20


def check_raised() -> None:
    SCRATCH.mkdir(exist_ok=True)
    for model, kinds in RAISED.items():
        name = f"{model.parent.name}.{model.stem}"
        imported, raised = SCRATCH / f"{name}.onnx.mlir", SCRATCH / f"{name}.mlir"
        run("moe-compile", model, "--emit=onnx", "-o", imported)
        run("moe-opt", imported, "--moe-raise-onnx", "-o", raised)
        check(raised, kinds)


if __name__ == "__main__":
    {"written": check_written, "raised": check_raised}[WHICH]()
