"""Signals by POST: who is believed, what is refused, and that nothing is written twice, nor anywhere a secret."""

import json
import logging
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from bots import services
from bots.api import signals
from bots.models import BotConfig, Decision, ExternalSignal, Webhook
from bots.signing import new_secret
from bots.tests.factories import BotFactory
from bots.tests.test_races import at_once
from bots.tests.webhooks import Sender
from market.tests.factories import ExchangeAccountFactory, UserFactory
from trades.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def plain_http(settings):
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture(autouse=True)
def queue(broker):
    return broker


@pytest.fixture
def bot():
    return BotFactory(strategy="webhook_signal")


@pytest.fixture
def sender(bot):
    return Sender(bot)


def refusal(answer):
    """Status and answer, without the number under which the logs tell of it."""
    told = answer.json()
    assert told.pop("request_id") == answer.headers["X-Request-ID"]
    return answer.status_code, told


def nobody(secret=""):
    """A sender to the address of no bot."""
    sender = Sender.__new__(Sender)
    sender.secret, sender.url = secret, "/hooks/v1/bots/AAAAAAAAAAAAAAAAAAAAAA/signal"
    return sender


def stored():
    return list(ExternalSignal.objects.order_by("pk").values_list("action", flat=True))


@pytest.mark.parametrize("way", ["signed", "told"])
def test_a_signal_is_written_down_and_the_bots_run_enqueued(bot, sender, queue, way):
    answer = getattr(sender, way)("exit_long")

    signal = ExternalSignal.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {
        "id": signal.sender_id,
        "action": "exit_long",
        "sent_at": signal.sent_at.isoformat(),
        "received_at": signal.received_at.isoformat(),
        "outcome": "waiting",
        "order": None,
    }
    assert signal.bot == bot
    assert queue("high_priority") == 1


WRONG = {
    "another secret": lambda sender: sender.signed(secret=new_secret()),
    "no signature": lambda sender: sender.signed(**{"webhook-signature": ""}),
    "another version": lambda sender: sender.signed(**{"webhook-signature": "v1a,abc"}),
    "another id": lambda sender: sender.signed(**{"webhook-id": "other"}),
    "another body": lambda sender: sender.post('{"action":"exit"}', **sender.headers_of('{"action":"enter_long"}')),
    "another time": lambda sender: sender.signed(**{"webhook-timestamp": "1764000000"}),
    "an old message": lambda sender: sender.signed(age=timedelta(minutes=5, seconds=2)),
    "a message of the future": lambda sender: sender.signed(age=-timedelta(minutes=5, seconds=5)),
    "another secret in the body": lambda sender: sender.told(secret=new_secret()),
    "no secret in the body": lambda sender: sender.told(secret=None),
    "a secret that is no text": lambda sender: sender.told(secret=["x"]),
    "an old alert": lambda sender: sender.told(age=timedelta(minutes=5, seconds=2)),
    "a body that is no object": lambda sender: sender.post("[1]"),
    "a signature next to a secret": lambda sender: sender.post(
        json.dumps({"secret": sender.secret}), **{"webhook-id": "1"}
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_whoever_is_not_believed_hears_the_same_as_of_a_bot_that_does_not_exist(sender, queue, wrong):
    stranger = nobody(sender.secret)

    answers = [refusal(wrong(sender)), refusal(stranger.signed()), refusal(stranger.told())]

    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 401
    assert answers[0][1]["code"] == "authentication_failed"
    assert (stored(), queue("high_priority")) == ([], 0)


def test_a_bot_without_a_secret_and_one_whose_secret_is_renewed_believe_nobody(bot, sender):
    renewed = Sender(bot)

    assert sender.url == renewed.url
    assert sender.signed().status_code == 401
    assert renewed.signed().status_code == 202
    Webhook.objects.all().delete()
    assert renewed.signed().status_code == 401


def test_a_secret_that_no_key_opens_believes_nobody(sender, settings, caplog):
    settings.FIELD_KEYS = ["w1OJ5wxQmVVHPLrXhgzUiZYD1p1SzAt6mYwiu5Nb2mY="]

    assert sender.signed().status_code == 401
    assert "no key of FIELD_KEYS opens this secret" in caplog.text


def test_a_sender_that_changes_its_secret_signs_with_both(sender):
    good = sender.signed(number="1").wsgi_request.headers["webhook-signature"]
    at = str(int(timezone.now().timestamp()))

    answer = sender.signed(number="1", **{"webhook-timestamp": at, "webhook-signature": f"v1,AAAA v2,x {good}"})

    assert answer.status_code == 200


BAD = {
    "no action": (lambda sender: sender.signed(body={}), "action", "None is none of enter_long, enter_short"),
    "an unknown action": (lambda sender: sender.signed("hold"), "action", "'hold' is none of enter_long"),
    "an action that is no text": (lambda sender: sender.told(["buy"]), "action", "['buy'] is none of"),
    "a long action": (lambda sender: sender.signed("x" * 200), "action", "x… is none of"),
    "short on spot": (lambda sender: sender.told("short"), "action", "'short': nothing is sold short on spot"),
    "an unknown field": (
        lambda sender: sender.told(quantity=1),
        "quantity",
        "is none of the fields action, id, secret, time.",
    ),
    "a secret that is not needed": (
        lambda sender: sender.signed(body={"action": "exit", "secret": sender.secret}),
        "secret",
        "is none of the fields action.",
    ),
    "no id": (lambda sender: sender.told(id=None), "id", "a text of 1 to 100 ASCII characters"),
    "a long id": (lambda sender: sender.told(id="x" * 101), "id", "1 to 100"),
    "no time": (lambda sender: sender.told(time=None), "time", "None is no moment"),
    "a time without a zone": (lambda sender: sender.told(time="2026-11-29T12:00:00"), "time", "with its time zone"),
    "a time that never is": (lambda sender: sender.told(time="2026-02-30T12:00:00Z"), "time", "is no moment"),
    "a list": (lambda sender: sender.signed(body=["enter_long"]), "", "a JSON object is needed."),
}


@pytest.mark.parametrize(("bad", "field", "words"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_named_to_whoever_is_believed(sender, queue, bad, field, words):
    status, told = refusal(bad(sender))

    assert (status, told["code"], list(told["fields"])) == (400, "invalid", [field])
    assert words in told["detail"]
    assert sender.secret not in json.dumps(told)
    assert (stored(), queue("high_priority")) == ([], 0)


def test_only_json_is_taken_and_only_a_little_of_it(sender):
    assert sender.post("action=buy", content_type="text/plain").status_code == 415
    assert refusal(sender.post('{"secret":'))[0] == 400
    status, told = refusal(sender.told(comment="x" * 5_000))
    assert (status, told["code"]) == (413, "too_large")
    assert told["detail"].endswith("bytes, at most 4096 are taken")
    assert stored() == []


@pytest.mark.parametrize("body", ["[" * 4_000, '{"a":[' * 600])
def test_what_is_nested_too_deeply_is_no_json(sender, body):
    """Nobody has to prove anything before it is read."""
    assert refusal(sender.post(body)) == (
        400,
        {"code": "parse_error", "detail": "JSON parse error - it is nested too deeply", "fields": {}},
    )


@pytest.mark.parametrize("fields", [{"secret": "\ud800"}, {"id": "\0"}, {"\ud800": 1}])
def test_a_text_that_nobody_can_keep_is_no_json_whoever_sends_it(sender, fields):
    answers = [refusal(who.told(**fields)) for who in (sender, nobody(sender.secret), nobody(new_secret()))]

    assert answers[0] == answers[1] == answers[2]
    assert (answers[0][0], answers[0][1]["code"]) == (400, "parse_error")
    assert stored() == []


@pytest.mark.parametrize(("name", "status"), [("%00", 400), ("a%00b", 400), ("%ff", 404), ("a.b", 404)])
def test_an_address_that_no_bot_can_have_is_nobodys(sender, name, status):
    sender.url = f"/hooks/v1/bots/{name}/signal"

    assert sender.signed().status_code == status
    assert sender.told().status_code == status


SPOT = {"buy": "enter_long", "long": "enter_long", "sell": "exit_long", "flat": "exit", "close": "exit", "exit": "exit"}
FUTURES = {"long": "enter_long", "short": "enter_short", "flat": "exit", "exit_short": "exit_short"}


@pytest.mark.parametrize(
    ("market", "word", "action"),
    [("spot", *item) for item in SPOT.items()] + [("futures", *item) for item in FUTURES.items()],
)
def test_words_of_tradingview_are_understood(market, word, action):
    bot = BotFactory(strategy="webhook_signal", account=ExchangeAccountFactory(market=market))

    assert Sender(bot).told(word).status_code == 202
    assert stored() == [action]


@pytest.mark.parametrize("word", ["buy", "sell"])
def test_words_that_could_mean_two_things_on_futures_are_refused(word):
    bot = BotFactory(strategy="webhook_signal", account=ExchangeAccountFactory(market="futures"))

    status, told = refusal(Sender(bot).told(word))

    assert status == 400
    assert f"({word} may open a position or close one)" in told["detail"]


def test_the_same_id_again_is_the_same_signal_and_tells_how_it_fared(sender, queue):
    first = sender.signed("exit", number="1")
    ExternalSignal.objects.update(outcome="left", handled_at=timezone.now(), order_id=7)

    again = sender.signed("exit", number="1")

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json() | {"outcome": "left", "order": 7}
    assert (stored(), queue("high_priority")) == (["exit"], 1)


def test_the_same_id_with_something_else_to_say_is_refused(sender):
    sender.signed("enter_long", number="1")

    assert refusal(sender.signed("exit", number="1")) == (
        409,
        {"code": "id_reused", "detail": "the id '1' belongs to a signal enter_long already", "fields": {}},
    )


def test_a_clock_that_is_ahead_makes_no_signal_younger_than_it_is(sender):
    answer = sender.signed(age=-timedelta(minutes=4)).json()

    assert answer["sent_at"] == answer["received_at"]


def test_ids_are_each_bots_own(sender):
    other = Sender(BotFactory(strategy="webhook_signal"))

    assert [sender.signed(number="1").status_code, other.signed(number="1").status_code] == [202, 202]


@pytest.mark.parametrize("is_looked_up", [True, False])
def test_the_same_id_twice_at_once_is_one_signal(sender, queue, monkeypatch, is_looked_up):
    if not is_looked_up:  # as if both had looked before either wrote
        real, seen = services.external._known, []

        def blind(*args):
            seen.append(args)
            return None if len(seen) <= 2 else real(*args)

        monkeypatch.setattr("bots.services.external._known", blind)

    answers = at_once(*[lambda: sender.signed(number="1").status_code] * 2)

    assert sorted(answers) == [200, 202]
    assert (stored(), queue("high_priority")) == (["enter_long"], 1)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"desired_state": "stopped"}, "the bot is stopped, position kept"),
        ({"desired_state": "flattened"}, "the bot is stopped, position closed"),
        ({"strategy": "ema_rsi"}, "the bot's strategy is ema_rsi, which takes no signals"),
    ],
)
def test_a_bot_that_does_not_listen_says_why_and_keeps_nothing(sender, queue, change, detail):
    sender.signed("exit", number="earlier")
    BotConfig.objects.update(**change)

    assert refusal(sender.signed("exit")) == (409, {"code": "not_listening", "detail": detail, "fields": {}})
    assert sender.signed("exit", number="earlier").status_code == 200  # it was told before
    assert (stored(), queue("high_priority")) == (["exit"], 1)


def test_entries_are_limited_for_each_bot_and_exits_by_themselves(sender):
    other = Sender(BotFactory(strategy="webhook_signal"))

    entries = [sender.signed().status_code for _ in range(31)]
    refused = sender.signed()

    assert entries == [202] * 30 + [429]
    assert refused.json()["code"] == "throttled"
    assert int(refused.headers["Retry-After"]) <= 60
    assert other.signed().status_code == 202
    assert [sender.signed("exit").status_code for _ in range(61)] == [202] * 60 + [429]


def test_all_bots_of_one_user_together_are_limited_and_nobody_elses(bot, sender, monkeypatch):
    monkeypatch.setattr(signals.OwnerThrottle, "rate", "3/min")
    monkeypatch.setattr(signals.OwnerExitThrottle, "rate", "4/min")
    second = Sender(BotFactory(strategy="webhook_signal", owner=bot.owner, account__owner=bot.owner))
    others = Sender(BotFactory(strategy="webhook_signal"))

    entries = [of.signed().status_code for of in (sender, second, sender, second)]
    exits = [of.signed("exit").status_code for of in (sender, second, sender, second, sender)]

    assert entries == [202] * 3 + [429]
    assert exits == [202] * 4 + [429]
    assert (others.signed().status_code, others.signed("exit").status_code) == (202, 202)


def test_the_bots_of_a_user_who_may_not_log_in_any_more_believe_nobody(bot, sender):
    get_user_model().objects.filter(pk=bot.owner_id).update(is_active=False)

    assert refusal(sender.signed()) == refusal(sender.signed(secret=new_secret()))
    assert stored() == []


def test_a_new_secret_is_an_event(bot):
    Sender(bot)

    event = Event.objects.get()
    assert (event.kind, event.position_id) == ("webhook_renewed", bot.position_id)


def test_nobody_else_uses_up_a_bots_limit(sender):
    for _ in range(31):
        sender.signed(secret=new_secret())

    assert sender.signed().status_code == 202


def test_without_a_broker_the_signal_is_kept(sender, monkeypatch, caplog):
    from celery import current_app
    from kombu.exceptions import OperationalError

    def away(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(current_app.amqp, "send_task_message", away)

    assert sender.signed().status_code == 202
    assert stored() == ["enter_long"]
    assert "the broker does not answer" in caplog.text


def test_the_secret_is_sealed_and_shown_nowhere(bot, sender, caplog):
    caplog.set_level(logging.DEBUG)
    answers = [sender.told(), sender.told(id=""), sender.told("hold"), sender.told(comment=sender.secret)]
    BotConfig.objects.update(strategy="ema_rsi")
    answers.append(sender.told())

    told = [caplog.text, repr(Webhook.objects.get()), repr(Webhook.objects.get().secret)]
    told += [answer.content.decode() + str(answer.headers) for answer in answers]
    told += map(str, [*Event.objects.values(), *Decision.objects.values(), *ExternalSignal.objects.values()])
    assert sender.secret.removeprefix("whsec_") not in "\n".join(told)
    assert sender.secret not in Webhook.objects.get().secret.token
    assert Webhook.objects.get().secret.reveal() == sender.secret


def test_only_its_owner_gets_a_bots_secret(bot, sender):
    for stranger in (UserFactory(), UserFactory(is_superuser=True)):
        with pytest.raises(services.NotYourBot):
            services.renew_webhook(bot, by=stranger, now=timezone.now())

    assert sender.signed().status_code == 202  # nothing has changed


def test_the_command_prints_address_and_secret(bot):
    out = StringIO()
    call_command("webhook_secret", str(bot.pk), "--json", stdout=out)
    told = json.loads(out.getvalue())

    sender = Sender.__new__(Sender)
    sender.url, sender.secret = told["path"], told["secret"]
    assert sender.signed().status_code == 202
    with pytest.raises(CommandError, match="no bots are called 'nobody'"):
        call_command("webhook_secret", "nobody")


def test_secrets_are_sealed_anew_with_those_of_exchanges(sender, settings):
    from cryptography.fernet import Fernet

    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    settings.FIELD_KEYS = [new, old]
    call_command("rotate_keys", stdout=StringIO())
    settings.FIELD_KEYS = [new]

    assert sender.signed().status_code == 202
