# RUN: moe-compile --help > %t
# RUN: %python %s %t %src_root/docs/Pipelines.md
"""docs/Pipelines.md lists the stages and contracts that --help prints."""

import re
import sys

with open(sys.argv[1]) as file:
    shown = re.findall(r"^ +=([\w-]+) +- +(.*)$", file.read(), re.MULTILINE)
with open(sys.argv[2]) as file:
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| (.*) \|$", file.read(), re.MULTILINE)

# Of other options.
modes = {"embed", "beside", "deferred", "none", "bf16", "f16"}
stages = [(name, text) for name, text in shown if name not in modes]
assert stages, "--help shows no stage"
assert stages == rows, f"--help shows {stages}, the page {rows}"
