# RUN: %python %s moe-compile --emit=onnx
"""Feeds damaged and malicious files to the compiler.

usage: hostile.py COMPILER [ARGUMENT...]

Each file must end with exit code 1, exactly one `error:` that has the case's
words, no output file and no crash. A sound file must compile, or the test would
prove nothing.
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from wire import (  # noqa: E402
    INT64,
    data,
    graph,
    initializer,
    model,
    node,
    number,
    tensor,
    text,
    value,
    varint,
)

X = value(11, "x", ["n", 4])
Y = value(12, "y", ["n", 4])
BIG = 512  # floats: above the limit for constants


def add(name):
    return node("Add", ["x", name], ["y"])


def external(**entries):
    w = initializer("w", [BIG], external=entries)
    return model(graph(w, value(11, "x", ["n", BIG]), add("w"),
                       value(12, "y", ["n", BIG])))


def nested(depth):
    """If nodes within If nodes: each level is a graph in an attribute."""
    body = b""
    for _ in range(depth):
        attribute = data(5, text(1, "then_branch") + data(6, body) + varint(20, 5))
        body = data(1, text(4, "If") + attribute)
        if len(body) > 1 << 22:
            break
    return model(graph(X, Y, body))


def deep(levels):
    """10^6 levels without 10^6 copies: the length prefixes are written first.

    Every level is Graph.node (1) -> Node.attribute (5) -> Attribute.g (6); the
    lengths are those of a real nesting.
    """
    prefixes, size = [], 0
    for _ in range(levels):
        for field in (6, 5, 1):
            prefix = number(field << 3 | 2) + number(size)
            prefixes.append(prefix)
            size += len(prefix)
    return model(b"".join(reversed(prefixes)))


def deep_type(levels):
    """A sequence of a sequence of ..."""
    prefixes, size = [], 0
    for _ in range(levels):
        for field in (1, 4):
            prefix = number(field << 3 | 2) + number(size)
            prefixes.append(prefix)
            size += len(prefix)
    type_ = data(2, b"".join(reversed(prefixes)))
    return model(graph(data(11, text(1, "x") + type_), Y, add("x")))


def sound():
    w = initializer("w", [BIG], raw=bytes(4 * BIG))
    c = initializer("c", [1], raw=bytes(4))
    return model(graph(w, c, value(11, "x", ["n", BIG]),
                       node("Add", ["x", "c"], ["t"], name="a"),
                       node("Add", ["t", "w"], ["y"], name="b"),
                       value(12, "y", ["n", BIG])))


def cases():
    whole = sound()
    yield "empty", b"", "empty"
    yield "zip", b"PK\x03\x04" + bytes(100), "not an ONNX model"
    yield "elf", b"\x7fELF\x02\x01\x01" + bytes(100), "not an ONNX model"
    yield "text", b"hello, this is no model\n", "not an ONNX model"
    yield "ones", b"\xff" * 4096, "not an ONNX model"
    yield "no_graph", varint(1, 10), "no graph"
    for name, content, words in (
        ("number", b"\x08\xff", "ends inside a number"),
        ("long_number", b"\x08" + b"\xff" * 11, "more than 10 bytes"),
        ("field", b"\x00\x01", "invalid field number"),
        ("wire_type", b"\x0b", "unknown wire type"),
        ("length", b"\x0a\x7f" + bytes(4), "a field of 127 bytes, of which"),
    ):
        yield f"wire_{name}", content, words
    yield "many_nodes", model(graph(b"\x0a\x00" * ((4 << 20) + 1))), "more than 4194304"
    yield "long_name", model(graph(text(2, "g" * (129 << 20)))), "more than 128 MiB"
    for i in range(50):
        yield f"truncated_{i}", whole[: 1 + i * (len(whole) - 2) // 50], ""
    # A byte changed at many places: a model or an error, never a crash.
    for i in range(0, min(len(whole), 260), 3):
        flipped = bytearray(whole)
        flipped[i] ^= 0xFF
        yield f"flipped_{i}", bytes(flipped), None
    yield "cyclic", model(graph(X, node("Add", ["x", "b"], ["a"]),
                                node("Add", ["a", "x"], ["b"]),
                                node("Add", ["a", "b"], ["y"]), Y)), "sorted"
    yield "dangling", model(graph(X, add("nowhere"), Y)), "nowhere"
    yield "dangling_output", model(graph(X, node("Add", ["x", "x"], ["z"]), Y)), "'y'"
    yield "duplicate_output", model(graph(X, add("x"), add("x"), Y)), "SSA"
    yield "duplicate_input", model(graph(X, X, add("x"), Y)), "x"
    yield "duplicate_weight", model(graph(
        X, initializer("w", [BIG], raw=bytes(4 * BIG)),
        initializer("w", [BIG], raw=bytes(4 * BIG)), add("w"), Y)), "'w'"
    yield "type_clash", model(graph(X, value(11, "i", ["n", 4], INT64),
                                    add("i"), Y)), "Add"
    yield "shape_clash", model(graph(X, value(11, "z", [3, 3]), add("z"), Y)), "Add"
    yield "external_parent", external(location="../w.bin"), "'..'"
    yield "external_inner_parent", external(location="a/../../w.bin"), "'..'"
    yield "external_absolute", external(location="/etc/passwd"), "absolute"
    yield "external_link", external(location="leaves.bin"), "link"
    yield "external_link_folder", external(location="out/secret.bin"), "link"
    yield "external_missing", external(location="missing.bin"), "does not exist"
    yield "external_folder", external(location="folder"), "regular file"
    yield "external_pipe", external(location="pipe"), "regular file"
    yield "external_empty", external(location=""), "not a file name"
    yield "external_nul", external(location="w.bin\0x"), "not a file name"
    yield "external_past_end", external(location="w.bin", offset=4096), "ends after"
    yield "external_overflow", external(location="w.bin", offset=2**64 - 4), "ends after"
    yield "external_huge", external(location="w.bin", offset=2**70), "not a number"
    yield "external_negative", external(location="w.bin", offset=-1), "not a number"
    yield "external_length", external(location="w.bin", length=4), "need 2048"
    for name, dims in (("2_62", [2**62]), ("overflow", [2**40, 2**40]),
                       ("negative", [-1]), ("zero_times_2_62", [0, 2**62])):
        w = initializer("w", dims, external={"location": "w.bin"})
        yield f"dims_{name}_external", model(graph(X, w, add("w"), Y)), "dims"
        w = initializer("w", dims, raw=bytes(4 * BIG))
        yield f"dims_{name}_raw", model(graph(X, w, add("w"), Y)), "dims"
        w = initializer("w", dims, raw=bytes(4))
        yield f"dims_{name}_small", model(graph(X, w, add("w"), Y)), ""
    w = initializer("w", [BIG], raw=bytes(4 * BIG - 2))
    yield "short_raw", model(graph(X, w, add("w"), Y)), "need 2048"
    w = data(5, tensor("w", [BIG], raw=bytes(4 * BIG)) + data(9, bytes(4 * BIG)))
    yield "two_raws", model(graph(X, w, add("w"), Y)), "split"
    yield "nested_100", nested(100), "nested too deep"
    yield "nested_million", deep(10**6), "nested too deep"
    yield "type_nested_million", deep_type(10**6), ""
    sparse = data(1, varint(1, 1) + varint(2, 1) + data(9, bytes(4)) + text(8, "s"))
    sparse += data(2, varint(1, 1) + varint(2, 7) + data(9, bytes(8)) + text(8, "i"))
    sparse += varint(3, 4)
    attribute = data(5, text(1, "sparse_value") + data(22, sparse) + varint(20, 11))
    yield "sparse_constant", model(graph(
        X, node("Constant", [], ["c"], attribute), add("c"), Y)), "sparse"
    yield "short_small_raw", model(graph(
        X, initializer("w", [4], raw=bytes(12)), add("w"), Y)), "w"
    yield "float8", model(graph(
        X, initializer("w", [2048], raw=bytes(2048), element=17), add("w"), Y)), (
            "FLOAT8E4M3FN elements are not supported")
    yield "unmapped", model(graph(
        value(11, "x", ["n", 1 << 18], INT64), value(12, "y", ["n", 1 << 18], INT64),
        data(5, tensor("w", [1 << 18], element=INT64) + data(7, bytes(1 << 18))),
        add("w"))), "store it as raw_data"
    yield "raw_and_external", model(graph(X, initializer(
        "w", [BIG], raw=bytes(16), external={"location": "w.bin"}),
        add("w"), Y)), "data of its own"
    yield "unnamed_weight", model(graph(X, initializer(
        "", [BIG], raw=bytes(4 * BIG)), add("x"), Y)), "has no name"
    attribute = data(5, text(1, "value") + data(5, tensor("", [BIG], raw=bytes(4 * BIG)))
                     + varint(20, 4))
    yield "big_attribute", model(graph(
        value(11, "x", [1], INT64), node("ConstantOfShape", ["x"], ["y"], attribute),
        value(12, "y", ["n"]))), "only initialisers and Constant nodes may"
    yield "sparse_weight", model(graph(X, data(15, sparse), add("s"), Y)), "sparse"
    yield "input_and_weight", model(graph(
        X, value(11, "w", [3]), initializer("w", [BIG], raw=bytes(4 * BIG)),
        add("w"), Y)), "differ in type"
    yield "opset_6", model(graph(X, add("x"), Y), opset=6), "opset 6"
    yield "opset_99", model(graph(X, add("x"), Y), opset=99), "opset 99"
    yield "ir_version_99", model(graph(X, add("x"), Y), ir_version=99), "ir_version"


def main():
    command = sys.argv[1:]
    failures = []
    with tempfile.TemporaryDirectory() as root:
        folder = os.path.join(root, "model")
        outside = os.path.join(root, "outside")
        os.makedirs(os.path.join(folder, "folder"))
        os.makedirs(outside)
        with open(os.path.join(folder, "w.bin"), "wb") as file:
            file.write(bytes(4096))
        with open(os.path.join(outside, "secret.bin"), "wb") as file:
            file.write(bytes(4096))
        os.symlink("../outside/secret.bin", os.path.join(folder, "leaves.bin"))
        os.symlink("../outside", os.path.join(folder, "out"))
        os.mkfifo(os.path.join(folder, "pipe"))
        path = os.path.join(folder, "model.onnx")
        output = os.path.join(root, "out.mlir")

        def run(content):
            with open(path, "wb") as model_file:
                model_file.write(content)
            done = subprocess.run(command + [path, "-o", output], timeout=60,
                                  capture_output=True, text=True, errors="replace")
            written = os.path.exists(output)
            if written:
                os.remove(output)
            return done.returncode, done.stdout + done.stderr, written

        code, message, written = run(sound())
        if code != 0 or not written:
            failures.append(f"sound: exit code {code}\n{message}")
        count = 0
        for name, content, words in cases():
            count += 1
            code, message, written = run(content)
            problems = []
            if code == 0 and words is None:
                continue
            if code != 1:
                problems.append(f"exit code {code}")
            if message.count("error:") != 1:
                problems.append(f"{message.count('error:')} errors")
            if words and words not in message:
                problems.append(f"no '{words}' in the message")
            if written:
                problems.append("an output file")
            if problems:
                failures.append(f"{name}: {', '.join(problems)}\n{message[:1500]}")
    for failure in failures:
        print("FAILED", failure)
    print(f"{count} hostile files, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
