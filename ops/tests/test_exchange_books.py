"""Whatever is changed in the ledger by hand contradicts the rest of it, and is found."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from market.paper.tests.server import PaperServer
from ops.exchange_books import contradictions

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
SOME = {"symbol": "BTCUSDT", "quantity": "0.002"}


@pytest.fixture(scope="module")
def traded(tmp_path_factory):
    """A ledger with fills on both markets, resting orders, stops and lists that lock on both sides."""
    ledger = tmp_path_factory.mktemp("exchange") / "ledger.sqlite3"
    with PaperServer(ledger) as paper:
        key = paper.open_account(USDT="10000", BNB="1", futures={"USDT": "1000"})
        price = float(paper.get("/api/v3/ticker/price", symbol="BTCUSDT")["price"])
        low, high = str(int(price * 0.95)), str(int(price * 1.05))
        limit = SOME | {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": low, "quantity": "0.00123"}
        below = {"belowType": "STOP_LOSS", "belowStopPrice": low}
        above = {"aboveType": "STOP_LOSS", "aboveStopPrice": high}
        for path, params in (
            ("/api/v3/order", BUY),
            ("/api/v3/order", BUY | {"side": "SELL", "quantity": "0.002"}),
            ("/api/v3/order", limit),
            ("/api/v3/order", limit | {"side": "SELL", "type": "STOP_LOSS_LIMIT", "stopPrice": low}),
            ("/api/v3/orderList/oco", SOME | {"side": "SELL", "aboveType": "LIMIT_MAKER", "abovePrice": high} | below),
            ("/api/v3/orderList/oco", SOME | {"side": "BUY", "belowType": "LIMIT_MAKER", "belowPrice": low} | above),
            ("/fapi/v1/order", BUY),
            ("/fapi/v1/order", BUY | {"side": "SELL", "quantity": "0.004"}),
            ("/fapi/v1/order", limit | {"quantity": "0.002"}),
        ):
            status, answer = paper.signed("POST", path, key, **params)
            assert status == 200, answer
        assert paper.stop() == 0
    return ledger


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
        ("DELETE FROM deposits WHERE market = 'futures'", "USDT: TRANSFER incomes is 1000"),
        ("UPDATE orders SET executed_qty = '0.00900000' WHERE type = 'MARKET'", "executed_qty is 0.009"),
        ("UPDATE orders SET cum_quote = '1.00000000' WHERE type = 'MARKET'", "cum_quote is 1.0"),
        ("UPDATE orders SET status = 'CANCELED' WHERE type = 'LIMIT' AND market = 'spot'", "USDT: locked is"),
        ("UPDATE orders SET details = '{}' WHERE type = 'LIMIT_MAKER' AND side = 'SELL'", "BTC: locked is"),
        ("DELETE FROM orders WHERE market = 'futures' AND side = 'SELL'", "has no order"),
        ("DELETE FROM fills WHERE market = 'spot' AND side = 'SELL'", "its fills make it 0"),
        ("UPDATE fills SET commission = '0.5' WHERE market = 'spot' AND side = 'BUY'", "BTC: balance is"),
        ("UPDATE fills SET commission = '0.5' WHERE market = 'futures'", "COMMISSION incomes is"),
        ("UPDATE fills SET realized_pnl = '0.5' WHERE market = 'futures'", "REALIZED_PNL incomes is"),
        ("UPDATE futures_wallets SET balance = '3.0'", "USDT: futures wallet is 3.0"),
        ("UPDATE futures_positions SET quantity = '0.5'", "futures position is 0.5"),
        ("DELETE FROM futures_incomes WHERE income_type = 'COMMISSION'", "futures wallet is"),
    ],
)
def test_what_is_changed_by_hand_is_found(ledger, statement, told):
    with closing(sqlite3.connect(ledger)) as connection, connection:
        assert connection.execute(statement).rowcount

    assert any(told in sentence for sentence in contradictions(ledger)), contradictions(ledger)
