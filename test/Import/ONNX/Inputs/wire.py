"""Writes ONNX files byte by byte, so that a test can make any mistake in one.

Only what the importer's tests need: messages are lists of fields, made by
`varint`, `data` and `text`; `model` and `graph` put them in place.
"""

FLOAT, INT64 = 1, 7
EXTERNAL = 1


def number(value):
    """A varint without a tag."""
    out = bytearray()
    value &= (1 << 64) - 1
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def varint(field, value):
    return number(field << 3) + number(value)


def data(field, payload):
    return number(field << 3 | 2) + number(len(payload)) + payload


def text(field, value):
    return data(field, value.encode())


def node(op, inputs, outputs, attributes=b"", name="n", domain=""):
    return data(
        1,
        b"".join(text(1, x) for x in inputs)
        + b"".join(text(2, x) for x in outputs)
        + text(3, name)
        + text(4, op)
        + attributes
        + (text(7, domain) if domain else b""),
    )


def value(field, name, dims, element=FLOAT):
    """A graph's input (11), output (12) or value_info (13)."""
    shape = b"".join(
        data(1, text(2, d) if isinstance(d, str) else varint(1, d)) for d in dims
    )
    tensor = varint(1, element) + data(2, shape)
    return data(field, text(1, name) + data(2, data(1, tensor)))


def tensor(name, dims, raw=None, external=None, element=FLOAT):
    out = b"".join(varint(1, d) for d in dims) + varint(2, element) + text(8, name)
    if raw is not None:
        out += data(9, raw)
    if external is not None:
        for key, entry in external.items():
            out += data(13, text(1, key) + text(2, str(entry)))
        out += varint(14, EXTERNAL)
    return out


def initializer(*args, **kwargs):
    return data(5, tensor(*args, **kwargs))


def graph(*fields):
    return text(2, "g") + b"".join(fields)


def model(graph_bytes, opset=20, ir_version=10):
    opset_import = data(8, text(1, "") + varint(2, opset))
    return varint(1, ir_version) + opset_import + data(7, graph_bytes)
