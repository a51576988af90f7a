"""What a call weighs, and that nothing leaves past the meter."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from market.exchange.adapter import GATEWAYS, BinanceGateway, FuturesGateway, SpotGateway, client
from market.exchange.adapter.metering import WEIGHTS, weight_of
from market.exchange.errors import ExchangeError, OrderRejected, RateLimited
from market.paper.web.params import Params
from market.paper.web.routes import ROUTES
from market.tests.exchange.acts import SECRET, Act
from market.tests.exchange.orders import SYMBOL, move, order, pair
from market.tests.servers import answer, hosts_at
from market.types import Market, OrderType, Side


class Budget:
    """Takes down what it is asked and told; refuses when it is used up."""

    def __init__(self, left: int = 10**6) -> None:
        self.left = left
        self.learned: list[tuple[int, Mapping[str, str]]] = []

    def take(self, weight: int) -> None:
        self.left -= weight
        if self.left < 0:
            raise RateLimited("the budget is used up", retry_after=timedelta(seconds=30))

    def learn(self, status_code: int, headers: Mapping[str, str], *, code: int = 0) -> None:
        self.learned.append((status_code, headers))


def metered(act: Act, url: str, **budgets: Budget) -> BinanceGateway:
    return GATEWAYS[act.market](
        hosts_at(url), api_key="key", api_secret=SECRET, meter_for=lambda market: budgets[market]
    )


def test_what_the_budget_does_not_allow_is_not_sent(act, wayward, no_waiting):
    gateway = metered(act, wayward.url, spot=Budget(), futures=Budget())
    gateway.prepare()
    gateway._client.meter_for = lambda market: Budget(left=-1)

    with pytest.raises(RateLimited) as caught:
        act.call(gateway)

    assert caught.value.retry_after == timedelta(seconds=30)
    assert wayward.asked(act.path) == []


def test_every_answer_tells_the_budget_what_is_used(act, wayward, no_waiting):
    used = {"X-MBX-USED-WEIGHT-1M": "17"}
    refused = answer({"code": -1013, "msg": "Filter failure: LOT_SIZE"}, 400, used)
    wayward.will(act.path, answer(act.said, headers=used), refused)
    spot, futures = Budget(), Budget()
    gateway = metered(act, wayward.url, spot=spot, futures=futures)

    act.call(gateway)
    with pytest.raises(OrderRejected):
        act.call(gateway)

    budget = futures if act.path.startswith("/fapi") else spot  # /sapi stands at the host of spot
    learned = [(status, headers.get("X-MBX-USED-WEIGHT-1M")) for status, headers in budget.learned]
    assert learned[-2:] == [(200, "17"), (400, "17")]


def test_silence_tells_the_budget_nothing(wayward, no_waiting, monkeypatch):
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", (2, 0.4))
    budget = Budget()
    gateway = SpotGateway(hosts_at(wayward.url), meter_for=lambda market: budget)
    gateway.prepare()
    wayward.will("/api/v3/ticker/price", wayward.hang)

    with pytest.raises(ExchangeError):
        gateway.prices()

    assert len(budget.learned) == 1  # of the clock


def everything(gateway: SpotGateway | FuturesGateway) -> None:
    """Every call that a gateway knows; it holds bitcoin and has orders of every type."""
    begun, conditional = timezone.now() - timedelta(hours=1), [(OrderType.STOP, "49000"), (OrderType.TARGET, "51000")]
    requests = [
        order(),
        order(OrderType.LIMIT, price="49500"),
        *(order(kind, Side.SELL, price=price) for kind, price in conditional),
    ]
    for request in requests:
        gateway.submit(request)
        gateway.find_order(SYMBOL, request.client_order_id, request.type)
    with pytest.raises(ExchangeError):
        gateway.find_order(SYMBOL, "tb-never-sent", OrderType.STOP)
    for limit in (10, 100, 500, 1000):
        gateway.candles(SYMBOL, "1m", limit=limit)
    for ask in (gateway.prices, gateway.symbols, gateway.clock_offset, gateway.balances):
        ask()
    gateway.quote(SYMBOL)
    for levels in (20, 50, 100):
        gateway.order_book(SYMBOL, levels=levels)
    for ask in (gateway.permissions, gateway.open_orders, gateway.positions):
        ask()
    gateway.open_orders(SYMBOL)
    gateway.fills(SYMBOL)
    gateway.fundings(since=begun)
    move(gateway, to_futures=gateway.market == Market.SPOT)
    gateway.transfers(to_futures=True, since=begun)
    for request in requests[1:]:
        gateway.cancel(SYMBOL, request.client_order_id, request.type)
    if gateway.market == Market.SPOT:
        gateway.submit_pair(pair("49000", "51000"))
    else:
        gateway.futures_setup(SYMBOL)
        gateway.margin_brackets(SYMBOL)
        gateway.set_leverage(SYMBOL, 7)
        gateway.set_isolated("ETHUSDT", isolated=True)


def test_every_call_weighs_what_the_exchange_counts(spot, futures, monkeypatch):
    seen: dict[tuple[str, str], list[tuple[Mapping[str, Any], int]]] = {}

    def weigh(method: str, path: str, params: Mapping[str, Any]) -> int:
        weight = weight_of(method, path, params)
        seen.setdefault((method, path), []).append((dict(params), weight))
        return weight

    monkeypatch.setattr(client, "weight_of", weigh)

    everything(spot)
    everything(futures)

    assert set(seen) == set(WEIGHTS)
    for (method, path), calls in seen.items():
        for params, weight in calls:
            sent = Params({name: str(value) for name, value in params.items()})
            route = ROUTES[method.upper(), path]
            assert weight == (0 if route.free_when_ok else route.weight_of(sent)), path
