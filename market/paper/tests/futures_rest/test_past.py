"""Fills and incomes over HTTP."""

from market.paper.tests.futures_rest.calls import BTC, MARKET_BUY, MARKET_SELL, picked, refusal

DAY_MS = 86_400_000


def test_fill_tells_what_it_cost_and_what_it_earned(client, btc):
    bought = client.futures_create_order(**MARKET_BUY)
    client.futures_create_order(**MARKET_SELL)

    first, second = client.futures_account_trades(**BTC)
    assert picked(first, "orderId", "side", "price", "qty", "quoteQty") == (
        *(bought["orderId"], "BUY", "50002.50", "0.100", "5000.25000"),
    )
    assert picked(first, "realizedPnl", "commission", "commissionAsset", "buyer", "maker") == (
        *("0", "2.50012500", "USDT", True, False),
    )
    assert picked(first, "positionSide", "marginAsset", "pair", "baseQty") == ("BOTH", "USDT", "BTCUSDT", "0.100")
    assert picked(second, "realizedPnl", "side", "buyer") == ("-0.50000000", "SELL", False)


def test_fills_page_by_id_and_time_oldest_first(client, btc):
    for _ in range(4):
        client.futures_create_order(**MARKET_BUY)
    fills = client.futures_account_trades(**BTC)
    ids = [row["id"] for row in fills]

    def asked(**bounds):
        return [row["id"] for row in client.futures_account_trades(**BTC, **bounds)]

    assert asked(limit=1) == ids[3:]
    assert asked(fromId=ids[1], limit=2) == ids[1:3]
    assert asked(orderId=fills[2]["orderId"]) == ids[2:3]
    assert asked(startTime=fills[0]["time"], limit=2) == ids[:2]
    assert asked(endTime=fills[0]["time"] - 1) == []
    assert refusal(client.futures_account_trades, **BTC, fromId=1, startTime=1)[1] == -1128
    assert refusal(client.futures_account_trades, **BTC, startTime=0, endTime=7 * DAY_MS + 1)[1] == -4165
    assert refusal(client.futures_account_trades, **BTC, limit=1001)[1] == -1130
    assert refusal(client.futures_account_trades)[1] == -1102


def test_incomes_add_up_to_the_wallet(client, btc):
    client.futures_create_order(**MARKET_BUY)
    client.futures_create_order(**MARKET_SELL)

    incomes = client.futures_income_history()
    assert [row["incomeType"] for row in incomes].count("COMMISSION") == 2
    total = sum(round(float(row["income"]) * 10**8) for row in incomes)
    assert total == round(float(client.futures_account()["totalWalletBalance"]) * 10**8)
    transfer = incomes[0]
    assert picked(transfer, "symbol", "incomeType", "income", "asset", "tradeId") == (
        *("", "TRANSFER", "10000.00000000", "USDT", ""),
    )
    fills = {str(row["id"]) for row in client.futures_account_trades(**BTC)}
    assert {row["tradeId"] for row in incomes if row["incomeType"] == "COMMISSION"} == fills


def test_incomes_can_be_picked_by_kind_symbol_time_and_page(client, btc):
    for order in (MARKET_BUY, MARKET_SELL) * 2:
        client.futures_create_order(**order)
    every = client.futures_income_history()

    def asked(**bounds):
        return [row["tranId"] for row in client.futures_income_history(**bounds)]

    commissions = [row["tranId"] for row in every if row["incomeType"] == "COMMISSION"]
    assert asked(incomeType="COMMISSION") == commissions
    assert asked(**BTC) == [row["tranId"] for row in every[1:]]
    assert asked(symbol="ETHUSDT") == asked(incomeType="FUNDING_FEE") == asked(incomeType="WELCOME_BONUS") == []
    start = every[0]["time"]
    assert asked(startTime=start, limit=2) == [row["tranId"] for row in every[:2]]
    assert asked(startTime=start, limit=2, page=2) == [row["tranId"] for row in every[2:4]]
    assert asked(limit=2) == [row["tranId"] for row in every[-2:]]
    assert asked(endTime=start - 1) == []
    assert refusal(client.futures_income_history, incomeType="GIFT")[1] == -1130
