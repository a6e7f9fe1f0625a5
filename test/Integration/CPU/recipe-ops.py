# RUN: %model_python -W error %s
# Instrumented copies of bf16 go through f32, and conversions of some CPUs flush
# denormals and quiet NaN on the way.
# UNSUPPORTED: asan
"""Each step of a weight's recipe gives the bytes of the op that it stands for.

A model returns the same tensor twice: once as the weight that the step makes,
once as the op makes it of the plain weight. The runtime's routine and compiled
code are two implementations, which must agree on every bit: ties, infinities,
denormal numbers and NaNs.
"""

import tempfile
import unittest
from pathlib import Path

import numpy as np

import moe_mlir

NUMPY = {
    "i1": np.bool_,
    "i8": np.int8,
    "ui8": np.uint8,
    "i16": np.int16,
    "i32": np.int32,
    "ui32": np.uint32,
    "i64": np.int64,
    "ui64": np.uint64,
    "f16": np.float16,
    "bf16": np.uint16,  # its bits
    "f32": np.float32,
    "f64": np.float64,
}


def spell(shape, element):
    return "tensor<" + "".join(f"{dim}x" for dim in shape) + element + ">"


def signless(element):
    return element.lstrip("u")


class Model:
    """Text that grows by a weight, its op and their two results at a time."""

    def __init__(self, folder):
        self.folder = folder
        self.bytes = b""
        self.weights, self.body, self.results, self.labels = [], [], [], []

    def add_weight(self, name, sources, element, steps, shape, result):
        spans = ", ".join(
            f'#rt.span<"w.bin", offset = {offset}, length = {array.nbytes}, '
            f"hash = 0, {spell(array.shape, element)}>"
            for offset, array in sources
        )
        recipe = f", recipe = [{', '.join(steps)}]" if steps else ""
        self.weights.append(
            f"rt.weight @{name} {{source = [{spans}]{recipe}}} : {spell(shape, result)}"
        )

    def store(self, array):
        offset = len(self.bytes)
        self.bytes += array.tobytes()
        return offset, array

    def fresh(self):
        return f"%v{len(self.body)}"

    def emit(self, line):
        """Appends `line`, whose `%r` becomes the value that it returns."""
        value = self.fresh()
        self.body.append("  " + line.replace("%r", value))
        return value

    def load(self, name, shape, element):
        return self.emit(f"%r = rt.weight_ref @{name} : {spell(shape, signless(element))}")

    def map(self, value, shape, element, result, body):
        """A linalg.generic whose `body` computes %out from %in."""
        out = spell(shape, result)
        empty = self.emit(f"%r = tensor.empty() : {out}")
        dims = ", ".join(f"d{i}" for i in range(len(shape)))
        identity = f"affine_map<({dims}) -> ({dims})>"
        iterators = ", ".join(['"parallel"'] * len(shape))
        return self.emit(
            f"%r = linalg.generic {{indexing_maps = [{identity}, {identity}], "
            f"iterator_types = [{iterators}]}} ins({value} : {spell(shape, element)}) "
            f"outs({empty} : {out}) {{\n"
            f"  ^bb0(%in: {element}, %old: {result}):\n"
            + "".join(f"    {line}\n" for line in body)
            + f"    linalg.yield %out : {result}\n"
            f"  }} -> {out}"
        )

    def add_results(self, label, shape, element, *values):
        """NumPy has no bf16: its bits are returned."""
        element = signless(element)
        for value in values:
            if element == "bf16":
                value = self.map(value, shape, "bf16", "i16", ["%out = arith.bitcast %in : bf16 to i16"])
            self.results.append((value, spell(shape, "i16" if element == "bf16" else element)))
        self.labels.append(label)

    def run(self, test, place):
        types = ", ".join(kind for _, kind in self.results)
        values = ", ".join(value for value, _ in self.results)
        text = "\n".join(
            self.weights
            + [f"func.func @main() -> ({types}) {{"]
            + self.body
            + [f"  return {values} : {types}", "}", ""]
        )
        (self.folder / "w.bin").write_bytes(self.bytes)
        (self.folder / "m.mlir").write_text(text)
        library = moe_mlir.compile(
            self.folder / "m.mlir", self.folder / f"{place}.so", weights=place
        )
        with moe_mlir.load(library, weights=self.folder) as model:
            outputs = list(model.run({}).values())
        for i, label in enumerate(self.labels):
            step, op = outputs[2 * i : 2 * i + 2]
            with test.subTest(label, place=place):
                test.assertEqual(step.shape, op.shape)
                self.compare(test, step, op)

    @staticmethod
    def compare(test, step, op):
        bits = f"u{step.dtype.itemsize}"
        left = np.ascontiguousarray(step).view(bits).ravel()
        right = np.ascontiguousarray(op).view(bits).ravel()
        wrong = np.flatnonzero(left != right)
        first = wrong[:1]
        test.assertEqual(
            wrong.size, 0, f"at {first}: step {left[first]}, op {right[first]}"
        )


def all_halves():
    return np.arange(1 << 16, dtype=np.uint32).astype(np.uint16)


def floats():
    """Every sign, exponent and 11 leading bits of the fraction, which decide how
    f16 and bf16 round, with nothing behind them or just a little."""
    lead = np.arange(1 << 20, dtype=np.uint32) << 12
    return np.concatenate([lead, lead + 1]).view(np.float32)


def doubles():
    """Ties of f32, f16 and bf16, and what is next to them: a rounding to f32 on
    the way would round twice."""
    lead = np.arange(1 << 16, dtype=np.uint64) << np.uint64(13)
    exponents = (0, 1, 800, 850, 870, 900, 990, 998, 1010, 1023, 1038, 1150, 1151, 2046, 2047)
    values = []
    for exponent in exponents:
        for low in (0, 1, 1 << 28, (1 << 28) + 1, (1 << 41), (1 << 41) - 1):
            bits = lead << np.uint64(23) | np.uint64(low)
            bits = (bits & np.uint64((1 << 52) - 1)) | np.uint64(exponent << 52)
            values += [bits[::7], bits[::11] | np.uint64(1 << 63)]
    return np.concatenate(values).view(np.float64)


def integers(element):
    info = np.iinfo(NUMPY[element])
    around = [0, 1, info.max, info.min, info.max // 2]
    for bits in range(8, info.bits - 1):
        around += [(1 << bits) + d for d in (-1, 0, 1, 2, 3, 1 << max(bits - 11, 0))]
        around += [-v for v in around[-6:] if info.min < 0]
    kept = [v for v in around if info.min <= v <= info.max]
    return np.array(kept, NUMPY[element])


class RecipeOpsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.random = np.random.default_rng(11)

    def sample(self, shape, element):
        raw = self.random.integers(0, 256, int(np.prod(shape)) * 8, np.uint8)
        if element == "i1":
            return (raw[: int(np.prod(shape))] & 1).astype(np.bool_).reshape(shape)
        kind = np.dtype(NUMPY[element])
        return raw[: int(np.prod(shape)) * kind.itemsize].view(kind).reshape(shape)

    def check(self, model):
        for place in ("embed", "deferred"):
            model.run(self, place)

    def test_transpose(self):
        model = Model(self.folder)
        cases = [
            (shape, order, element)
            for shape, order in (
                ((37, 53), (1, 0)),
                ((1, 7), (1, 0)),
                ((3, 17, 29), (0, 2, 1)),
                ((3, 17, 29), (2, 0, 1)),
                ((3, 17, 29), (2, 1, 0)),
                ((2, 3, 5, 7), (3, 1, 0, 2)),
            )
            for element in ("i1", "i8", "f16", "bf16", "f32", "f64")
        ]
        for i, (shape, order, element) in enumerate(cases):
            source = model.store(self.sample(shape, element))
            to = tuple(shape[d] for d in order)
            dims = ", ".join(map(str, order))
            model.add_weight(f"plain{i}", [source], element, [], shape, element)
            model.add_weight(f"step{i}", [source], element, [f"#rt.transpose<[{dims}]>"], to, element)
            step = model.load(f"step{i}", to, element)
            plain = model.load(f"plain{i}", shape, element)
            empty = model.emit(f"%r = tensor.empty() : {spell(to, element)}")
            op = model.emit(
                f"%r = linalg.transpose ins({plain} : {spell(shape, element)}) "
                f"outs({empty} : {spell(to, element)}) permutation = [{dims}]"
            )
            model.add_results(cases[i], to, element, step, op)
        self.check(model)

    def test_stack(self):
        model = Model(self.folder)
        cases = [
            (count, shape, element)
            for count, shape in ((1, (5, 7)), (5, (3, 11)), (3, (13,)), (4, (2, 3, 5)))
            for element in ("i1", "i8", "f16", "bf16", "f32", "f64")
        ]
        for i, (count, shape, element) in enumerate(cases):
            sources = [model.store(self.sample(shape, element)) for _ in range(count)]
            whole = (count, *shape)
            model.add_weight(f"step{i}", sources, element, ["#rt.stack"], whole, element)
            step = model.load(f"step{i}", whole, element)
            op = model.emit(f"%r = tensor.empty() : {spell(whole, element)}")
            for k, source in enumerate(sources):
                model.add_weight(f"part{i}_{k}", [source], element, [], shape, element)
                part = model.load(f"part{i}_{k}", shape, element)
                offsets = ", ".join([str(k)] + ["0"] * len(shape))
                sizes = ", ".join(["1", *map(str, shape)])
                ones = ", ".join(["1"] * len(whole))
                op = model.emit(
                    f"%r = tensor.insert_slice {part} into {op}[{offsets}][{sizes}][{ones}]"
                    f" : {spell(shape, element)} into {spell(whole, element)}"
                )
            model.add_results(cases[i], whole, element, step, op)
        self.check(model)

    def test_pack(self):
        """`linalg.pack` as MLIR lowers it: pad, split the columns, permute."""
        model = Model(self.folder)
        cases = [
            (shape, width, element)
            for shape, width in (
                ((24, 48), 16),
                ((17, 33), 16),
                ((5, 3), 8),
                ((3, 130, 70), 16),
                ((2, 3, 7, 11), 4),
            )
            for element in ("i8", "f16", "bf16", "f32", "f64")
        ]
        for i, (shape, width, element) in enumerate(cases):
            source = model.store(self.sample(shape, element))
            *leading, rows, columns = shape
            to = (*leading, -(-columns // width), rows, width)
            model.add_weight(f"plain{i}", [source], element, [], shape, element)
            model.add_weight(f"step{i}", [source], element, [f"#rt.pack<{width}>"], to, element)
            step = model.load(f"step{i}", to, element)
            plain = model.load(f"plain{i}", shape, element)
            zero = model.emit(f"%r = arith.constant {0 if element == 'i8' else '0.0'} : {element}")
            rank = len(shape)
            wide = spell((*leading, rows, to[-3] * width), element)
            split = spell((*leading, rows, to[-3], width), element)
            offsets, ones = ([value] * rank for value in (0, 1))
            groups = [[d] for d in range(rank - 1)] + [[rank - 1, rank]]
            order = [*range(rank - 2), rank - 1, rank - 2, rank]
            op = model.emit(f"%r = tensor.empty() : {wide}")
            op = model.emit(f"%r = linalg.fill ins({zero} : {element}) outs({op} : {wide}) -> {wide}")
            op = model.emit(
                f"%r = tensor.insert_slice {plain} into {op}{offsets}{list(shape)}{ones}"
                f" : {spell(shape, element)} into {wide}"
            )
            op = model.emit(
                f"%r = tensor.expand_shape {op} {groups} output_shape "
                f"{[*leading, rows, to[-3], width]} : {wide} into {split}"
            )
            empty = model.emit(f"%r = tensor.empty() : {spell(to, element)}")
            op = model.emit(
                f"%r = linalg.transpose ins({op} : {split}) "
                f"outs({empty} : {spell(to, element)}) permutation = {order}"
            )
            model.add_results(cases[i], to, element, step, op)
        self.check(model)

    def test_cast(self):
        """Floats to integers stay in range: beyond it the ops mean nothing."""
        small = self.random.uniform(-127.9, 127.9, 999).astype(np.float32)
        cases = [
            (floats(), "f32", "f16", ["truncf"]),
            (floats(), "f32", "bf16", ["truncf"]),
            (floats(), "f32", "f64", ["extf"]),
            (doubles(), "f64", "f32", ["truncf"]),
            (doubles(), "f64", "f16", ["truncf"]),
            (doubles(), "f64", "bf16", ["truncf"]),
            (all_halves().view(np.float16), "f16", "f32", ["extf"]),
            (all_halves().view(np.float16), "f16", "f64", ["extf"]),
            (all_halves(), "bf16", "f32", ["extf"]),
            (all_halves(), "bf16", "f64", ["extf"]),
            (all_halves().view(np.float16), "f16", "bf16", ["extf f32", "truncf"]),
            (all_halves(), "bf16", "f16", ["extf f32", "truncf"]),
            (small, "f32", "i8", ["fptosi"]),
            (small, "f32", "i64", ["fptosi"]),
            (np.abs(small), "f32", "ui8", ["fptoui"]),
            (self.sample((64,), "i1"), "i1", "f32", ["uitofp"]),
            (self.sample((64,), "i1"), "i1", "i64", ["extui"]),
        ]
        for element in ("i8", "ui8", "i32", "ui32", "i64", "ui64"):
            values = integers(element)
            to_float = "uitofp" if element.startswith("u") else "sitofp"
            for to in ("f16", "bf16", "f32", "f64"):
                cases.append((values, element, to, [to_float]))
            for to in ("i8", "i64"):
                width, wide = np.dtype(NUMPY[element]).itemsize, int(to[1:]) // 8
                if width != wide:
                    extend = "extui" if element.startswith("u") else "extsi"
                    cases.append((values, element, to, ["trunci" if width > wide else extend]))
        model = Model(self.folder)
        for i, (array, element, to, ops) in enumerate(cases):
            source = model.store(array)
            model.add_weight(f"plain{i}", [source], element, [], array.shape, element)
            model.add_weight(f"step{i}", [source], element, [f"#rt.cast<{to}>"], array.shape, to)
            step = model.load(f"step{i}", array.shape, to)
            plain = model.load(f"plain{i}", array.shape, element)
            body, value, kind = [], "%in", signless(element)
            for k, op in enumerate(ops):
                name, _, between = op.partition(" ")
                result = between or signless(to)
                out = f"%c{k}" if between else "%out"
                body.append(f"{out} = arith.{name} {value} : {kind} to {result}")
                value, kind = out, result
            op = model.map(plain, array.shape, signless(element), signless(to), body)
            model.add_results((element, to), array.shape, to, step, op)
        self.check(model)


if __name__ == "__main__":
    unittest.main()
