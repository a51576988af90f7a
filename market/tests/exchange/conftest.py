"""Gateways of both markets at a real paper exchange, whose prices and faults a test may choose."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from market.exchange.adapter import FuturesGateway, SpotGateway
from market.paper.tests.server import PaperServer
from market.tests.exchange.acts import ACTS, TIMES, Act
from market.tests.servers import WaywardExchange, answer, hosts_at, server_time
from market.types import Market

Hold = Callable[..., None]
Fault = Callable[..., None]


@pytest.fixture
def hold(paper: PaperServer) -> Iterator[Hold]:
    """`hold(price, symbol, market)` holds a price still, until the end of the test."""
    held: set[tuple[str, str]] = set()

    def act(price: str, symbol: str = "BTCUSDT", market: str = "spot") -> None:
        held.add((symbol, market))
        paper.set_price(symbol, price, market)

    yield act
    for symbol, market in held:
        paper.set_price(symbol, None, market)


@pytest.fixture
def fault(paper: PaperServer) -> Iterator[Fault]:
    """`fault(name, match={...}, **fields)` puts a fault on the board, until the end of the test."""

    def act(name: str, **fields: Any) -> None:
        paper.admin("POST", "/paper/faults", {"fault": name, **fields})

    yield act
    paper.admin("DELETE", "/paper/faults", {})


@pytest.fixture
def key(paper: PaperServer) -> dict[str, Any]:
    """An account with money on both markets."""
    return paper.open_account(USDT="100000", BTC="2", futures={"USDT": "50000"})


@pytest.fixture
def spot(paper: PaperServer, key: dict[str, Any], hold: Hold, no_waiting: None) -> SpotGateway:
    """A spot gateway; bitcoin costs 50,000."""
    hold("50000")
    return SpotGateway(hosts_at(paper.url), api_key=key["api_key"], api_secret=key["api_secret"])


@pytest.fixture
def futures(paper: PaperServer, key: dict[str, Any], hold: Hold, no_waiting: None) -> FuturesGateway:
    """A futures gateway; bitcoin costs 50,000."""
    hold("50000", market="futures")
    return FuturesGateway(hosts_at(paper.url), api_key=key["api_key"], api_secret=key["api_secret"])


@pytest.fixture(params=["spot", "futures"])
def gateway(request: pytest.FixtureRequest) -> SpotGateway | FuturesGateway:
    """Either of them, in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=ACTS.values(), ids=ACTS)
def act(request: pytest.FixtureRequest, wayward: WaywardExchange) -> Act:
    """Each thing that changes an account, in turn; the wayward exchange does it."""
    wayward.will(TIMES[Market.FUTURES], server_time())
    wayward.will(request.param.path, answer(request.param.said))
    return request.param
