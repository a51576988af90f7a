"""Fills told one to five times, shuffled, to several workers at once: ``manage.py bench fills --json``.

The same history is booked a second time, each fill told once and in order; every figure of every position, order and
trade must be the same, to the last digit. It runs in a process of its own, on a PostgreSQL that is thrown away.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from random import Random
from typing import Any

from ops.stack import throwaway
from tests.bench import BenchmarkFailed, machine

FULL, QUICK = 100_000, 300


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure. Raises BenchmarkFailed, also when a figure differs."""
    command = [sys.executable, "-m", "tests.bench.fills", str(QUICK if quick else FULL)]
    with throwaway.servers(os.environ) as environment:
        environment["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
        done = subprocess.run(command, env=environment, cwd=machine.ROOT, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise BenchmarkFailed("fills were not booked as they should be: see above")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**figures, "machine": machine.describe()}


def main(fills: int) -> None:
    """Do it in the database that the environment names, and print the figures; exit 1 when some differ."""
    import django
    from django.core.management import call_command

    django.setup()
    logging.disable(logging.INFO)
    call_command("migrate", interactive=False, verbosity=0)

    from tests.bench.shuffled import book_shuffled

    seed = Random().getrandbits(32)
    booked = book_shuffled(fills, seed=seed)
    for sentence in booked.differences:
        sys.stderr.write(f"{sentence}\n")
    sys.stdout.write(json.dumps({**booked.counts, "differences": len(booked.differences), "seed": seed}) + "\n")
    sys.exit(bool(booked.differences))


if __name__ == "__main__":
    main(int(sys.argv[1]))
