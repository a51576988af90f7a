"""The form of a bot: what cannot work is refused at its field, with value and bound."""

import pytest
from django import forms
from django.urls import reverse
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bots import services
from bots.admin.parameters import fields_of, initial_of, parameters_from
from bots.models import BotConfig
from bots.strategies import STRATEGIES
from bots.tests.factories import BotFactory
from market.models import SymbolRules
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory
from trades.models import Position

ADD = "/admin/bots/botconfig/add/"


def page_of(bot):
    return reverse("admin:bots_botconfig_change", args=[bot.pk])


def valid(**changes):
    """What a form sends for a bot that can trade."""
    return {
        "name": "new bot",
        "symbol": "BTCUSDT",
        "strategy": "ema_rsi",
        "interval": "5m",
        "ema_rsi__ema_fast": "10",
        "ema_rsi__ema_slow": "21",
        "initial_capital": "1000",
        "sizing_mode": "percent",
        "sizing_value": "20",
        "leverage": "1",
        "margin_type": "isolated",
        "stop_loss_percent": "2",
        "exits_when_stopped": "on",
        "cooldown_minutes": "0",
        "time_zone": "UTC",
        "seen_revision": "1",
    } | changes


def sent(into, **changes):
    """A valid bot of the owner of the account ``into``, with these changes."""
    return valid(**{"owner": into.owner_id, "account": into.pk} | changes)


def errors_of(page):
    return page.context["adminform"].form.errors


@pytest.fixture
def account(db):
    SymbolRulesFactory()
    return ExchangeAccountFactory()


def test_a_new_bot_gets_position_and_state(admin, account):
    page = admin.post(ADD, sent(account))

    bot = BotConfig.objects.get()
    assert page.status_code == 302
    assert (bot.owner, bot.position.account, bot.position.base_asset) == (account.owner, account, "BTC")
    assert bot.state.status == "stopped"
    assert bot.parameters == {"ema_fast": 10}  # what is the default anyway is not kept


def test_a_futures_bot_is_made_with_its_leverage_and_a_second_on_its_symbol_refused(admin, db):
    SymbolRulesFactory(market="futures")
    account = ExchangeAccountFactory(market="futures")
    admin.post(ADD, sent(account, leverage="5", margin_type="cross"))

    page = admin.post(ADD, sent(account, leverage="5", name="another"))

    bot = BotConfig.objects.get()
    assert (bot.leverage, bot.margin_type, bot.market) == (5, "cross", "futures")
    assert "'new bot' trades BTCUSDT on this account already" in errors_of(page)["symbol"][0]


FAST = "ema_rsi__ema_fast"
BAD = {
    "fast EMA not below slow": ({FAST: "30"}, FAST, ["30", "21"]),
    "period above its bound": ({FAST: "90", "ema_rsi__ema_slow": "900"}, "ema_rsi__ema_slow", ["900", "190"]),
    "no whole number": ({FAST: "9.5"}, FAST, ["whole number"]),
    "a word": ({"ema_rsi__rsi_overbought": "high"}, "ema_rsi__rsi_overbought", ["number"]),
    "no such choice": ({"ema_rsi__entry": "often"}, "ema_rsi__entry", ["often"]),
    "leverage 0": ({"leverage": "0"}, "leverage", ["0", "must be 1"]),
    "leverage on spot": ({"leverage": "5"}, "leverage", ["5", "must be 1"]),
    "crossed margin on spot": ({"margin_type": "cross"}, "margin_type", ["cross", "on spot"]),
    "unknown symbol": ({"symbol": "NOSUCHUSDT"}, "symbol", ["NOSUCHUSDT", "BTCUSDT"]),
    "an entry below the filters": ({"sizing_value": "0.1"}, "sizing_value", ["1.00", "5"]),
    "more than all of the capital": ({"sizing_value": "101"}, "sizing_value", ["101", "100"]),
    "no capital": ({"initial_capital": "0"}, "initial_capital", ["0"]),
    "a number that is none": ({"initial_capital": "NaN"}, "initial_capital", ["number"]),
    "stop loss above 100": ({"stop_loss_percent": "100.5"}, "stop_loss_percent", ["100.5", "100"]),
    "no such time zone": ({"time_zone": "Mars/Base"}, "time_zone", ["Mars/Base"]),
    "an interval nobody has": ({"interval": "7m"}, "interval", ["7m"]),
}


@pytest.mark.parametrize(("changes", "field", "words"), BAD.values(), ids=BAD)
def test_what_cannot_work_is_refused_at_its_field_and_kept(admin, account, changes, field, words):
    page = admin.post(ADD, sent(account, **changes))

    assert page.status_code == 200
    message = " ".join(errors_of(page)[field])
    assert all(word in message for word in words), message
    assert page.context["adminform"].form[field].value() == changes[field]  # what was typed
    assert not BotConfig.objects.exists()
    assert not Position.objects.exists()


EDITABLE = {name: bad for name, bad in BAD.items() if bad[1] not in ("symbol", "leverage", "margin_type")}


@pytest.mark.parametrize(("changes", "field", "words"), EDITABLE.values(), ids=EDITABLE)
def test_an_edit_that_cannot_work_is_refused_too(admin, account, changes, field, words):
    bot = BotFactory(account=account)

    page = admin.post(page_of(bot), sent(account, **changes))

    assert all(word in " ".join(errors_of(page)[field]) for word in words)
    assert BotConfig.objects.get().revision == 1


def test_another_users_account_is_refused_at_its_field(admin, account):
    stranger = ExchangeAccountFactory()

    page = admin.post(ADD, sent(account, account=stranger.pk))

    assert "another user" in errors_of(page)["account"][0]
    assert not BotConfig.objects.exists()


def test_a_second_bot_of_that_name_is_refused_at_its_field(admin, account):
    BotFactory(account=account, name="taken")
    other = BotFactory(account=account, name="other")

    added = admin.post(ADD, sent(account, name="taken"))
    edited = admin.post(page_of(other), sent(account, name="taken"))

    assert "'taken' already" in errors_of(added)["name"][0]
    assert "'taken' already" in errors_of(edited)["name"][0]


def test_an_edit_counts_as_a_revision_and_leaves_the_fixed_alone(admin, account):
    bot = BotFactory(account=account, desired_state="running")
    elsewhere = ExchangeAccountFactory(owner=account.owner)

    page = admin.post(page_of(bot), sent(account, name="renamed", account=elsewhere.pk, symbol="ETHUSDT"))

    bot.refresh_from_db()
    assert page.status_code == 302, errors_of(page)
    assert (bot.name, bot.revision, bot.desired_state) == ("renamed", 2, "running")
    assert (bot.account, bot.symbol) == (account, "BTCUSDT")


def test_a_symbol_that_left_the_exchange_is_told_above_the_form(admin, account):
    bot = BotFactory(account=account)
    SymbolRules.objects.all().delete()

    page = admin.post(page_of(bot), sent(account))

    assert page.status_code == 200
    assert "BTCUSDT" in str(errors_of(page)["__all__"])


def test_the_form_tells_parameters_with_bounds_and_defaults(admin, account):
    html = admin.get(ADD).content.decode()

    assert "Period of the fast EMA, in candles. 2 to 100; default 9." in html
    assert '<option value="crossing" selected>crossing</option>' in html


def parameters_of(strategy):
    """Parameters that the strategy may be given, some of them left out."""
    chosen = {one.name: values_of(one) for one in strategy.parameters}
    return st.fixed_dictionaries({}, optional=chosen).filter(lambda given: not strategy.faults(given))


def values_of(parameter):
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.kind is int:
        return st.integers(parameter.minimum, parameter.maximum)
    return st.floats(parameter.minimum, parameter.maximum, allow_nan=False)


@pytest.mark.parametrize("strategy", [one for one in STRATEGIES.values() if one.parameters], ids=lambda one: one.name)
@given(data=st.data())
@hypothesis_settings(max_examples=30)
def test_what_the_form_shows_of_a_bot_is_what_it_makes_of_it(strategy, data):
    given = data.draw(parameters_of(strategy))
    shown = {name: str(value) for name, value in initial_of(strategy.name, given).items()}

    form = type("Parameters", (forms.Form,), fields_of(strategy))(shown)

    assert form.is_valid(), form.errors
    assert strategy.complete(parameters_from(strategy, form.cleaned_data)) == strategy.complete(given)


def test_an_edit_on_an_old_page_is_refused_keeps_what_was_typed_and_can_be_saved_again(admin, account):
    bot = BotFactory(account=account, stop_loss_percent=5)
    seen = admin.get(page_of(bot)).context["adminform"].form["seen_revision"].value()
    services.update_bot(BotConfig.objects.get())  # a colleague saves meanwhile

    refused = admin.post(page_of(bot), sent(account, stop_loss_percent="9", seen_revision=seen))
    kept = BotConfig.objects.get()
    form = refused.context["adminform"].form
    again = admin.post(page_of(bot), sent(account, stop_loss_percent="9", seen_revision=form["seen_revision"].value()))

    assert "Somebody has changed this bot since you opened it" in errors_of(refused)["__all__"][0]
    assert (kept.stop_loss_percent, form["stop_loss_percent"].value()) == (5, "9")
    assert again.status_code == 302
    assert BotConfig.objects.get().stop_loss_percent == 9


def test_without_the_mark_of_what_was_seen_nothing_is_saved(admin, account):
    bot = BotFactory(account=account)
    form = sent(account)
    del form["seen_revision"]

    page = admin.post(page_of(bot), form)

    assert "since you opened it" in errors_of(page)["__all__"][0]


def test_another_strategy_brings_its_own_parameters_and_drops_the_others(admin, account):
    bot = BotFactory(account=account, parameters={"ema_fast": 8})

    page = admin.post(page_of(bot), sent(account, strategy="rsi_reversion", rsi_reversion__rsi_period="9"))

    assert page.status_code == 302
    changed = BotConfig.objects.get()
    assert (changed.strategy, changed.parameters) == ("rsi_reversion", {"rsi_period": 9})


def test_parameters_without_a_field_are_named_before_a_save_drops_them(admin, account):
    bot = BotFactory(account=account, parameters={"ema_fast": 8, "<b>gone</b>": 5, "ema_slow": 30})
    changes = {"ema_rsi__ema_fast": "8", "ema_rsi__ema_slow": "30"}

    html = admin.get(page_of(bot)).content.decode()
    refused = admin.post(page_of(bot), sent(account, **changes, stop_loss_percent="101"))
    saved = admin.post(page_of(bot), sent(account, **changes))

    told = "parameters that ema_rsi does not have: &lt;b&gt;gone&lt;/b&gt; 5. Saving drops them."
    assert told in html
    assert told in refused.content.decode()
    assert saved.status_code == 302
    assert BotConfig.objects.get().parameters == {"ema_fast": 8, "ema_slow": 30}
    assert "Saving drops" not in admin.get(page_of(bot)).content.decode()


def test_what_has_no_effect_on_spot_is_not_asked_for(admin, account, db):
    spot, futures = BotFactory(account=account), BotFactory(account__market="futures", leverage=2)

    assert 'name="leverage"' not in admin.get(page_of(spot)).content.decode()
    assert 'name="leverage"' in admin.get(page_of(futures)).content.decode()
