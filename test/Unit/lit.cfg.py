# Unit tests written with GoogleTest: programs named `*-tests` of the build.
# ruff: noqa: F821

import os

import lit.formats

config.name = "moe-unit"
config.suffixes = []
config.test_source_root = os.path.join(config.moe_build_root, "bin")
config.test_exec_root = os.path.join(config.moe_build_root, "test", "Unit")
config.test_format = lit.formats.GoogleTest(".", "-tests")
if config.moe_sanitize:
    config.environment["ASAN_OPTIONS"] = "detect_stack_use_after_return=1"
    config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
    config.environment["ASAN_SYMBOLIZER_PATH"] = os.path.join(
        config.llvm_tools_dir, "llvm-symbolizer"
    )
else:
    # Runs that ask for too much memory get a status from our code.
    config.environment["TSAN_OPTIONS"] = "allocator_may_return_null=1"
