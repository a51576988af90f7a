"""Admin endpoints of the fault menu: what there is, what is active, put something on the board, take it off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from market.paper.faults.menu import menu
from market.paper.faults.params import BadStep
from market.paper.faults.steps import WHEN, Step, read_script, read_step
from market.paper.streams.api_session import PATHS as SESSION_PATHS
from market.paper.web import errors
from market.paper.web.admin import admin, json_of
from market.paper.web.call import Call
from market.paper.web.errors import ApiError


def show_menu(call: Call) -> dict[str, Any]:
    """GET /paper/faults/menu."""
    return {"menu": menu()}


def show(call: Call) -> dict[str, Any]:
    """GET /paper/faults: what is on the board, with how often it has happened."""
    call.exchange.faults.tick(call.now_ms)
    return {"faults": call.exchange.faults.show()}


def add(call: Call) -> dict[str, Any]:
    """POST /paper/faults with one step: it is active at once."""
    wanted = json_of(call)
    with _complaining():
        step = read_step(wanted)
        _check_names(call, step)
    (rule,) = call.exchange.faults.add([step], in_order=False, seed=0, now_ms=call.now_ms)
    return rule.as_json()


def run_script(call: Call) -> dict[str, Any]:
    """POST /paper/faults/script {"steps": [...], "in_order": true, "seed": 0}.

    In order: a step begins when the one before it has ended. Otherwise all begin now.
    """
    wanted = json_of(call)
    in_order = wanted.get("in_order", True)
    if not isinstance(in_order, bool):
        raise errors.invalid("in_order")
    with _complaining():
        seed = WHEN["seed"].read("seed", wanted.get("seed", 0))
        steps = read_script(wanted.get("steps"), in_order=in_order)
        for number, step in enumerate(steps):
            _check_names(call, step, f"steps[{number}].")
    rules = call.exchange.faults.add(steps, in_order=in_order, seed=seed, now_ms=call.now_ms)
    return {"faults": [rule.as_json() for rule in rules]}


def clear(call: Call) -> dict[str, Any]:
    """DELETE /paper/faults: all of them, or {"id": 3} with what was to follow it."""
    number = json_of(call).get("id") if call.body else None
    if number is not None and type(number) is not int:
        raise errors.invalid("id")
    cleared = call.exchange.faults.clear(number, call.now_ms)
    if number is not None and not cleared:
        raise ApiError(-1130, f"id: there is no fault {number}", 404)
    return {"cleared": cleared}


@contextmanager
def _complaining() -> Iterator[None]:
    """Tell the caller of a BadStep."""
    try:
        yield
    except BadStep as error:
        raise ApiError(-1130, str(error)) from error


def _check_names(call: Call, step: Step, place: str = "") -> None:
    """Refuse what could never happen: a typing error would otherwise be a rehearsal in which nothing fails."""
    from market.paper.web.routes import PATHS as REST_PATHS  # it lists our endpoints

    match, exchange = step.match, call.exchange
    if match.account and not exchange.accounts_called(match.account):
        raise BadStep(f"{place}match.account: no account has the key, label or id {match.account!r}")
    if not any(match.likes_path(path) for path in REST_PATHS | SESSION_PATHS):
        raise BadStep(f"{place}match.path: there is no endpoint {match.path}")
    venues = [venue for name, venue in exchange.venues.items() if match.market in ("", name)]
    if match.symbol and not any(match.symbol in venue.engine.rules for venue in venues):
        raise BadStep(f"{place}match.symbol: there is no symbol {match.symbol}")


ENDPOINTS = [
    admin("GET", "/paper/faults/menu", show_menu),
    admin("GET", "/paper/faults", show),
    admin("POST", "/paper/faults", add),
    admin("POST", "/paper/faults/script", run_script),
    admin("DELETE", "/paper/faults", clear),
]
