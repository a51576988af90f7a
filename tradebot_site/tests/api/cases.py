"""Cases for an operation: what the schema allows, what it does not, a good body with fields spoilt, something odd.

Odd is what stands around a case: an unknown parameter, headers that nobody sends, a body that is no JSON or far too
large. There are so many odd cases that no operation runs out of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation

from tradebot_site.tests.api.expected import TABLE
from tradebot_site.tests.api.routes import Route
from tradebot_site.tests.api.rows import FIELDS, named
from tradebot_site.tests.api.world import Tenant

Draw = Callable[..., Any]
SPOILT = (
    *(
        None,
        "",
        " ",
        "x" * 300,
        "0",
        "-1",
        "1e5",
        "NaN",
        "\N{SNOWMAN}",
        "2026-02-30T25:61:61Z",
        "0.1234567890123456789",
    ),
    *(0, -1, 1, 2**31, 2**63, 10**40, 0.1, 1e300, True, False, [], [[]], {}, {"a": {"b": []}}),
)
ODD_HEADERS = (
    *({"Accept": "text/html"}, {"Accept": "nonsense"}, {"X-Request-ID": "\xff" * 9}, {"Content-Type": "text/plain"}),
    *({"Idempotency-Key": "one two"}, {"Idempotency-Key": "k" * 256}, {"Idempotency-Key": "good"}, {"Cookie": "a"}),
    {"Content-Type": "application/json; charset=utf-16"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"If-None-Match": "*"},
)
ODD_BODIES = (
    *(b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"a":NaN}', b'{"a":"\\ud800"}', b'{"a":1,"a":2}'),
    *(b"[" * 5_000, b"0" * 300_000),
)


@dataclass
class Asked:
    """One drawn case, and how it is sent."""

    case: Any
    kind: str
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def sent(self, token: str | None) -> dict[str, Any]:
        """What werkzeug's client is told."""
        told = self.case.as_transport_kwargs(headers={"Authorization": f"Token {token}"} if token else {})
        told["headers"] |= self.headers
        told["query_string"] = {**(told.get("query_string") or {}), **self.query}
        if self.body is not None:
            told.pop("json", None)
            told["data"] = self.body
            told["headers"].setdefault("Content-Type", "application/json")
        return told


def cases_of(operation: Any, route: Route, tenant: Tenant) -> st.SearchStrategy[Asked]:
    """Cases of all kinds, mostly about what is there and is the tenant's."""
    valid = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    kinds = {"valid": valid, "odd": valid, "near": valid}
    if operation.body or operation.query or operation.path_parameters:
        kinds["wrong"] = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return _drawn(route, tenant, kinds)


@st.composite
def _drawn(draw: Draw, route: Route, tenant: Tenant, kinds: dict[str, Any]) -> Asked:
    kind = draw(st.sampled_from(sorted(kinds)))
    asked = Asked(draw(kinds[kind]), kind)
    _lead_to_rows(draw, asked, route, tenant)
    if kind == "near":
        _spoil(draw, asked.case, route, tenant)
    elif kind == "odd":
        _make_odd(draw, asked, route)
    return asked


def _lead_to_rows(draw: Draw, asked: Asked, route: Route, tenant: Tenant) -> None:
    """Where the case is not to be wrong: what address, parameters and fields name is mostly there."""
    case, mostly = asked.case, st.sampled_from([True, True, True, False])
    is_wrong = asked.kind == "wrong" and case.meta is not None
    if case.path_parameters and not (is_wrong and case.meta.is_negative_at(ParameterLocation.PATH)) and draw(mostly):
        there = [value if isinstance(value, int) else str(value) for value in named(route, tenant).values()]
        case.path_parameters.update(zip(case.path_parameters, there, strict=True))
    for where in () if is_wrong else (case.query, case.body):
        for name in FIELDS if isinstance(where, dict) else ():
            if name in where and draw(mostly):
                where[name] = FIELDS[name](tenant)


def _spoil(draw: Draw, case: Any, route: Route, tenant: Tenant) -> None:
    """A body, or a query, that is known to be good, mostly with a field or two that are not."""
    line = TABLE.get(str(route))
    good = line.body(tenant) if line and line.body else None
    if isinstance(good, dict):
        case.body = _spoilt(draw, good, case.body if isinstance(case.body, dict) else {})
        case.media_type = case.media_type or "application/json"
    if line and line.query:
        case.query = _spoilt(draw, dict(parse_qsl(line.query)), dict(case.query or {}))


def _spoilt(draw: Draw, good: dict[str, Any], drawn: dict[str, Any]) -> dict[str, Any]:
    fields = dict(good)
    for name in draw(st.lists(st.sampled_from(sorted({*good, *drawn})), max_size=2, unique=True)):
        how = draw(st.sampled_from(["other", "spoilt", "missing"]))
        if how == "missing":
            fields.pop(name, None)
        else:
            fields[name] = drawn[name] if how == "other" and name in drawn else draw(st.sampled_from(SPOILT))
    return fields


def _make_odd(draw: Draw, asked: Asked, route: Route) -> None:
    ways = ["header", "query", "body"] if route.method in ("POST", "PUT", "PATCH") else ["header", "query"]
    way = draw(st.sampled_from(ways))
    if way == "header":
        asked.headers = dict(draw(st.sampled_from(ODD_HEADERS)))
    elif way == "query":
        asked.query = {draw(st.text(min_size=1, max_size=20)): draw(st.text(max_size=50))}
    else:
        asked.body = draw(st.sampled_from(ODD_BODIES))
