# RUN: %model_python -W error %s %src_root %t README.md
"""The scripts on pages of documentation run, and print what the page says."""

import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

from Inputs.examples import check_told, find_examples

ROOT, SCRATCH = (Path(path) for path in sys.argv[1:3])
PAGES = sys.argv[3:]


def list_scripts(page):
    scripts = []
    for example in find_examples(page.read_text()):
        # What builds and tests this repository runs this test.
        if example.flags or "./dev" in example.given:
            continue
        # Python goes on where the block before ended.
        if scripts and example.language == scripts[-1].language == "python":
            example.given = scripts.pop().given + example.given
        scripts.append(example)
    return scripts


class Commands(unittest.TestCase):
    """Blocks of shell and Python, each page in a folder of its own."""

    def test_pages(self):
        pages = [ROOT / page for page in PAGES]
        pages = [p for page in pages for p in (page.glob("*.md") if page.is_dir() else [page])]
        for page in sorted(pages):
            scripts = list_scripts(page)
            folder = SCRATCH / page.relative_to(ROOT).with_suffix("")
            if scripts:
                self.prepare(folder)
            for script in scripts:
                with self.subTest(page=page.name, script=script.given):
                    self.check(script, folder)

    def prepare(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        adamoe = ROOT / "examples" / "adamoe"
        shutil.copy(adamoe / "adamoe.batched.onnx", folder / "model.onnx")
        tokens = np.load(adamoe / "adamoe.io.npz")["input_ids"]
        np.savez(folder / "ids.npz", input_ids=tokens)

    def check(self, example, folder):
        command = {
            "sh": ["bash", "-e", "-o", "pipefail", "-c"],
            "python": [sys.executable, "-c"],
        }
        done = subprocess.run(
            [*command[example.language], example.given],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        if example.told:
            check_told(self, example, done.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
