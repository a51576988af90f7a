"""An exchange whose clock runs faster than the world."""

import sys
import time

from market.paper.tests.server import PaperServer

SPEED = 600
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


def server_time(paper: PaperServer) -> int:
    return paper.get("/api/v3/time")["serverTime"]


def test_clock_runs_as_fast_as_asked_and_candles_with_it(tmp_path, wait_until):
    with PaperServer(tmp_path / "ledger.sqlite3", "--speed", str(SPEED)) as paper:
        before, began, after = time.monotonic(), server_time(paper), time.monotonic()

        wait_until(lambda: server_time(paper) - began > 10 * 60_000)

        shortest = time.monotonic() - after
        ran = (server_time(paper) - began) / 1000
        longest = time.monotonic() - before
        assert shortest - 0.01 < ran / SPEED < longest + 0.01  # however long an answer is on its way
        (opened, *_), (_, *_) = paper.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=2)
        assert opened > began


def test_client_that_goes_by_the_real_clock_may_trade(tmp_path):
    with PaperServer(tmp_path / "ledger.sqlite3", "--speed", "1000") as paper:
        key = paper.open_account(USDT="10000")
        began = server_time(paper)
        while server_time(paper) - began < 120_000:
            pass

        assert paper.signed("POST", "/api/v3/order", key, **BUY)[0] == 200
        stale = paper.signed("POST", "/api/v3/order", key, **BUY, timestamp=int(time.time() * 1000) - 60_000)
        assert stale[1]["code"] == -1021


def test_client_that_measured_its_distance_once_may_trade(tmp_path):
    """Its timestamps lie between the real clock and the exchange's."""
    with PaperServer(tmp_path / "ledger.sqlite3", "--speed", "1000") as paper:
        key = paper.open_account(USDT="10000")
        began = server_time(paper)
        while server_time(paper) - began < 120_000:
            pass
        between = (server_time(paper) + int(time.time() * 1000)) // 2

        assert paper.signed("POST", "/api/v3/order", key, **BUY, timestamp=between)[0] == 200


def test_ledger_that_is_ahead_of_the_world_follows_no_live_prices(tmp_path, spawn):
    ledger = tmp_path / "ledger.sqlite3"
    with PaperServer(ledger, "--speed", "1000") as paper:
        paper.open_account(USDT="10000")
        paper.kill()

    child = spawn([sys.executable, "-m", "market.paper", "--port", "0", "--ledger", str(ledger), "--follow"])

    assert child.wait() == 1
    assert "is ahead of the world's" in child.text


def test_fills_of_all_symbols_happen_in_the_order_of_time(tmp_path, wait_until):
    with PaperServer(tmp_path / "ledger.sqlite3", "--speed", "1000", "--weight-limit", "0") as paper:
        key = paper.open_account(USDT="1000000", BTC="1", ETH="1", SOL="10", XRP="1000")
        for symbol, quantity in (("BTCUSDT", "0.001"), ("ETHUSDT", "0.01"), ("SOLUSDT", "0.1"), ("XRPUSDT", "10")):
            price = float(paper.get("/api/v3/ticker/price", symbol=symbol)["price"])
            digits = 4 if symbol == "XRPUSDT" else 2
            for step in range(1, 15):  # on both sides: an hour may only rise
                for side, sign in (("BUY", -1), ("SELL", 1)):
                    new = {"symbol": symbol, "side": side, "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity}
                    at = f"{price * (1 + sign * step / 3000):.{digits}f}"
                    paper.signed("POST", "/api/v3/order", key, **new, price=at)

        def fills() -> list[tuple[str, str]]:
            words = [line.split() for line in list(paper.lines) if line.startswith("fill ")]
            return [(line[4], line[1].rstrip(":")) for line in words]

        wait_until(lambda: len(fills()) > 30, timeout=30)
        told = fills()  # once: the exchange goes on filling while we ask it

        time_of = {
            (symbol, str(trade["id"])): trade["time"]
            for symbol, _ in set(told)
            for trade in paper.signed("GET", "/api/v3/myTrades", key, symbol=symbol)[1]
        }
        times = [time_of[fill] for fill in told]
        assert times == sorted(times)


def test_clock_never_goes_back_over_a_kill(tmp_path):
    ledger = tmp_path / "ledger.sqlite3"
    with PaperServer(ledger, "--speed", "1000") as paper:
        key = paper.open_account(USDT="10000")
        order = paper.signed("POST", "/api/v3/order", key, **BUY)[1]
        last = server_time(paper)
        paper.kill()

    with PaperServer(ledger) as paper:
        assert server_time(paper) >= last
        again = paper.signed("GET", "/api/v3/order", key, symbol="BTCUSDT", orderId=order["orderId"])[1]
        assert again["time"] == order["transactTime"]
        told = server_time(paper)
        paper.kill()

    with PaperServer(ledger) as paper:
        assert server_time(paper) >= told


def test_resting_orders_meet_every_price_of_a_fast_replay(tmp_path, wait_until):
    """Limits around the price: within hours of the replay some are crossed, each filled at its own price."""
    with PaperServer(tmp_path / "ledger.sqlite3", "--speed", str(SPEED), "--weight-limit", "0") as paper:
        key = paper.open_account(USDT="10000", BTC="1")

        def rests(side: str, far: float) -> bool:
            """False when the price has passed the limit before the order came."""
            price = float(paper.get("/api/v3/ticker/price", symbol="BTCUSDT")["price"])
            new = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT_MAKER", "quantity": "0.001"}
            return paper.signed("POST", "/api/v3/order", key, **new, price=f"{price * far:.2f}")[0] == 200

        for side, far in (("BUY", 0.998), ("SELL", 1.002)):
            wait_until(lambda: rests(side, far))  # noqa: B023 - done before the next turn

        def trades() -> list:
            return paper.signed("GET", "/api/v3/myTrades", key, symbol="BTCUSDT")[1]

        (trade, *_) = wait_until(trades, timeout=30)

        order = paper.signed("GET", "/api/v3/order", key, symbol="BTCUSDT", orderId=trade["orderId"])[1]
        assert (order["status"], order["price"]) == ("FILLED", trade["price"])
        minute = trade["time"] // 60_000 * 60_000
        ((_, _, high, low, *_),) = paper.get(
            "/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=minute, endTime=minute
        )
        assert float(low) <= float(trade["price"]) <= float(high)


def test_order_meets_no_price_older_than_itself(tmp_path, wait_until):
    """At this speed hundreds of prices pass between two rounds of matching."""
    with PaperServer(tmp_path / "ledger.sqlite3", "--speed", "1000", "--weight-limit", "0") as paper:
        key = paper.open_account(USDT="1000000")

        def trades() -> list:
            return paper.signed("GET", "/api/v3/myTrades", key, symbol="BTCUSDT")[1]

        def order_until_several_are_met() -> bool:
            """A recorded market may rise for hours: order on until it has fallen on some."""
            price = float(paper.get("/api/v3/ticker/price", symbol="BTCUSDT")["price"]) * 0.9995
            new = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.001"}
            paper.signed("POST", "/api/v3/order", key, **new, price=f"{price:.2f}")
            return len(trades()) >= 10

        wait_until(order_until_several_are_met, timeout=30)

        orders = paper.signed("GET", "/api/v3/allOrders", key, symbol="BTCUSDT", limit=1000)[1]
        time_of = {order["orderId"]: order["time"] for order in orders}
        assert all(trade["time"] >= time_of[trade["orderId"]] for trade in trades())
