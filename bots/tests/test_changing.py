"""Copies of bots, and settings of many changed at once: all of it or nothing."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from bots import services, validation
from bots.models import BotConfig
from bots.services import ChangeRefused, Seen
from bots.services.steering import CHANGEABLE, FIXED
from bots.tests.factories import BotFactory
from market.tests.factories import NOON, ExchangeAccountFactory, SymbolRulesFactory
from trades.models import Position

pytestmark = pytest.mark.django_db(transaction=True)
SETTINGS = {
    "parameters": {"ema_fast": 5},
    "interval": "15m",
    "stop_loss_percent": Decimal("2.5"),
    "max_daily_trades": 4,
    "time_zone": "Europe/Berlin",
}


def seen_of(*bots):
    return [Seen.of(BotConfig.objects.get(pk=bot.pk)) for bot in bots]


def change(seen, values, parameters=None, bots=None):
    chosen = BotConfig.objects.all() if bots is None else bots
    return services.change_bots(seen, chosen, values, parameters or {})


def test_every_field_is_either_fixed_or_can_be_chosen_anew():
    names = {field.name for field in BotConfig._meta.fields}

    assert set(CHANGEABLE) | FIXED | {"revision", "recipe"} == names
    assert not set(CHANGEABLE) & FIXED


# Copies


def test_a_clone_has_the_settings_and_its_own_position_and_nothing_of_what_was_done_to_the_first():
    bot = BotFactory(**SETTINGS, entries_paused=True, state__day_from=NOON)

    copy = services.clone_bot(bot, name="copy", account=bot.account, symbol="BTCUSDT", now=NOON)

    copy = BotConfig.objects.get(pk=copy.pk)
    assert {name: getattr(copy, name) for name in SETTINGS} == SETTINGS
    assert (copy.owner, copy.revision, copy.desired_state, copy.entries_paused) == (bot.owner, 1, "stopped", False)
    assert copy.position_id != bot.position_id
    assert (copy.state.status, copy.state.day_from) == ("stopped", None)


def test_a_clone_may_trade_another_symbol_on_another_account_of_its_owner_only():
    bot = BotFactory()
    SymbolRulesFactory(symbol="ETHUSDT")
    account = ExchangeAccountFactory(owner=bot.owner)

    copy = services.clone_bot(bot, name="copy", account=account, symbol="ETHUSDT", now=NOON)

    assert (copy.position.account, copy.position.symbol) == (account, "ETHUSDT")
    with pytest.raises(ValidationError, match="belongs to another user"):
        services.clone_bot(bot, name="third", account=ExchangeAccountFactory(), symbol="BTCUSDT", now=NOON)
    with pytest.raises(ValidationError, match="has a bot named 'copy' already"):
        services.clone_bot(bot, name="copy", account=account, symbol="BTCUSDT", now=NOON)


def test_two_who_make_the_same_bot_at_the_same_moment_are_told(monkeypatch):
    bot = BotFactory(name="first")
    monkeypatch.setattr(validation, "_name_faults", lambda bot: {})
    monkeypatch.setattr(BotConfig, "validate_constraints", lambda self, exclude=None: None)

    with pytest.raises(ValidationError, match="somebody makes the same bot right now"):
        services.clone_bot(bot, name="first", account=bot.account, symbol="BTCUSDT", now=NOON)

    assert Position.objects.count() == 1


# Changes


def test_many_are_changed_and_each_counts_as_a_revision_of_its_own():
    bots = [BotFactory(stop_loss_percent=Decimal(1)), BotFactory(parameters={"ema_fast": 8})]

    changed = change(seen_of(*bots), {"stop_loss_percent": Decimal(3)}, {"ema_slow": 30})

    rows = BotConfig.objects.order_by("pk")
    assert list(changed.done) == [bot.pk for bot in bots]
    assert [bot.stop_loss_percent for bot in rows] == [3, 3]
    assert [bot.parameters for bot in rows] == [{"ema_slow": 30}, {"ema_fast": 8, "ema_slow": 30}]
    assert [bot.revision for bot in rows] == [2, 2]


def test_a_plan_tells_what_changes_of_each_and_saves_nothing():
    bot = BotFactory(stop_loss_percent=Decimal("1.500"))
    BotFactory(stop_loss_percent=Decimal(2))

    edits = services.plan_changes(BotConfig.objects.order_by("pk"), {"stop_loss_percent": Decimal(2)}, {})

    assert [[(item.field, item.old, item.new) for item in edit.changes] for edit in edits] == [
        [("stop_loss_percent", "1.5", "2")],
        [],
    ]
    assert BotConfig.objects.get(pk=bot.pk).stop_loss_percent == Decimal("1.5")


def test_one_bot_that_could_not_trade_with_it_keeps_all_as_they_were():
    good, bad = BotFactory(), BotFactory(name="bad", sizing_mode="risk", stop_loss_percent=Decimal(1))

    with pytest.raises(ChangeRefused) as refused:
        change(seen_of(good, bad), {"stop_loss_percent": None, "max_daily_trades": 3})

    (edit,) = refused.value.edits
    assert edit.bot.name == "bad"
    assert edit.faults == ["stop_loss_percent: risk per trade needs a stop loss to measure the risk by."]
    assert not BotConfig.objects.filter(max_daily_trades=3).exists()


def test_who_has_it_already_or_was_changed_or_is_a_strangers_is_left_out():
    has, changed, strange, gone, usual = (
        BotFactory(name=name) for name in ("has", "changed", "strange", "gone", "usual")
    )
    BotConfig.objects.filter(pk=has.pk).update(cooldown_minutes=7)
    seen = seen_of(has, changed, strange, gone, usual)
    BotConfig.objects.filter(pk=changed.pk).update(desired_state="stopped")
    services.delete_bot(gone)

    done = change(seen, {"cooldown_minutes": 7}, bots=BotConfig.objects.exclude(pk=strange.pk))

    assert list(done.done) == [usual.pk]
    assert dict(done.left_out) == {
        "has": "has all of it already",
        "changed": "changed meanwhile",
        f"bot {strange.pk}": "deleted meanwhile",
        f"bot {gone.pk}": "deleted meanwhile",
    }
    assert BotConfig.objects.get(pk=strange.pk).cooldown_minutes == 0


def test_a_bot_that_somebody_changes_between_validation_and_writing_is_left_out(monkeypatch):
    from bots.services import changing

    bot, real = BotFactory(name="raced"), changing.save_edits

    def raced(edits):
        services.update_bot(BotConfig.objects.get(pk=bot.pk))
        return real(edits)

    monkeypatch.setattr(changing, "save_edits", raced)
    done = change(seen_of(bot), {"cooldown_minutes": 7})

    assert (list(done.done), list(done.left_out)) == ([], [("raced", "changed meanwhile")])
    assert BotConfig.objects.get().cooldown_minutes == 0
