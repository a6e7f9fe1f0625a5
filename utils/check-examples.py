#!/usr/bin/env python3
"""Feeds every fenced ```mlir block of Markdown files to moe-opt.

usage: check-examples.py [--every-op] MOE-OPT FILE-OR-FOLDER...

Folders are searched for *.md. With --every-op, each op's section of generated
reference pages must have a block. A block is one of:

* a module's contents, when its first op is one that stands in a module;
* attributes or types, each at the start of a line: they become attributes of a
  function declaration;
* ops of a function: they are put into one. Values that the block uses but does
  not define become its arguments. Their types are read off the end of the op:
  `: (types) -> types`, `: types`, or one type for all operands. Where that says
  too little, write the block with its `func.func`.

Give other text (elided IR, syntax) another info string than `mlir`.
"""

import argparse
import pathlib
import re
import subprocess
import sys

MODULE_LEVEL = re.compile(
    r"(module|builtin\.module|func\.func|rt\.weight|rt\.entry|rt\.layer|rt\.timer|llvm\.func|"
    r"memref\.global|#[\w.]+\s*=|![\w.]+\s*=)(?![\w.])"
)
FENCE = re.compile(r"^([ \t]*)```mlir[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.M | re.S)
RESULTS = r"(?:%[\w$.-]+(?::\d+)?(?:\s*,\s*%[\w$.-]+(?::\d+)?)*\s*=\s*)"
STATEMENT = re.compile(
    rf'^[ \t]*(?={RESULTS}|(?:[a-z_]\w*(?:\.\w+)+|return|"[\w.]+")(?![\w.]))', re.M
)
VALUE = re.compile(r"%[\w$.-]+")
OPENING, CLOSING = "(<[{", ")>]}"


class ExampleError(Exception):
    """A block that this script cannot complete."""


def split_types(text):
    """Splits a list of types at its commas outside of brackets."""
    parts, depth, start = [], 0, 0
    text = text.replace("->", "\0\0")
    for position, char in enumerate(text):
        depth += (char in OPENING) - (char in CLOSING)
        if char == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part.replace("\0\0", "->").strip() for part in parts if part.strip()]


def operand_types(signature):
    """The operand types of what follows an op's last ` : `."""
    signature = signature.strip()
    if signature.startswith("("):
        depth = 0
        for position, char in enumerate(signature.replace("->", "  ")):
            depth += (char in OPENING) - (char in CLOSING)
            if depth == 0:
                return split_types(signature[1:position])
    return split_types(re.split(r"\s(?:->|to|into)\s", signature)[0])


def last_colon(text):
    """Position after the last colon outside of brackets; None without one."""
    depth, found = 0, None
    for position, char in enumerate(text.replace("->", "  ")):
        depth += (char in OPENING) - (char in CLOSING)
        if char == ":" and depth == 0 and text[position - 1].isspace():
            found = position + 1
    return found


def take_regions(text):
    """Returns the text with braces emptied, and what they contained."""
    outer, inner, depth, start = [], [], 0, 0
    for position, char in enumerate(text):
        if char == "{":
            if depth == 0:
                outer.append(text[start : position + 1])
                start = position + 1
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                inner.append(text[start:position])
                start = position
    outer.append(text[start:])
    return "".join(outer), inner


def scan(text, free, defined):
    """Adds the free values of a list of ops and their types to `free`."""
    text, regions = take_regions(text)
    starts = [match.start() for match in STATEMENT.finditer(text)] + [len(text)]
    for start, end in zip(starts, starts[1:]):
        statement = re.sub(r"^\s*\^\w+.*$", "", text[start:end], flags=re.M)
        results, equals, rest = statement.partition("=")
        if not equals or not results.strip().startswith("%"):
            results, rest = "", statement
        for value, kind in re.findall(r"\((%[\w$.-]+) : ([^()]+)\)", rest):
            if value not in defined:
                free.setdefault(value, kind)
        rest = re.sub(r"\(%[\w$.-]+ : [^()]+\)", "", rest)
        colon = last_colon(rest)
        uses = VALUE.findall(rest)
        types = operand_types(rest[colon:]) if colon else []
        if len(types) == 1:
            types *= len(uses)
        for index, value in enumerate(uses):
            if value in defined or value in free:
                continue
            if len(types) != len(uses):
                raise ExampleError(
                    f"cannot tell the type of {value}: give the block a func.func"
                )
            free[value] = types[index]
        defined.update(VALUE.findall(results))
    for region in regions:
        scan(region, free, defined)


def complete(block):
    """Returns what to put before and after a block to make a module of it."""
    code = re.sub(r"//.*", "", block)
    code = re.sub(r'"(?:[^"\\\n]|\\.)*"', lambda m: '"' + "_" * (len(m[0]) - 2) + '"', code)
    first = code.strip()
    if not first:
        raise ExampleError("the block is empty")
    if MODULE_LEVEL.match(first):
        return block
    if first[0] in "#!":
        values = re.split(r"^(?=[#!])", block.strip(), flags=re.M)
        entries = [f"e{i} = {v.strip()}" for i, v in enumerate(v for v in values if v)]
        lines = ",\n".join(entries)
        return "func.func private @example() attributes {" + lines + "}\n"
    # Block arguments print as `%x: type`, uses as `%x : type`.
    free, defined = {}, set(re.findall(r"(%[\w$.-]+): ", code))
    scan(code, free, defined)
    arguments = ", ".join(f"{value}: {kind}" for value, kind in free.items())
    tail = re.search(r"^[ \t]*return\b(.*)\Z", code, re.M | re.S)
    if not tail:
        return f"func.func @example({arguments}) {{ {block}\nreturn }}\n"
    results = tail[1].partition(" : ")[2].strip() if ":" in tail[1] else ""
    return f"func.func @example({arguments}) -> ({results}) {{ {block} }}\n"


def blocks_of(path):
    """Yields the line and text of each block of a file."""
    text = path.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        yield text.count("\n", 0, match.start(2)) + 1, match[2]


def ops_without_example(path):
    """Names the ops of a generated reference page that show no example."""
    sections = re.split(r"^### ", path.read_text(encoding="utf-8"), flags=re.M)
    for section in sections[1:]:
        title = re.match(r"`([\w.]+)` \(.*Op\)", section)
        if title and not FENCE.search(section):
            yield title[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every-op", action="store_true")
    parser.add_argument("opt", metavar="MOE-OPT")
    parser.add_argument("inputs", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()

    files = []
    for path in arguments.inputs:
        files += sorted(path.rglob("*.md")) if path.is_dir() else [path]

    errors, pieces, origins, count = [], [], [], 0
    for path in files:
        if arguments.every_op:
            errors += [f"{path}: {op} has no example" for op in ops_without_example(path)]
        for line, block in blocks_of(path):
            count += 1
            try:
                piece = complete(block)
            except ExampleError as error:
                errors.append(f"{path}:{line}: {error}")
                continue
            # Keep line numbers in step with the block's, for the messages.
            pieces.append(piece)
            for offset in range(piece.count("\n")):
                origins.append(f"{path}:{line + offset}")
            origins.append(None)

    result = subprocess.run(
        [arguments.opt, "-split-input-file", "-verify-roundtrip"],
        input="// -----\n".join(pieces),
        capture_output=True,
        text=True,
    )
    for line, message in re.findall(r"<stdin>:(\d+):\d+: (error: .*)", result.stderr):
        errors.append(f"{origins[int(line) - 1]}: {message}")
    if result.returncode and not errors:
        errors += [result.stderr, f"{arguments.opt}: status {result.returncode}"]
    print("\n".join(errors + [f"{count} examples, {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
