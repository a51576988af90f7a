"""Events of the paper exchange over real websockets, as reports: they tell what answers and queries tell."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from market.exchange.stream_reports import report_of_futures_event, report_of_spot_event
from market.exchange.types import OrderReport, ReportStatus
from market.paper.tests.streams.sockets import Socket, signed, socket_to
from market.tests.exchange.orders import SYMBOL, order, pair
from market.types import OrderType, Side


def heard_on_spot(paper, key, act: Callable[[], object], done: Callable[[Any], bool]) -> list[OrderReport]:
    """The reports of all events until ``done``, while ``act`` happens."""

    async def scenario() -> list[OrderReport]:
        async with socket_to(paper, "/ws-api/v3") as socket:
            await socket.ask("userDataStream.subscribe.signature", signed(key), "sub")
            return await _reports(socket, act, done, report_of_spot_event, lambda message: message.get("event"))

    return asyncio.run(scenario())


def heard_on_futures(paper, key, act: Callable[[], object], done: Callable[[Any], bool]) -> list[OrderReport]:
    async def scenario() -> list[OrderReport]:
        _, answer, _ = paper.request("POST", "/fapi/v1/listenKey", headers={"X-MBX-APIKEY": key["api_key"]})
        async with socket_to(paper, f"/private/ws?listenKey={answer['listenKey']}") as socket:
            return await _reports(socket, act, done, report_of_futures_event, lambda message: message)

    return asyncio.run(scenario())


async def _reports(
    socket: Socket,
    act: Callable[[], object],
    done: Callable[[Any], bool],
    read: Callable[[Any], OrderReport | None],
    event_of: Callable[[Any], Any],
) -> list[OrderReport]:
    work: Awaitable[object] = asyncio.to_thread(act)
    task = asyncio.ensure_future(work)
    await socket.hear(lambda message: bool(event_of(message)) and done(event_of(message)))
    await task
    events = [event_of(message) for message in socket.heard if event_of(message)]
    return [report for report in map(read, events) if report is not None]


@pytest.fixture(params=["spot", "futures"])
def hear(request, paper, key):
    """How to hear the events of a market, its gateway, and where an event has its order's values."""
    gateway = request.getfixturevalue(request.param)
    if request.param == "spot":
        return gateway, lambda act, **is_: heard_on_spot(paper, key, act, lambda event: _is(event, is_))
    return gateway, lambda act, **is_: heard_on_futures(paper, key, act, lambda event: _is(event.get("o", {}), is_))


def _is(item: Any, values: dict[str, Any]) -> bool:
    return isinstance(item, dict) and all(item.get(name) == value for name, value in values.items())


def test_the_events_of_an_order_tell_the_same_fills_as_its_answer_and_its_query(hear):
    gateway, events_of = hear
    request = order(quantity="1.5")
    answers: list[OrderReport] = []

    reports = events_of(lambda: answers.append(gateway.submit(request)), X="FILLED")

    found = gateway.find_order(SYMBOL, request.client_order_id, request.type)
    assert answers == [found]
    assert tuple(fill for report in reports for fill in report.fills) == found.fills
    assert reports[-1].status == ReportStatus.FILLED
    assert reports[-1].executed_quantity == found.executed_quantity
    assert {(report.client_order_id, report.exchange_order_id) for report in reports} == {
        (request.client_order_id, found.exchange_order_id)
    }


def test_the_event_of_a_cancel_is_about_the_order_and_not_about_the_cancel(hear):
    gateway, events_of = hear
    request = order(OrderType.LIMIT, price="49500")

    def place_and_cancel() -> None:
        gateway.submit(request)
        gateway.cancel(SYMBOL, request.client_order_id, request.type)

    reports = events_of(place_and_cancel, X="CANCELED")

    assert [report.status for report in reports] == [ReportStatus.OPEN, ReportStatus.CANCELED]
    assert {report.client_order_id for report in reports} == {request.client_order_id}
    assert all(report.fills == () for report in reports)


def test_the_events_of_a_triggered_stop_carry_its_own_id(hear, hold):
    gateway, events_of = hear
    request = order(OrderType.STOP, Side.SELL, price="49000")

    def place_and_reach() -> None:
        gateway.submit(request)
        hold("48900", market=gateway.market)

    reports = events_of(place_and_reach, X="FILLED")

    found = gateway.find_order(SYMBOL, request.client_order_id, request.type)
    assert tuple(fill for report in reports for fill in report.fills) == found.fills
    assert {report.client_order_id for report in reports} == {request.client_order_id}
    assert reports[-1].exchange_order_id == found.exchange_order_id


def test_the_events_of_a_pair_tell_of_both_its_orders(paper, key, spot, hold):
    request = pair("49000", "51000")

    def place_and_reach() -> None:
        spot.submit_pair(request)
        hold("51100")

    reports = heard_on_spot(paper, key, place_and_reach, lambda event: event.get("X") == "FILLED")

    last = {report.client_order_id: report.status for report in reports}
    assert last[request.target.client_order_id] == ReportStatus.FILLED
    assert last[request.stop.client_order_id] in (ReportStatus.CANCELED, ReportStatus.EXPIRED)
