import csv
import gzip
import shutil
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from market.paper.prices.feed import Feed
from market.paper.prices.recording import DATA, MS_PER_MINUTE, UnusableRecording, load_leverage_brackets, load_recording
from market.paper.tests.prices.feeds import FEED, FUTURES, FUTURES_ANCHOR, FUTURES_FEED, SPOT, at

EIGHT_HOURS = 480 * MS_PER_MINUTE


def table(kind: str, symbol: str) -> dict[int, str]:
    """A recorded column by the minute of its row, read without the code under test."""
    (path,) = DATA.glob(f"futures_{symbol}_{kind}_*.csv")
    with path.open() as lines:
        rows = list(csv.reader(lines))[1:]
    return {int(row[0]) // MS_PER_MINUTE: row[1] for row in rows}


def recorded_minute(moment_ms: int) -> int:
    """Which recorded minute the futures replay at a moment."""
    anchor = FUTURES_ANCHOR.by_whole_days()
    row = moment_ms // MS_PER_MINUTE - anchor.exchange + anchor.recorded - FUTURES.first_minute
    return FUTURES.first_minute + row % FUTURES.length


@pytest.fixture
def feed():
    return Feed(FUTURES, FUTURES_ANCHOR)


@pytest.mark.parametrize("symbol", FUTURES_FEED.symbols)
def test_rates_of_the_whole_loop_are_the_recorded_ones(feed, symbol):
    rates = table("fundingRate", symbol)

    history = feed.funding_history(symbol, at(0), limit=90)

    assert len(history) == 90
    for funding in history:
        assert funding.rate == int(Decimal(rates[recorded_minute(funding.at_ms)]).scaleb(8))


@pytest.mark.parametrize("symbol", FUTURES_FEED.symbols)
def test_mark_price_at_a_funding_is_within_four_basis_points_of_the_recorded_one(feed, symbol):
    marks = table("markPriceKlines_8h", symbol)

    for funding in feed.funding_history(symbol, at(0), limit=87):
        recorded = Decimal(marks[recorded_minute(funding.at_ms)]).scaleb(8)
        assert abs(funding.mark / recorded - 1) < Decimal("0.0004")
        assert funding.mark == feed.quote(symbol, funding.at_ms).mark


def test_fundings_are_at_the_same_hours_as_on_binance(feed):
    moments = [funding.at_ms for funding in feed.funding_history("BTCUSDT", at(0), limit=10)]
    hours = {datetime.fromtimestamp(moment / 1000, UTC).strftime("%H:%M:%S") for moment in moments}

    assert hours == {"00:00:00", "08:00:00", "16:00:00"}
    assert moments == list(range(moments[0], moments[0] + 10 * EIGHT_HOURS, EIGHT_HOURS))
    assert moments[-1] <= at(0) < feed.next_funding_ms(at(0)) == moments[-1] + EIGHT_HOURS


def test_rate_at_a_moment_is_that_of_the_funding_to_come(feed):
    last, now = feed.funding_history("ETHUSDT", at(0), limit=2)[-1], feed.next_funding_ms(at(0))
    (coming,) = feed.funding_history("ETHUSDT", now, limit=1)

    assert feed.funding_rate("ETHUSDT", last.at_ms) == last.rate
    assert feed.funding_rate("ETHUSDT", last.at_ms + 1) == feed.funding_rate("ETHUSDT", now) == coming.rate
    assert coming.at_ms == now
    assert feed.next_funding_ms(now) == now + EIGHT_HOURS


def test_history_of_fundings_pages_like_binance(feed):
    newest = feed.funding_history("BTCUSDT", at(0), limit=20)
    start = newest[3].at_ms

    assert feed.funding_history("BTCUSDT", at(0), limit=4, start_ms=start) == newest[3:7]
    assert feed.funding_history("BTCUSDT", at(0), limit=3, end_ms=start) == newest[1:4]
    assert feed.funding_history("BTCUSDT", at(0), limit=9, start_ms=start + 1, end_ms=newest[6].at_ms) == newest[4:7]
    oldest = feed.funding_history("BTCUSDT", at(0), limit=1, start_ms=0)[0]
    assert 0 <= oldest.at_ms - (at(0) - 1000 * 1440 * MS_PER_MINUTE) < EIGHT_HOURS


def test_recording_without_all_of_its_rates_is_refused(tmp_path):
    for path in DATA.iterdir():
        shutil.copy(path, tmp_path)
    rates = tmp_path / "futures_XRPUSDT_fundingRate_2025-05-25_2025-06-24.csv"
    rates.write_text("".join(rates.read_text().splitlines(keepends=True)[:50]))

    with pytest.raises(UnusableRecording, match="XRPUSDT_fundingRate"):
        load_recording(tmp_path, "futures")


def test_bnb_costs_what_it_cost_when_the_last_recorded_hour_closed():
    (path,) = DATA.glob("spot_BNBUSDT_1h_*.csv.gz")
    with gzip.open(path, "rt") as lines:
        closes = {int(row["open_time_ms"]) // MS_PER_MINUTE: row["close"] for row in csv.DictReader(lines)}

    for minute in (*range(-130, 130, 7), SPOT.length - 20_000, SPOT.length - 19_999, -20_000):
        recorded = SPOT.first_minute + (20_000 + minute) % SPOT.length
        hour = recorded // 60 * 60 - 60
        if hour < SPOT.first_minute:
            hour += SPOT.length
        assert FEED.bnb_price(at(minute)) == int(Decimal(closes[hour]).scaleb(8))


def test_nobody_knows_the_price_of_bnb_where_it_is_not_recorded():
    assert FUTURES_FEED.bnb_price(at(0)) is None


def test_leverage_brackets_have_the_shape_of_binance_and_touch_each_other():
    brackets = {entry["symbol"]: entry["brackets"] for entry in load_leverage_brackets()}

    assert set(brackets) == set(FUTURES_FEED.symbols)
    for rows in brackets.values():
        assert set(rows[0]) == {"bracket", "initialLeverage", "notionalCap", "notionalFloor", "maintMarginRatio", "cum"}
        assert [row["bracket"] for row in rows] == list(range(1, len(rows) + 1))
        assert [row["notionalFloor"] for row in rows] == [0, *(row["notionalCap"] for row in rows[:-1])]
