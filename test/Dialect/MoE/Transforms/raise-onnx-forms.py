"""Each spelling of a layer is raised, whatever does not matter, and proven.

RUN: %python %s raised %S/Inputs %t
"""

import subprocess
import sys
from pathlib import Path

WHICH, SCRATCH = sys.argv[1], Path(sys.argv[3])
sys.path.insert(0, sys.argv[2])
SCRATCH.mkdir(parents=True, exist_ok=True)

import graphs  # noqa: E402
import layers  # noqa: E402


def check(name, graph, result, passes, wanted):
    text = SCRATCH / f"{name}.onnxtxt"
    text.write_text(graph.text(result))
    imported = subprocess.run(
        ["moe-compile", text, "--emit=onnx"], check=True, capture_output=True, text=True
    )
    run = subprocess.run(
        ["moe-opt", "-", *passes, "--remarks-filter=moe-.*", "--remark-format=emitRemark"],
        input=imported.stdout, check=True, capture_output=True, text=True,
    )
    assert wanted in run.stderr, f"{name}: {run.stderr}"


for form, build in layers.FORMS.items():
    rank = getattr(build, "rank", 2)
    if WHICH == "proven":
        original = graphs.Graph(rank)
        passes = ["--moe-raise-onnx", "--moe-verify-raise"]
        check(form, original, build(original), passes, "the raised layer is proven")
        continue
    for change in graphs.CHANGES:
        graph = graphs.Graph(rank)
        changed = change(graph, build(graph))
        title = f"{form}-{change.__name__}"
        check(title, graph, changed, ["--moe-raise-onnx"], '"raised: 4 experts')
