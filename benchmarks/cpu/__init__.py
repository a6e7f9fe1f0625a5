"""Benchmarks of CPU code against the best libraries: see ../README.md."""
