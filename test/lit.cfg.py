# Configuration of lit: which files are tests, which programs they find, and
# what the environment may add (see docs/Testing.md):
#   MOE_EXTRA_MODELS=DIR     tests of large models kept outside the repository
#   MOE_SLOW_TESTS=1         tests that take minutes
#   MOE_OPT_CHECK_ROUNDTRIP=1  every moe-opt also checks print -> parse -> print
# ruff: noqa: F821

import os
import subprocess
import sys

import lit.formats

config.name = "moe"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".onnxtxt", ".py"]
config.excludes = [
    "Inputs",
    "models",
    "lit.cfg.py",
    "check_model.py",
    "check_language_model.py",
    "conformance.py",
]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.moe_build_root, "test")
lit_config.maxIndividualTestTime = 240

tools = [os.path.join(config.moe_build_root, "bin"), config.llvm_tools_dir]
config.environment["PATH"] = os.pathsep.join(tools + [os.environ["PATH"]])
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"
config.environment["PYTHONPATH"] = os.path.join(config.moe_source_root, "python")
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
# The Python that moe-run compares with.
config.environment["MOE_PYTHON"] = sys.executable

# %model_python is a Python that may open compiled models.
model_python = sys.executable
config.substitutions.append(("%python", sys.executable))
config.substitutions.append(("%src_root", config.moe_source_root))
config.substitutions.append(("%build_root", config.moe_build_root))
config.substitutions.append(
    ("%models", os.path.join(config.test_source_root, "models"))
)

if os.environ.get("MOE_OPT_CHECK_ROUNDTRIP"):
    config.substitutions.append(
        (r"(?<![\w/.-])moe-opt(?![\w/.-])", "moe-opt --verify-roundtrip")
    )

if os.environ.get("MOE_EXTRA_MODELS"):
    config.available_features.add("extra-models")
    config.substitutions.append(("%extra_models", os.environ["MOE_EXTRA_MODELS"]))

if os.environ.get("MOE_SLOW_TESTS"):
    config.available_features.add("slow")
    lit_config.maxIndividualTestTime = 1200

if config.moe_sanitize:
    config.available_features.add("asan")
    lit_config.maxIndividualTestTime *= 5
    # libMLIR and libLLVM are not instrumented: memory that their allocators
    # poison through our copies of their inline functions would be reported.
    options = [
        "allow_user_poisoning=0",
        "detect_container_overflow=0",
        "detect_stack_use_after_return=1",
        # Runs that ask for too much memory get a status from our code.
        "allocator_may_return_null=1",
        # By a signal: no test takes a report for the refusal that it expects.
        "abort_on_error=1",
    ]
    config.environment["ASAN_OPTIONS"] = ":".join(options)
    config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
    config.environment["ASAN_SYMBOLIZER_PATH"] = os.path.join(
        config.llvm_tools_dir, "llvm-symbolizer"
    )
    # Instrumented libraries take the sanitizer from the program that opens them.
    # Python keeps objects until it ends, which are no leaks of ours.
    library = subprocess.run(
        ["clang-22", "-print-file-name=libclang_rt.asan-x86_64.so"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    path = os.pathsep.join(
        [
            os.path.join(config.test_source_root, "Inputs", "asan"),
            config.environment["PYTHONPATH"],
        ]
    )
    options = ":".join([*options, "detect_leaks=0"])
    model_python = (
        f"env LD_PRELOAD={library} PYTHONPATH={path} ASAN_OPTIONS={options} "
        + sys.executable
    )

config.substitutions.append(("%model_python", model_python))
