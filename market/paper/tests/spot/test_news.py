from market.paper.engine.amounts import units
from market.paper.engine.journal import Journal
from market.paper.tests.spot.rules import NOON, amounts, engine_with, give, limit, order, quote, stop

AT_50000 = quote("50000")


def reports(journal: Journal) -> list[tuple]:
    """Execution, status, whether it is on the book, c and C of every execution report."""
    return [
        (
            news.details["execution"],
            news.order.status,
            news.details["is_on_book"],
            news.details["client_id"],
            news.details["orig_client_id"],
        )
        for news in journal.take().news
        if news.kind == "executionReport"
    ]


def watched(**balances: str):
    journal = Journal()
    engine = engine_with(journal, **balances)
    journal.watched.add(1)
    journal.take()
    return engine, journal


def test_market_order_is_told_as_new_then_trade_by_trade_then_expired():
    engine, journal = watched(USDT="1000000")

    engine.place(order(quantity="5"), quote("50000", level="2", levels=2, gap="10"), NOON)

    assert reports(journal) == [
        ("NEW", "NEW", True, "c1", ""),
        ("TRADE", "PARTIALLY_FILLED", False, "c1", ""),
        ("TRADE", "PARTIALLY_FILLED", False, "c1", ""),
        ("EXPIRED", "EXPIRED", False, "c1", ""),
    ]


def test_cancel_is_told_under_its_own_client_id():
    engine, journal = watched(USDT="10000")
    resting, _ = engine.place(limit("40000"), AT_50000, NOON)
    engine.on_quote("BTCUSDT", quote("40000", level="0.01"), NOON)
    engine.cancel(resting, NOON, cancel_id="why")

    assert reports(journal) == [
        ("NEW", "NEW", True, "c1", ""),
        ("TRADE", "PARTIALLY_FILLED", True, "c1", ""),
        ("CANCELED", "CANCELED", False, "why", "c1"),
    ]


def test_stop_is_told_again_when_it_comes_to_the_book():
    engine, journal = watched(USDT="10000")
    engine.place(stop("51000", type="STOP_LOSS_LIMIT", price="50900"), AT_50000, NOON)
    engine.on_quote("BTCUSDT", quote("51000"), NOON)

    assert reports(journal) == [("NEW", "NEW", False, "c1", ""), ("NEW", "NEW", True, "c1", "")]


def test_balances_are_told_after_every_change_and_only_those_touched():
    engine, journal = watched(USDT="10000", ETH="1")
    engine.place(limit("40000"), AT_50000, NOON)
    engine.deposit(1, "ETH", units("-0.5"), NOON)

    told = [news for news in journal.take().news if news.kind != "executionReport"]

    assert [(news.kind, news.details) for news in told] == [
        ("outboundAccountPosition", {"balances": [("BTC", 0, 0), ("USDT", *amounts("6000", "4000"))]}),
        ("balanceUpdate", {"asset": "ETH", "change": units("-0.5")}),
        ("outboundAccountPosition", {"balances": [("ETH", units("0.5"), 0)]}),
    ]


def test_nothing_is_told_of_accounts_nobody_listens_to():
    engine, journal = watched(USDT="10000")
    give(engine, 2, USDT="10000")

    engine.place(limit("40000", account_id=2), AT_50000, NOON)

    assert journal.take().news == []
