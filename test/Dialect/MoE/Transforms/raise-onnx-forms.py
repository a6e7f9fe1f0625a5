"""Each spelling of a layer is raised and proven, whatever does not matter.

RUN: %python %s %S/Inputs %t
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
SCRATCH = Path(sys.argv[2])

import graphs  # noqa: E402
import layers  # noqa: E402


def raised(name, graph, result, *passes):
    SCRATCH.mkdir(parents=True, exist_ok=True)
    text = SCRATCH / f"{name}.onnxtxt"
    text.write_text(graph.text(result))
    imported = subprocess.run(
        ["moe-compile", text, "--emit=onnx"], check=True, capture_output=True, text=True
    )
    return subprocess.run(
        ["moe-opt", "-", "--moe-raise-onnx", *passes, "--remarks-filter=moe-.*",
         "--remark-format=emitRemark"],
        input=imported.stdout, check=True, capture_output=True, text=True,
    )


for name, build in layers.FORMS.items():
    for change in [None, *graphs.CHANGES]:
        graph = graphs.Graph(rank=getattr(build, "rank", 2))
        result = build(graph)
        if change:
            result = change(graph, result)
        # What only looks different is proven once.
        passes = []
        title = name + (f"-{change.__name__}" if change else "")
        run = raised(title, graph, result, *passes)
        wanted = "raised: 4 experts"
        assert wanted in run.stderr, f"{title}: {run.stderr}"
