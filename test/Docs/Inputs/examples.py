"""The examples of a page of documentation, as docs/Testing.md has them."""

import re

SECTION = re.compile(r"^### `-(.*?)`$(.*?)(?=^### |\Z)", re.M | re.S)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"// moe-opt (.*)\n")
#: What `...` in a block of output stands for.
ELISION = r".*?"


class Example:
    """A command, what it reads, and what is said of it. Without `flags` it is a
    script: `language` is sh or python."""

    def __init__(self, given, flags=None, language="mlir"):
        self.given, self.flags, self.language = given, flags, language
        self.after, self.told, self.told_as = None, None, None

    def add(self, kind, text):
        """A block that follows; others than what comes out are left out."""
        if kind == "mlir" and self.flags and self.after is None:
            self.after = text
        elif kind in ("text", "json") and self.told is None:
            self.told, self.told_as = text, kind


def find_examples(text, name=None):
    """The examples of a page, or of the section of the pass `name`."""
    found = []
    for kind, block in BLOCK.findall(text):
        command = COMMAND.match(block)
        if kind == "mlir" and command:
            found.append(Example(block, command[1].split()))
        elif kind == "mlir" and name and not found:
            found.append(Example(block, ["--" + name]))
        elif kind in ("sh", "python"):
            found.append(Example(block, language=kind))
        elif found:
            found[-1].add(kind, block)
    return found


def find_pages(root):
    """The pages that people write."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def check_told(test, example, said):
    """Each line of a block is said, in this order; a line may be cut short. The
    layout of JSON says nothing."""
    join = "".join if example.told_as == "json" else " ".join
    parts = [re.escape(join(line.split())) for line in example.told.splitlines()]
    pattern = ELISION.join(part for part in parts if part)
    pattern = pattern.replace(re.escape("..."), ELISION)
    test.assertRegex(join(said.split()), pattern)
