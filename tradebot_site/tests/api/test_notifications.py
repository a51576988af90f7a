"""What one is told over the API, by which ways, and which of them one wants."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from market.access import TokenScope
from market.tests.factories import NOON
from ops.models import Channel, Delivery, Notification, Preference, Topic
from ops.notifications import changing, channels
from ops.notifications.senders.base import Refused
from ops.tokens import make_token
from tradebot_site.tests.api.asking import Caller
from tradebot_site.tests.people import person

TARGET = "https://hooks.example.com/T0KEN-of-mine"
SEND, STATUS = "/api/tasks/send-notification", "/api/tasks/status/{}"


@pytest.fixture
def trader(db, broker):
    return Caller(person("trader"))


def told(user, **fields):
    about = {"topic": "bot_error", "severity": "high", "title": "t", "text": "x", "created_at": timezone.now()}
    return Notification.objects.create(user=user, key=f"{Notification.objects.count()} of {user}", **about | fields)


def webhook(user, **fields):
    return channels.add_channel(
        user, kind="webhook", name=fields.get("name", "mine"), target=TARGET, by=user, now=timezone.now()
    )[0]


def send(caller, key="", **body):
    headers = {"Idempotency-Key": key} if key else {}
    body = {"type": "system_alert", "message": "hello"} | body
    answer = caller.client.post(SEND, body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()


def state(caller, task_id):
    answer = caller.client.get(STATUS.format(task_id))
    assert answer.status_code == 200
    return answer.json()


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_is_filtered_and_costs_the_same_however_long_it_is(trader):
    now = timezone.now()
    old = told(trader.user, created_at=now - timedelta(days=2), topic="stop_hit", severity="low", read_at=now)
    new = [told(trader.user, created_at=now - timedelta(seconds=n)) for n in range(9)]
    told(person("operator"))

    def ids(**query):
        return [row["id"] for row in trader.get("notifications", **query)[1]["results"]]

    assert ids() == [*(one.pk for one in new), old.pk]
    assert ids(topic="stop_hit") == ids(severity="low") == ids(unread="false") == [old.pk]
    assert len(ids(unread="true")) == len(ids(since=(now - timedelta(days=1)).isoformat())) == 9
    assert trader.get("notifications", topic="nothing")[1]["fields"].keys() == {"topic"}
    counts = []
    for size in (2, 10):
        with CaptureQueriesContext(connection) as asked:
            assert len(ids(page_size=size)) == size
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_one_is_marked_as_read_once_and_all_of_ones_own_at_once(trader):
    first, second, others = told(trader.user), told(trader.user), told(person("operator"))

    status, marked = trader.post(f"notifications/{first.pk}/read")
    again = trader.post(f"notifications/{first.pk}/read")[1]

    assert (status, marked["is_read"], again["read_at"]) == (200, True, marked["read_at"])
    assert trader.post("notifications/read-all") == (200, {"marked": 1})
    assert not Notification.objects.filter(pk=second.pk, read_at=None).exists()
    assert Notification.objects.get(pk=others.pk).read_at is None


# --- channels ---------------------------------------------------------------------------------------------------------


def test_a_webhook_is_added_its_secret_is_told_once_and_its_address_never(trader):
    status, made = trader.post("notification-channels", kind="webhook", name="mine", target=TARGET)
    address = f"notification-channels/{made['id']}"
    renewed = trader.post(f"{address}/rotate-secret")[1]["secret"]

    assert (status, made["hint"].startswith("https://hooks.example.com")) == (201, True)
    assert made["secret"].startswith("whsec_")
    assert renewed != made["secret"]
    assert Channel.objects.get().secret.reveal().startswith(renewed)
    for _, shown in (trader.get(address), trader.get("notification-channels"), trader.patch(address, name="other")):
        assert "T0KEN" not in str(shown)
        assert "whsec_" not in str(shown)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"target": "http://hooks.example.com"}, "target"),
        ({"target": "https://127.0.0.1/T0KEN"}, "target"),
        ({"kind": "email", "target": "nobody"}, "target"),
        ({"name": "n" * 61}, "name"),
        ({"name": "taken"}, "name"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_at_its_field_without_its_address(trader, body, field):
    webhook(trader.user, name="taken")

    status, answer = trader.post("notification-channels", **{"kind": "webhook", "name": "x", "target": TARGET} | body)

    assert (status, list(answer["fields"])) == (400, [field])
    assert "T0KEN" not in str(answer)
    assert Channel.objects.count() == 1


def test_an_address_that_is_not_the_accounts_is_mute_until_its_code_is_told(trader, broker):
    _, made = trader.post("notification-channels", kind="email", name="work", target="anna@example.com")
    address, channel = f"notification-channels/{made['id']}", Channel.objects.get()

    assert made["confirmed_at"] is None
    assert trader.post(f"{address}/send-code")[0] == 429  # one went out just now
    assert trader.post(f"{address}/test")[1]["code"] == "not_arrived"
    assert trader.post(f"{address}/confirm", code="WRONG")[1]["fields"].keys() == {"code"}
    code = channels.code_of(channel, now=timezone.now())
    assert trader.post(f"{address}/confirm", code=code)[1]["confirmed_at"]
    assert trader.patch(address, target="other@example.com")[1]["confirmed_at"] is None


def test_two_addresses_within_a_minute_are_one_too_many(trader):
    trader.post("notification-channels", kind="email", name="work", target="anna@example.com")

    status, answer = trader.post("notification-channels", kind="email", name="more", target="eve@example.com")

    assert (status, answer["code"]) == (429, "throttled")
    assert Channel.objects.get().name == "work"


def test_a_test_message_arrives_or_says_why_not(trader, monkeypatch, settings):
    channel = webhook(trader.user)
    sent = []
    monkeypatch.setattr(changing.channels, "send_trial", lambda channel, now: sent.append(channel))

    assert trader.post(f"notification-channels/{channel.pk}/test")[0] == 200
    assert sent == [channel]

    def refuses(channel, now):
        raise Refused(f"404 at {TARGET}")

    monkeypatch.setattr(changing.channels, "send_trial", refuses)
    status, answer = trader.post(f"notification-channels/{channel.pk}/test")
    assert (status, answer["code"]) == (409, "not_arrived")
    assert "T0KEN" not in str(answer)
    settings.THROTTLE_TRIALS = 2
    assert trader.post(f"notification-channels/{channel.pk}/test")[0] == 429


def test_a_channel_is_switched_off_and_deleted(trader):
    channel = webhook(trader.user)

    assert trader.patch(f"notification-channels/{channel.pk}", is_enabled=False)[1]["is_enabled"] is False
    assert trader.delete(f"notification-channels/{channel.pk}") == 204
    assert not Channel.objects.exists()


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("trade", 403), ("admin", 201)])
def test_where_one_is_told_things_is_for_a_person_to_decide(trader, scope, status):
    lives = timedelta(days=1)
    _, text = make_token(trader.user, name="a", scope=TokenScope(scope), lives=lives, now=timezone.now())
    trader.client = Client(headers={"Authorization": f"Token {text}"})

    assert trader.post("notification-channels", kind="webhook", name="mine", target=TARGET)[0] == status


# --- preferences ------------------------------------------------------------------------------------------------------


def cell(channel, topic="bot_error", **fields):
    return {"channel": channel.pk, "topic": topic, "is_wanted": False} | fields


def put(caller, method, *cells):
    address = "/api/v1/notification-preferences"
    answer = getattr(caller.client, method)(address, {"preferences": cells}, content_type="application/json")
    return answer.status_code, answer.json()


def test_the_table_is_told_as_a_whole_changed_in_parts_and_set_anew(trader):
    channel = webhook(trader.user)
    whole = trader.get("notification-preferences")[1]["preferences"]
    assert [row["topic"] for row in whole] == Topic.values

    put(trader, "patch", cell(channel), cell(channel, "stop_hit", is_wanted=True, min_severity="high"))
    _, changed = put(trader, "patch", cell(channel, "stop_hit", is_wanted=True, min_severity="critical"))
    rows = {row["topic"]: (row["is_wanted"], row["min_severity"]) for row in changed["preferences"]}
    assert (rows["bot_error"], rows["stop_hit"]) == ((False, "low"), (True, "critical"))

    put(trader, "put", cell(channel, "daily_summary"))
    assert list(Preference.objects.values_list("topic", flat=True)) == ["daily_summary"]


def test_a_cell_of_nothing_is_refused_and_nothing_is_saved(trader):
    mine, others = webhook(trader.user), webhook(person("operator"))

    for wrong in ({"topic": "nothing"}, {"min_severity": "huge"}, {"channel": 0}, {"x": 1}, {"is_wanted": "perhaps"}):
        status, answer = put(trader, "patch", cell(mine), cell(mine) | wrong)
        assert (status, list(answer["fields"])) == (400, ["preferences"]), wrong
    theirs, nobodys = (
        put(trader, "patch", cell(mine), cell(mine) | {"channel": number}) for number in (others.pk, 987_654)
    )

    assert (theirs[0], list(theirs[1]["fields"])) == (400, ["channel"])
    assert str(theirs[1]["fields"]).replace(str(others.pk), "N") == str(nobodys[1]["fields"]).replace("987654", "N")
    assert not Preference.objects.exists()


# --- telling ----------------------------------------------------------------------------------------------------------


def test_a_program_tells_its_user_something_once_for_a_key(trader, broker):
    webhook(trader.user)

    first, second = (send(trader, key="a", channels=["webhook"]) for _ in range(2))

    assert first == second
    note = Notification.objects.get()
    assert (first[0], first[1]["status"], first[1]["notification"]) == (202, "pending", note.pk)
    assert (note.user, note.text, note.topic) == (trader.user, "hello", "system_alert")
    assert Delivery.objects.get().channel.kind == "webhook"


def test_operators_tell_others_and_nobody_else_does(trader, broker):
    operator = Caller(person("operator"))

    assert send(operator, user_id=trader.user.pk)[0] == 202
    assert send(trader, user_id=operator.user.pk)[0] == 404
    assert send(operator, user_id=987_654)[0] == 404
    assert Notification.objects.get().user == trader.user


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "gossip"}, "type"),
        ({"message": ""}, "message"),
        ({"message": "m" * 4_001}, "message"),
        ({"channels": ["pigeon"]}, "channels"),
        ({"channels": ["telegram"]}, "channels"),  # has none
        ({"title": "x"}, "title"),
    ],
)
def test_what_cannot_be_told_is_refused_at_its_field(trader, body, field):
    status, answer = send(trader, **body)

    assert (status, list(answer["fields"])) == (400, [field])
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("first", "second", "status", "counts"),
    [
        ({}, {}, "pending", (0, 2, 0)),
        ({"attempts": 1}, {}, "running", (0, 2, 0)),
        ({"status": "sent", "sent_at": NOON}, {}, "pending", (1, 1, 0)),
        ({"status": "sent", "sent_at": NOON}, {"status": "failed"}, "success", (1, 0, 1)),
        ({"status": "failed"}, {"status": "failed"}, "failed", (0, 0, 2)),
    ],
)
def test_a_message_is_followed_by_the_number_of_its_task(trader, broker, first, second, status, counts):
    webhook(trader.user)
    webhook(trader.user, name="another")
    task_id = send(trader, channels=["webhook"])[1]["task_id"]
    for delivery, fields in zip(Delivery.objects.order_by("pk"), (first, second), strict=True):
        Delivery.objects.filter(pk=delivery.pk).update(**fields)

    told = state(trader, task_id)

    assert (told["task_id"], told["status"], told["result"]) == (task_id, status, None)
    assert tuple(told["notification"][name] for name in ("sent", "waiting", "failed")) == counts
    assert (told["error"] is None) is (status != "failed")
    assert (told["completed_at"] is None) is (counts[1] > 0)


def test_a_message_that_is_in_the_list_alone_has_arrived(trader, broker):
    task_id = send(trader)[1]["task_id"]

    assert state(trader, task_id)["status"] == "success"
    assert state(trader, task_id)["completed_at"]


def test_who_asked_and_who_is_told_may_ask_about_a_message_and_nobody_else(trader, broker):
    operator = Caller(person("operator"))
    task_id = send(operator, user_id=trader.user.pk)[1]["task_id"]

    assert [state(caller, task_id)["task_id"] for caller in (operator, trader)] == [task_id, task_id]
    for caller in (Caller(person("viewer")), Caller(person("administrator"))):
        assert caller.client.get(STATUS.format(task_id)).status_code == 404


def test_one_user_tells_so_much_a_minute(trader, settings):
    settings.THROTTLE_TELLS = 1

    assert [send(trader)[0] for _ in range(2)] == [202, 429]
