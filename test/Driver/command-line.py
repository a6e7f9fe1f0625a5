# RUN: %python -W error %s %build_root/bin/moe-fake-model
"""The command line of compiled executables: flags, files, exit codes.

The program is the fake model of test/Runtime: x[batch,4] and mode to
y = x + bias, t = x transposed, n = batch.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import numpy as np

PROGRAM = os.path.abspath(sys.argv.pop(1))
BIAS = np.array([0.5, 1.5, 2.5, 3.5], np.float32)


def npy(dictionary, data=b"", version=1):
    """A .npy file with this text for a header."""
    text = dictionary.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.x = np.arange(12, dtype=np.float32).reshape(3, 4)
        np.savez(self.folder / "in.npz", x=self.x, mode=np.int64(0))
        self.expected = {"y": self.x + BIAS, "t": self.x.T, "n": np.int64(3)}
        np.savez_compressed(self.folder / "out.npz", **self.expected)
        np.save(self.folder / "x.npy", self.x)

    def run_program(self, *flags, **options):
        return subprocess.run(
            [PROGRAM, *flags],
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=50,
            **options,
        )

    def check(self, code, *flags, out="", err=""):
        done = self.run_program(*flags)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(out, done.stdout)
        self.assertIn(err, done.stderr)
        if code != 0:
            self.assertIn("error: ", done.stderr)
        return done

    # Flags

    def test_help_lists_the_model(self):
        done = self.check(0, "--help")
        for text in ("float32[batch,4]", "int64[]", "top-2 of 2 experts and 1 null experts", "--compare-with"):
            self.assertIn(text, done.stdout)

    def test_wrong_usage(self):
        for flags in (
            ["--frobnicate"],
            ["--input", "x"],
            ["--repeat", "0"],
            ["--repeat", "many"],
            ["--atol", "-1"],
            ["--device=tpu"],
            ["positional"],
            ["--report"],
        ):
            with self.subTest(flags):
                self.check(2, *flags, err="--help")

    # Inputs

    def test_inputs(self):
        for flags in (
            ["--inputs", "in.npz"],
            ["--input", "x=x.npy", "--input", "mode=in.npz:mode"],
            ["--inputs=in.npz", "--input=x=x.npy"],
        ):
            with self.subTest(flags):
                self.check(0, *flags, out="y: float32[3,4]")

    def test_inputs_by_order(self):
        np.savez(self.folder / "order.npz", self.x, np.int64(0))
        self.check(0, "--inputs", "order.npz", out="y: float32[3,4]")

    def test_column_major_and_versions(self):
        np.save(self.folder / "f.npy", np.asfortranarray(self.x))
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}"
        for version in (1, 2, 3):
            name = f"v{version}.npy"
            (self.folder / name).write_bytes(npy(header, self.x.tobytes(), version))
        for name in ("f.npy", "v1.npy", "v2.npy", "v3.npy"):
            flags = ["--inputs=in.npz", f"--input=x={name}", "--compare-with=out.npz"]
            self.check(0, *flags, out="y: equal")

    def test_missing_inputs(self):
        done = self.check(1, "--input", "x=x.npy", err="mode=FILE.npy  (int64[])")
        self.assertNotIn("x=FILE", done.stderr)
        self.check(1, "--input", "z=x.npy", err="no input 'z'")
        self.check(1, "--inputs", "none.npz", err="No such file")
        self.check(1, "--input", "x=in.npz:z", err="no array 'z'")

    def test_the_model_refuses(self):
        np.save(self.folder / "wrong.npy", self.x.astype(np.float64))
        np.save(self.folder / "one.npy", np.int64(1))
        inputs = ["--inputs", "in.npz"]
        self.check(1, *inputs, "--input=x=wrong.npy", err="got float64[3,4]")
        self.check(1, *inputs, "--input=mode=one.npy", err="/layer/Gather")

    def test_hostile_npy(self):
        good = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}"
        data = self.x.tobytes()
        hostile = {
            "not a .npy array": b"PK\x03\x04 and so on",
            "truncated": npy(good, data[:-1]),
            "the file is truncated": b"\x93NUMPY\x01\x00\xff\xffabc",
            "unknown .npy version 9": npy(good, data, 9),
            "claims": b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
            "unknown key": npy(good.replace("}", ", 'x': 1}"), data),
            "is missing": npy("{'descr': '<f4'}", data),
            "does not end": npy("{'descr': '<f4", data),
            "not supported": npy(good.replace("<f4", ">f4"), data),
            "type '|O'": npy(good.replace("<f4", "|O"), data),
            "structured": npy(good.replace("'<f4'", "[('a', '<f4')]"), data),
            "neither True": npy(good.replace("False", "Maybe"), data),
            "non-negative": npy(good.replace("3, 4", "-3, 4"), data),
            "too large": npy(good.replace("3", "9" * 30), data),
            "address space": npy(good.replace("3", str(2**62)), data),
            "more than 64": npy(good.replace("3, 4", "1," * 65), data),
            "expected": npy("[]", data),
        }
        # A header that promises a terabyte gets only what the file has.
        hostile["truncated "] = npy(good.replace("3", str(2**36)), data)
        for text, content in hostile.items():
            with self.subTest(text):
                (self.folder / "bad.npy").write_bytes(content)
                self.check(1, "--inputs=in.npz", "--input=x=bad.npy", err=text.strip())

    def test_hostile_npz(self):
        content = (self.folder / "out.npz").read_bytes()
        path = self.folder / "bad.npz"
        for size in (0, 10, len(content) // 2, len(content) - 10):
            path.write_bytes(content[:size])
            self.check(1, "--inputs=in.npz", "--compare-with=bad.npz", err="bad.npz")
        # Every byte damaged once: an error or an answer, never a crash.
        for at in range(0, len(content), 7):
            damaged = bytearray(content)
            damaged[at] ^= 0xFF
            path.write_bytes(damaged)
            done = self.run_program("--inputs=in.npz", "--compare-with=bad.npz")
            self.assertIn(done.returncode, (0, 1), done.stderr)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("y.npy", b"no array")
        self.check(1, "--inputs=in.npz", "--compare-with=bad.npz", err="member 'y.npy'")

    # Outputs

    def test_output_dir(self):
        self.check(0, "--inputs=in.npz", "--output-dir=results")
        results = self.folder / "results"
        self.assertEqual(sorted(os.listdir(results)), ["n.npy", "t.npy", "y.npy"])
        for name, expected in self.expected.items():
            got = np.load(results / f"{name}.npy")
            np.testing.assert_array_equal(got, expected)
            self.assertEqual(got.dtype, expected.dtype)

    def test_unwritable_places(self):
        (self.folder / "file").touch()
        inputs = ["--inputs", "in.npz"]
        self.check(1, *inputs, "--output-dir=file/below", err="file/below")
        self.check(1, *inputs, "--output-dir=file", err="file")
        self.check(1, *inputs, "--report=no/where.json", err="no/where.json")
        self.check(1, *inputs, "--report=/dev/full", err="No space left")
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [PROGRAM, *inputs], cwd=self.folder, stdout=full, stderr=subprocess.PIPE
            )
        self.assertEqual(done.returncode, 1)

    def test_no_half_written_output(self):
        limited = ["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$0" "$@"', PROGRAM]
        (self.folder / "results").mkdir()
        done = subprocess.run(
            [*limited, "--inputs=in.npz", "--output-dir=results"],
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("File too large", done.stderr)
        self.assertEqual(os.listdir(self.folder / "results"), [])

    # Comparison

    def compare(self, code, *flags, out="", **arrays):
        np.savez(self.folder / "ref.npz", **{**self.expected, **arrays})
        done = self.check(
            code, "--inputs=in.npz", "--compare-with=ref.npz", *flags, out=out
        )
        return done.stdout

    def test_equal(self):
        self.compare(0, out="y: equal, 12 elements")

    def test_difference(self):
        y = self.expected["y"].copy()
        y[2, 1] += 1
        out = self.compare(1, y=y, out="y: DIFFERENT: largest difference 1 at [2,1]")
        self.assertIn("1 of 12 elements", out)
        self.assertIn("t: equal", out)
        self.compare(0, "--atol=1.01", y=y, out="y: largest difference 1 at [2,1]")
        self.compare(0, "--atol=0", "--rtol=0.1", y=y)

    def test_nan_and_infinity(self):
        y = self.expected["y"].copy()
        y[0, 0] = np.nan
        self.compare(1, y=y, out="largest difference inf at [0,0]")
        y[0, 0] = np.inf
        self.compare(1, "--rtol=1", y=y, out="largest difference inf")
        x = self.x.copy()
        x[1, 1], x[1, 2] = np.nan, -np.inf
        np.save(self.folder / "nan.npy", x)
        self.compare(0, "--input=x=nan.npy", y=x + BIAS, t=x.T)

    def test_shape_and_type(self):
        self.compare(1, y=self.x[:2], out="shape differs: got float32[3,4]")
        self.compare(0, y=(self.x + BIAS).astype(np.float64))
        self.compare(1, n=np.int64(4), out="n: DIFFERENT: largest difference 1")

    def test_references_by_order_and_key(self):
        np.savez(self.folder / "order.npz", *self.expected.values())
        self.check(0, "--inputs=in.npz", "--compare-with=order.npz", out="y: equal")
        np.savez(self.folder / "other.npz", a=self.x)
        self.check(
            1, "--inputs=in.npz", "--compare-with=other.npz", err="array for none"
        )
        np.savez(self.folder / "one.npz", y=self.x + BIAS)
        self.check(
            0, "--inputs=in.npz", "--compare-with=one.npz", out="t: no reference"
        )
        self.check(
            0, "--inputs=in.npz", "--compare-with=one.npz:y", out="y: equal"
        )

    def test_onnxruntime_needs_moe_run(self):
        self.check(
            1, "--inputs=in.npz", "--compare-with=onnxruntime", err="use moe-run"
        )

    # Timing and report

    def test_report(self):
        flags = ["--inputs=in.npz", "--compare-with=out.npz", "--report=r.json"]
        done = self.check(0, *flags, "--repeat=5", "--warmup=2", "--threads=2")
        self.assertIn("5 runs: median", done.stdout)
        report = json.loads((self.folder / "r.json").read_text())
        self.assertEqual(list(report), ["outputs", "time_ms", "moe_layers"])
        layer = {
            "name": "layers.0.moe",
            "experts": 2,
            "null_experts": 1,
            "slots": 2,
            "tokens": 3,
            "load": 4 / 3,
            "counts": [3, 1],
            "null_slots": 2,
            "expert_flops": 300,
        }
        self.assertEqual(report["moe_layers"], [layer])
        time = report["time_ms"]
        self.assertEqual(time["runs"], 5)
        self.assertLessEqual(time["min"], time["median"])
        self.assertLessEqual(time["median"], time["max"])
        self.assertEqual(
            report["outputs"]["y"],
            {
                "dtype": "float32",
                "dims": [3, 4],
                "largest_difference": 0,
                "elements_outside": 0,
                "equal": True,
            },
        )

    def test_profile(self):
        """Table and report: what is known, and what is not."""
        done = self.check(
            0, "--inputs=in.npz", "--profile", "--report=r.json", "--repeat=3", "--threads=1"
        )
        self.assertIn("profile: 3 runs, median", done.stderr)
        self.assertIn("1 thread: ", done.stderr)
        for title in ("kind", "MoE layer", "step"):
            self.assertIn(f" roofline  {title}\n", done.stderr)
        self.assertIn("  layers.0.moe\n", done.stderr)
        self.assertIn("    gate  layers.0.moe/gate\n", done.stderr)
        self.assertIn("  elementwise  /bias/Add\n", done.stderr)
        self.assertIn("  (between steps)\n", done.stderr)
        self.assertNotIn("profile", done.stdout)
        report = json.loads((self.folder / "r.json").read_text())
        self.assertEqual(
            list(report), ["outputs", "time_ms", "moe_layers", "machine", "profile"]
        )
        machine = report["machine"]
        self.assertEqual(machine["threads"], 1)
        self.assertGreater(machine["gflop_per_s"], 0)
        self.assertEqual(
            [level["bytes"] for level in machine["reads"]], [2**15, 2**19, 2**23, 2**27]
        )
        for level in machine["reads"]:
            self.assertGreater(level["gb_per_s"], 0)
        add, gate = report["profile"]
        for step in (add, gate):
            self.assertGreaterEqual(step.pop("time_us"), 0)
            step.pop("roofline")
        self.assertEqual(
            add,
            {
                "node": "/bias/Add",
                "computation": "elementwise",
                "layer": None,
                "calls": 1,
                "flops": None,
                "bytes": 96,
            },
        )
        self.assertEqual(
            gate,
            {
                "node": "layers.0.moe/gate",
                "computation": "gate",
                "layer": "layers.0.moe",
                "calls": 2,
                "flops": 48,
                "bytes": None,
            },
        )


if __name__ == "__main__":
    unittest.main()
