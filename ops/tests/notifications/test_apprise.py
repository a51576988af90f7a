"""Telegram, Discord and the others: each speaks to its own hosts only, and says clearly what became of a message."""

import json
import logging
import re
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from time import monotonic

import pytest
import requests

from ops.notifications import calls
from ops.notifications.senders import CHECKS, SENDERS, through_apprise
from ops.notifications.senders.apprise_door import Door, plugin_of, speaking_to
from ops.notifications.senders.apprise_services import SERVICES, service_of
from ops.notifications.senders.base import Refused, TryAgain
from ops.tests.notifications.sending import make_message

BOT = "123456789:AAH-T0KENabcdefghijklmnopqrstuvwxyz"
TELEGRAM = f"tgram://{BOT}/-1001234567"
DISCORD = "discord://417429632418316298/T0KENQml277CDHmQKMHI8qBe7bk2ZwO5UKjCiOAF7711o33MyqU344Qpgv7YTpadV_js"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/T0KENdnlazkcOXrIdevi7FQ"
WORKFLOW = "0123456789abcdef0123456789abcdef"
OK = b'{"ok": true, "result": {"message_id": 42}}'
SHOWN = {  # address → the host it speaks to, the path, a good answer, what is the message's id in it
    TELEGRAM: ("api.telegram.org", f"/bot{BOT}/sendMessage", OK, "42"),
    DISCORD: ("discord.com", f"/api/webhooks/{DISCORD[10:]}", b'{"id": "99"}', "99"),
    SLACK: ("hooks.slack.com", f"/services/{SLACK[8:]}", b"ok", ""),
    f"gchat://AAAAvBmTzvc/AIza{'k' * 35}/T0KEN{'t' * 35}%3D": (
        *("chat.googleapis.com", f"/v1/spaces/AAAAvBmTzvc/messages?token=T0KEN{'t' * 35}%3D&key=AIza{'k' * 35}"),
        *(b'{"name": "spaces/AAAAvBmTzvc/messages/1"}', "spaces/AAAAvBmTzvc/messages/1"),
    ),
    f"workflows://prod-15.logic.azure.com:443/{WORKFLOW}/T0KEN{'s' * 38}": (
        *("prod-15.logic.azure.com:443", f"/workflows/{WORKFLOW}/triggers/manual/paths/invoke?api-version=2016-06-01"),
        *(b"", ""),
    ),
    f"pover://{'u' * 30}@T0KEN{'a' * 25}": (
        *("api.pushover.net", "/1/messages.json", b'{"status": 1, "request": "647d"}', "647d"),
    ),
    "ntfys://my-T0KEN-topic": ("ntfy.sh", "/", b'{"id": "sPs71M8A2T"}', "sPs71M8A2T"),
    f"pagerduty://{'1' * 32}@T0KEN{'a' * 15}": (
        *("events.pagerduty.com", "/v2/enqueue", b'{"status": "success", "dedup_key": "d1"}', "d1"),
    ),
}
OTHERS = [  # what Apprise would take, and what nobody should
    *("json://hooks.example.com/", "jsons://127.0.0.1/T0KEN", "xml://localhost/", "xmls://hooks.example.com"),
    *("form://localhost", "forms://hooks.example.com/", "apprise://localhost/T0KEN", "apprises://example.com/T0KEN"),
    *("syslog://", "rsyslog://127.0.0.1", "dbus://", "gnome://", "kde://", "macosx://", "windows://", "blink1://"),
    *(
        "exec://id",
        "script:///bin/sh",
        "file:///etc/passwd",
        "http://169.254.169.254/",
        "https://discord.com/api/webhooks/",
    ),
    *("mailto://user:T0KEN@example.com", "mailtos://user:T0KEN@example.com", "smtp://localhost:25", "smpp://127.0.0.1"),
    *(
        "matrix://user:T0KEN@10.0.0.1/#room",
        "gotify://10.0.0.1/T0KEN",
        "rocket://user:T0KEN@10.0.0.1/#a",
        "mmost://10.0.0.1/T",
    ),
    *(
        "hassio://10.0.0.1/T0KEN",
        "kodi://10.0.0.1",
        "signal://10.0.0.1:8080/+1/",
        "mqtt://10.0.0.1/topic",
        "irc://10.0.0.1/#a",
    ),
    *(
        "nctalk://u:T0KEN@10.0.0.1/room",
        "synology://10.0.0.1/T0KEN",
        "growl://10.0.0.1",
        "zulip://a@org/T0KEN",
        "ses://a/b/c",
    ),
    *(
        "ntfy://10.0.0.1/topic",
        "ntfys://10.0.0.1/topic",
        "ntfys://10.0.0.1",
        "ntfys://user:T0KEN@ntfy.sh/topic",
        "ntfys://",
    ),
    *("TGRAM://" + TELEGRAM[8:], " " + TELEGRAM, TELEGRAM + "\n", TELEGRAM + " ", TELEGRAM.replace("-100", "-100%0a")),
    *(
        TELEGRAM + "?template=/etc/passwd",
        TELEGRAM + "?template=http://10.0.0.1/",
        TELEGRAM + "?verify=no",
        TELEGRAM + "?",
    ),
    *(
        TELEGRAM + "?image=yes",
        TELEGRAM + "?rto=9999",
        TELEGRAM + "?retry=10&wait=60",
        TELEGRAM + "#x",
        TELEGRAM + "/12345",
    ),
    *(f"tgram://{BOT}/", f"tgram://{BOT}", f"tgram://host@{BOT}/1", "tgram://123:short/1", f"tgram://{BOT}/../../x"),
    *(
        DISCORD + "?avatar_url=http://10.0.0.1/",
        DISCORD + "?redirect=yes",
        DISCORD + "/../../../x",
        f"discord://u@{DISCORD[10:]}",
    ),
    *(SLACK + "/#general", "slack://xoxb-1234-1234-T0KEN/#general", SLACK + "?template=/etc/passwd", "slack://a/b/c"),
    *(
        "workflows://10.0.0.1/a/b",
        f"workflows://evil.com/{WORKFLOW}/T0KEN{'s' * 38}",
        "workflows://logic.azure.com/a/b",
    ),
    *(
        f"workflows://logic.azure.com.evil.com/{WORKFLOW}/T0KEN{'s' * 38}",
        f"workflows://x.logic.azure.com:22/{WORKFLOW}/{WORKFLOW}",
    ),
    *(
        f"workflows://u@x.logic.azure.com/{WORKFLOW}/{WORKFLOW}",
        f"workflows://x.logic.azure.com/{WORKFLOW}/{WORKFLOW}?pa=yes&template=/a",
    ),
    *("", "://", "tgram", "T0KEN", BOT, "discord:/" + DISCORD[10:], f"{TELEGRAM},{DISCORD}", f"{TELEGRAM} {DISCORD}"),
]


@pytest.fixture
def send(anna, internet, make_channel):
    def send(target=TELEGRAM, kind="apprise", **changes):
        return SENDERS[kind](make_channel(anna, kind, target=target), make_message(**changes))

    return send


@pytest.fixture
def telegram(receiver):
    """A receiver that answers as Telegram does."""
    receiver.answer((200, {"Content-Type": "application/json"}, OK))
    return receiver


def test_each_service_is_shown_here():
    assert {target.partition("://")[0] for target in SHOWN} == set(SERVICES)


@pytest.mark.parametrize("target", SHOWN)
def test_a_message_arrives_at_the_host_of_its_service(send, receiver, internet, target):
    host, path, answer, number = SHOWN[target]
    receiver.answer((200, {}, answer))

    assert send(target) == number

    (got,) = receiver.received
    assert got.headers["Host"] == host.removesuffix(":443")
    assert got.path.startswith(path)
    assert internet.asked == [host.removesuffix(":443")]


@pytest.mark.parametrize("target", SHOWN)
def test_what_is_taken_is_shown_without_its_secret(target):
    CHECKS["apprise"](target)

    shown = through_apprise.hint(target)
    assert service_of(target).name in shown
    assert "T0KEN" not in shown


def test_of_a_chat_of_telegram_is_shown_which():
    assert through_apprise.hint(TELEGRAM) == "Telegram, chat -1001234567"


@pytest.mark.parametrize("target", OTHERS)
def test_nothing_else_is_taken_or_sent(send, internet, receiver, target):
    for check in (CHECKS["apprise"], CHECKS["telegram"]):
        with pytest.raises(ValueError, match=r"is none of|begins with none of|is not of the form") as caught:
            check(target)
        assert "T0KEN" not in str(caught.value)
        assert "10.0.0.1" not in str(caught.value)

    with pytest.raises(Refused, match=r"^target: "):
        send(target or "-")
    assert receiver.received == internet.asked == []


def test_a_telegram_channel_is_one_of_telegram():
    CHECKS["telegram"](TELEGRAM)

    for target in (DISCORD, SLACK):
        with pytest.raises(ValueError, match="is none of tgram; tgram://BOT_TOKEN/CHAT_ID is an address"):
            CHECKS["telegram"](target)


@pytest.mark.parametrize("chat", ["12345", "-1001234567", "@my_channel", "-1001234567:17"])
def test_a_chat_is_named_by_its_number_or_its_name(send, telegram, chat):
    send(f"tgram://{BOT}/{chat}", kind="telegram")

    told = telegram.received[0].json
    name, _, topic = chat.partition(":")
    assert str(told["chat_id"]) == name
    assert str(told.get("message_thread_id", "")) == topic


def test_what_looks_like_markup_arrives_as_it_was_written(send, telegram):
    send(title="Bot <b> & <i", text="1 < 2 &amp; *x* _y_ [z](https://a.b) <a href='x'>")

    told = telegram.received[0].json
    title, text = told["text"].split("\r\n")
    assert title == "<b>Bot &lt;b&gt; &amp; &lt;i</b>"
    assert text == "1 &lt; 2 &amp;amp; *x* _y_ [z](https://a.b) &lt;a href='x'&gt;"
    assert told["parse_mode"] == "HTML"


@pytest.mark.parametrize("text", ["x" * 100_000, "<&>" * 10_000, "line\n" * 10_000, ""])
@pytest.mark.parametrize("target", SHOWN)
def test_whatever_its_length_it_is_one_message(send, receiver, target, text):
    receiver.answer((200, {}, SHOWN[target][2]))

    send(target, text=text)

    (got,) = receiver.received
    assert len(got.body) < 40_000


def test_a_telegram_message_is_not_longer_than_telegram_takes(send, telegram):
    send(text="<&>" * 10_000)

    assert len(telegram.received[0].json["text"]) <= 4096


def test_nobody_is_called_by_the_name_of_a_bot(send, receiver):
    receiver.answer((204, {}, b""))

    send(DISCORD, title="@everyone look", text="@here too, but me@example.com")

    assert receiver.received[0].json["content"] == "@\u200beveryone look\r\n@\u200bhere too, but me@example.com"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_no_of_telegram_is_told_in_its_words(send, receiver, status):
    told = {"ok": False, "error_code": status, "description": "Bad Request: chat not found"}
    receiver.answer((status, {}, json.dumps(told).encode()))

    with pytest.raises(Refused, match=f"^Telegram answered {status}: Bad Request: chat not found$"):
        send()

    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("target", "body", "said"),
    [
        (DISCORD, b'{"message": "Unknown Webhook", "code": 10015}', ": Unknown Webhook"),
        (SLACK, b"invalid_token", ": invalid_token"),
        (SLACK, f"no {SLACK[8:]} here".encode(), ": no ***/***/*** here"),
        (
            TELEGRAM,
            json.dumps({"description": f"bot{BOT} is\nnot\u202e known"}).encode(),
            ": bot123456789:*** is not known",
        ),
        (TELEGRAM, b"<html>T0KEN</html>", ""),
        (TELEGRAM, b'{"description": {"a": 1}, "error": 7, "errors": [[]]}', ""),
        (TELEGRAM, b"\xff\x00\xfe", ": \ufffd \ufffd"),
        (TELEGRAM, b"[" * 60_000, f": {'[' * 150}"),
        ("ntfys://my-T0KEN-topic", b'{"code": 40301, "error": "forbidden: my-T0KEN-topic"}', ": forbidden: ***"),
    ],
)
def test_reasons_are_short_and_without_the_address(send, receiver, target, body, said):
    receiver.answer((400, {}, body))

    with pytest.raises(Refused) as caught:
        send(target)

    assert str(caught.value).replace("bot***:", "bot123456789:") == f"{service_of(target).name} answered 400{said}"


@pytest.mark.parametrize(
    ("target", "headers", "body", "seconds"),
    [
        (TELEGRAM, {}, b'{"ok": false, "error_code": 429, "parameters": {"retry_after": 35}}', 35),
        (TELEGRAM, {}, b'{"parameters": {"retry_after": 999999}}', 3_600),
        (TELEGRAM, {}, b'{"parameters": {"retry_after": "soon"}}', None),
        (TELEGRAM, {}, b'{"parameters": {"retry_after": 1e400}}', 3_600),
        (TELEGRAM, {}, b'{"parameters": {"retry_after": NaN}}', None),
        (DISCORD, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}, b'{"retry_after": 0.5}', 0.5),
        (SLACK, {"Retry-After": "30"}, b"rate_limited", 30),
    ],
)
def test_a_service_that_is_asked_too_often_is_left_alone_for_as_long_as_it_says(
    send, receiver, target, headers, body, seconds
):
    receiver.answer((429, headers, body))
    began = monotonic()

    with pytest.raises(TryAgain) as caught:
        send(target)

    assert caught.value.after == (None if seconds is None else timedelta(seconds=seconds))
    assert len(receiver.received) == 1  # Discord's plugin would wait here, and ask once more
    assert monotonic() - began < 5


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("target", SHOWN)
def test_a_service_in_trouble_is_tried_again(send, receiver, target, status):
    receiver.answer((status, {}, b""))

    with pytest.raises(TryAgain, match=f"answered {status}"):
        send(target)

    assert len(receiver.received) == 1


@pytest.mark.parametrize("target", SHOWN)
def test_a_redirect_is_not_followed(send, receiver, internet, target):
    receiver.answer((302, {"Location": "https://other.example.com/"}, b""))

    with pytest.raises(Refused, match="answered 302"):
        send(target)

    assert len(internet.asked) == 1


@pytest.mark.parametrize("target", SHOWN)
def test_a_service_that_hangs_is_left(send, receiver, monkeypatch, target):
    monkeypatch.setattr(calls, "TOTAL_SECONDS", 0.3)
    receiver.answer(lambda handler: handler.server.let_go.wait(30))
    began = monotonic()

    with pytest.raises(TryAgain, match="took too long"):
        send(target)

    assert monotonic() - began < 5


def test_a_yes_that_is_none_is_tried_again(send, receiver):
    receiver.answer((200, {}, b"<html>log in to this network</html>"))

    with pytest.raises(TryAgain, match="Slack answered 200, yet not that it took the message"):
        send(SLACK)


def test_a_service_whose_name_leads_to_us_gets_nothing(send, internet, receiver):
    internet.names["api.telegram.org"] = [["127.0.0.1"]]

    with pytest.raises(Refused, match=r"Telegram: host 'api\.telegram\.org' leads to an address that is not"):
        send()

    assert receiver.received == internet.dialed == []


def test_a_plugin_that_turns_to_another_host_is_stopped(send, internet, receiver, monkeypatch):
    monkeypatch.setattr(plugin_of(SERVICES["discord"]), "notify_url", "https://hooks.example.com/api")

    with pytest.raises(Refused, match="Discord: it is none of the hosts of this service"):
        send(DISCORD)

    assert receiver.received == internet.asked == []


def test_a_plugin_that_fails_shows_no_more_than_how(send, monkeypatch):
    def fail(self, **told):
        raise KeyError(self.bot_token)

    monkeypatch.setattr(plugin_of(SERVICES["tgram"]), "send", fail)

    with pytest.raises(TryAgain, match=r"^Telegram: Apprise failed with KeyError$") as caught:
        send()

    assert caught.value.__suppress_context__


def test_after_a_failure_a_plugin_sends_nothing_more(internet, receiver):
    receiver.answer((500, {}, b""))

    with speaking_to(SERVICES["discord"]):
        for _ in range(2):
            with pytest.raises(requests.RequestException):
                Door().post("https://discord.com/api")

    assert len(receiver.received) == 1


def test_outside_of_a_message_nobody_speaks(internet):
    with pytest.raises(LookupError):
        Door().post("https://discord.com/")

    assert internet.asked == []


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_plugin_has_no_other_way_out(service):
    plugin_of(service)

    module = import_module(f"apprise.plugins.{service.module}")
    source = Path(module.__file__).read_text()
    assert isinstance(module.requests, Door)
    assert not re.search(
        r"^\s*(?:from|import) (?:socket|http|urllib3|urllib\.request|aiohttp|httpx|smtplib)", source, re.M
    )
    assert not re.search(r"requests\.(?:Session|put|patch|delete|head|options)\b", source)


def test_apprise_is_loaded_by_those_only_who_send_by_it():
    code = "import sys, django; django.setup(); import ops.notifications.senders; assert 'apprise' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_logs_hold_no_secret_even_when_all_is_logged(send, receiver, caplog, capfd):
    told = []
    with caplog.at_level(logging.DEBUG):
        for target, (_, path, good, _) in SHOWN.items():
            for answer in ((200, {}, good), (400, {}, path.encode()), (500, {}, target.encode()), lambda handler: None):
                receiver.answer(answer)
                with suppress(TryAgain, Refused):
                    told.append(send(target))

    assert "T0KEN" not in caplog.text
    assert "T0KEN" not in "".join(capfd.readouterr())
    assert len(told) == len(SHOWN)
