# RUN: %python -W error %s
# The sanitizer calls from within loops.
# UNSUPPORTED: asan
"""The assembly of the micro-kernels, for CPUs that this one need not be: the loop
over products holds fused multiply-adds into registers (or dot products of bf16),
and nothing else of floats than loads and widening; no vector is spilt in it or copied.

One micro-kernel is a function `tile_<type>_<rows>x<vectors>x<lanes>_...`; a round
of its loop takes 4 products, or pairs, per sum.
"""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROUND = 4
#: By CPU: letter of its vector registers, lanes of f32, vectors of a whole tile.
CPUS = {
    "x86-64-v3": ("y", 8, 12),
    "x86-64-v4": ("z", 16, 24),
    "sapphirerapids": ("z", 16, 24),
}
#: What a round does once per vector of a panel, besides loading it.
WIDENING = {
    "f32": [],
    "bf16": ["vpmovzxwd", "vpslld"],
    "bf16-dot": [],
    "f16": ["vcvtph2ps"],
}
FLAGS = {
    "f32": [],
    "bf16": ["--convert-weights=bf16"],
    "bf16-dot": ["--convert-weights=bf16", "--bf16-dot"],
    "f16": ["--convert-weights=f16"],
}

# Products of rows of H take several blocks, of I one.
E, H, I = 4, 320, 64

#: A SwiGLU layer, and a dense product of what it makes.
MODULE = f"""
rt.weight @gate {{source = [#rt.span<"w", offset = 0, length = {4 * E * H * I}, hash = 0, tensor<{E}x{H}x{I}xf32>>]}} : tensor<{E}x{H}x{I}xf32>
rt.weight @up {{source = [#rt.span<"w", offset = 0, length = {4 * E * H * I}, hash = 0, tensor<{E}x{H}x{I}xf32>>]}} : tensor<{E}x{H}x{I}xf32>
rt.weight @down {{source = [#rt.span<"w", offset = 0, length = {4 * E * H * I}, hash = 0, tensor<{E}x{I}x{H}xf32>>]}} : tensor<{E}x{I}x{H}xf32>
rt.weight @dense {{source = [#rt.span<"w", offset = 0, length = {4 * H * I}, hash = 0, tensor<{H}x{I}xf32>>]}} : tensor<{H}x{I}xf32>
func.func @main(%x: tensor<?x{H}xf32> {{rt.name = "x", rt.dims = ["T", ""]}},
                %s: tensor<?x{E}xf32> {{rt.name = "s", rt.dims = ["T", ""]}})
    -> (tensor<?x{I}xf32> {{rt.name = "y", rt.dims = ["T", ""]}}) {{
  %gate = rt.weight_ref @gate : tensor<{E}x{H}x{I}xf32>
  %up = rt.weight_ref @up : tensor<{E}x{H}x{I}xf32>
  %down = rt.weight_ref @down : tensor<{E}x{I}x{H}xf32>
  %ids, %w = moe.route scores(%s : tensor<?x{E}xf32>)
    {{select = #moe.topk<2>, score = #moe.score<softmax>}}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  %z = moe.experts %ids, %w rows(%x : tensor<?x{H}xf32>)
      stacked(%gate, %up, %down : tensor<{E}x{H}x{I}xf32>, tensor<{E}x{H}x{I}xf32>, tensor<{E}x{I}x{H}xf32>)
      {{experts = #moe.kinds<ffn = {E}>}}
      : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x{H}xf32> {{
  ^bb0(%r: tensor<?x{H}xf32>, %a: tensor<{H}x{I}xf32>, %b: tensor<{H}x{I}xf32>, %c: tensor<{I}x{H}xf32>):
    %0 = onnx.MatMul %r, %a : (tensor<?x{H}xf32>, tensor<{H}x{I}xf32>) -> tensor<?x{I}xf32>
    %1 = onnx.Sigmoid %0 : (tensor<?x{I}xf32>) -> tensor<?x{I}xf32>
    %2 = onnx.Mul %0, %1 : (tensor<?x{I}xf32>, tensor<?x{I}xf32>) -> tensor<?x{I}xf32>
    %3 = onnx.MatMul %r, %b : (tensor<?x{H}xf32>, tensor<{H}x{I}xf32>) -> tensor<?x{I}xf32>
    %4 = onnx.Mul %2, %3 : (tensor<?x{I}xf32>, tensor<?x{I}xf32>) -> tensor<?x{I}xf32>
    %5 = onnx.MatMul %4, %c : (tensor<?x{I}xf32>, tensor<{I}x{H}xf32>) -> tensor<?x{H}xf32>
    moe.yield %5 : tensor<?x{H}xf32>
  }}
  %dense = rt.weight_ref @dense : tensor<{H}x{I}xf32>
  %y = onnx.MatMul %z, %dense : (tensor<?x{H}xf32>, tensor<{H}x{I}xf32>) -> tensor<?x{I}xf32>
  return %y : tensor<?x{I}xf32>
}}
"""

LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*?)\s*(#.*)?$")


def disassemble(cpu, element):
    """Functions by name: lists of (address, mnemonic, operands)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "layer.mlir").write_text(MODULE)
        subprocess.run(
            ["moe-compile", folder / "layer.mlir", "-o", folder / "layer.o"]
            + ["--emit=obj", "--weights=deferred", f"--target-cpu={cpu}", *FLAGS[element]],
            check=True,
            capture_output=True,
        )
        text = subprocess.run(
            ["llvm-objdump", "-d", "--no-show-raw-insn", folder / "layer.o"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    functions, current = {}, []
    for line in text.splitlines():
        if header := re.match(r"^[0-9a-f]+ <(.*)>:$", line):
            current = functions.setdefault(header[1], [])
        elif instruction := LINE.match(line):
            current.append((int(instruction[1], 16), *instruction.groups()[1:3]))
    return functions


def find_loops(code):
    """The innermost loops: what is between a jump back and where it goes."""
    loops = []
    for i, (address, mnemonic, operands) in enumerate(code):
        target = re.match(r"0x([0-9a-f]+)", operands)
        if not mnemonic.startswith("j") or not target:
            continue
        starts = [at for at, (to, *_) in enumerate(code) if to == int(target[1], 16)]
        if starts and starts[0] <= i:
            loops.append((starts[0], i + 1))
    inner = [
        (a, b)
        for a, b in loops
        if not any(a <= c and d <= b and (c, d) != (a, b) for c, d in loops)
    ]
    return [code[a:b] for a, b in inner]


def count(loop, pattern):
    return sum(re.fullmatch(pattern, mnemonic) is not None for _, mnemonic, _ in loop)


class KernelAssemblyTest(unittest.TestCase):
    def check_kernel(self, name, code, cpu, element):
        letter, lanes, _ = CPUS[cpu]
        shape = re.match(r"tile_[a-z0-9]+_(\d+)x(\d+)x(\d+)_", name)
        rows, vectors, width = map(int, shape.groups())
        self.assertEqual(width, lanes)
        # A factor that many rows meet must survive; the 231 form keeps both.
        form = f"vfmadd{'(132|213|231)' if rows == 1 else '231'}ps"
        if element == "bf16-dot":
            form = "vdpbf16ps"
        loops = find_loops(code)
        hot = max(loops, key=lambda loop: count(loop, form))
        # The compiler may put several rounds of a small tile in one.
        rounds, rest = divmod(count(hot, form), rows * vectors * ROUND)
        self.assertEqual(rest, 0)
        self.assertGreater(rounds, 0)
        for widening in WIDENING[element]:
            self.assertEqual(count(hot, widening), rounds * vectors * ROUND)
        for _, mnemonic, operands in code:
            self.assertNotRegex(mnemonic, r"v(mul|add)p|call")
            if re.match("vfmadd|vdpbf16", mnemonic):
                self.assertRegex(mnemonic, form)
                self.assertRegex(operands, rf"%{letter}mm\d+$")
        for loop in loops:
            self.assertEqual(count(loop, form) % (rows * vectors), 0)
            for _, mnemonic, operands in loop:
                # Pointers of prefetches may come from the stack, no vector.
                if "mm" in operands:
                    self.assertNotIn("(%rsp", operands)
                self.assertNotRegex(operands, r"\(%rsp[^)]*\)$", "a store")
                if re.match(r"vmov[au]p|vmovdq", mnemonic):
                    self.assertIn("(", operands, "a copy between registers")

    def check(self, cpu, element):
        kernels = {
            name: code
            for name, code in disassemble(cpu, element).items()
            if name.startswith(f"tile_{element.removesuffix('-dot')}_")
        }
        sizes = [re.findall(r"\d+", name.split("_")[2])[:2] for name in kernels]
        largest = max(int(rows) * int(vectors) for rows, vectors in sizes)
        self.assertEqual(largest, CPUS[cpu][2])
        for form in ["_stream", "_first"]:
            self.assertTrue(any(form in name for name in kernels))
        for name, code in kernels.items():
            with self.subTest(kernel=name):
                self.check_kernel(name, code, cpu, element)

    def test_avx2_f32(self):
        self.check("x86-64-v3", "f32")

    def test_avx2_bf16(self):
        self.check("x86-64-v3", "bf16")

    def test_avx2_f16(self):
        self.check("x86-64-v3", "f16")

    def test_avx512_f32(self):
        self.check("x86-64-v4", "f32")

    def test_avx512_bf16(self):
        self.check("x86-64-v4", "bf16")

    def test_avx512_bf16_dot(self):
        self.check("sapphirerapids", "bf16-dot")

    def test_avx512_f16(self):
        self.check("x86-64-v4", "f16")


if __name__ == "__main__":
    unittest.main()
