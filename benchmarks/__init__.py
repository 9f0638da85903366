"""Benchmarks: ``python -m benchmarks.NAME [--json]`` from the root of the repository.

Each compares the package with what one would write without it, side by side in one run, so that
the ratios mean something on a busy machine while the absolute figures do not.
"""
