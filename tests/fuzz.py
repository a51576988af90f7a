"""Fuzz the API for longer than the tests do: ``python -m tests.fuzz --cases 200``, which `make fuzz` runs.

It runs `tradebot_site/tests/api/test_fuzz.py`, which has servers of its own, and prints one JSON object with what came
of each operation. Exit 1: an answer was not as the schema tells, or an operation has got fewer cases than asked for.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TEST = "tradebot_site/tests/api/test_fuzz.py"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200, help="of each operation, for each caller")
    parser.add_argument("--seed", type=int, help="the same seed, the same cases; without it one is drawn and told")
    parser.add_argument("--only", default="", help="operations whose name has this in it")
    parser.add_argument("--processes", default="2")
    asked = parser.parse_args()
    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    sys.stderr.write(f"seed {seed}\n")  # at once: also a run that never ends can be repeated
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.jsonl"
        report.touch()
        told = {"FUZZ_CASES": str(asked.cases), "FUZZ_SEED": str(seed), "FUZZ_REPORT": str(report)}
        argv = [sys.executable, "-m", "pytest", "-q", "-n", asked.processes, "--timeout=3600", TEST, "-k", asked.only]
        status = subprocess.run(argv, env={**os.environ, **told}, stdout=sys.stderr, check=False).returncode
        operations = [json.loads(line) for line in report.read_text().splitlines()]
    figures = {"seed": seed, "cases_per_operation": asked.cases, "seconds": round(time.monotonic() - began, 1)}
    sys.stdout.write(json.dumps(figures | summary(operations)) + "\n")
    return status


def summary(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """What came of all of them, and of each."""
    return {
        "operations": len(operations),
        "cases": sum(sum(one["cases"].values()) for one in operations),
        "failures": sum(len(one["failures"]) for one in operations),
        "fewest_cases": min((min(one["cases"].values(), default=0) for one in operations), default=0),
        "never_succeeded": [one["operation"] for one in operations if not any(one["succeeded"].values())],
        "by_operation": {one["operation"]: one for one in operations},
    }


if __name__ == "__main__":
    sys.exit(main())
