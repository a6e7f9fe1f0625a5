"""The models of the repository and how many of their layers are raised."""

import pathlib

# Frozen by tracing: these fit only the tokens that they were traced with.
FROZEN = ("jetmoe.block.eager-ts", "switch_transformers.block.eager-ts")


def find_models(root):
    """Path by name."""
    root = pathlib.Path(root)
    found = {f.parent.name: f for f in (root / "test/models").glob("*/model.onnx")}
    found |= {f.stem: f for f in (root / "examples/adamoe").glob("*.onnx")}
    return dict(sorted(found.items()))


def count_layers(name):
    """MoE layers of a model that are raised and proven."""
    if name in FROZEN:
        return 0
    if name.startswith("adamoe."):
        return 4
    return 2 if ".lm." in name else 1
