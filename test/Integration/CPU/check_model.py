"""Compiles one model of test/models and compares every stored shape.

Usage: check_model.py MOE_COMPILE MODEL_DIR WORK_DIR [moe-compile flags...]

Where case.json says that the exported graph is right for a shape (ONNX Runtime
was within 1e-4 of PyTorch), the outputs must be PyTorch's to 1e-4. Elsewhere
the graph itself is wrong, frozen by tracing: the outputs must be ONNX Runtime's
on the same file, and where that refuses a node, the run must stop with an error
that names a node.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np

TOLERANCE = 1e-4


def run(program: pathlib.Path, work: pathlib.Path, name: str, array: np.ndarray):
    """The one output of a run, or the text of its error."""
    np.savez(work / "inputs.npz", **{name: array})
    finished = subprocess.run(
        [program, "--inputs", work / "inputs.npz", "--output-dir", work / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode == 1:
        return finished.stderr.strip()
    if finished.returncode != 0:
        raise SystemExit(f"exit code {finished.returncode}: {finished.stderr}")
    (output,) = sorted((work / "out").glob("*.npy"))
    result = np.load(output)
    output.unlink()
    return result


def run_onnxruntime(model: pathlib.Path, name: str, array: np.ndarray):
    """The one output of ONNX Runtime, or None where it refuses the graph."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(
        str(model), providers=["CPUExecutionProvider"]
    )
    try:
        return session.run(None, {name: array})[0]
    except Exception:  # the package raises types that it does not export
        return None


def difference(left: np.ndarray, right: np.ndarray) -> float:
    if left.shape != right.shape:
        return float("inf")
    return float(np.abs(left - right).max()) if left.size else 0.0


def main() -> int:
    compiler, folder, work, *flags = sys.argv[1:]
    folder, work = pathlib.Path(folder), pathlib.Path(work)
    work.mkdir(parents=True, exist_ok=True)
    model = folder / "model.onnx"
    case = json.loads((folder / "case.json").read_text())
    program = work / "program"
    subprocess.run([compiler, model, "-o", program, *flags], check=True)

    inputs = np.load(folder / "inputs.npz")
    outputs = np.load(folder / "outputs.npz")
    failures = 0
    for key, graph_error in zip(sorted(inputs), case["ort_max_abs_err"]):
        result = run(program, work, case["input"], inputs[key])
        if isinstance(graph_error, float) and graph_error <= TOLERANCE:
            expected, source = outputs[key], "PyTorch"
        else:
            expected = run_onnxruntime(model, case["input"], inputs[key])
            source = "ONNX Runtime"
        shape = list(inputs[key].shape)
        if expected is None:
            good = isinstance(result, str) and "node '" in result
            print(f"shape {shape}: refused: {result}")
        elif isinstance(result, str):
            good = False
            print(f"shape {shape}: {result}")
        else:
            error = difference(result, expected)
            good = error <= TOLERANCE
            print(f"shape {shape}: {error:.2e} from {source}")
        failures += not good
    print("FAILED" if failures else "all shapes agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
