"""Runs the backend cases that the onnx package generates.

Each case is a model with inputs, outputs and tolerances. It is compiled to a
library and run in a forked child, so that a crash costs one case. Cases with
string, sequence or optional inputs or outputs are left out. A case is

  pass          if it compiles, and every output is within its tolerance
  unsupported   if the compiler refuses it with an error
  wrong         otherwise: another value, a refused run, a crash, a hang

--table writes the page docs/reference/conformance.md, --check compares it with
what the compiler does. The exit code is 1 for a wrong case, a difference to the
page, or fewer cases or passes than the floors below.
"""

import argparse
import collections
import multiprocessing
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import typing
import warnings

import ml_dtypes
import moe_mlir
import numpy as np
import onnx
from onnx import numpy_helper

KINDS = ("pass", "unsupported", "wrong")
# The package generates about 1,800 such cases; fewer means that it changed.
LEAST_CASES = 1700
LEAST_PASSES_PERCENT = 80
# Seconds for a case's compilation, and for its run.
TIMEOUT = 60


class Verdict(typing.NamedTuple):
    kind: str
    reason: str = ""


def generate_cases() -> list:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        return collect_testcases(None)


def has_tensors_only(case) -> bool:
    return all(
        value.type.HasField("tensor_type")
        and value.type.tensor_type.elem_type != onnx.TensorProto.STRING
        for value in [*case.model.graph.input, *case.model.graph.output]
    )


def name_operators(cases: list) -> dict[str, str]:
    """The operator that each case is about, that of the last node, by the case's
    name. `test_x_expanded` is `test_x` with the function body of its operator."""
    last = {case.name: case.model.graph.node[-1].op_type for case in cases}
    return {
        name: last.get(re.sub(r"_expanded.*$", "", name), operator)
        for name, operator in last.items()
    }


def as_array(value) -> np.ndarray:
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value)


def compare(actual: np.ndarray, expected: np.ndarray, case) -> str:
    """What differs, or an empty string."""
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        wanted = f"{expected.dtype}{list(expected.shape)}"
        return f"expected {wanted}, got {actual.dtype}{list(actual.shape)}"
    if expected.dtype.kind != "f" and expected.dtype != ml_dtypes.bfloat16:
        different = int((actual != expected).sum())
        return f"{different} elements differ" if different else ""
    rtol = case.rtol
    if expected.dtype == ml_dtypes.bfloat16:
        # Two units in the last place, as ONNX's own runner has it.
        rtol = max(rtol, 2.0**-6)
    left, right = actual.astype(np.float64), expected.astype(np.float64)
    if np.allclose(left, right, rtol=rtol, atol=case.atol, equal_nan=True):
        return ""
    with np.errstate(all="ignore"):
        return f"differs by up to {np.nanmax(np.abs(left - right)):.3g}"


def run_all(library: pathlib.Path, case) -> str:
    """Runs and compares the case's data sets: what differs."""
    problems = []
    with moe_mlir.load(library) as model:
        for inputs, outputs in case.data_sets:
            results = model.run([as_array(value) for value in inputs])
            for actual, expected in zip(results.values(), outputs, strict=True):
                problems.append(compare(actual, as_array(expected), case))
    return "; ".join(filter(None, problems))


def run_in_child(library: pathlib.Path, case) -> Verdict:
    log = library.with_name("log")
    pid = os.fork()
    if pid == 0:
        signal.alarm(TIMEOUT)
        try:
            log.write_text(run_all(library, case))
        except Exception as error:
            log.write_text(repr(error))
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    if status or not log.exists():
        return Verdict("wrong", f"the run ends with status {status}")
    problem = log.read_text()
    return Verdict("wrong", problem) if problem else Verdict("pass")


def shorten_error(stderr: str) -> str:
    """The first error, or the first entry of the list that it announces, without
    the names of files and nodes."""
    found = re.search(r"error: (?:model\.onnx[\d:]*: )?(.*)(?:\n  (.*))?", stderr)
    if not found:
        return ""
    reason, entry = found.groups()
    if entry and reason.endswith("that the compiler does not support:"):
        reason = entry
    reason = re.sub(r"^(the )?node( of)? '[^']*' \(([^)]*)\)[^:]*: ", r"\3: ", reason)
    reason = re.sub(r"^node '[^']*':? ", "", reason)
    return re.sub(r"'[^']*/[^']*'", "'...'", reason)


def judge_case(case, compiler: str, folder: pathlib.Path) -> Verdict:
    onnx.save(case.model, str(folder / "model.onnx"))
    library = folder / "model.so"
    command = [compiler, "model.onnx", "--emit=lib", "-O1", "-o", str(library)]
    try:
        compiled = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return Verdict("wrong", "the compiler hangs")
    if compiled.returncode == 0:
        return run_in_child(library, case)
    reason = shorten_error(compiled.stderr)
    if compiled.returncode == 1 and reason:
        return Verdict("unsupported", reason)
    return Verdict("wrong", f"the compiler ends with {compiled.returncode}")


def judge_all(cases: list, compiler: str, jobs: int):
    """Yields (case, verdict) in the order of `cases`. Workers are forked, so
    that they have the cases, which cannot be sent to them."""
    global judge_index

    def judge_index(index: int) -> Verdict:
        with tempfile.TemporaryDirectory() as folder:
            return judge_case(cases[index], compiler, pathlib.Path(folder))

    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from zip(cases, pool.imap(judge_index, range(len(cases))), strict=True)


HEADER = """# Conformance

The backend cases of the `onnx` {version} package: {count}, of which {pass}
({percent:.1f} %) pass, {unsupported} are refused with an error, and {wrong} are
wrong. Cases with string, sequence or optional inputs or outputs are left out.
`./dev docs` regenerates this page; a test compares it with the compiler.

| operator | pass | unsupported | wrong | unsupported because |
| --- | --- | --- | --- | --- |
"""


def make_page(results: list[tuple[str, Verdict]]) -> str:
    """The page, from the operator and the verdict of each case."""
    rows = collections.defaultdict(collections.Counter)
    reasons = collections.defaultdict(collections.Counter)
    for operator, verdict in results:
        rows[operator][verdict.kind] += 1
        reasons[operator][verdict.reason] += verdict.kind == "unsupported"
    total = sum(rows.values(), collections.Counter())
    text = HEADER.format(
        version=onnx.__version__,
        count=len(results),
        percent=100 * total["pass"] / max(len(results), 1),
        **{kind: total[kind] for kind in KINDS},
    )
    for operator, row in sorted(rows.items()):
        # The most frequent reason stands for all; "" is that of none.
        why = min(reasons[operator].items(), key=lambda item: (-item[1], item[0]))[0]
        for character, escaped in {"|": "\\|", "<": "&lt;", "*": "\\*"}.items():
            why = why.replace(character, escaped)
        counts = " | ".join(str(row[kind]) for kind in KINDS)
        text += f"| {operator} | {counts} | {why} |\n".replace("|  |", "| |")
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--compiler", required=True, help="moe-compile")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--filter", default="", help="only cases that match")
    parser.add_argument("--table", type=pathlib.Path, help="page to write")
    parser.add_argument("--check", type=pathlib.Path, help="page to compare with")
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()

    generated = generate_cases()
    operators = name_operators(generated)
    cases = [case for case in generated if has_tensors_only(case)]
    cases = [case for case in cases if re.search(arguments.filter, case.name)]
    results = []
    for case, verdict in judge_all(cases, arguments.compiler, arguments.jobs):
        results.append((operators[case.name], verdict))
        if verdict.kind == "wrong" or (arguments.verbose and verdict.reason):
            print(f"{verdict.kind}: {case.name}: {verdict.reason}", flush=True)

    counts = collections.Counter(verdict.kind for _, verdict in results)
    summary = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)
    print(f"{len(cases)} cases: {summary}")
    good = not counts["wrong"]
    page = make_page(results)
    if arguments.table:
        arguments.table.write_text(page)
    if arguments.check and arguments.check.read_text() != page:
        print(f"{arguments.check} is not what the compiler does: run ./dev docs")
        good = False
    if not arguments.filter:
        good &= len(cases) >= LEAST_CASES
        good &= 100 * counts["pass"] >= LEAST_PASSES_PERCENT * len(cases)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
