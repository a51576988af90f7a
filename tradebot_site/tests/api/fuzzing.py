"""Sends cases of the API's operations to the site in this process, as three callers, and judges the answers."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import hypothesis
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks
from werkzeug.test import Client

from tradebot_site.api.errors import ErrorSerializer
from tradebot_site.api.pages import schema
from tradebot_site.tests.api.cases import Asked, cases_of
from tradebot_site.tests.api.routes import Route
from tradebot_site.tests.api.world import World, undone

CALLERS = {"anonymous": None, "trader": "owner's admin", "operator": "operator's admin"}
CONFORM = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# No shrinking: the answers of each case are kept, whatever they are.
SETTINGS = hypothesis.settings(
    phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
REFUSAL = set(ErrorSerializer().fields)


@dataclass
class Seen:
    """What came of one operation."""

    cases: Counter[str] = field(default_factory=Counter)  # by caller
    statuses: Counter[str] = field(default_factory=Counter)  # by caller and status
    failures: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        succeeded = {who: self._succeeded(who) for who in CALLERS}
        return {"cases": dict(self.cases), "succeeded": succeeded, "statuses": dict(sorted(self.statuses.items()))}

    def _succeeded(self, caller: str) -> int:
        return sum(count for name, count in self.statuses.items() if name.startswith(f"{caller} 2"))


@cache
def operations() -> dict[str, Any]:
    """Every operation of the schema, by method and address with its names left out."""
    told = json.loads(json.dumps(schema(), default=str))
    loaded = schemathesis.openapi.from_dict(told)
    loaded.app = get_wsgi_application()
    loaded.location = "/api/v1/schema"
    found = [result.ok() for result in loaded.get_all_operations()]
    return {nameless(operation.method, operation.path): operation for operation in found}


def nameless(method: str, path: str) -> str:
    return f"{method.upper()} {re.sub(r'[<{][^>}]+[>}]', '{}', path)}"


def fuzz(route: Route, world: World, *, cases: int, seed: int) -> Seen:
    """Send so many cases of an operation as each caller; say what came of it. KeyError: the schema lacks it."""
    operation = operations()[nameless(route.method, route.path)]
    seen, client = Seen(), Client(operation.schema.app)

    @hypothesis.seed(random.Random(f"{seed} {route}").getrandbits(32))
    @hypothesis.settings(SETTINGS, max_examples=cases)
    @hypothesis.given(cases_of(operation, route, world.owner))
    def send(asked: Asked) -> None:
        for caller, name in CALLERS.items():
            told = asked.sent(name and world.tokens[name])
            with undone():
                answer = client.open(**told)
                answer.get_data()
                answer.close()
            seen.cases[caller] += 1
            seen.statuses[f"{caller} {answer.status_code}"] += 1
            for what, text in _wrong(asked, told, answer):
                seen.failures.setdefault(f"{caller}: {what}", f"{text}\n{_shown(told)}")

    with _one_connection():
        send()
    return seen


@contextmanager
def _one_connection() -> Iterator[None]:
    """As Django's test client does: the transaction around a case outlives the request."""
    for moment in (request_started, request_finished):
        moment.disconnect(close_old_connections)
    try:
        yield
    finally:
        for moment in (request_started, request_finished):
            moment.connect(close_old_connections)


def _wrong(asked: Asked, told: dict[str, Any], answer: Any) -> Iterator[tuple[str, str]]:
    more = [checks.negative_data_rejection] if asked.kind == "wrong" and _is_wrong(asked.case, told) else []
    if answer.status_code >= 500 and answer.status_code != 503:
        yield f"{answer.status_code}", answer.text[:500]
    try:
        asked.case.validate_response(answer, checks=[*CONFORM, *more])
    except FailureGroup as group:
        for failure in group.exceptions:
            yield f"{type(failure).__name__} {answer.status_code}", f"{asked.kind}: {failure}"
    if answer.status_code >= 400 and not (answer.is_json and answer.json.keys() >= REFUSAL):
        yield "shape of a refusal", answer.text[:500]


def _is_wrong(case: Any, told: dict[str, Any]) -> bool:
    """Whether a part of the case was made wrong; a body that may be left out is not wrong for not being there."""
    is_there = "json" in told or "data" in told or told["query_string"]
    if not (is_there or any(body.is_required for body in case.operation.body)):
        return False
    return any(part.mode.is_negative for part in case.meta.components.values())


def _shown(told: dict[str, Any]) -> str:
    return repr({name: value for name, value in told.items() if name != "headers"})[:1_000]
