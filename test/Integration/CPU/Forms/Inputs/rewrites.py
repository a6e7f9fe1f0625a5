"""Rewrites of ONNX models that change no value: what exporters, optimisers and
people do to a graph. Each takes a `Model` and a random generator."""

import heapq

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64


# From which operand on a node reads what shape its result has.
SHAPE_OPERANDS = {
    "ConstantOfShape": 0,
    "CumSum": 1,
    "Expand": 1,
    "OneHot": 1,
    "Range": 0,
    "Reshape": 1,
    "Slice": 1,
    "Split": 1,
    "Squeeze": 1,
    "Tile": 1,
    "TopK": 1,
    "Unsqueeze": 1,
}


class Model:
    """A model that is being rewritten. What a rewrite loses is dropped at once:
    metadata and the types of inner values."""

    def __init__(self, proto):
        self.proto = onnx.ModelProto()
        self.proto.CopyFrom(proto)
        self.graph = self.proto.graph
        self._count = 0
        # Element type and rank by value; refreshed before each rewrite.
        self.types, self.ranks = {}, {}

    def refresh(self):
        del self.graph.value_info[:]
        known = onnx.shape_inference.infer_shapes(self.proto).graph
        for value in [*known.value_info, *known.input, *known.output]:
            tensor = value.type.tensor_type
            self.types[value.name] = tensor.elem_type
            if tensor.HasField("shape"):
                self.ranks[value.name] = len(tensor.shape.dim)
        for weight in self.graph.initializer:
            self.types[weight.name] = weight.data_type
            self.ranks[weight.name] = len(weight.dims)
        self.weights = {w.name: w for w in self.graph.initializer}
        self.shapes = self._find_shapes()

    def _find_shapes(self):
        """Values that say what shape others have: axes, sizes, bounds."""
        made_by = {o: n for n in self.graph.node for o in n.output}
        waiting = []
        for node in self.graph.node:
            first = SHAPE_OPERANDS.get(node.op_type)
            if first is None and node.op_type.startswith("Reduce"):
                first = 1
            if first is not None:
                waiting.extend(node.input[first:])
        found = set()
        while waiting:
            value = waiting.pop()
            if value in found or not value:
                continue
            found.add(value)
            node = made_by.get(value)
            if node is not None and node.op_type != "Shape":
                waiting.extend(node.input)
        return found

    def name(self):
        self._count += 1
        return f"rewritten_{self._count}"

    def node(self, kind, inputs, output=None, **attributes):
        output = output or self.name()
        return helper.make_node(kind, inputs, [output], self.name(), **attributes)

    def weight(self, array):
        name = self.name()
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def ints(self, *values):
        return self.weight(np.array(values, np.int64))

    def set_nodes(self, nodes):
        nodes = list(nodes)
        del self.graph.node[:]
        self.graph.node.extend(nodes)

    def drop_unused_weights(self):
        used = {i for n in self.graph.node for i in n.input}
        used |= {o.name for o in self.graph.output}
        kept = [w for w in self.graph.initializer if w.name in used]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)

    def replace_nodes(self, change):
        """`change(node)` gives the nodes that stand for a node, or None."""
        nodes = []
        for node in list(self.graph.node):
            new = change(node)
            nodes.extend([node] if new is None else new)
        self.set_nodes(nodes)
        self.drop_unused_weights()

    def insert(self, make):
        """`make(value)` gives the nodes to put on an edge, the last of which
        makes the new value; none: the edge stays. Shapes stay as they are: the
        import must know ranks."""

        def change(node):
            before = []
            for i, value in enumerate(node.input):
                if not value or value in self.shapes:
                    continue
                if new := make(value):
                    before.extend(new)
                    node.input[i] = new[-1].output[0]
            return [*before, node]

        self.replace_nodes(change)


def attribute(node, name, default):
    for found in node.attribute:
        if found.name == name:
            return helper.get_attribute_value(found)
    return default


def rename(model, random):
    """All values and nodes get other names; metadata goes."""
    del model.proto.metadata_props[:]
    del model.graph.metadata_props[:]
    model.graph.name = "g"
    kept = {v.name for v in [*model.graph.input, *model.graph.output]} | {""}
    values = [o for n in model.graph.node for o in n.output]
    values = sorted({*values, *model.weights} - kept)
    numbers = random.permutation(len(values))
    names = {v: f"v{n}" for v, n in zip(values, numbers)}
    for weight in model.graph.initializer:
        weight.name = names[weight.name]
    numbers = random.permutation(len(model.graph.node))
    for node, number in zip(model.graph.node, numbers):
        node.name = f"n{number}"
        node.doc_string = ""
        del node.metadata_props[:]
        node.input[:] = [names.get(i, i) for i in node.input]
        node.output[:] = [names.get(o, o) for o in node.output]


def shuffle(model, random):
    """Nodes in another topological order."""
    waiting, users = {}, {}
    made = {o for n in model.graph.node for o in n.output if o}
    nodes = list(model.graph.node)
    for i, node in enumerate(nodes):
        reads = {v for v in node.input if v in made}
        waiting[i] = len(reads)
        for value in reads:
            users.setdefault(value, []).append(i)
    ready = [i for i, n in waiting.items() if n == 0]
    order = []
    while ready:
        i = ready.pop(random.integers(len(ready)))
        order.append(nodes[i])
        for value in nodes[i].output:
            for user in users.get(value, []):
                waiting[user] -= 1
                if waiting[user] == 0:
                    ready.append(user)
    model.set_nodes(order)


def delay(model, random):
    """Each node as late as its users allow."""
    nodes = list(model.graph.node)
    made_by = {o: i for i, n in enumerate(nodes) for o in n.output if o}
    reads = [{made_by[v] for v in n.input if v in made_by} for n in nodes]
    users = [0] * len(nodes)
    for made in reads:
        for i in made:
            users[i] += 1
    ready, order = [i for i, count in enumerate(users) if not count], []
    while ready:
        position = heapq.heappop(ready)
        order.append(nodes[position])
        for i in reads[position]:
            users[i] -= 1
            if not users[i]:
                heapq.heappush(ready, i)
    model.set_nodes(order[::-1])


def transpose_weights(model, random):
    """Matrices, and stacks of them or of biases, lie transposed, behind a
    Transpose; Gemm flips transB."""

    def flip(value):
        array = numpy_helper.to_array(model.weights[value])
        return model.weight(np.ascontiguousarray(array.swapaxes(-1, -2)))

    def change(node):
        if node.op_type == "Gemm" and node.input[1] in model.weights:
            flipped = 1 - attribute(node, "transB", 0)
            node.input[1] = flip(node.input[1])
            kept = [a for a in node.attribute if a.name != "transB"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("transB", flipped)])
            return [node]
        before = []
        for i, value in enumerate(node.input):
            weight = model.weights.get(value)
            if weight is None or weight.data_type != FLOAT:
                continue
            if len(weight.dims) < 2:
                continue
            perm = list(range(len(weight.dims)))
            perm[-2:] = perm[:-3:-1]
            before.append(model.node("Transpose", [flip(value)], perm=perm))
            node.input[i] = before[-1].output[0]
        return [*before, node]

    model.replace_nodes(change)


def swap_operands(model, random):
    """Add, Mul and other commutative nodes swap their operands."""
    for node in model.graph.node:
        if node.op_type in ("Add", "Mul", "Equal", "Max", "And", "Or"):
            node.input[:] = node.input[::-1]


def insert_identities(model, random):
    """An Identity on every edge."""
    model.insert(lambda value: [model.node("Identity", [value])])


def insert_casts(model, random):
    """Casts to the same type and pairs to a wider one, on most edges."""
    wider = {FLOAT: DOUBLE, TensorProto.INT32: INT64, TensorProto.BOOL: INT64}

    def make(value):
        element = model.types.get(value)
        choice = random.random()
        if element is None or choice < 0.3:
            return []
        if element in wider and choice < 0.6:
            first = model.node("Cast", [value], to=wider[element])
            return [first, model.node("Cast", [first.output[0]], to=element)]
        return [model.node("Cast", [value], to=element)]

    model.insert(make)


def insert_reshapes(model, random):
    """Pairs that undo each other and reshapes to the same shape, on most edges."""

    def pair(kinds, value, inputs):
        first = model.node(kinds[0], [value, *inputs])
        return [first, model.node(kinds[1], [first.output[0], *inputs])]

    def make(value):
        rank = model.ranks.get(value)
        if rank is None:
            return []
        choice = random.integers(6)
        if choice == 0:
            return pair(("Unsqueeze", "Squeeze"), value, [model.ints(0)])
        if choice == 1:
            return pair(("Unsqueeze", "Squeeze"), value, [model.ints(-1)])
        if choice == 2:
            shape = model.node("Shape", [value])
            return [shape, model.node("Reshape", [value, shape.output[0]])]
        if choice == 3 and rank:
            # 0 keeps a dim.
            return [model.node("Reshape", [value, model.ints(*[0] * rank)])]
        if choice == 4 and rank > 1:
            perm = list(range(rank))[::-1]
            first = model.node("Transpose", [value], perm=perm)
            return [first, model.node("Transpose", [first.output[0]], perm=perm)]
        return []

    model.insert(make)


def split_gemms(model, random):
    """Gemm as MatMul and Add."""

    def change(node):
        plain = all(attribute(node, a, 1.0) == 1.0 for a in ("alpha", "beta"))
        if node.op_type != "Gemm" or not plain:
            return None
        nodes, sides = [], list(node.input[:2])
        for i, flag in enumerate(("transA", "transB")):
            if attribute(node, flag, 0):
                nodes.append(model.node("Transpose", [sides[i]], perm=[1, 0]))
                sides[i] = nodes[-1].output[0]
        if len(node.input) < 3 or not node.input[2]:
            return [*nodes, model.node("MatMul", sides, node.output[0])]
        nodes.append(model.node("MatMul", sides))
        bias = [nodes[-1].output[0], node.input[2]]
        return [*nodes, model.node("Add", bias, node.output[0])]

    model.replace_nodes(change)


def join_gemms(model, random):
    """MatMul of two matrices as Gemm."""

    def change(node):
        ranks = [model.ranks.get(v) for v in node.input]
        if node.op_type != "MatMul" or ranks != [2, 2]:
            return None
        return [model.node("Gemm", node.input, node.output[0])]

    model.replace_nodes(change)


def move_constants(model, random):
    """Initialisers become Constant nodes, and Constant nodes initialisers."""
    nodes, weights = [], []
    for weight in model.graph.initializer:
        value = onnx.TensorProto()
        value.CopyFrom(weight)
        nodes.append(model.node("Constant", [], weight.name, value=value))
    for node in model.graph.node:
        value = attribute(node, "value", None)
        if node.op_type == "Constant" and value is not None:
            weights.append(onnx.TensorProto())
            weights[-1].CopyFrom(value)
            weights[-1].name = node.output[0]
        else:
            nodes.append(node)
    model.set_nodes(nodes)
    del model.graph.initializer[:]
    model.graph.initializer.extend(weights)


def use_swish(model, random):
    """x * Sigmoid(x) as Swish, which opset 24 brought."""
    proto = onnx.version_converter.convert_version(model.proto, 24)
    model.proto.CopyFrom(proto)
    model.graph = model.proto.graph
    sigmoids = {
        n.output[0]: n.input[0] for n in model.graph.node if n.op_type == "Sigmoid"
    }

    def change(node):
        if node.op_type != "Mul":
            return None
        for x, gate in (node.input, node.input[::-1]):
            if sigmoids.get(gate) == x:
                return [model.node("Swish", [x], node.output[0])]
        return None

    model.replace_nodes(change)


REWRITES = [
    rename,
    shuffle,
    delay,
    transpose_weights,
    swap_operands,
    insert_identities,
    insert_casts,
    insert_reshapes,
    split_gemms,
    join_gemms,
    move_constants,
    use_swish,
]


def rewrite(proto, rewrites, seed):
    """The model after some rewrites, in order."""
    random = np.random.default_rng(seed)
    model = Model(proto)
    for change in rewrites:
        model.refresh()
        change(model, random)
    # Nodes before those that read them; unread ones stay.
    del model.graph.value_info[:]
    onnx.checker.check_model(model.proto)
    return model.proto
