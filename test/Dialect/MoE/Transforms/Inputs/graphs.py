"""Builds small ONNX graphs as text, and changes them without changing what they
compute."""

import random
import re

EXPERTS, SLOTS, HIDDEN, INNER = 4, 2, 8, 6
LAST = 2**63 - 1


def _attribute(value):
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)


class Graph:
    """Nodes over `x` [tokens, HIDDEN], or [batch, sequence, HIDDEN]."""

    def __init__(self, rank=2, seed=0):
        self.rank = rank
        self.nodes = []
        self.constants = {}
        self.random = random.Random(seed)

    def _constant(self, kind, shape, values):
        name = f"c{len(self.constants)}"
        dims = f"[{', '.join(map(str, shape))}]" if shape else ""
        text = ", ".join(map(str, values))
        self.constants[name] = f"{kind}{dims} {name} = {{{text}}}"
        return name

    def ints(self, *values):
        return self._constant("int64", [len(values)], values)

    def int(self, value):
        return self._constant("int64", [], [value])

    def float(self, value):
        return self._constant("float", [], [value])

    def floats(self, *values):
        return self._constant("float", [len(values)], values)

    def weight(self, *shape):
        count = 1
        for size in shape:
            count *= size
        values = [round(self.random.uniform(-0.6, 0.6), 4) for _ in range(count)]
        return self._constant("float", shape, values)

    def op(self, name, *inputs, outputs=1, **attributes):
        made = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append([name, list(inputs), made, attributes])
        return made[0] if outputs == 1 else made

    def text(self, result):
        dims = ", ".join(["tokens", "batch"][: self.rank - 1] + [str(HIDDEN)])
        lines = []
        for i, (name, inputs, made, attributes) in enumerate(self.nodes):
            shown = ", ".join(f"{k} = {_attribute(v)}" for k, v in attributes.items())
            shown = f" <{shown}>" if shown else ""
            operands = ", ".join(operand or '""' for operand in inputs)
            lines.append(f"  [node_{i}] {', '.join(made)} = {name}{shown} ({operands})")
        return (
            '<ir_version: 9, opset_import: ["" : 20]>\n'
            f"layer (float[{dims}] x) => (float[{dims}] {result})\n"
            f"<{', '.join(self.constants.values())}>\n{{\n" + "\n".join(lines) + "\n}\n"
        )


# ------------------------------------------------------------------------------
# What must not matter
# ------------------------------------------------------------------------------


def insert_identities(graph, result):
    """A chain of ops that change nothing behind every third value."""
    nodes, renamed = [], {}
    for i, (name, inputs, made, attributes) in enumerate(graph.nodes):
        nodes.append([name, [renamed.get(v, v) for v in inputs], made, attributes])
        if i % 3 == 0:
            nodes.append(["Identity", [made[0]], [made[0] + "_i"], {}])
            renamed[made[0]] = made[0] + "_i"
    graph.nodes = nodes
    return renamed.get(result, result)


def swap_operands(graph, result):
    for i, (name, inputs, _, _) in enumerate(graph.nodes):
        if name in ("Mul", "Add", "Equal") and i % 2:
            inputs.reverse()
    return result


def shuffle_nodes(graph, result):
    """Another topological order, and other names."""
    pending, done, nodes = graph.nodes[:], {"x", "", *graph.constants}, []
    while pending:
        ready = [n for n in pending if all(v in done for v in n[1])]
        node = ready[-1]
        pending.remove(node)
        nodes.append(node)
        done.update(node[2])
    names = {v: f"value{i}" for i, v in enumerate(v for n in nodes for v in n[2])}
    for node in nodes:
        node[1] = [names.get(v, v) for v in node[1]]
        node[2] = [names[v] for v in node[2]]
    graph.nodes = nodes
    return names[result]


def transpose_weights(graph, result):
    """Matrices are stored transposed and turned in front of the product."""
    nodes = []
    for node in graph.nodes:
        name, inputs, made, _ = node
        match = re.match(r"float\[(\d+), (\d+)\] \S+ = {(.*)}", graph.constants.get(inputs[-1], ""))
        if name == "MatMul" and match:
            rows, columns = int(match[1]), int(match[2])
            values = match[3].split(", ")
            turned = [values[r * columns + c] for c in range(columns) for r in range(rows)]
            stored = graph._constant("float", [columns, rows], turned)
            nodes.append(["Transpose", [stored], [made[0] + "_t"], {"perm": [1, 0]}])
            node = [name, [inputs[0], made[0] + "_t"], made, {}]
        nodes.append(node)
    graph.nodes = nodes
    return result


CHANGES = [insert_identities, swap_operands, shuffle_nodes, transpose_weights]
