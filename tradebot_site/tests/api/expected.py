"""What each caller may do at each address of the API: the table that `test_tenants.py` goes through.

All addresses lead to what is the owner's. A line says what the owner gets and what kind of line it is; the kind says
what the nine others get. A number of three digits is that very status, one digit stands for its hundred.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from market.access import TokenScope
from tradebot_site.tests.api.world import CALLERS, Tenant
from tradebot_site.tests.people import PASSWORD

READ, TRADE, ADMIN = TokenScope


class Line(NamedTuple):
    """What is expected; ``body`` makes the body of a tenant's request, ``shows`` what the owner has to find."""

    statuses: dict[str, int]
    body: Callable[[Tenant], Any] | None = None
    shows: str = ""


def _line(done: int, scope: TokenScope, *, foreign: int, body: Any, shows: str, **others: int) -> Line:
    statuses = dict.fromkeys(CALLERS, done)
    statuses |= {"anonymous": 401, "stranger": 403, "other": foreign, "viewer": foreign, "other's admin": foreign}
    statuses |= {f"owner's {held}": done if held.includes(scope) else 403 for held in TokenScope}
    assert others.keys() <= statuses.keys()
    return Line(statuses | others, body, shows)


def one(done: int = 200, *, shows: str = "", **others: int) -> Line:
    """Reading one row: of others it does not exist."""
    return _line(done, READ, foreign=404, body=None, shows=shows, **others)


def many(done: int = 200, *, shows: str = "", **others: int) -> Line:
    """Reading a list: everybody has one, with what is theirs."""
    return _line(done, READ, foreign=done, body=None, shows=shows, **others)


def act(done: int, scope: TokenScope = TRADE, *, body: Any = None, shows: str = "", **others: int) -> Line:
    """Changing one row: who only looks may not, whosever it is."""
    return _line(done, scope, foreign=404, body=body, shows=shows, **{"viewer": 403} | others)


def make(done: int, scope: TokenScope = TRADE, *, body: Any = None, foreign: int = 400, **others: int) -> Line:
    """Making one: with the body of the owner, whose rows it names, the others are refused."""
    return _line(done, scope, foreign=foreign, body=body, shows="", **{"viewer": 403} | others)


def everybody(done: int, *, body: Any = None, shows: str = "") -> Line:
    """The same for all, whoever asks."""
    return Line(dict.fromkeys(CALLERS, done), body, shows)


def _login(tenant: Tenant) -> Any:
    return {"username": tenant.user.username, "password": PASSWORD, "name": "made"}


def _press(tenant: Tenant) -> Any:
    return {"state": "halted", "scope": "user", "user": tenant.user.username, "reason": "a test"}


TABLE: dict[str, Line] = {
    "GET /api/v1/schema": everybody(200),
    "GET /api/v1/docs": everybody(200),
    "GET /api/v1/tokens": many(shows="token", stranger=200),
    "POST /api/v1/tokens": everybody(201, body=_login),
    "GET /api/v1/tokens/<pk>": one(shows="token", stranger=404, operator=404),
    "DELETE /api/v1/tokens/<pk>": act(204, ADMIN, stranger=404, viewer=404, operator=404),
    "POST /api/v1/kill-switch": act(200, body=_press),
    "POST /hooks/v1/bots/<public_id>/signal": everybody(401, body=lambda tenant: {"action": "enter_long"}),
}
