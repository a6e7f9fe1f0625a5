"""Layers of models are found however their graphs are spelt.
UNSUPPORTED: asan

RUN: %python %s %models %src_root/examples/adamoe
"""

import re
import subprocess
import sys
from pathlib import Path

MODELS, ADAMOE = Path(sys.argv[1]), Path(sys.argv[2])
# Traces that froze what their example input did have no layer.
FROZEN = {"jetmoe.block.eager-ts", "switch_transformers.block.eager-ts"}
LAYERS = {ADAMOE / "adamoe.loop.onnx": 4, ADAMOE / "adamoe.batched.onnx": 4}
for folder in sorted(MODELS.iterdir()):
    count = 0 if folder.name in FROZEN else 2 if ".lm." in folder.name else 1
    LAYERS[folder / "model.onnx"] = count

VALUE = r"%[\w$.-]+"
RESULT = re.compile(rf"^    ({VALUE}) = (onnx\.\w+) .*-> (tensor<[^>]*>)$")


def rename(line, names):
    """Operands by their new names."""
    head, equals, tail = line.partition(" = ")
    if not equals:
        head, tail = "", line
    tail = re.sub(VALUE, lambda match: names.get(match[0], match[0]), tail)
    return head + equals + tail


def insert_identities(lines):
    """Ops that change nothing behind every second value."""
    out, names = [], {}
    for i, line in enumerate(lines):
        out.append(rename(line, names))
        match = RESULT.match(line)
        if not match or i % 2 or "<0x" in line:
            continue
        value, _, kind = match.groups()
        new = "%same_" + value[1:]
        names[value] = new
        what = i // 2 % 3
        if what == 0:
            out.append(f"    {new} = onnx.Identity {value} : ({kind}) -> {kind}")
        elif what == 1 or "x" not in kind:
            out.append(f"    {new} = onnx.Cast {value} : ({kind}) -> {kind}")
        else:
            shape = f"tensor<{kind.count('x')}xi64>"
            out.append(f"    %shape_{value[1:]} = onnx.Shape {value} : ({kind}) -> {shape}")
            out.append(
                f"    {new} = onnx.Reshape {value}, %shape_{value[1:]} {{allowzero = 1 : i64}}"
                f" : ({kind}, {shape}) -> {kind}"
            )
    return out


def swap_operands(lines):
    pattern = re.compile(
        rf"(onnx\.(?:Mul|Add|Equal|Max)) ({VALUE}(?:#\d+)?), ({VALUE}(?:#\d+)?)"
        r" : \((tensor<[^>]*>), (tensor<[^>]*>)\)"
    )
    return [pattern.sub(r"\1 \3, \2 : (\5, \4)", line) for line in lines]


def transpose_weights(lines):
    out, names = [], {}
    for line in lines:
        out.append(rename(line, names))
        match = re.match(rf"    ({VALUE}) = rt\.weight_ref .* : tensor<((?:\d+x)+)(\w+)>$", line)
        if not match:
            continue
        value, sizes, element = match[1], match[2].split("x")[:-1], match[3]
        if len(sizes) not in (2, 3):
            continue
        perm = "1, 0" if len(sizes) == 2 else "0, 2, 1"
        turned = sizes[:-2] + [sizes[-1], sizes[-2]]
        here, there = (f"tensor<{'x'.join(s)}x{element}>" for s in (sizes, turned))
        perm = f"{{perm = array<i64: {perm}>}}"
        out.append(f"    %turned_{value[1:]} = onnx.Transpose {value} {perm} : ({here}) -> {there}")
        out.append(f"    %twice_{value[1:]} = onnx.Transpose %turned_{value[1:]} {perm} : ({there}) -> {here}")
        names[value] = "%twice_" + value[1:]
    return out


def reorder(lines):
    """Each op as late as its users allow."""
    users = {}
    for i, line in enumerate(lines):
        head, _, tail = line.partition(" = ")
        for value in re.findall(VALUE, tail or head):
            users.setdefault(value, []).append(i)
    placed, order = set(), []
    pending = list(range(len(lines)))
    while pending:
        for i in pending:
            head = lines[i].partition(" = ")[0] if " = " in lines[i] else ""
            results = [re.match(VALUE, part.strip())[0] for part in head.split(",") if part.strip()]
            if all(user in placed for value in results for user in users.get(value, [])):
                placed.add(i)
                order.append(i)
                pending.remove(i)
                break
    return [lines[i] for i in reversed(order)]


def raised(text):
    run = subprocess.run(
        ["moe-opt", "-", "--moe-raise-onnx"], input=text, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.count("moe.candidate(")


CHANGES = [None, insert_identities, swap_operands, transpose_weights, reorder]
failures = []
for model, count in LAYERS.items():
    text = subprocess.run(
        ["moe-compile", model, "--emit=onnx"], check=True, capture_output=True, text=True
    ).stdout
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if "func.func" in line) + 1
    last = next(i for i, line in enumerate(lines) if line.startswith("    return"))
    for change in CHANGES:
        body = lines[first:last]
        if change:
            body = change(body + [lines[last]])
        else:
            body = body + [lines[last]]
        changed = "\n".join(lines[:first] + body + lines[last + 1 :])
        found = raised(changed)
        if found != count:
            name = change.__name__ if change else "as it is"
            failures.append(f"{model.parent.name}/{model.name}, {name}: {found} of {count}")
assert not failures, "\n".join(failures)
