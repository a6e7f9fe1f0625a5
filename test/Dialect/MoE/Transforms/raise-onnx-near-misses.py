"""What only looks like a layer is left as it is, with a reason.
UNSUPPORTED: asan

RUN: %python %s %S/Inputs %t
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
SCRATCH = Path(sys.argv[2])
SCRATCH.mkdir(parents=True, exist_ok=True)

import graphs  # noqa: E402
import near_misses  # noqa: E402

failures = []
for name, (build, words) in near_misses.CASES.items():
    graph = graphs.Graph()
    text = SCRATCH / f"{name}.onnxtxt"
    text.write_text(graph.text(build(graph)))
    imported = subprocess.run(
        ["moe-compile", text, "--emit=onnx"], check=True, capture_output=True, text=True
    ).stdout
    plain = subprocess.run(
        ["moe-opt", "-"], input=imported, check=True, capture_output=True, text=True
    )
    run = subprocess.run(
        ["moe-opt", "-", "--moe-raise-onnx", "--remarks-filter=moe-.*",
         "--remark-format=emitRemark"],
        input=imported, check=True, capture_output=True, text=True,
    )
    remark = next((l for l in run.stderr.splitlines() if "remark:" in l), "no remark")
    remark = remark.split("Remark=")[-1]
    if run.stdout != plain.stdout:
        failures.append(f"{name}: it is changed, with {remark}")
    elif not all(word in remark for word in ("not raised", *words)):
        failures.append(f"{name}: {remark}")
assert not failures, "\n".join(failures)
