"""Compares the files of a folder with their namesakes in another."""

import difflib
import pathlib
import sys

made, kept = map(pathlib.Path, sys.argv[1:3])
pages = sorted(made.glob("*.md"))
status = 0 if pages else f"no pages in {made}"
for page in pages:
    other = kept / page.name
    before = other.read_text().splitlines() if other.exists() else []
    after = page.read_text().splitlines()
    for line in difflib.unified_diff(before, after, str(other), str(page), n=1, lineterm=""):
        print(line)
        status = 1
sys.exit(status)
