# RUN: %python -W error %s %build_root/docs/reference
"""Each pass on the moe dialect does to the example of its page what the page says.

The first block of a pass's section is run through the pass. A second block is
what becomes of it: a module, or lines that are in the result, whatever names
the values have.
"""

import re
import subprocess
import sys
import unittest
from pathlib import Path

FOLDER = Path(sys.argv.pop(1))
SECTION = re.compile(r"^### `-(.*?)`$(.*?)(?=^### |\Z)", re.M | re.S)
BLOCK = re.compile(r"^```mlir\n(.*?)^```$", re.M | re.S)
#: Raising is told as what is left of it behind the proof.
OTHERS = {"moe-raise-onnx"}
#: What a pass tells instead of a change.
TOLD = {
    "moe-lint": "the numbers of rows per expert, 3, 1, are those of the example input",
    "moe-report-cost": "FLOP per token (of arg1#0 tokens): 0 + load * 128",
}


def run(text, *flags):
    done = subprocess.run(
        ["moe-opt", *flags], input=text, capture_output=True, text=True
    )
    if done.returncode:
        raise AssertionError(f"{flags}: {done.stderr}")
    return done.stdout, done.stderr


def strip_names(text):
    return " ".join(re.sub(r"%[\w.$#-]+", "%", text).split())


class PassExamples(unittest.TestCase):
    def test_passes(self):
        count = 0
        for name, body in SECTION.findall((FOLDER / "MoEPasses.md").read_text()):
            blocks = BLOCK.findall(body)
            if blocks and name not in OTHERS:
                count += 1
                with self.subTest(name):
                    self.check(name, *blocks)
        self.assertGreaterEqual(count, 7)

    def check(self, name, before, after=None, *more):
        self.assertFalse(more, "more than two blocks")
        result, told = run(before, "--" + name)
        if name in TOLD:
            self.assertIn(TOLD[name], told)
        elif after is None:
            self.assertNotEqual(result, run(before)[0], "the pass changes nothing")
        elif "func.func" in after:
            self.assertEqual(result, run(after)[0])
        else:
            self.assertIn(strip_names(after), strip_names(result))


if __name__ == "__main__":
    unittest.main()
