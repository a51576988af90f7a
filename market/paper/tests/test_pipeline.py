"""What stands between the wire and the endpoint: faults, meters, and the end of everything when an engine breaks."""

import asyncio

import pytest

from market.paper import server
from market.paper.__main__ import read_options
from market.paper.build import build_exchange
from market.paper.engine.tables import SETTINGS
from market.paper.engine.types import Fill
from market.paper.ledger import Ledger
from market.paper.web.call import Call, error_reply
from market.paper.web.errors import ApiError
from market.paper.web.limits import OrderMeter, WeightMeter
from market.paper.web.pipeline import Pipeline
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
        return error_reply(ApiError(-1008, "Server is currently overloaded with other requests.", 503))

    status, body = answers(Ledger(tmp_path / "ledger.sqlite3"), "/api/v3/time", refuse)

    assert (status, b"-1008" in body) == (503, True)


def half_done(exchange) -> None:
    exchange.journal.put(SETTINGS, "half", ("half", "done"))
    raise RuntimeError("a bug")


@pytest.mark.parametrize("breaks", ["handler", "matching"])
def test_what_breaks_half_way_ends_the_process_and_reaches_no_disk(tmp_path, breaks):
    ledger = Ledger(tmp_path / "ledger.sqlite3")

    async def scenario() -> None:
        exchange = await build_exchange(read_options(["--ledger", str(ledger.path)]), ledger)
        call = Call(exchange, ROUTES["GET", "/api/v3/time"], "", b"", None, None, "", exchange.now_ms())
        if breaks == "handler":
            call.wrapped = lambda call: half_done(call.exchange)
            with pytest.raises(RuntimeError):
                await Pipeline(exchange)._answer(call)
        else:
            exchange.match = lambda now_ms: half_done(exchange)
            with pytest.raises(RuntimeError):
                await server._match_for_ever(exchange)
        waits = asyncio.ensure_future(exchange.flush())
        with pytest.raises(RuntimeError, match="a bug"):
            await exchange.committer.run()
        await asyncio.wait_for(exchange.committer.close(), 5)
        assert not waits.done()
        waits.cancel()

    asyncio.run(scenario())

    assert "half" not in ledger.settings()


def test_bug_in_an_endpoint_that_only_reads_harms_nobody(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite3")

    async def scenario() -> bool:
        exchange = await build_exchange(read_options(["--ledger", str(ledger.path)]), ledger)
        call = Call(exchange, ROUTES["GET", "/api/v3/time"], "", b"", None, None, "", exchange.now_ms())
        call.wrapped = lambda call: 1 / 0
        with pytest.raises(ZeroDivisionError):
            await Pipeline(exchange)._answer(call)
        return exchange.committer._failed.done()

    assert not asyncio.run(scenario())


def test_meters_do_not_go_back_with_a_call_that_had_to_wait():
    weights, orders = WeightMeter(6000), OrderMeter(10_000, 50, "10 SECOND")
    weights.add("ip", 40, 120_000)
    orders.add(1, 40, 120_000)

    weights.add("other", 1, 119_999)
    orders.add(2, -5, 119_999)

    assert weights.used("ip", 120_001) == 40
    assert orders.count(1, 120_001) == 40


def test_only_the_first_fill_of_an_order_gives_something_back(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite3")

    async def scenario() -> list[int]:
        exchange = await build_exchange(read_options(["--ledger", str(ledger.path)]), ledger)
        venue, now_ms, counts = exchange.spot, exchange.now_ms(), []
        for _ in range(20):
            venue.count_order(1, now_ms, filled=False)
        for order_id, is_maker in ((1, True), (1, True), (2, False), (2, False)):
            venue.credit([Fill("spot", 1, order_id, 1, "BTCUSDT", "BUY", 1, 1, 1, 0, "BTC", is_maker, now_ms)])
            counts.append(venue.order_meters["1D"].count(1, now_ms))
        return counts

    assert asyncio.run(scenario()) == [15, 15, 14, 14]


def test_unknown_addresses_are_metered_too(paper):
    for method, path, status in (("GET", "/api/v3/nothing", 404), ("PUT", "/fapi/v1/time", 405)):
        heard, answer, headers = paper.request(method, path)
        assert (heard, answer["code"]) == (status, -1000)
        assert int(headers["X-MBX-USED-WEIGHT-1M"]) > 0


@pytest.mark.parametrize(
    "wrong",
    [("--port", "99999"), ("--weight-limit", "-5"), ("--levels", "0"), ("--level-quote", "-1"), ("--speed", "1001")],
)
def test_option_beyond_its_bounds_is_refused_by_name(capsys, wrong):
    with pytest.raises(SystemExit):
        read_options(["--ledger", "unused", f"{wrong[0]}={wrong[1]}"])

    assert f"argument {wrong[0]}: must be a whole number from" in capsys.readouterr().err
