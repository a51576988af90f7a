"""Bots made, changed and deleted through the API: by the services, and nothing else than what they take."""

import pytest

from bots import services
from bots.models import BotConfig
from bots.tests.factories import BotFactory
from market.models import SymbolRules
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory
from tradebot_site.tests.api.bots.caller import caller
from trades.models import Position

pytestmark = pytest.mark.django_db


def wanted(of, **changes):
    """What makes a bot that can trade."""
    return {
        "name": "new bot",
        "account": of.pk,
        "symbol": "btcusdt",
        "strategy": "ema_rsi",
        "parameters": {"ema_fast": 10},
        "interval": "5m",
        "initial_capital": "1000",
        "sizing_mode": "percent",
        "sizing_value": "20",
        "stop_loss_percent": "2.5",
    } | changes


@pytest.fixture
def rules(db):
    return SymbolRulesFactory()


def test_a_new_bot_gets_position_and_state_and_is_stopped(trader, account, rules):
    status, told = trader.post("bots", wanted(account))

    bot = BotConfig.objects.get()
    assert status == 201
    assert (bot.owner, bot.symbol, bot.position.account, bot.parameters) == (
        trader.user,
        "BTCUSDT",
        account,
        {"ema_fast": 10},
    )
    assert (told["id"], told["state"]["status"], told["revision"]) == (bot.pk, "stopped", 1)
    assert (told["initial_capital"], told["stop_loss_percent"], told["take_profit_steps"]) == ("1000", "2.5", [])
    assert trader.get(f"bots/{bot.pk}") == (200, told)
    assert BotConfig.history.get().history_user == trader.user


def test_an_operator_makes_a_bot_for_the_owner_of_the_account(account, rules):
    status, told = caller("operator").post("bots", wanted(account))

    assert (status, told["owner"]) == (201, "the-trader")


BAD = {
    "no name": ({"name": None}, "name", "may not be null"),
    "another's account": ({"account": "stranger"}, "account", "does not exist"),
    "an account that is no number": ({"account": [1]}, "account", "Incorrect type"),
    "an unknown symbol": ({"symbol": "NOPEUSDT"}, "symbol", "'NOPEUSDT' is unknown on paper spot"),
    "an unknown strategy": ({"strategy": "luck"}, "strategy", '"luck" is not a valid choice'),
    "a parameter below its bound": (
        {"parameters": {"ema_fast": 1}},
        "parameters",
        "ema_fast: 1 is below the minimum 2.",
    ),
    "a parameter that is not there": ({"parameters": {"luck": 1}}, "parameters", "luck: ema_rsi has no such parameter"),
    "a leverage on spot": ({"leverage": 5}, "leverage", "leverage: 5 must be 1 on spot."),
    "a leverage that is none": ({"leverage": -1}, "leverage", "greater than or equal to 0. Given: -1."),
    "no capital": ({"initial_capital": "0"}, "initial_capital", "0.01. Given: '0'."),
    "a capital with too many digits": ({"initial_capital": "1." + "1" * 19}, "initial_capital", "18 decimal places"),
    "a size that is too large": ({"sizing_value": "101"}, "sizing_value", "101 percent must be at most 100"),
    "a size that is too small": ({"sizing_value": "0.01"}, "sizing_value", "below the minimum"),
    "a stop that is no percentage": ({"stop_loss_percent": "100.5"}, "stop_loss_percent", "at most 100"),
    "a time zone that is none": ({"time_zone": "Mars/Base"}, "time_zone", "'Mars/Base' is no time zone"),
    "two take profits": (
        {"take_profit_percent": "2", "take_profit_steps": [[1, 100]]},
        "take_profit_steps",
        "not both",
    ),
    "steps that are not all of it": ({"take_profit_steps": [[1, 50]]}, "take_profit_steps", "100 percent in all"),
    "something that is not chosen": ({"desired_state": "running"}, "desired_state", "is not known here"),
    "somebody as owner": ({"owner": "root"}, "owner", "is not known here"),
}


@pytest.mark.parametrize(("changes", "field", "words"), BAD.values(), ids=BAD)
def test_what_cannot_work_is_refused_at_its_field(trader, account, rules, stranger, changes, field, words):
    if changes.get("account") == "stranger":
        changes = {"account": stranger.account_id}

    status, told = trader.post("bots", wanted(account, **changes))

    assert (status, told["code"], list(told["fields"])) == (400, "invalid", [field])
    assert words in " ".join(told["fields"][field])
    assert BotConfig.objects.count() == 1  # the stranger's


def test_a_name_is_given_once(trader, bot, account):
    status, told = trader.post("bots", wanted(account, name=bot.name))

    assert (status, list(told["fields"])) == (400, ["name"])
    assert "has a bot named 'the bot' already" in told["detail"]


def deep(inner: str, levels: int, text: str = "1") -> str:
    opening, closing = inner.split("|")
    return opening * levels + text + closing * levels


ODD = {
    "a text": '"x"',
    "a number": "7",
    "nothing": "null",
    "true": "true",
    "a list in an object": '{"ema_fast": [1]}',
    "true in an object": '{"ema_fast": true}',
    "a huge number": f'{{"ema_fast": {"9" * 59}}}',
    "a huge number with a point": '{"ema_fast": 1e308}',
    "too many digits": f'{{"ema_fast": {"9" * 400}}}',
    "beyond all numbers": '{"ema_fast": 1e400}',
    "not a number": '{"ema_fast": NaN}',
    "infinity": "[[Infinity, 50]]",
    "a long text": f'{{"ema_fast": "{"x" * 100_000}"}}',
    "a long name": f'{{"{"x" * 100_000}": 1}}',
    "many names": "{" + ", ".join(f'"p{number}": 1' for number in range(5_000)) + "}",
    "deep objects": deep('{"a":|}', 900),
    "very deep objects": deep('{"a":|}', 40_000),
    "deep lists": deep("[|]", 900),
    "very deep lists": deep("[|]", 60_000),
    "deep lists in an object": f'{{"ema_fast": {deep("[|]", 300)}}}',
    "pairs of texts": '[["1", "100"]]',
    "pairs of nothing": "[[null, null]]",
    "a pair with a third": "[[1, 50, 3], [2, 50]]",
    "gains below zero": "[[-1, 100]]",
    "gains without end": '[["1e999999", "9e999999"], ["9e999999", "9e999999"]]',
    "many steps": str([[number + 1, 1] for number in range(100)]),
    "an object of pairs": '{"1": 50, "2": 50}',
    "NUL": '{"ema_fast": "\\u0000"}',
    "half a character": '{"\\ud800": 1}',
}


@pytest.mark.parametrize("field", ["parameters", "take_profit_steps"])
def test_odd_json_is_refused_and_breaks_nothing(trader, bot, field):
    for name, odd in ODD.items():
        status, told = trader.send("PATCH", f"bots/{bot.pk}", f'{{"{field}": {odd}}}')
        assert status == 400, (name, told)
        assert told["code"] in ("invalid", "parse_error"), name
        assert len(told["detail"]) < 2_000, name

    bot.refresh_from_db()
    assert (bot.parameters, bot.take_profit_steps, bot.revision) == ({}, [], 1)


@pytest.mark.parametrize("odd", [[], {}, [[1]], {"a": 1}, "x" * 10_000, -1, 10**40, True, "\u00e9", "1e999", 1e308])
def test_no_value_of_any_field_breaks_anything(trader, bot, odd):
    for name in services.CHANGEABLE:
        status, told = trader.patch(f"bots/{bot.pk}", **{name: odd})
        assert status in (200, 400), (name, told)


def test_a_number_that_no_float_holds_is_none_for_a_parameter(trader, bot):
    parameters = {"rsi_oversold": 10**59, "rsi_overbought": 1e308}

    status, told = trader.patch(f"bots/{bot.pk}", parameters=parameters)

    assert (status, len(told["fields"]["parameters"])) == (400, 2)


def test_a_change_is_of_what_is_named_and_counts_as_a_revision(trader, bot):
    before = trader.get(f"bots/{bot.pk}")[1]

    status, told = trader.patch(f"bots/{bot.pk}", stop_loss_percent="3", parameters={"ema_slow": 30})

    changed = {"stop_loss_percent": "3", "parameters": {"ema_slow": 30}, "revision": 2}
    assert (status, told) == (200, before | changed)
    assert BotConfig.history.first().history_user == trader.user


def test_what_is_left_out_of_all_settings_gets_its_default(trader, bot):
    trader.patch(f"bots/{bot.pk}", stop_loss_percent="3", cooldown_minutes=5, parameters={"ema_slow": 30})

    status, told = trader.put(f"bots/{bot.pk}", name="renamed", initial_capital="500", sizing_value="50")

    assert status == 200
    assert (told["name"], told["stop_loss_percent"], told["cooldown_minutes"], told["parameters"]) == (
        "renamed",
        None,
        0,
        {},
    )
    assert trader.put(f"bots/{bot.pk}", name="x")[1]["fields"].keys() == {"initial_capital", "sizing_value"}


def test_account_and_symbol_are_fixed(trader, bot):
    for field in ("account", "symbol", "owner", "desired_state", "id", "state"):
        status, told = trader.patch(f"bots/{bot.pk}", **{field: 1})
        assert (status, list(told["fields"])) == (400, [field])


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(trader, bot, monkeypatch):
    trader.patch(f"bots/{bot.pk}", stop_loss_percent="3")

    status, told = trader.patch(f"bots/{bot.pk}", sizing_value="10", revision=1)

    assert (status, told["code"]) == (409, "changed")
    assert "it has the revision 2 now" in told["detail"]
    assert trader.patch(f"bots/{bot.pk}", sizing_value="10", revision=2)[0] == 200
    assert trader.patch(f"bots/{bot.pk}", sizing_value="11")[0] == 200

    real = services.steering.locked_revision  # as if somebody were a moment faster
    monkeypatch.setattr(services.steering, "locked_revision", lambda bot: real(bot) + 1)
    status, told = trader.patch(f"bots/{bot.pk}", sizing_value="12")
    assert (status, told["code"]) == (409, "changed")
    assert trader.get(f"bots/{bot.pk}")[1]["sizing_value"] == "11"


def test_of_two_bots_that_get_one_name_at_once_one_is_told(trader, bot, account, monkeypatch):
    other = BotFactory(account=account, name="other")
    monkeypatch.setattr("bots.validation._name_faults", lambda bot: {})
    monkeypatch.setattr(BotConfig, "validate_constraints", lambda *args, **kwargs: None)

    status, told = trader.patch(f"bots/{other.pk}", name=bot.name)

    assert (status, list(told["fields"])) == (400, ["name"])


def test_a_bot_that_holds_nothing_is_deleted_and_its_position_stays(trader, bot):
    assert trader.delete(f"bots/{bot.pk}") == (204, None)

    assert not BotConfig.objects.exists()
    assert Position.objects.filter(pk=bot.position_id).exists()
    assert trader.delete(f"bots/{bot.pk}")[0] == 404


def test_a_bot_that_holds_something_is_not_deleted(trader, bot):
    Position.objects.update(quantity="0.01")

    status, told = trader.delete(f"bots/{bot.pk}")

    assert (status, told["code"]) == (409, "holds_position")
    assert "stop and flatten it first" in told["detail"]
    assert BotConfig.objects.exists()


def test_a_symbol_that_vanishes_is_told_and_an_exchange_that_is_away_too(trader, account, rules, monkeypatch, settings):
    from market.exchange.errors import ExchangeUnavailable
    from market.symbols import UnknownSymbol

    for error, status, where in [
        (UnknownSymbol("BTCUSDT is gone"), 400, "symbol"),
        (ExchangeUnavailable("no answer"), 503, None),
    ]:

        def raises(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr("bots.services.steering.rules_for", raises)
        answered, told = trader.post("bots", wanted(account))
        assert (answered, list(told["fields"])) == (status, [where] if where else [])
    assert SymbolRules.objects.exists()
    assert not BotConfig.objects.exists()


def test_who_only_looks_changes_nothing(bot, account, rules):
    for who in (caller("viewer"), caller("operator", "read")):
        assert who.post("bots", wanted(account))[0] == 403
        assert who.patch(f"bots/{bot.pk}", name="x")[0] == 403
        assert who.put(f"bots/{bot.pk}", name="x")[0] == 403
        assert who.delete(f"bots/{bot.pk}")[0] == 403


def test_the_service_asks_once_more_whose_bot_it_is(trader, stranger):
    """As if the view had let it through."""
    stranger.name = "mine now"
    account = ExchangeAccountFactory()
    new = BotConfig(owner=account.owner, account=account)

    with pytest.raises(services.NotYourBot):
        services.update_bot(stranger, by=trader.user)
    with pytest.raises(services.NotYourBot):
        services.create_bot(new, now=None, by=trader.user)
    with pytest.raises(services.NotYourBot):
        services.delete_bot(stranger, by=trader.user)
    assert BotConfig.objects.get().name == "strangers-bot"
