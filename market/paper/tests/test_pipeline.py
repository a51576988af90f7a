"""Middlewares stand between the wire and the endpoint: the place where faults will be."""

import asyncio

from market.paper.__main__ import read_options
from market.paper.build import build_exchange
from market.paper.ledger import Ledger
from market.paper.web.call import Call
from market.paper.web.pipeline import Pipeline, error_reply
from market.paper.web.routes import ROUTES


def answers(ledger: Ledger, path: str, *middlewares) -> tuple[int, bytes]:
    """Status and body of a GET through these middlewares."""

    async def ask() -> tuple[int, bytes]:
        exchange = await build_exchange(read_options(["--ledger", str(ledger.path)]), ledger)
        call = Call(exchange, ROUTES["GET", path], "", b"", None, None, "127.0.0.1", exchange.now_ms())
        reply = await Pipeline(exchange, middlewares)._answer(call)
        return reply.status, reply.body

    return asyncio.run(ask())


def test_middlewares_wrap_the_endpoint_the_first_one_outermost(tmp_path):
    seen = []

    def noting(name):
        async def note(call, inner):
            seen.append(f"{name} in")
            reply = await inner(call)
            seen.append(f"{name} out")
            return reply

        return note

    ledger = Ledger(tmp_path / "ledger.sqlite3")

    assert answers(ledger, "/api/v3/ping", noting("first"), noting("second")) == (200, b"{}")
    assert seen == ["first in", "second in", "second out", "first out"]


def test_middleware_can_answer_instead_of_the_endpoint(tmp_path):
    async def refuse(call, inner):
        return error_reply(-1008, "Server is currently overloaded with other requests.", 503)

    status, body = answers(Ledger(tmp_path / "ledger.sqlite3"), "/api/v3/time", refuse)

    assert (status, b"-1008" in body) == (503, True)
