"""Benchmarks: ``manage.py bench <area> --json``. Figures to be watched; no test is timed."""


class BenchmarkFailed(Exception):
    """What is measured did not do what was asked of it: the figures would mean nothing."""
