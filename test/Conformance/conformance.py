"""Runs the backend cases that the onnx package generates, and writes the table.

Usage: conformance.py --compiler MOE_COMPILE [--jobs N] [--filter REGEX]
                      [--table FILE.md] [--check FILE.md] [-v]

Each case is a model with inputs, outputs and tolerances. It is compiled to a
library and run in a forked child, so that a crash costs one case. Cases with
string, sequence or optional inputs or outputs are left out.

  pass          compiled, and every output within the case's tolerance
  unsupported   refused at compile time with an error
  wrong         anything else: another value, a refused run, a crash, a hang

--table writes docs/reference/conformance.md; --check compares with it. The exit
code is 1 for a wrong case, a difference to the table, or fewer cases or passes
than the floors below.
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
import traceback
import warnings

import ml_dtypes
import numpy as np
import onnx
from onnx import numpy_helper

import moe_mlir

# The package generates about 1,800 such cases; fewer means that it changed.
LEAST_CASES = 1700
LEAST_PASSES_PERCENT = 60
TIMEOUT = 60


def generate_cases():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        return collect_testcases(None)


def is_tensor(value: onnx.ValueInfoProto) -> bool:
    tensor = value.type.tensor_type
    return value.type.HasField("tensor_type") and (
        tensor.elem_type != onnx.TensorProto.STRING
    )


def operator_of(case) -> str:
    """The operator that a case is about: expanded cases keep its name."""
    name = re.sub(r"_expanded.*$", "", case.name)
    known = operator_of.known
    nodes = case.model.graph.node
    if name == case.name and nodes:
        known[name] = nodes[0].op_type if len(nodes) == 1 else nodes[-1].op_type
    return known.get(name, nodes[0].op_type if nodes else "(none)")


operator_of.known = {}


def as_array(value) -> np.ndarray:
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value)


def compare(actual: np.ndarray, expected: np.ndarray, case) -> str:
    """What differs, or an empty string."""
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return (
            f"expected {expected.dtype}{list(expected.shape)}, "
            f"got {actual.dtype}{list(actual.shape)}"
        )
    is_float = expected.dtype.kind == "f" or expected.dtype == ml_dtypes.bfloat16
    if not is_float:
        different = int((actual != expected).sum())
        return f"{different} elements differ" if different else ""
    left, right = actual.astype(np.float64), expected.astype(np.float64)
    if np.allclose(left, right, rtol=case.rtol, atol=case.atol, equal_nan=True):
        return ""
    with np.errstate(all="ignore"):
        return f"differs by up to {np.nanmax(np.abs(left - right)):.3g}"


def run_in_child(library: pathlib.Path, case, log: pathlib.Path) -> None:
    """Runs and compares all data sets; writes what is wrong to `log`."""
    problems = []
    with moe_mlir.load(library) as model:
        for inputs, outputs in case.data_sets:
            results = model.run([as_array(value) for value in inputs])
            for actual, expected in zip(results.values(), outputs):
                problem = compare(actual, as_array(expected), case)
                if problem:
                    problems.append(problem)
    log.write_text("; ".join(problems))


def run_case(case, compiler: str, folder: pathlib.Path) -> tuple[str, str]:
    """The verdict on one case, and why."""
    model, library = folder / "model.onnx", folder / "model.so"
    onnx.save(case.model, str(model))
    command = [compiler, str(model), "--emit=lib", "-O1", "-o", str(library)]
    try:
        compiled = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return "wrong", "the compiler hangs"
    if compiled.returncode == 1:
        lines = [line for line in compiled.stderr.splitlines() if "error:" in line]
        reason = lines[0] if lines else "no error message"
        return ("unsupported" if lines else "wrong"), reason
    if compiled.returncode != 0:
        return "wrong", f"the compiler ends with {compiled.returncode}"

    return fork_case(library, case, folder / "log")


def fork_case(library: pathlib.Path, case, log: pathlib.Path) -> tuple[str, str]:
    """Runs the case in a child process."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(TIMEOUT)
        try:
            run_in_child(library, case, log)
        except Exception:
            log.write_text(traceback.format_exc(limit=0).strip().splitlines()[-1])
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return "wrong", f"the run ends with {signal.Signals(os.WTERMSIG(status)).name}"
    problem = log.read_text() if log.exists() else "the run ends without a result"
    return ("wrong", problem) if problem else ("pass", "")


def judge(index: int) -> tuple[int, str, str]:
    """Worker: the verdict on case `index` of the list that the fork inherits."""
    with tempfile.TemporaryDirectory() as folder:
        verdict, reason = run_case(CASES[index], COMPILER, pathlib.Path(folder))
    # Names of temporary folders and positions are no reason.
    reason = re.sub(r"^error: (model\.onnx:\d*:? ?)?(node '[^']*': )?", "", reason)
    return index, verdict, reason


CASES: list = []
COMPILER = ""

HEADER = """# Conformance

How the backend cases of the `onnx` {version} package fare: {passed} of {total}
pass ({percent:.0f} %), {unsupported} are refused with an error, {wrong} are wrong.
Cases with string, sequence or optional inputs or outputs are left out.
Regenerate with `./dev docs`; a test checks that this page is what the compiler
does.

| operator | pass | unsupported | wrong | why unsupported |
| --- | --- | --- | --- | --- |
"""


def make_table(results) -> str:
    """The page, from (operator, verdict, reason) of each case."""
    rows: dict = collections.defaultdict(collections.Counter)
    reasons: dict = collections.defaultdict(set)
    for operator, verdict, reason in results:
        rows[operator][verdict] += 1
        if verdict == "unsupported":
            text = reason.replace("|", "\\|").replace("<", "&lt;")
            reasons[operator].add(text[:120])
    totals = sum(rows.values(), collections.Counter())
    count = sum(totals.values())
    text = HEADER.format(
        version=onnx.__version__,
        passed=totals["pass"],
        total=count,
        percent=100 * totals["pass"] / max(count, 1),
        unsupported=totals["unsupported"],
        wrong=totals["wrong"],
    )
    for operator in sorted(rows):
        row = rows[operator]
        why = "; ".join(sorted(reasons[operator])[:2])
        text += f"| {operator} | {row['pass']} | {row['unsupported']} "
        text += f"| {row['wrong']} | {why} |\n"
    return text


def main() -> int:
    global CASES, COMPILER
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--filter", default="")
    parser.add_argument("--table", type=pathlib.Path)
    parser.add_argument("--check", type=pathlib.Path)
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()

    COMPILER = arguments.compiler
    generated = generate_cases()
    operators = {case.name: operator_of(case) for case in generated}
    CASES = [
        case
        for case in generated
        if all(map(is_tensor, [*case.model.graph.input, *case.model.graph.output]))
        and re.search(arguments.filter, case.name)
    ]
    verdicts = collections.Counter()
    results: list = [None] * len(CASES)
    context = multiprocessing.get_context("fork")
    with context.Pool(arguments.jobs) as pool:
        for index, verdict, reason in pool.imap_unordered(judge, range(len(CASES))):
            name = CASES[index].name
            results[index] = (operators[name], verdict, reason)
            verdicts[verdict] += 1
            if verdict == "wrong" or (arguments.verbose and verdict != "pass"):
                print(f"{verdict}: {name}: {reason}", flush=True)

    total = len(CASES)
    print(
        f"{total} cases: {verdicts['pass']} pass, "
        f"{verdicts['unsupported']} unsupported, {verdicts['wrong']} wrong"
    )
    good = verdicts["wrong"] == 0
    table = make_table(results)
    if arguments.table:
        arguments.table.write_text(table)
    if arguments.check and arguments.check.read_text() != table:
        print(f"{arguments.check} is not what the compiler does: run ./dev docs")
        good = False
    if not arguments.filter:
        good &= total >= LEAST_CASES
        good &= 100 * verdicts["pass"] >= LEAST_PASSES_PERCENT * total
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
