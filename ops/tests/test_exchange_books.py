"""Whatever is changed in the ledger by hand contradicts the rest of it, and is found."""

import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from market.paper.tests.server import PaperServer
from ops.exchange_books import contradictions

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
SOME = {"symbol": "BTCUSDT", "quantity": "0.002"}
FUTURES, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
FUNDING_MS = 8 * 3_600_000
HELD_PRICE = 105_000


def do(paper, key, path, **params):
    """A signed call that must succeed, at the exchange's own time."""
    status, answer = paper.signed("POST", path, key, timestamp=paper.get("/fapi/v1/time")["serverTime"], **params)
    assert status == 200, answer
    return answer


def futures(paper, key, side, quantity, **changes):
    """A futures order, at market unless told otherwise."""
    return do(paper, key, FUTURES, **BUY | {"side": side, "quantity": quantity} | changes)


@pytest.fixture(scope="module")
def traded(tmp_path_factory):
    """A ledger with all there is: fills on both markets, stops, lists, flips, hedges, funding, a liquidation."""
    ledger = tmp_path_factory.mktemp("exchange") / "ledger.sqlite3"
    with PaperServer(ledger) as paper:
        keys = [paper.open_account(USDT="10000", BNB="1", futures={"USDT": "3000", "BNB": "1"}) for _ in range(4)]
        trade_spot(paper, keys[0])
        trade_futures(paper, *keys)
        assert paper.stop() == 0
    with closing(sqlite3.connect(ledger)) as connection, connection:
        (latest,) = connection.execute("SELECT max(update_ms) FROM orders").fetchone()
        clock = (latest // FUNDING_MS + 1) * FUNDING_MS - 1000
        connection.execute("INSERT OR REPLACE INTO settings VALUES ('clock', ?)", [str(clock)])
    with PaperServer(ledger) as paper:
        trade_after_funding(paper, *keys)
        assert paper.stop() == 0
    return ledger


def trade_spot(paper, key):
    price = float(paper.get("/api/v3/ticker/price", symbol="BTCUSDT")["price"])
    low, high = str(int(price * 0.95)), str(int(price * 1.05))
    limit = SOME | {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": low, "quantity": "0.00123"}
    below = {"belowType": "STOP_LOSS", "belowStopPrice": low}
    above = {"aboveType": "STOP_LOSS", "aboveStopPrice": high}
    sell = SOME | {"side": "SELL", "aboveType": "LIMIT_MAKER", "abovePrice": high} | below
    do(paper, key, "/api/v3/order", **BUY)
    do(paper, key, "/api/v3/order", **BUY | {"side": "SELL", "quantity": "0.002"})
    do(paper, key, "/api/v3/order", **limit)
    do(paper, key, "/api/v3/order", **limit | {"side": "SELL", "type": "STOP_LOSS_LIMIT", "stopPrice": low})
    do(paper, key, "/api/v3/orderList/oco", **sell)
    do(
        paper,
        key,
        "/api/v3/orderList/oco",
        **SOME | {"side": "BUY", "belowType": "LIMIT_MAKER", "belowPrice": low},
        **above,
    )
    do(paper, key, "/api/v3/orderList/oco", **sell | {"abovePrice": str(int(price * 1.01))})
    paper.set_price("BTCUSDT", str(int(price * 1.02)))  # the last list is done


def trade_futures(paper, one_way, hedged, isolated, burner):
    paper.set_price("BTCUSDT", str(HELD_PRICE), "futures")
    do(paper, hedged, "/fapi/v1/positionSide/dual", dualSidePosition="true")
    do(paper, isolated, "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    do(paper, burner, "/fapi/v1/feeBurn", feeBurn="true")
    for key, side, quantity in (
        *((one_way, "BUY", "0.013"), (one_way, "BUY", "0.006"), (isolated, "BUY", "0.011"), (burner, "SELL", "0.007")),
        *((one_way, "BUY", "0.019"), (isolated, "SELL", "0.003"), (burner, "BUY", "0.009")),
    ):
        paper.set_price("BTCUSDT", f"{HELD_PRICE + 7 * int(quantity[2:])}.3", "futures")
        futures(paper, key, side, quantity)
    futures(paper, one_way, "SELL", "0.003")  # closes a part, then turns
    futures(paper, one_way, "SELL", "0.040")
    futures(paper, one_way, "BUY", "0.002", type="LIMIT", timeInForce="GTC", price=str(HELD_PRICE - 5000))
    for side, opens, closes in (("LONG", "BUY", "SELL"), ("SHORT", "SELL", "BUY")):
        futures(paper, hedged, opens, "0.009", positionSide=side)
        paper.set_price("BTCUSDT", str(HELD_PRICE + 50), "futures")
        futures(paper, hedged, closes, "0.002", positionSide=side)
    stop = SOME | {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "side": "SELL"}
    for trigger in (HELD_PRICE - 500, HELD_PRICE - 50_000):
        do(paper, hedged, ALGO, **stop, triggerPrice=str(trigger), positionSide="LONG")
    paper.set_price("BTCUSDT", str(HELD_PRICE - 600), "futures")


def trade_after_funding(paper, one_way, hedged, isolated, burner):
    deadline = time.monotonic() + 20
    while not (fundings := incomes(paper, hedged)):
        assert time.monotonic() < deadline, "no funding was paid"
        time.sleep(0.1)
    assert len(fundings) == 2
    paper.set_price("BTCUSDT", str(HELD_PRICE - 100), "futures")
    futures(paper, hedged, "SELL", "0.001", positionSide="LONG")
    futures(paper, one_way, "BUY", "0.001")
    paper.set_price("BTCUSDT", str(HELD_PRICE - 40_000), "futures")  # the isolated long is liquidated
    assert incomes(paper, isolated, "INSURANCE_CLEAR")


def incomes(paper, key, kind="FUNDING_FEE"):
    now_ms = paper.get("/fapi/v1/time")["serverTime"]
    status, answer = paper.signed("GET", "/fapi/v1/income", key, timestamp=now_ms, incomeType=kind)
    assert status == 200, answer
    return answer


@pytest.fixture
def ledger(traded, tmp_path):
    return shutil.copy(traded, tmp_path)


def test_what_the_exchange_wrote_has_no_contradiction(ledger):
    assert contradictions(ledger) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE balances SET free = '1.5' WHERE asset = 'BNB'",
            "BNB: balance is 1.5",
        ),
        ("UPDATE balances SET free = '0', locked = '1' WHERE asset = 'BNB'", "BNB: locked is 1"),
        ("DELETE FROM balances WHERE asset = 'BNB'", "BNB: balance is 0"),
        ("DELETE FROM deposits WHERE market = 'spot'", "USDT: balance is"),
        ("DELETE FROM deposits WHERE market = 'futures'", "USDT: TRANSFER incomes is 3000"),
        ("UPDATE orders SET executed_qty = '0.00900000' WHERE type = 'MARKET'", "executed_qty is 0.009"),
        ("UPDATE orders SET cum_quote = '1.00000000' WHERE type = 'MARKET'", "cum_quote is 1,"),
        ("UPDATE orders SET status = 'CANCELED' WHERE type = 'LIMIT' AND market = 'spot'", "USDT: locked is"),
        ("UPDATE orders SET details = '{}' WHERE type = 'LIMIT_MAKER' AND side = 'SELL'", "BTC: locked is"),
        ("DELETE FROM orders WHERE market = 'futures' AND side = 'SELL'", "has no order"),
        ("DELETE FROM fills WHERE market = 'spot' AND side = 'SELL'", "its fills make it 0"),
        ("UPDATE fills SET commission = '0.5' WHERE market = 'spot' AND side = 'BUY'", "BTC: balance is"),
        ("UPDATE fills SET commission = '0.5' WHERE market = 'futures'", "COMMISSION incomes is"),
        ("UPDATE fills SET realized_pnl = '0.5' WHERE market = 'futures'", "REALIZED_PNL incomes is"),
        ("UPDATE futures_wallets SET balance = '3.0'", "USDT: futures wallet is 3.0"),
        ("UPDATE futures_positions SET quantity = '0.5'", "futures position: quantity is 0.5"),
        ("DELETE FROM futures_incomes WHERE income_type = 'COMMISSION'", "futures wallet is"),
    ],
)
def test_what_is_changed_by_hand_is_found(ledger, statement, told):
    with closing(sqlite3.connect(ledger)) as connection, connection:
        assert connection.execute(statement).rowcount

    assert any(told in sentence for sentence in contradictions(ledger)), contradictions(ledger)
