"""Benchmarks: `python -m tests.bench --organizations 100000`."""
