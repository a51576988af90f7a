"""Whoever asks whatever the API offers: each gets what is theirs, and of others' not even that it exists."""

import json

import pytest

from tradebot_site.tests.api.expected import TABLE, Line
from tradebot_site.tests.api.routes import METHODS, Route, routes
from tradebot_site.tests.api.rows import FIELDS, NOBODYS, named, nobodys
from tradebot_site.tests.api.world import CALLERS

OUTSIDERS = [caller for caller in CALLERS if caller not in ("owner", "operator") and not caller.startswith("owner's")]
LISTS = [route for route in routes() if str(route) in TABLE and TABLE[str(route)].shows and not route.names()]
pytestmark = pytest.mark.django_db
each_route = pytest.mark.parametrize("route", routes(), ids=str)


def line_of(route: Route) -> Line:
    assert str(route) in TABLE, f"tell in expected.py who may {route}"
    return TABLE[str(route)]


def body_of(route, tenant):
    line = line_of(route)
    return line.body(tenant) if line.body else None


def ask(world, route, caller, values, body=None):
    query = line_of(route).query
    return world.ask(caller, route.method, f"{route.at(values)}?{query}" if query else route.at(values), body)


def told(answer):
    """An answer without what is different each time."""
    kept = {name: value for name, value in answer.headers.items() if name not in ("X-Request-ID", "Content-Length")}
    if "json" not in answer.headers.get("Content-Type", ""):
        return answer.status_code, kept, answer.getvalue()
    body = answer.json()
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, kept, body


def fits(status, expected):
    return status == expected or status // 100 == expected


def test_every_route_is_in_the_table_and_nothing_else():
    assert {str(route) for route in routes()} == TABLE.keys()
    assert len(routes()) >= 8


@each_route
def test_each_caller_gets_what_the_table_says(world, route):
    line, values, body = line_of(route), named(route, world.owner), body_of(route, world.owner)

    answers = {caller: ask(world, route, caller, values, body) for caller in CALLERS}

    seen = {caller: answer.status_code for caller, answer in answers.items()}
    assert line.statuses.keys() == seen.keys()
    wrong = {
        caller: (status, line.statuses[caller], answers[caller].getvalue()[:300])
        for caller, status in seen.items()
        if not fits(status, line.statuses[caller])
    }
    assert not wrong


@each_route
def test_no_outsider_finds_anything_of_the_owner(world, route):
    values, body = named(route, world.owner), body_of(route, world.owner)
    sent = json.dumps([values, body], default=str)
    canaries = [canary for canary in world.owner.canaries.values() if canary not in sent]

    found = {
        caller: canary
        for caller in OUTSIDERS
        for text in [ask(world, route, caller, values, body).getvalue().decode()]
        for canary in canaries
        if canary in text
    }

    assert not found
    if shows := line_of(route).shows:
        text = ask(world, route, "owner", values, body).getvalue().decode()
        assert world.owner.canaries[shows] in text


@pytest.mark.parametrize("route", [route for route in routes() if route.names()], ids=str)
def test_what_is_others_is_answered_like_what_is_nobodys(world, route):
    line, body = line_of(route), body_of(route, world.owner)
    outsiders = [caller for caller in OUTSIDERS if line.statuses[caller] in (401, 403, 404)]
    theirs, nobodies = named(route, world.owner), nobodys(route, world.owner)

    for caller in outsiders:
        assert told(ask(world, route, caller, theirs, body)) == told(ask(world, route, caller, nobodies, body)), caller


@pytest.mark.parametrize("route", [route for route in routes() if route.method in ("POST", "PUT", "PATCH")], ids=str)
def test_a_field_that_names_what_is_others_is_answered_like_one_that_names_nothing(world, route):
    body = body_of(route, world.owner)
    named_here = [name for name in FIELDS if name in (body or {}) and name not in ("username", "symbol")]
    values = named(route, world.other)

    for name in named_here:
        own = {other: FIELDS[other](world.other) for other in named_here}
        theirs, nothing = body[name], nobodys_field(body[name])
        answers = [ask(world, route, "other", values, body | own | {name: value}) for value in (theirs, nothing)]
        assert said(answers[0], theirs) == said(answers[1], nothing)
        assert answers[0].status_code == line_of(route).statuses["other"]


def nobodys_field(value):
    return [nobodys_field(value[0])] if isinstance(value, list) else NOBODYS[type(value)]


def said(answer, value):
    """An answer in which it can't be seen any more what it was about."""
    status, headers, body = told(answer)
    return status, headers, json.dumps(body).replace(str(value[0] if isinstance(value, list) else value), "IT")


@pytest.mark.parametrize("route", LISTS, ids=str)
def test_a_filter_that_names_what_is_others_finds_as_much_as_one_that_names_nothing(world, route):
    for name in ("account", "bot", "owner", "user", "search"):
        theirs = {"owner": world.owner.user.username, "search": "canary"}.get(name) or FIELDS[name](world.owner)
        answers = [
            world.ask("other", route.method, f"{route.path}?{name}={value}")
            for value in (theirs, nobodys_field(theirs))
        ]
        if name != "search":
            assert said(answers[0], theirs) == said(answers[1], nobodys_field(theirs)), name
        assert not [canary for canary in world.owner.canaries.values() if canary in answers[0].getvalue().decode()]


@each_route
def test_head_is_like_get_and_what_is_not_offered_is_refused(world, route):
    address = route.at(named(route, world.owner))
    offered = {other.method for other in routes() if other.path == route.path}

    for caller in ("anonymous", "owner", "operator"):
        if route.method == "GET":
            head, get = (world.ask(caller, method, f"{address}?{line_of(route).query}") for method in ("HEAD", "GET"))
            assert (head.status_code, head.getvalue()) == (get.status_code, b"")
        for method in {*METHODS, "OPTIONS", "TRACE"} - offered:
            assert world.ask(caller, method, address).status_code in (401, 403, 404, 405), (caller, method)
