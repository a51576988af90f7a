"""Start, stop, run now, pause, resume, reset, clone: as the admin does it, and what is in the way is said."""

import threading

import pytest
from django.db import connection, transaction

from bots.models import BotConfig, BotState
from bots.services import OPERATIONS, operating
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory
from tradebot_site.tests.api.bots.caller import caller
from trades.models import Event, Position

pytestmark = pytest.mark.django_db
ACTS = ("start", "stop", "run-now", "pause", "resume", "reset-day")


def wanted(bot):
    return BotConfig.objects.values_list("desired_state", flat=True).get(pk=bot.pk)


def test_a_bot_is_started_and_stopped_and_tells_where_it_stands(trader, account):
    bot = BotFactory(account=account, desired_state="stopped")

    status, started = trader.post(f"bots/{bot.pk}/start")
    stopped = trader.post(f"bots/{bot.pk}/stop")

    assert (status, started["desired_state"], started["state"]["status"]) == (200, "running", "pending")
    assert (stopped[0], stopped[1]["desired_state"], stopped[1]["state"]["status"]) == (200, "stopped", "stopped")
    assert list(Event.objects.order_by("pk").values_list("kind", flat=True)) == ["bot_started", "bot_stopped"]


def test_a_bot_is_stopped_and_its_position_closed_by_the_next_tick(trader, bot):
    Position.objects.update(quantity="0.01")

    status, told = trader.post(f"bots/{bot.pk}/stop", position="flatten")

    assert (status, told["desired_state"], told["state"]["in_position"]) == (202, "flattened", True)
    assert trader.post(f"bots/{bot.pk}/stop", position="keep")[0] == 200
    assert wanted(bot) == "stopped"


def test_entries_are_paused_and_resumed_and_the_day_is_reset(trader, bot):
    assert trader.post(f"bots/{bot.pk}/pause")[1]["entries_paused"] is True
    assert trader.post(f"bots/{bot.pk}/resume")[1]["entries_paused"] is False
    assert trader.post(f"bots/{bot.pk}/reset-day")[0] == 200
    assert BotState.objects.get().day_from is not None


def test_a_bot_is_sent_to_a_worker_now(trader, bot, broker):
    assert trader.post(f"bots/{bot.pk}/run-now")[0] == 202
    assert broker("high_priority") == 1


def test_without_a_broker_it_is_said(trader, bot, monkeypatch):
    from kombu.exceptions import OperationalError

    def away(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr("bots.tasks.run_bot.apply_async", away)

    status, told = trader.post(f"bots/{bot.pk}/run-now")
    many = trader.post("bots/operate", operation="run_now", ids=[bot.pk])

    assert (status, told["code"]) == (503, "unavailable")
    assert "The broker does not answer" in told["detail"]
    assert (many[0], many[1]["done"]) == (200, [])
    assert "The broker does not answer" in many[1]["left_out"][0]["why"]


@pytest.mark.parametrize(
    ("act", "fields", "why"),
    [
        ("start", {}, "runs already"),
        ("stop", {}, "stopped already"),
        ("stop", {"position": "flatten"}, "to be closed already"),
        ("run-now", {}, "stopped, and holds nothing"),
        ("resume", {}, "not paused"),
        ("pause", {}, "paused already"),
    ],
)
def test_what_would_change_nothing_is_a_conflict(trader, account, act, fields, why):
    wish = {"start": "running", "stop": "flattened" if fields else "stopped"}.get(act, "stopped")
    bot = BotFactory(account=account, name="the bot", desired_state=wish, entries_paused=act == "pause")

    status, told = trader.post(f"bots/{bot.pk}/{act}", **fields)

    assert (status, told["code"], told["detail"]) == (409, "conflict", f"the bot: {why}")


def test_an_act_says_what_it_does_not_understand(trader, bot):
    for act in ACTS:
        status, told = trader.post(f"bots/{bot.pk}/{act}", colour="red")
        assert (status, list(told["fields"])) == (400, ["colour"]), act
    status, told = trader.post(f"bots/{bot.pk}/stop", position="sell")
    assert (status, list(told["fields"])) == (400, ["position"])
    assert '"sell" is not a valid choice' in told["detail"]


@pytest.mark.django_db(transaction=True)
def test_a_bot_whose_lock_is_held_is_busy_and_nothing_breaks(trader, bot, monkeypatch):
    monkeypatch.setattr(operating, "PATIENCE", 0.2)
    held, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            BotState.objects.select_for_update().get(pk=bot.pk)
            BotConfig.objects.select_for_update().get(pk=bot.pk)
            held.set()
            done.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    try:
        answers = {
            "start": trader.post(f"bots/{bot.pk}/stop"),
            "delete": trader.delete(f"bots/{bot.pk}"),
            "change": trader.patch(f"bots/{bot.pk}", sizing_value="10"),
        }
        many = trader.post("bots/operate", operation="stop", ids=[bot.pk])
    finally:
        done.set()
        holder.join()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")

    assert {name: (status, told["code"]) for name, (status, told) in answers.items()} == dict.fromkeys(
        answers, (409, "busy")
    )
    assert many == (
        200,
        {"operation": "stop", "done": [], "left_out": [{"id": bot.pk, "name": "the bot", "why": "busy"}]},
    )


def test_many_bots_are_stopped_and_why_not_the_others_is_told(trader, account, bot, stranger):
    stopped = BotFactory(account=account, name="stopped", desired_state="stopped")

    status, told = trader.post("bots/operate", operation="stop", ids=[bot.pk, stopped.pk, stranger.pk, bot.pk])

    assert (status, told["done"]) == (200, [bot.pk])
    assert {(one["id"], one["name"], one["why"]) for one in told["left_out"]} == {
        (stopped.pk, "stopped", "stopped already"),
        (stranger.pk, "", "there is no such bot"),
    }
    assert (wanted(bot), wanted(stranger)) == ("stopped", "running")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"operation": "explode", "ids": [1]}, "operation"),
        ({"operation": "stop", "ids": []}, "ids"),
        ({"operation": "stop", "ids": list(range(1, 502))}, "ids"),
        ({"operation": "stop", "ids": ["x"]}, "ids"),
        ({"operation": "stop", "ids": [10**30]}, "ids"),
        ({"operation": "stop", "ids": {"a": 1}}, "ids"),
        ({"operation": ["stop"], "ids": [1]}, "operation"),
        ({"operation": "stop"}, "ids"),
    ],
)
def test_a_list_of_bots_that_makes_no_sense_is_refused(trader, body, field):
    status, told = trader.post("bots/operate", body)

    assert (status, list(told["fields"])) == (400, [field])


@pytest.mark.parametrize("body", ["[]", "7", '"x"', "null", "[1]"])
def test_a_body_that_is_no_object_is_refused(trader, bot, body):
    for path in (f"bots/{bot.pk}/start", f"bots/{bot.pk}/stop", "bots/operate", "bots", f"bots/{bot.pk}/clone"):
        status, told = trader.send("POST", path, body)
        assert (status, told["code"]) == (400, "invalid"), path


def test_every_operation_of_the_admin_can_be_asked_for(trader, bot):
    for name in OPERATIONS:
        assert trader.post("bots/operate", operation=name, ids=[bot.pk])[0] == 200


def test_a_clone_has_the_same_settings_and_what_is_told_otherwise(trader, bot):
    futures = ExchangeAccountFactory(owner=trader.user, name="another")
    SymbolRulesFactory(symbol="ETHUSDT")
    trader.patch(f"bots/{bot.pk}", stop_loss_percent="3")

    first = trader.post(f"bots/{bot.pk}/clone", name="the bot copy")
    second = trader.post(f"bots/{bot.pk}/clone", name="twin", account=futures.pk, symbol="ethusdt")

    assert (first[0], first[1]["name"], first[1]["stop_loss_percent"]) == (201, "the bot copy", "3")
    assert (first[1]["desired_state"], first[1]["revision"]) == ("stopped", 1)
    assert (second[1]["name"], second[1]["account_name"], second[1]["symbol"]) == ("twin", "another", "ETHUSDT")


def test_a_clone_that_cannot_be_made_is_refused_at_its_field(trader, bot, stranger):
    for fields, field in [
        ({}, "name"),
        ({"name": "the bot"}, "name"),
        ({"name": "x", "account": stranger.account_id}, "account"),
        ({"name": "x", "symbol": "NOPEUSDT"}, "symbol"),
    ]:
        status, told = trader.post(f"bots/{bot.pk}/clone", **fields)
        assert (status, list(told["fields"])) == (400, [field])


def test_an_operator_cannot_clone_a_bot_onto_another_owners_account(bot, stranger):
    status, told = caller("operator").post(f"bots/{bot.pk}/clone", name="x", account=stranger.account_id)

    assert (status, list(told["fields"])) == (400, ["account"])


def test_another_traders_bot_does_not_exist(trader, stranger):
    path = f"bots/{stranger.pk}"

    assert trader.get(path)[0] == 404
    assert trader.patch(path, name="x")[0] == 404
    assert trader.put(path, name="x", initial_capital="1", sizing_value="1")[0] == 404
    assert trader.delete(path)[0] == 404
    for act in (*ACTS, "clone"):
        assert trader.post(f"{path}/{act}")[0] == 404, act
    assert (wanted(stranger), Event.objects.count()) == ("running", 0)


def test_an_operator_steers_everybodys_bots_and_a_viewer_none(bot):
    for act in (*ACTS, "clone"):
        assert caller_of("viewer").post(f"bots/{bot.pk}/{act}")[0] == 403, act
    assert caller_of("operator").post(f"bots/{bot.pk}/stop")[0] == 200


def caller_of(role, known={}):  # noqa: B006 - one for all acts
    if role not in known or not known[role].user.__class__.objects.filter(pk=known[role].user.pk).exists():
        known[role] = caller(role)
    return known[role]


def test_the_same_start_twice_with_one_key_is_done_once(trader, account):
    bot = BotFactory(account=account, desired_state="stopped")
    trader.headers["Idempotency-Key"] = "start-1"

    first, again = trader.post(f"bots/{bot.pk}/start"), trader.post(f"bots/{bot.pk}/start")

    assert first == again
    assert first[0] == 200
    assert Event.objects.count() == 1
