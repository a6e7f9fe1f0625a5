# RUN: %python -W error %s %src_root
"""What moe-compile writes: the same bytes each time, the same outputs from each
place of the weights and from each saved stage."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

EXAMPLE = Path(sys.argv.pop(1)) / "examples" / "adamoe"
MODEL = EXAMPLE / "adamoe.batched.onnx"
IO = EXAMPLE / "adamoe.io.npz"


def text_stages():
    """The stages before the first artefact, as the help lists them."""
    text = subprocess.run(
        ["moe-compile", "--help"], check=True, capture_output=True, text=True
    ).stdout
    stages = re.findall(r"^    =([\w-]+) ", text, re.MULTILINE)
    # Values of other options stand ahead of them.
    return stages[stages.index("onnx") : stages.index("obj")]


def compile_model(*flags, cwd=None):
    subprocess.run(["moe-compile", *map(str, flags)], check=True, cwd=cwd)


class ArtefactTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_model(self, program, out):
        """The bytes of the outputs at the stored ids, which are also PyTorch's."""
        command = [program] if os.access(program, os.X_OK) else ["moe-run", program]
        subprocess.run(
            [
                *command,
                f"--input=input_ids={IO}:input_ids",
                f"--compare-with={IO}:logits",
                f"--output-dir={self.folder / out}",
            ],
            check=True,
            capture_output=True,
        )
        return (self.folder / out / "logits.npy").read_bytes()

    def test_builds_are_reproducible(self):
        """Also from another working directory, into another folder."""
        (self.folder / "here").mkdir()
        elsewhere = self.folder / "somewhere" / "else"
        elsewhere.mkdir(parents=True)
        shutil.copy(MODEL, self.folder)
        for emit, weights in (
            ("exe", "embed"),
            ("lib", "beside"),
            ("exe", "deferred"),
            ("obj", "embed"),
        ):
            with self.subTest(emit=emit, weights=weights):
                flags = [f"--emit={emit}", f"--weights={weights}", "-o"]
                compile_model(MODEL.name, *flags, "here/m.so", cwd=self.folder)
                compile_model(MODEL, *flags, "m.so", cwd=elsewhere)
                names = sorted(os.listdir(elsewhere))
                self.assertEqual(sorted(os.listdir(self.folder / "here")), names)
                for name in names:
                    self.assertEqual(
                        (self.folder / "here" / name).read_bytes(),
                        (elsewhere / name).read_bytes(),
                        name,
                    )

    def test_places_of_weights(self):
        shutil.copy(MODEL, self.folder)
        outputs = set()
        for place in ("embed", "beside", "deferred"):
            program = self.folder / place
            compile_model(MODEL, f"--weights={place}", "-o", program)
            outputs.add(self.run_model(program, place + ".out"))
        self.assertEqual(len(outputs), 1)
        self.assertTrue((self.folder / "beside.safetensors").exists())
        # Without weights; AddressSanitizer brings 2 MB of its own.
        room = 8 << 20 if os.environ.get("ASAN_OPTIONS") else 4 << 20
        self.assertLess((self.folder / "deferred").stat().st_size, room)

    def test_saved_stages(self):
        shutil.copy(MODEL, self.folder)
        whole = self.folder / "whole"
        compile_model(MODEL.name, "-o", whole, "--save-stages=.", cwd=self.folder)
        stages = text_stages()
        names = [f"{i + 1}-{stage}.mlir" for i, stage in enumerate(stages)]
        self.assertEqual(sorted(p.name for p in self.folder.glob("*.mlir")), names)
        expected = self.run_model(whole, "whole.out")
        for stage, name in zip(stages, names):
            with self.subTest(stage):
                text = subprocess.run(
                    ["moe-compile", MODEL, f"--emit={stage}"],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
                self.assertEqual((self.folder / name).read_text(), text)
        # The first and the last; what lies between is on the way of the first.
        for name in (names[0], f"{stages.index('buffers') + 1}-buffers.mlir", names[-1]):
            with self.subTest(name):
                program = self.folder / Path(name).stem
                compile_model(name, "-o", program, cwd=self.folder)
                self.assertEqual(self.run_model(program, name + ".out"), expected)

    @unittest.skipIf("ASAN_OPTIONS" in os.environ, "needs the sanitizer's library")
    def test_objects_link_by_hand(self):
        """An object and the runtime's archive make a program of one's own."""
        build = Path(shutil.which("moe-compile")).parents[1]
        small = self.folder / "m.mlir"
        small.write_text(
            "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {"
            " %0 = onnx.Exp %x : (tensor<2xf32>) -> tensor<2xf32>"
            " return %0 : tensor<2xf32> }"
        )
        compile_model(small, "--emit=obj", "-o", self.folder / "m.o")
        (self.folder / "main.c").write_text(
            '#include "MoERuntime.h"\n'
            "int main(void) {\n"
            "  float data[2] = {0, 0};\n"
            "  int64_t shape[1] = {2};\n"
            "  moe_tensor in = {data, {1, 0}, 1, {MOE_FLOAT, 32, 1}, shape, 0, 0};\n"
            "  moe_tensor out = {0};\n"
            "  moe_context *context;\n"
            "  if (moe_create(0, &context) || moe_run(context, &in, 1, &out, 1))\n"
            "    return 1;\n"
            "  int right = ((float *)out.data)[1] == 1.0f;\n"
            "  moe_destroy(context);\n"
            "  return !right;\n"
            "}\n"
        )
        program = self.folder / "main"
        sanitized = os.environ.get("ASAN_OPTIONS")
        driver = ["clang-22", "-fsanitize=address"] if sanitized else ["cc"]
        subprocess.run(
            [*driver, "-Wall", "-Werror", f"-I{build}/include", "main.c", "m.o"]
            + [f"{build}/lib/libmoe_rt.a", "-lm", "-lpthread", "-o", program],
            check=True,
            cwd=self.folder,
        )
        subprocess.run([program], check=True)


if __name__ == "__main__":
    unittest.main()
