"""Who may listen to the event stream, by what, and for how long."""

import http.client
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_redis import get_redis_connection

from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory
from ops.models import ApiToken, Authenticator
from ops.stack.testing import wait_until
from ops.tokens import make_token
from tradebot_site.event_stream.standing import Credential, standings
from tradebot_site.tests.api.streams import PATH, EventStream, bearer, session_of
from tradebot_site.tests.people import client_of, group_of, person

pytestmark = pytest.mark.django_db(transaction=True)
SITE = "http://site.example:8000"


@pytest.mark.parametrize(
    ("role", "query", "status", "code"),
    [
        ("anonymous", "", 401, "not_authenticated"),
        ("stranger", "", 403, "permission_denied"),
        ("trader", "?all=true", 403, "permission_denied"),
        ("trader", "?bot=999999", 404, "not_found"),
        ("trader", "?bot=1,x", 400, "invalid"),
        ("trader", "?kinds=bot,secrets", 400, "invalid"),
        ("trader", "?all=perhaps", 400, "invalid"),
        ("trader", "?since=1", 400, "invalid"),
        ("trader", "?ticket=made-up", 401, "authentication_failed"),
        ("trader", "?bot=%00", 400, "invalid"),
    ],
)
def test_a_refusal_looks_like_those_of_the_api(stream, role, query, status, code):
    headers = {} if role == "anonymous" else bearer(person(role))

    told, body, named = stream.get(f"{PATH}{query}", X_Request_ID="asked-by-test-1", **headers)

    assert (told, body["code"]) == (status, code)
    assert set(body) == {"code", "detail", "fields", "request_id"}
    assert body["request_id"] == named["X-Request-ID"] == "asked-by-test-1"


def test_a_wrong_token_and_what_is_no_get_are_refused(stream):
    assert stream.get(Authorization="Token no-such-token")[0] == 401
    assert stream.get(method="POST", **bearer(person("trader")))[0] == 405
    status, body, _ = stream.get("/api/v1/bots")
    assert (status, body["code"]) == (404, "not_found")


def test_the_bot_of_another_user_does_not_exist_unless_one_sees_all(stream):
    bot = BotFactory()

    assert stream.get(f"{PATH}?bot={bot.pk}", **bearer(person("trader")))[0] == 404
    with stream.listening(person("operator"), f"{PATH}?bot={bot.pk}&kinds=bot") as listener:
        bot.state.message = "looked at"
        bot.state.save()
        assert listener.wait_for("bot")[-1]["id"] == bot.pk


def test_one_listens_to_chosen_bots_and_kinds(stream):
    trader = person("trader")
    account = ExchangeAccountFactory(owner=trader)
    chosen, other = BotFactory(account=account), BotFactory(account=account)
    with stream.listening(trader, f"{PATH}?bot={chosen.pk}&kinds=bot") as listener, stream.listening(trader) as all_of:
        for bot in (other, chosen):
            bot.state.message = "for this one"
            bot.state.save()

        all_of.wait_for("bot", 2)
        assert {told["id"] for told in listener.wait_for("bot")} == {chosen.pk}


def test_a_session_listens_from_pages_of_our_own_origin_alone(spawn):
    stream = EventStream(spawn, EVENT_STREAM_ORIGINS=SITE)
    cookie = session_of(person("trader"))

    listener = stream.open(Origin=SITE, **cookie)
    assert listener.response.headers["Access-Control-Allow-Origin"] == SITE
    assert listener.response.headers["Access-Control-Allow-Credentials"] == "true"
    assert listener.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    listener.close()
    stream.open(Origin=f"http://127.0.0.1:{stream.port}", **cookie).close()
    for origin in ("http://evil.example", "null", "http://site.example:8001", "https://site.example:8000"):
        status, _, headers = stream.get(Origin=origin, **cookie)
        assert status == 403
        assert "Access-Control-Allow-Origin" not in headers
    assert stream.get(method="OPTIONS", Origin=SITE)[0] == 204


def ask_ticket(headers):
    return client_of(None).post(f"{PATH}/ticket", content_type="application/json", headers=headers)


def test_a_ticket_lets_in_once_and_for_as_long_as_its_token_counts(stream):
    headers = bearer(person("trader"))
    answer = ask_ticket(headers)
    assert answer.status_code == 201
    url = answer.json()["url"].removeprefix("http://testserver:8001")

    listener = stream.open(url)
    assert listener.of("ready")
    assert stream.get(url)[0] == 401
    ApiToken.objects.all().delete()
    assert listener.wait_for("end", seconds=25)[0]["code"] == "not_authenticated"
    listener.close()


def test_a_ticket_of_a_token_that_was_revoked_lets_nobody_in(stream):
    ticket = ask_ticket(bearer(person("trader"))).json()["ticket"]
    ApiToken.objects.all().delete()

    assert stream.get(f"{PATH}?ticket={ticket}")[0] == 401


def test_the_web_server_leads_to_the_stream(settings):
    settings.EVENT_STREAM_URL = "http://{host}:8001/api/v1/events"
    client = client_of(person("trader"))

    answer = client.get(f"{PATH}?kinds=bot", headers={"Host": "localhost:8000"})

    assert answer.status_code == 307
    assert answer["Location"] == "http://localhost:8001/api/v1/events?kinds=bot"
    assert client_of(None).get(PATH).status_code == 401
    assert client.get(f"{PATH}?kinds=nothing").status_code == 400


def test_a_browser_that_follows_brings_its_cookie_and_is_let_in(spawn, settings):
    stream = EventStream(spawn, EVENT_STREAM_ORIGINS=SITE)
    settings.EVENT_STREAM_URL = f"http://{{host}}:{stream.port}/api/v1/events"
    cookie = session_of(person("trader"))

    led = client_of(None).get(PATH, headers={"Host": "127.0.0.1:8000", **cookie})

    assert led.status_code == 307
    assert led["Location"].startswith(f"http://127.0.0.1:{stream.port}/")
    listener = stream.open(led["Location"].removeprefix(f"http://127.0.0.1:{stream.port}"), Origin=SITE, **cookie)
    assert listener.of("ready")
    listener.close()


def test_without_an_address_the_web_server_says_who_has_to_lead_there(settings):
    settings.EVENT_STREAM_URL = ""
    answer = client_of(person("trader")).get(PATH)

    assert answer.status_code == 503
    assert "proxy" in answer.json()["detail"]


@pytest.mark.timeout(120)
def test_whoever_may_not_listen_any_more_is_told_so_within_seconds(stream):
    names = ("revoked", "away", "out", "demoted", "renewed", "stays")
    people = {name: User.objects.create_user(name) for name in names}
    for user in people.values():
        user.groups.add(group_of("trader"))
    leaving = session_of(people["out"])
    listeners = {
        "revoked": stream.open(**bearer(people["revoked"])),
        "away": stream.open(**bearer(people["away"])),
        "out": stream.open(**leaving),
        "demoted": stream.open(**bearer(people["demoted"])),
        "renewed": stream.open(**session_of(people["renewed"])),
        "stays": stream.open(**bearer(people["stays"])),
    }

    ApiToken.objects.filter(user=people["revoked"]).delete()
    User.objects.filter(username="away").update(is_active=False)
    people["demoted"].groups.clear()
    people["renewed"].set_password("another one")
    people["renewed"].save()
    client = client_of(None)
    client.cookies["sessionid"] = leaving["Cookie"].partition("=")[2]
    client.logout()

    ends = {name: listener.wait_for("end", seconds=25)[0] for name, listener in listeners.items() if name != "stays"}
    codes = {name: told["code"] for name, told in ends.items()}
    assert codes.pop("demoted") == "permission_denied"
    assert set(codes.values()) == {"not_authenticated"}
    assert set(ends["out"]) == {"code", "detail", "fields", "request_id"}
    assert not listeners["stays"].of("end")
    wait_until(lambda: any(line == ": still here" for line in listeners["stays"].lines), 20)
    for listener in listeners.values():
        listener.close()


def test_a_user_has_so_many_streams_at_most(spawn):
    stream = EventStream(spawn, EVENT_STREAM_USER_VIEWERS="2", EVENT_STREAM_VIEWERS="3")
    trader, viewer = bearer(person("trader")), bearer(person("viewer"))
    open_ones = [stream.open(**trader), stream.open(**trader)]

    status, body, headers = stream.get(**trader)
    assert (status, body["code"]) == (429, "throttled")
    assert int(headers["Retry-After"]) > 0
    open_ones.append(stream.open(**viewer))
    assert stream.get(**viewer)[:2][0] == 503
    open_ones.pop().close()
    stream.open(**viewer).close()
    for listener in open_ones:
        listener.close()


def test_an_address_may_try_so_often_a_minute(spawn, early_in):
    stream = EventStream(spawn, THROTTLE_EVENTS="3")
    early_in(60)
    redis = get_redis_connection("default")
    redis.delete(*redis.scan_iter("throttle:events:*"), "none")
    statuses = [stream.get(Authorization="Token wrong")[0] for _ in range(5)]

    assert statuses == [401, 401, 401, 429, 429]


def test_a_request_that_is_no_http_costs_the_stream_nothing(stream):
    link = http.client.HTTPConnection("127.0.0.1", stream.port, timeout=10)
    link.connect()
    link.sock.sendall(b"\x00\xff nonsense\r\n\r\n")
    assert link.sock.recv(12) in (b"HTTP/1.0 400", b"HTTP/1.1 400")
    link.close()

    assert stream.get("/health")[0] == 200


@pytest.mark.parametrize("role", ["stranger", "viewer", "trader", "operator", "administrator", "superuser"])
@pytest.mark.parametrize("shows_device", [True, False])
@pytest.mark.parametrize("is_required", [True, False])
def test_all_at_once_are_judged_as_the_door_judges_each(settings, role, shows_device, is_required):
    settings.SECOND_FACTOR_REQUIRED = is_required
    settings.EVENT_STREAM_URL = "http://there"
    user = person(role) if role != "superuser" else person("administrator", is_superuser=True)
    client = client_of(user)
    device = Authenticator.objects.create(user=user, name="app", confirmed=True)
    if shows_device:
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = device.persistent_id
        session.save()
    token, text = make_token(user, name="t", scope="read", lives=timedelta(days=1), now=timezone.now())
    by_session = Credential(user.pk, None, client.session.session_key)
    by_token = Credential(user.pk, token.pk, None)

    answers = client.get(PATH), client_of(None).get(PATH, headers={"Authorization": f"Token {text}"})
    at_door = tuple(answer.status_code for answer in answers)
    found = standings([by_session, by_token])

    def judged(standing):
        return 307 if standing and not standing.is_half_way and standing.may("bots.view_botconfig") else 403

    assert tuple(judged(found.get(credential)) for credential in (by_session, by_token)) == at_door
    assert found[by_token].sees_all == user.has_perm("market.see_all_rows")
