# RUN: %python -W error %s %src_root
"""The command line of moe-compile: flags, exit codes, and failures that leave
nothing behind.

Whatever goes wrong is one error in words, exit code 1 (2 for wrong usage), and
a folder as it was before.
"""

import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ADAMOE = Path(sys.argv.pop(1)) / "examples" / "adamoe" / "adamoe.batched.onnx"

SMALL = """\
func.func @main(%x: tensor<?x2xf32> {rt.name = "x", rt.dims = ["T", ""]})
    -> (tensor<?x2xf32> {rt.name = "y", rt.dims = ["T", ""]}) {
  %0 = onnx.Exp %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}
"""


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "small.mlir").write_text(SMALL)

    def compile(self, *flags, **options):
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run(
            ["moe-compile", *map(str, flags)],
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
            timeout=50,
            **options,
        )

    def check(self, code, *flags, err="", **options):
        """Runs and expects this exit code and message; a failure changes no file."""
        before = sorted(os.listdir(self.folder))
        done = self.compile(*flags, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(err, done.stderr)
        if code != 0:
            self.assertEqual(sorted(os.listdir(self.folder)), before)
            self.assertNotIn("Stack dump", done.stderr)
            self.assertNotIn("LLVM ERROR", done.stderr)
        if code == 1:
            self.assertEqual(done.stderr.count("error: "), 1, done.stderr)
        return done

    # Usage

    def test_help_lists_every_stage(self):
        text = self.check(0, "--help").stdout
        for stage in "onnx tensor buffers kernels llvm obj lib exe".split():
            self.assertIn(f"    ={stage} ", text)
        for flag in ("--dim", "--target-cpu", "--weights", "--save-stages", "-o <"):
            self.assertIn(flag, text)

    def test_wrong_usage(self):
        for flags in (
            [],
            ["small.mlir", "small.mlir"],
            ["--frobnicate", "small.mlir"],
            ["small.mlir", "--emit=nothing"],
            ["small.mlir", "--weights=everywhere"],
            ["small.mlir", "-O4"],
            ["small.mlir", "-Ofast"],
            ["small.mlir", "--dim=T"],
            ["small.mlir", "--dim=T=x"],
            ["small.mlir", "--dim=T=-1"],
            ["small.mlir", "--dim=T=99999999999999999999"],
            ["small.mlir", "--dim==3"],
            [ADAMOE, "--dim=batch=1", "--dim=batch=2"],
        ):
            with self.subTest(flags):
                self.check(2, *flags)

    def test_dot_products_that_the_cpu_lacks(self):
        for cpu in ("x86-64-v2", "x86-64-v3", "x86-64-v4"):
            with self.subTest(cpu):
                flags = ["small.mlir", "--bf16-dot", f"--target-cpu={cpu}", "-o", "x"]
                self.check(
                    1,
                    *flags,
                    err=f"--bf16-dot needs AVX512_BF16, which the target CPU '{cpu}' "
                    "lacks",
                )

    def test_dot_products_without_bf16_weights(self):
        self.check(
            0,
            *["small.mlir", "--bf16-dot", "--target-cpu=znver4", "--emit=scheduled"],
            err="no product has bf16 weights",
        )

    # Inputs

    def test_wrong_inputs(self):
        (self.folder / "small.txt").write_text(SMALL)
        (self.folder / "folder.onnx").mkdir()
        (self.folder / "folder.mlir").mkdir()
        (self.folder / "half.mlir").write_text(SMALL[:200])
        (self.folder / "empty.mlir").touch()
        (self.folder / "mixed.mlir").write_text(
            SMALL.replace("return", '"linalg.yield"() : () -> ()\n  return')
        )
        for name, message in {
            "none.onnx": "No such file",
            "none.mlir": "none.mlir",
            "small.txt": "ending in .onnx, .onnxtxt or .mlir",
            "small": "ending in .onnx, .onnxtxt or .mlir",
            ".": "ending in .onnx, .onnxtxt or .mlir",
            "folder.onnx": "not a regular file",
            "folder.mlir": "folder.mlir",
            "half.mlir": "half.mlir:",
            "empty.mlir": "expected a public function",
        }.items():
            with self.subTest(name):
                self.check(1, name, "-o", "result", err=message)

    def test_text_that_is_no_model(self):
        """Types that the runtime cannot pass, files outside of the folder."""
        texts = {
            "index": "func.func @main(%x: index) { return }",
            "i32": "func.func @main(%x: i32) { return }",
            "tensor<*xf32>": "func.func @main(%x: tensor<*xf32>) -> tensor<*xf32> { return %x : tensor<*xf32> }",
            "tensor<2xindex>": "func.func @main(%x: tensor<2xindex>) { return }",
            "tensor<2xi4>": "func.func @main(%x: tensor<2xi4>) { return }",
            "complex": "func.func @main(%x: tensor<2xcomplex<f32>>) { return }",
            "strided": "func.func @main(%x: memref<2x2xf32, strided<[4, 1]>>) { return }",
            "a second public function": "func.func @a() { return }\nfunc.func @b() { return }",
            "below the model's folder": 'rt.weight @w {source = [#rt.span<"../w.bin", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>',
            "expected the function": "llvm.func @f() { llvm.return }\nrt.entry @main inputs [] outputs []",
            "expected one rt.entry": "llvm.func @f() { llvm.return }",
            "'rt.type'": "func.func @main(%x: tensor<2xi8> {rt.type = tensor<3xui8>}) { return }",
        }
        for message, text in texts.items():
            with self.subTest(message):
                (self.folder / "bad.mlir").write_text(text)
                self.check(1, "bad.mlir", "-o", "result", err=message)

    def test_later_stage_than_asked_for(self):
        self.check(0, "small.mlir", "--emit=llvm", "-o", "late.mlir")
        self.check(
            1, "late.mlir", "--emit=tensor", err="is at stage 'llvm', past the stage"
        )

    def test_dims(self):
        done = self.check(0, ADAMOE, "--emit=onnx", "--dim=batch=2", "--dim=sequence=0")
        self.assertIn("%arg0: tensor<2x0xi64>", done.stdout)
        self.check(
            1, ADAMOE, "--dim=time=2", err="the inputs' named dims are: batch, sequence"
        )
        self.check(1, "small.mlir", "--dim=T=2", err="--dim fixes dims of .onnx models")

    def test_target_cpu(self):
        self.check(
            1, "small.mlir", "--target-cpu=pdp11", err="unknown target CPU 'pdp11'"
        )
        if platform.machine() == "x86_64":
            self.check(
                1, "small.mlir", "--target-cpu=i486", err="'i486' runs no 64-bit code"
            )

    def test_spans_stay_in_the_folder(self):
        """A link that leaves, a pipe, a missing or short file; one that stays."""
        for name in ("model", "outside"):
            (self.folder / name).mkdir()
            (self.folder / name / "w.bin").write_bytes(bytes(range(64)))
        model = self.folder / "model"
        (model / "leaves.bin").symlink_to("../outside/w.bin")
        (model / "out").symlink_to("../outside")
        (model / "stays.bin").symlink_to("w.bin")
        os.mkfifo(model / "pipe")

        def write(file, offset=0, digest=0):
            (model / "m.mlir").write_text(
                f'rt.weight @w {{source = [#rt.span<"{file}", offset = {offset}, '
                f"length = 64, hash = {digest}, tensor<16xf32>>]}} : tensor<16xf32>\n"
                "func.func @main() -> tensor<16xf32> {\n"
                "  %w = rt.weight_ref @w : tensor<16xf32>\n"
                "  return %w : tensor<16xf32>\n}\n"
            )

        for file, offset, digest, message in (
            ("leaves.bin", 0, 0, "a link that leaves the model's folder"),
            ("out/w.bin", 0, 0, "a link that leaves the model's folder"),
            ("pipe", 0, 0, "not a regular file"),
            ("none.bin", 0, 0, "does not exist"),
            ("w.bin", 4, 0, "to hold 64 bytes at offset 4, but it has 64 bytes"),
            ("w.bin", 0, 1, "not those that the module was made from"),
        ):
            write(file, offset, digest)
            for weights in ("embed", "beside"):
                flags = ["model/m.mlir", f"--weights={weights}", "-o", "out"]
                with self.subTest(file=file, weights=weights):
                    self.check(1, *flags, err=message)
        for weights in ("embed", "deferred"):
            write("stays.bin")
            self.check(0, "model/m.mlir", f"--weights={weights}", "-o", "out")
        write("leaves.bin")
        self.check(1, "model/m.mlir", "--weights=deferred", "-o", "x", err="a link")

    def test_weights_beyond_any_file(self):
        (self.folder / "m.mlir").write_text(
            'rt.weight @w {source = [#rt.span<"w", offset = 0, length = '
            "9223372036854775808, hash = 0, tensor<1152921504606846976xf64>>]} : "
            "tensor<1152921504606846976xf64>\n"
            "func.func @main() -> tensor<1152921504606846976xf64> {\n"
            "  %w = rt.weight_ref @w : tensor<1152921504606846976xf64>\n"
            "  return %w : tensor<1152921504606846976xf64>\n}\n"
        )
        self.check(1, "m.mlir", "-o", "out", err="is too large")

    # Linking

    def test_no_linker(self):
        """No driver to be found, one that fails."""
        tool = shutil.which("moe-compile")
        environment = dict(os.environ, PATH=str(self.folder / "bin"))
        (self.folder / "bin").mkdir()

        def check(message):
            before = sorted(os.listdir(self.folder))
            done = subprocess.run(
                [tool, "small.mlir", "-o", "out"],
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
            )
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(message, done.stderr)
            self.assertEqual(sorted(os.listdir(self.folder)), before)

        sanitized = os.environ.get("ASAN_OPTIONS")
        check("needs clang-22" if sanitized else "linking needs a C compiler driver")
        driver = self.folder / "bin" / ("clang-22" if sanitized else "cc")
        driver.write_text("#!/bin/sh\necho no disk >&2\nexit 3\n")
        driver.chmod(0o755)
        check("failed\nnote: no disk")

    @unittest.skipIf("ASAN_OPTIONS" in os.environ, "copies a program of 100 MB")
    def test_no_runtime(self):
        """A compiler without the files that it links into artefacts."""
        build = Path(shutil.which("moe-compile")).parents[1]
        there = self.folder / "there"
        (there / "bin").mkdir(parents=True)
        (there / "lib").mkdir()
        shutil.copy(build / "bin" / "moe-compile", there / "bin")
        for missing, emit in (
            ("libmoe_rt.a", "exe"),
            ("moe_exe_main.o", "exe"),
            ("MoERuntime.h", "lib"),
        ):
            with self.subTest(missing):
                done = subprocess.run(
                    [there / "bin" / "moe-compile", "small.mlir", f"--emit={emit}"],
                    cwd=self.folder,
                    capture_output=True,
                    text=True,
                )
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("the compiler's runtime is incomplete", done.stderr)
                self.assertIn(missing, done.stderr)
                if not missing.endswith(".h"):
                    shutil.copy(build / "lib" / missing, there / "lib")

    # Outputs

    def compile_until(self, ending):
        """Sends the signal when the weights are there and the object is not; the
        exit code."""
        with subprocess.Popen(
            ["moe-compile", ADAMOE, "-o", "out"],
            cwd=self.folder,
            stderr=subprocess.PIPE,
        ) as compiler:
            while compiler.poll() is None:
                if list(self.folder.glob(".moe-compile-*/weights")):
                    compiler.send_signal(ending)
                    break
                time.sleep(0.001)
            compiler.communicate(timeout=50)
        return compiler.returncode

    def test_ignored_signals(self):
        """What nohup started goes on."""
        previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGHUP, previous)
        self.assertEqual(self.compile_until(signal.SIGHUP), 0)
        self.assertTrue((self.folder / "out").exists())

    def test_signals_leave_nothing_behind(self):
        """A signal while files are being made: none is left."""
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(ending):
                # Whoever runs the test may ignore it.
                signal.signal(ending, signal.SIG_DFL)
                before = sorted(os.listdir(self.folder))
                self.assertEqual(self.compile_until(ending), -ending)
                self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_unwritable_outputs(self):
        (self.folder / "folder").mkdir()
        for emit in ("onnx", "llvm", "obj", "lib", "exe"):
            with self.subTest(emit):
                flags = ["small.mlir", f"--emit={emit}"]
                self.check(1, *flags, "-o", "none/out", err="none/out")
                self.check(1, *flags, "-o", "folder", err="cannot write")
                self.check(1, *flags, "-o", "small.mlir/out", err="small.mlir/out")
                self.check(
                    1, *flags, "-o", "./small.mlir", err="would replace the model"
                )
        self.assertEqual(os.listdir(self.folder / "folder"), [])
        self.assertEqual((self.folder / "small.mlir").read_text(), SMALL)
        self.check(1, "small.mlir", "--emit=lib", "-o", "x.h", err="its header")
        self.check(
            1, "small.mlir", "-o", "x", "--save-stages=small.mlir", err="small.mlir"
        )

    def test_header_or_weights_in_the_way(self):
        (self.folder / "x.h").mkdir()
        self.check(1, "small.mlir", "--emit=lib", "-o", "x.so", err="x.h")
        (self.folder / "y.safetensors").mkdir()
        self.check(
            1, ADAMOE, "--weights=beside", "-o", "y", err="y.safetensors"
        )

    def test_full_disk(self):
        self.check(
            1, "small.mlir", "--emit=onnx", "-o", "/dev/full", err="No space left"
        )
        for flags in (["--emit=onnx"], ["--emit=onnx", "-o", "-"]):
            with open("/dev/full", "w") as full:
                self.check(1, "small.mlir", *flags, stdout=full, err="No space left")

    def test_full_disk_of_artefacts(self):
        """A limit on the size of files stands for the disk."""
        for emit in ("onnx", "obj", "lib", "exe"):
            with self.subTest(emit):
                limited = 'ulimit -f 0; exec moe-compile "$@"'
                before = sorted(os.listdir(self.folder))
                done = subprocess.run(
                    ["sh", "-c", limited, "-", ADAMOE, f"--emit={emit}", "-o", "out"],
                    cwd=self.folder,
                    capture_output=True,
                    text=True,
                )
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("File too large", done.stderr)
                self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_pipes_are_written_not_replaced(self):
        text = self.check(0, "small.mlir", "--emit=onnx").stdout
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as cat:
            self.check(0, "small.mlir", "--emit=onnx", "-o", "pipe")
            self.assertEqual(cat.communicate(timeout=20)[0], text)
        self.assertTrue(pipe.is_fifo())
        self.check(1, "small.mlir", "-o", "pipe", err="not a regular file")
        self.assertTrue(pipe.is_fifo())
        done = self.check(0, "small.mlir", "--emit=onnx", "-o", "/dev/stdout")
        self.assertEqual(done.stdout, text)
        self.check(0, "small.mlir", "--emit=onnx", "-o", "/dev/null")

    def test_default_outputs(self):
        self.check(0, "small.mlir")
        self.check(0, "small.mlir", "--emit=lib")
        self.check(0, "small.mlir", "--emit=obj")
        self.assertEqual(
            sorted(os.listdir(self.folder)),
            ["small", "small.h", "small.mlir", "small.o", "small.so"],
        )
        self.assertTrue(os.access(self.folder / "small", os.X_OK))

    def test_odd_folder_names(self):
        folder = self.folder / 'a "b" \\c d'
        folder.mkdir()
        self.check(0, ADAMOE, "-o", folder / "e")
        self.assertEqual(os.listdir(folder), ["e"])
        subprocess.run([folder / "e", "--help"], check=True, capture_output=True)


if __name__ == "__main__":
    unittest.main()
