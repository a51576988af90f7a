"""The pages between a choice of bots and what is done to them: what they say, and that only what they said is done."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.core import signing
from django.utils import timezone

from bots import services
from bots.admin import changing, frozen
from bots.models import BotConfig, BotState, SeriesReading
from bots.services import OPERATIONS
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory
from tradebot_site.tests.conftest import answer
from trades.models import Position

LIST = "/admin/bots/botconfig/"


def text_of(page):
    return " ".join(page.content.decode().split())


def test_a_confirmation_counts_those_that_change_and_those_that_do_not_and_changes_nothing(admin, act, db):
    account = ExchangeAccountFactory()
    bots = [BotFactory(name=f"runner {number:02}", account=account) for number in range(25)]
    stopped = BotFactory(name="sleeper", desired_state="stopped")

    page = act(admin, LIST, "stop", *bots, stopped)

    text = text_of(page)
    for words in ("25 bots will change", "runner 19 and 5 more", "1 bot not", "stopped already", "sleeper"):
        assert words in text, words
    assert "runner 20" not in text
    assert BotConfig.objects.filter(desired_state="running").count() == 25


def test_closing_says_which_positions_and_what_they_are_worth(admin, act, db):
    flat, long, short = (BotFactory(name=name) for name in ("flat", "long", "unpriced"))
    Position.objects.filter(pk=long.position_id).update(quantity=Decimal("0.5"), entry_price=50_000)
    BotConfig.objects.filter(pk=short.pk).update(interval="1h")
    Position.objects.filter(pk=short.position_id).update(quantity=Decimal(1), entry_price=50_000)
    reading = {"environment": "paper", "market": "spot", "symbol": "BTCUSDT", "interval": "1m"}
    SeriesReading.objects.create(**reading, price=50_100, evaluated_at=timezone.now())

    text = text_of(act(admin, LIST, "flatten", flat, long, short))

    for words in (
        "closed: 2, worth about 25,050.00 USDT and 1 without a price",
        "0.5 BTC",
        "+50.00 USDT",
        "no price yet",
    ):
        assert words in text, words


@pytest.mark.parametrize("action", OPERATIONS)
def test_where_nothing_would_change_there_is_nothing_to_confirm(admin, act, db, action):
    done = {"start": {}, "stop": {"desired_state": "stopped"}, "flatten": {"desired_state": "flattened"}}
    done |= {"pause": {"entries_paused": True}, "run_now": {"desired_state": "stopped"}}
    if action == "reset_day":
        return
    page = act(admin, LIST, action, BotFactory(**done.get(action, {})))

    assert "0 bots will change" in text_of(page)
    assert 'name="confirm"' not in page.content.decode()


@pytest.mark.parametrize("action", OPERATIONS)
def test_a_bot_that_has_changed_since_is_told_and_left_out(admin, act, db, action):
    fields = {"start": {"desired_state": "stopped"}, "resume": {"entries_paused": True}}.get(action, {})
    changed, same = BotFactory(name="changed", **fields), BotFactory(name="same", **fields)
    shown = act(admin, LIST, action, changed, same)
    BotConfig.objects.filter(pk=changed.pk).update(revision=2)
    before = BotConfig.objects.filter(pk=changed.pk).values().get()

    page = answer(admin, shown)

    assert "Left out, changed meanwhile: changed." in text_of(page)
    assert ": 1" in OPERATIONS[action].done.format(1)
    assert OPERATIONS[action].done.format(1) in text_of(page)
    assert BotConfig.objects.filter(pk=changed.pk).values().get() == before


def test_the_list_comes_back_as_it_was_filtered_and_the_ids_stay_although_the_filter_no_longer_fits(admin, act, db):
    bot = BotFactory(state__status="running")
    query = "?status=running&o=1"

    page = answer(admin, act(admin, f"{LIST}{query}", "pause", bot))

    assert page.redirect_chain == [(f"{LIST}{query}", 302)]
    assert BotConfig.objects.get().entries_paused


def test_all_bots_of_a_filter_can_be_chosen_at_once(admin, db):
    for number in range(60):
        BotFactory(symbol="BTCUSDT" if number else "ETHUSDT")
    data = {"action": "pause", "_selected_action": [BotConfig.objects.first().pk], "select_across": "1"}

    page = answer(admin, admin.post(f"{LIST}?symbol=BTCUSDT", data))

    assert "Bots whose entries are paused: 59" in text_of(page)
    assert BotConfig.objects.filter(entries_paused=False).get().symbol == "ETHUSDT"


def test_what_was_shown_to_somebody_else_or_long_ago_or_to_nobody_is_not_done(
    admin, act, db, staff, staff_client, monkeypatch
):
    bot = BotFactory(account=ExchangeAccountFactory(owner=staff))
    shown = act(admin, LIST, "stop", bot)
    forged = signing.dumps({"user": staff.pk, "seen": [[bot.pk, 1, "running", False]]}, salt="another")

    assert "somebody else" in text_of(answer(staff_client, shown))
    assert "not what was shown" in text_of(answer(admin, shown, frozen=forged))
    monkeypatch.setattr(frozen, "GOOD_FOR", timedelta(0))
    assert "this page is older than" in text_of(answer(admin, shown))
    assert BotConfig.objects.get().desired_state == "running"


def test_who_did_what_is_in_the_history_of_each_bot_and_nowhere_else(admin, admin_user, act, db):
    bots = [BotFactory(name="alpha"), BotFactory(name="beta")]
    BotState.objects.filter(pk=bots[1].pk).update(lockout="max drawdown reached")

    answer(admin, act(admin, LIST, "pause", *bots))
    changed = type_into(
        admin, act(admin, LIST, "change", bots[0]), **ticked(stop_loss_percent="2", cooldown_minutes="9")
    )
    answer(admin, changed)
    answer(admin, act(admin, LIST, "clone", bots[0]), **clone_fields(bots[0]))
    answer(admin, act(admin, LIST, "start", *bots))
    answer(admin, act(admin, LIST, "reset_day", bots[0]))

    told = BotConfig.history.filter(history_user=admin_user).order_by("pk").values_list("title", "changes")
    assert list(told) == [
        ("alpha", [["entries paused", "no", "yes"]]),
        ("beta", [["entries paused", "no", "yes"]]),
        ("alpha", [["stop loss percent", "", "2"], ["cooldown minutes", "0", "9"]]),
        ("alpha copy", []),
        ("alpha copy", [["cloned from", "", "alpha"]]),
        ("beta", [["lockout", "max drawdown reached", ""]]),
        ("alpha", [["day", "", "reset"]]),
    ]
    assert not LogEntry.objects.exists()


def test_an_act_is_not_done_by_a_link_and_an_unknown_one_is_none(admin, act, db):
    shown = act(admin, LIST, "stop", BotFactory())

    assert admin.get(f"{LIST}operation/stop/").status_code == 405
    assert admin.post(f"{LIST}operation/destroy/", {"frozen": shown.context["frozen"]}).status_code == 404


# Copies


@pytest.mark.parametrize(
    ("operation", "state", "is_told"),
    [
        ("flatten", "halted", True),
        ("flatten", "reducing", False),
        ("start", "reducing", True),
        ("start", "active", False),
        ("stop", "halted", False),
    ],
)
def test_a_page_says_which_bots_a_kill_switch_keeps_from_it(admin, act, db, operation, state, is_told):
    wish = "stopped" if operation == "start" else "running"
    held = BotFactory(name="held", desired_state=wish, account=ExchangeAccountFactory(state=state, state_reason="why"))
    BotFactory(name="free", desired_state=wish)

    page = text_of(act(admin, LIST, operation, *BotConfig.objects.all()))

    told = f"Held back until somebody releases the kill switch: the account is {state} (why)"
    assert (told in page) == is_told
    if is_told:
        assert page.partition(told)[2].partition("</p>")[0].count("held") == 1
    assert held.name in page


def clone_fields(bot, **typed):
    values = {"name": f"{bot.name} copy", "account": bot.account_id, "symbol": bot.symbol} | typed
    return {f"bot-{bot.pk}-{name}": value for name, value in values.items()}


def test_copies_have_the_names_that_were_typed(admin, act, db):
    bot, other = BotFactory(name="alpha", stop_loss_percent=3), BotFactory(name="beta")
    shown = act(admin, LIST, "clone", bot, other)
    assert 'value="alpha copy"' in shown.content.decode()

    page = answer(admin, shown, **clone_fields(bot, name="gamma", symbol=" btcusdt "), **clone_fields(other))

    assert "Bots cloned: 2; the copies are stopped." in text_of(page)
    copy = BotConfig.objects.get(name="gamma")
    assert (copy.owner, copy.stop_loss_percent, copy.desired_state) == (bot.owner, 3, "stopped")
    assert BotConfig.objects.get(name="beta copy").owner == other.owner


def test_a_bot_that_has_changed_meanwhile_is_cloned_only_when_asked_again(admin, act, db):
    bot = BotFactory(name="alpha", stop_loss_percent=3)
    shown = act(admin, LIST, "clone", bot)
    bot.stop_loss_percent = 4
    services.update_bot(bot)

    asked = answer(admin, shown, **clone_fields(bot, name="gamma"))
    count = BotConfig.objects.count()
    answer(admin, asked, **clone_fields(bot, name="gamma"))

    assert "Somebody has changed this bot since" in text_of(asked)
    assert ('value="gamma"' in asked.content.decode(), count) == (True, 1)
    assert BotConfig.objects.get(name="gamma").stop_loss_percent == 4


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": "taken"}, "has a bot named &#x27;taken&#x27; already"),
        ({"name": ""}, "This field is required"),
        ({"symbol": "NOPE"}, "&#x27;NOPE&#x27; is unknown on paper spot"),
        ({"account": "999999"}, "Select a valid choice"),
    ],
)
def test_one_copy_that_can_not_be_made_is_told_at_its_field_and_none_is_made(admin, act, db, typed, words):
    bot = BotFactory(name="alpha")
    taken = BotFactory(name="taken", account=bot.account)
    shown = act(admin, LIST, "clone", taken, bot)

    page = answer(admin, shown, **clone_fields(taken, name="fine"), **clone_fields(bot, **typed))

    assert words in page.content.decode()
    assert 'value="fine"' in page.content.decode()  # what was typed is kept
    assert BotConfig.objects.count() == 2


def test_a_copy_goes_to_an_account_of_its_owner_only(staff, staff_client, act, db):
    bot = BotFactory(account=ExchangeAccountFactory(owner=staff))
    stranger = ExchangeAccountFactory(name="a stranger's")
    shown = act(staff_client, LIST, "clone", bot)

    page = answer(staff_client, shown, **clone_fields(bot, account=stranger.pk))

    assert "a stranger" not in shown.content.decode()
    assert "Select a valid choice" in page.content.decode()
    assert BotConfig.objects.count() == 1


def test_too_many_copies_at_once_are_refused(admin, act, db):
    bots = [BotFactory() for _ in range(21)]

    assert "Choose at most 20 bots to clone." in text_of(act(admin, LIST, "clone", *bots))


def test_too_many_bots_changed_at_once_are_refused(admin, act, db, monkeypatch):
    monkeypatch.setattr(changing, "MOST", 2)

    page = act(admin, LIST, "change", *(BotFactory() for _ in range(3)))

    assert "Choose at most 2 bots to change at once." in text_of(page)


# Settings of many


def type_into(client, page, **typed):
    """Send a form with what it shows, but for what was typed."""
    shown = {name: page.context["form"][name].value() for name in page.context["form"].fields}
    return answer(
        client, page, **{name: value for name, value in shown.items() if str(value) not in ("None", "False")} | typed
    )


def ticked(**values):
    return values | {f"change_{name}": "on" for name in values}


def test_settings_are_shown_as_a_difference_before_they_are_saved(admin, act, db):
    alpha, beta = BotFactory(name="alpha", stop_loss_percent=1), BotFactory(name="beta", stop_loss_percent=2)

    preview = type_into(admin, act(admin, LIST, "change", alpha, beta), **ticked(stop_loss_percent="2"))
    before = list(BotConfig.objects.order_by("pk").values_list("stop_loss_percent", "revision"))
    page = answer(admin, preview)

    text = text_of(preview)
    assert "stop_loss_percent: 1 → <b" in text
    assert "1 bot not" in text
    assert "has all of it already" in text
    assert before == [(1, 1), (2, 1)]
    assert "Bots changed: 1." in text_of(page)
    assert list(BotConfig.objects.order_by("pk").values_list("stop_loss_percent", "revision")) == [(2, 2), (2, 1)]


def test_parameters_are_offered_to_bots_of_one_strategy_only(admin, act, db):
    alpha, beta = BotFactory(parameters={"rsi_period": 10}), BotFactory(strategy="macd")
    assert "parameter_" not in act(admin, LIST, "change", alpha, beta).content.decode()

    preview = type_into(admin, act(admin, LIST, "change", alpha), **ticked(parameter_ema_fast="5"))
    answer(admin, preview)

    assert BotConfig.objects.get(pk=alpha.pk).parameters == {"rsi_period": 10, "ema_fast": 5}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({}, "Nothing is to be changed"),
        ({"stop_loss_percent": "5"}, "its box is not ticked"),
        (ticked(stop_loss_percent="x"), "Enter a number"),
        (ticked(initial_capital=""), "initial_capital: a value is needed"),
        (ticked(parameter_ema_fast=""), "ema_fast: a value is needed"),
        (ticked(parameter_ema_fast="900"), "ema_fast: 900 is above the maximum"),
        (ticked(parameter_ema_fast="30"), "ema_fast: 30 must be below ema_slow 21"),
        (ticked(stop_loss_percent="101"), "stop_loss_percent: 101 must be above 0 and at most 100"),
        (ticked(leverage="5"), "leverage: 5 must be 1 on spot"),
        (ticked(time_zone="Mars"), "is no time zone"),
        (ticked(take_profit_steps="[[1"), "Enter a valid JSON"),
    ],
)
def test_what_can_not_be_is_told_with_what_was_typed_and_nothing_is_changed(admin, act, db, typed, words):
    bot = BotFactory(name="alpha")

    page = type_into(admin, act(admin, LIST, "change", bot), **typed)

    assert words in page.content.decode()
    assert all(f'value="{value}"' in page.content.decode() for value in typed.values() if value in ("101", "900", "5"))
    assert BotConfig.objects.get().revision == 1


def test_an_exit_can_be_switched_off_and_steps_cleared(admin, act, db):
    steps = [[1, 50], [2, 50]]
    bot = BotFactory(stop_loss_percent=2, take_profit_steps=steps, exits_when_stopped=True)
    typed = ticked(stop_loss_percent="", take_profit_steps="", exits_when_stopped="")

    preview = type_into(admin, act(admin, LIST, "change", bot), **typed)
    answer(admin, preview)

    bot.refresh_from_db()
    assert (bot.stop_loss_percent, bot.take_profit_steps, bot.exits_when_stopped) == (None, [], False)


def test_a_bot_that_changes_after_the_preview_is_left_out(admin, act, db):
    alpha, beta = BotFactory(name="alpha"), BotFactory(name="beta")
    preview = type_into(admin, act(admin, LIST, "change", alpha, beta), **ticked(cooldown_minutes="9"))
    BotConfig.objects.filter(pk=alpha.pk).update(desired_state="stopped")

    page = answer(admin, preview)

    assert "Left out, changed meanwhile: alpha." in text_of(page)
    assert dict(BotConfig.objects.values_list("name", "cooldown_minutes")) == {"alpha": 0, "beta": 9}


def test_a_bot_that_changed_before_the_preview_is_told_there(admin, act, db):
    bot = BotFactory(name="alpha")
    chosen = act(admin, LIST, "change", bot)
    BotConfig.objects.update(cooldown_minutes=3, revision=2)

    preview = type_into(admin, chosen, **ticked(cooldown_minutes="9"))

    assert "shown as they are now: alpha" in text_of(preview)
    assert "cooldown_minutes: 3 → <b" in text_of(preview)
