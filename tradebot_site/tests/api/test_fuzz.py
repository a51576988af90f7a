"""Whatever the schema allows, and much that it does not: each answer is one that the schema tells.

A few cases here; `make fuzz CASES=200` sends more and says what came of each operation.
"""

import json
import os
import secrets
from pathlib import Path

import pytest

from tradebot_site.tests.api.fuzzing import CALLERS, fuzz, nameless, operations
from tradebot_site.tests.api.routes import routes

pytestmark = pytest.mark.django_db
CASES = int(os.environ.get("FUZZ_CASES") or 5)
SEED = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(2**32))
REPORT = os.environ.get("FUZZ_REPORT")
PAGES = {"GET /api/v1/schema", "GET /api/v1/docs"}  # no operations: they tell what the operations are
FUZZED = [route for route in routes() if str(route) not in PAGES]


def test_the_schema_tells_all_operations_and_no_other_ones():
    assert {nameless(route.method, route.path) for route in FUZZED} == operations().keys()


@pytest.mark.parametrize("route", FUZZED, ids=str)
def test_an_operation_answers_as_the_schema_tells(world, route):
    seen = fuzz(route, world, cases=CASES, seed=SEED)

    if REPORT:
        with Path(REPORT).open("a") as lines:
            lines.write(json.dumps({"operation": str(route), **seen.as_json(), "failures": seen.failures}) + "\n")
    assert not seen.failures, f"FUZZ_SEED={SEED}\n" + "\n".join(
        f"{name}: {text}" for name, text in seen.failures.items()
    )
    assert all(seen.cases[caller] >= CASES for caller in CALLERS), seen.cases
