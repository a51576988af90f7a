"""A position is protected, and a limit holds, whatever else is wrong."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone
from django_redis import get_redis_connection

from bots import services, tasks
from bots.models import BotConfig, BotState
from bots.services.look import look_at_series
from bots.services.run import locked_bot
from bots.services.standings import standings
from bots.situation import Wish
from bots.tests.test_tick import run_tick, statuses
from bots.types import Reason
from market.candles import StaleData
from market.models import ExchangeAccount
from trades.models import Order, Position, Trade
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db(transaction=True)


def hold(bot, price="50000", **values):
    """Give the bot 0.01 BTC, bought an hour ago."""
    changes = {"quantity": Decimal("0.01"), "entry_price": Decimal(price), "round": 1} | values
    Position.objects.filter(pk=bot.position_id).update(opened_at=timezone.now() - timedelta(hours=1), **changes)


@pytest.fixture
def crash(paper):
    """BTC stands at 40,000."""
    paper.set_price("BTCUSDT", "40000.00")
    yield
    paper.set_price("BTCUSDT", None)


def stale(*args, **kwargs):
    raise StaleData("a candle is missing")


@pytest.mark.parametrize("wish", [Wish.RUN, Wish.FLATTEN])
@pytest.mark.parametrize("trouble", ["broken strategy", "missing candles"])
def test_a_stop_and_a_flatten_need_no_signal(make_bot, monkeypatch, crash, wish, trouble):
    bot = make_bot(
        "broken" if trouble == "broken strategy" else "quiet", stop_loss_percent=Decimal(1), desired_state=wish
    )
    hold(bot)
    if trouble == "missing candles":
        monkeypatch.setattr("bots.services.look.ExchangeView.candles", stale)

    exits, _ = run_tick()
    order = services.run_bot(bot.pk, now=timezone.now()).order

    assert exits == [bot.pk]
    assert order.signal_key == ("exit:1:stop_loss:0" if wish is Wish.RUN else "exit:1:flatten:0")


def test_missing_candles_keep_a_flat_bot_from_entering(make_bot, monkeypatch):
    make_bot("buying", name="bot")
    monkeypatch.setattr("bots.services.look.unbroken", stale)

    _, entries = run_tick()

    assert entries == []
    assert statuses()["bot"] == ("waiting", "stale market data")


def test_a_gap_in_the_candles_a_strategy_needs_is_stale_data(make_bot):
    bot = make_bot("buying")
    view = look_at_series(bot.series, now=timezone.now())
    view.candles.open_time_ms[-3:] += 60_000

    assert view.for_bot(bot).trouble == Reason.STALE_DATA


def test_a_stopped_bot_that_has_sold_says_that_it_is_stopped(make_bot):
    bot = make_bot("buying")
    services.run_bot(bot.pk, now=timezone.now())
    services.stop_bots(BotConfig.objects.all(), flatten=True, now=timezone.now())
    services.run_bot(bot.pk, now=timezone.now())
    assert Trade.objects.filter(purpose="exit").exists()

    run_tick()

    assert BotState.objects.get().status == "stopped"
    assert not BotConfig.objects.active().exists()


def test_a_busy_bot_keeps_no_other_bot_waiting(make_bot, crash):
    from bots.tests.test_races import at_once

    busy, holder = make_bot("quiet", trailing_stop_percent=Decimal(50)), make_bot("quiet", stop_loss_percent=Decimal(1))
    hold(busy, price="30000")
    hold(holder)
    make_bot("quiet", name="idle")
    found = []

    def tick():
        found.append(run_tick())

    with locked_bot(busy.pk):
        at_once(tick)

    assert found == [([busy.pk, holder.pk], [])]
    assert statuses()["idle"] == ("waiting", "no signal")


def test_a_bot_with_an_unknown_time_zone_does_not_stop_the_series(make_bot):
    BotConfig.objects.filter(pk=make_bot("buying", name="odd").pk).update(time_zone="Mars/Phobos")
    healthy = make_bot("buying")

    _, entries = run_tick()

    assert healthy.pk in entries


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"max_daily_trades": 1}, Reason.MAX_DAILY_TRADES),
        ({"max_daily_loss_perc": Decimal(1)}, Reason.MAX_DAILY_LOSS),
        ({"daily_target_perc": Decimal(1)}, None),
    ],
)
@pytest.mark.parametrize("hours_ago", [0, 24])
def test_a_daily_limit_counts_the_booked_trades_of_today_only(make_bot, limit, reason, hours_ago):
    bot = make_bot("buying", **limit)
    now = timezone.now()
    order = OrderFactory(position=bot.position, status="filled", proof_deadline=now)
    TradeFactory(order=order, realized_pnl=Decimal(-10), created_at=now - timedelta(hours=hours_ago))

    outcome = services.run_bot(bot.pk, now=now)

    assert outcome.decision.reason == (reason if reason and not hours_ago else Reason.NONE)


def test_what_was_earned_belongs_to_the_capital_and_what_was_lost_does_not(make_bot, paper):
    paper.set_price("BTCUSDT", "50000.00")
    quantities = []
    for pnl in (-500, 0, 500):
        bot = make_bot("buying")
        Position.objects.filter(pk=bot.position_id).update(realized_pnl=pnl)
        quantities.append(services.run_bot(bot.pk, now=timezone.now()).order.quantity)
    paper.set_price("BTCUSDT", None)

    assert quantities == [Decimal("0.005"), Decimal("0.01"), Decimal("0.015")]


def test_standings_know_orders_in_doubt_and_refused_keys(make_bot):
    bot = make_bot("buying")
    OrderFactory(position=bot.position, status="unknown", proof_deadline=timezone.now())
    ExchangeAccount.objects.update(key_error="refused")

    standing = standings(BotConfig.objects.with_state(), now=timezone.now())[bot.pk]

    assert (standing.order_in_doubt, standing.key_error) == (True, "refused")


def test_what_is_decided_under_the_lock_is_newer_than_the_lock(make_bot):
    from bots.tests.test_races import at_once

    bot = make_bot("quiet")
    seen = []

    def stop_and_look():
        with transaction.atomic():
            services.stop_bots(BotConfig.objects.all(), flatten=False, now=timezone.now())
        with locked_bot(bot.pk) as locked:
            seen.append((locked.desired_state, locked.state.status))

    at_once(stop_and_look)

    assert seen == [("stopped", "stopped")]


def test_an_edit_of_the_interval_while_the_bot_looks_trades_nothing(make_bot, monkeypatch):
    bot = make_bot("buying")
    real_look = look_at_series

    def edited_meanwhile(series, **kwargs):
        BotConfig.objects.update(interval="1h")
        return real_look(series, **kwargs)

    monkeypatch.setattr("bots.services.run.look_at_series", edited_meanwhile)

    assert services.run_bot(bot.pk, now=timezone.now()).order is None


def test_a_bot_with_an_order_at_work_does_not_trip_over_it(make_bot):
    bot = make_bot("buying")
    OrderFactory(position=bot.position, status="open", proof_deadline=timezone.now())

    services.run_bot(bot.pk, now=timezone.now())

    assert BotState.objects.get().reason == "order outcome unknown"
    assert Order.objects.count() == 1


def test_a_deleted_bot_is_skipped(db):
    assert tasks.run_bot(12345) == "skipped (deleted)"


def test_exits_are_sent_first_and_all_runs_expire(make_bot, monkeypatch, crash):
    buyer = make_bot("buying")
    holder = make_bot("quiet", stop_loss_percent=Decimal(1), symbol="ETHUSDT", interval="3m")
    hold(holder, price="90000")
    sent = []
    monkeypatch.setattr(tasks.run_bot, "apply_async", lambda args, expires: sent.append((args[0], expires)))
    tick_id, packets = services.run_all_active_bots(now=timezone.now())

    for packet in packets:
        tasks.evaluate_series(tick_id, [part.as_json() for part in packet])

    assert sent == [(holder.pk, 50), (buyer.pk, 50)]


def test_a_signal_to_leave_is_taken_back_when_the_owner_stops_and_keeps(make_bot):
    bot = make_bot("quiet")
    hold(bot)
    for kind in ("signal", "stop_loss"):
        OrderFactory(
            position=bot.position, purpose="exit", side="SELL", quantity=Decimal("0.001"), signal_key=f"exit:1:{kind}:0"
        )

    services.stop_bots(BotConfig.objects.all(), flatten=False, now=timezone.now())

    live = Order.objects.live().values_list("signal_key", flat=True)
    assert list(live) == ["exit:1:stop_loss:0"]


def test_a_position_too_big_for_one_order_leaves_in_parts(make_bot, crash):
    bot = make_bot("quiet", stop_loss_percent=Decimal(1))
    hold(bot, quantity=Decimal("150"))
    get_redis_connection("default").flushdb()

    view = look_at_series(bot.series, now=timezone.now())

    assert view.rules.tradable(Decimal(1_000_000)) == view.rules.max_quantity
