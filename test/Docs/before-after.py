# RUN: %python -W error %s %build_root/docs/reference %src_root
"""Each pass and each page shows before and after, and tells the truth.

docs/Testing.md says how an example is written. A pass without one and a page
without one are failures.
"""

import re
import subprocess
import sys
import unittest
from pathlib import Path

from Inputs.examples import SECTION, check_told, find_examples, find_pages

REFERENCE, ROOT = (Path(path) for path in sys.argv[1:])


def strip_names(text):
    return " ".join(re.sub(r"%[\w.$#-]+", "%", text).split())


def run_opt(text, *flags):
    done = subprocess.run(
        ["moe-opt", *flags], input=text, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


class BeforeAfter(unittest.TestCase):
    def test_passes(self):
        pages = sorted(REFERENCE.glob("*Passes.md"))
        self.assertGreaterEqual(len(pages), 5)
        for page in pages:
            for name, body in SECTION.findall(page.read_text()):
                with self.subTest(page=page.name, name=name):
                    examples = find_examples(body, name)
                    self.assertTrue(examples, "the pass has no example")
                    for example in examples:
                        self.check_ir(example)

    def test_pages(self):
        pages = find_pages(ROOT)
        self.assertGreaterEqual(len(pages), 8)
        for page in pages:
            examples = find_examples(page.read_text())
            told = [e for e in examples if e.after or e.told]
            with self.subTest(page=page.name):
                self.assertTrue(told, "the page has no before and after")
            for i, example in enumerate(e for e in examples if e.flags):
                with self.subTest(page=page.name, example=i):
                    self.check_ir(example)

    def check_ir(self, example):
        self.assertTrue(example.after or example.told, f"nothing after {example.given}")
        status, result, said = run_opt(example.given, *example.flags)
        if example.told:
            check_told(self, example, said)
        fails = bool(example.told) and example.told.startswith("error:")
        self.assertEqual(bool(status), fails, said)
        if not example.after:
            return
        if "func.func" not in example.after:
            self.assertIn(strip_names(example.after), strip_names(result))
            return
        status, expected, said = run_opt(example.after)
        self.assertEqual(status, 0, said)
        self.assertEqual(result, expected)
        self.assertNotEqual(result, run_opt(example.given)[1], "nothing changes")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
