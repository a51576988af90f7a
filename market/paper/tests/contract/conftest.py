"""One paper exchange for all tests; an account and a client of each kind for every test."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from market.paper.tests.contract.clients import FUTURES, SPOT, FuturesClient, SpotClient
from market.paper.tests.contract.held import hold
from market.paper.tests.server import PaperServer

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperServer]:
    """One for all: the accounts do not know of one another. Together they are too many for the weight of one IP."""
    with PaperServer(tmp_path_factory.mktemp("paper") / "ledger.sqlite3", "--weight-limit", "0") as server:
        yield server


@pytest.fixture(params=SPOT, ids=lambda kind: kind.name)
def spot(request: pytest.FixtureRequest, paper: PaperServer) -> Iterator[SpotClient]:
    """A client of a new account with 10,000 USDT and 1 BTC; the price of BTCUSDT is held."""
    hold(paper, "spot")
    client = request.param(paper.url, paper.open_account(USDT="10000", BTC="1"))
    yield client
    client.close()


@pytest.fixture(params=FUTURES, ids=lambda kind: kind.name)
def futures(request: pytest.FixtureRequest, paper: PaperServer) -> Iterator[FuturesClient]:
    """A client of a new account with 10,000 USDT on futures; the price of BTCUSDT is held."""
    hold(paper, "futures")
    client = request.param(paper.url, paper.open_account(futures={"USDT": "10000"}))
    yield client
    client.close()


@pytest.fixture(autouse=True)
def no_answer_surprises_the_sdk(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The SDKs warn about types that their models do not know, and go on with raw data: here that is a failure."""
    yield
    assert not [record.getMessage() for record in caplog.get_records("call") if record.name == "root"]


@pytest.fixture(scope="session")
def recorded_candles() -> list[tuple[Decimal, ...]]:
    """Open, high, low, close, volume of every minute that the exchange replays for BTCUSDT on spot."""
    return _recorded("spot")


@pytest.fixture(scope="session")
def recorded_futures_candles() -> list[tuple[Decimal, ...]]:
    """The same of futures."""
    return _recorded("futures")


def _recorded(market: str) -> list[tuple[Decimal, ...]]:
    columns = ("open", "high", "low", "close", "volume")
    (recording,) = DATA.glob(f"{market}_BTCUSDT_1m_*.csv.gz")
    with gzip.open(recording, "rt") as rows:
        return [tuple(Decimal(row[name]) for name in columns) for row in csv.DictReader(rows)]
