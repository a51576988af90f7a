"""Five wrong passwords lock a name for an address, for 15 minutes; whoever keeps guessing does not lock it for ever."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.test import Client, RequestFactory
from django.utils import timezone

from market.admin import text
from tradebot_site.lockout import client_ip
from tradebot_site.tests.people import PASSWORD, person

pytestmark = pytest.mark.django_db
LOGIN, LOCKS = "/admin/login/", "/admin/axes/accessattempt/"


@pytest.fixture
def trader():
    return person("trader")


def attempt(user, password, *, address="10.0.0.1", **headers):
    credentials = {"username": user.username, "password": password}
    return Client(REMOTE_ADDR=address, **headers).post(LOGIN, credentials)


def fail(user, times=5, **where):
    return [attempt(user, "wrong", **where) for _ in range(times)][-1]


def test_the_fifth_wrong_password_locks_and_says_until_when(trader):
    fourth, fifth = fail(trader, 4), fail(trader, 1)
    until = text.moment(AccessAttempt.objects.get().attempt_time + timedelta(minutes=15))

    right = attempt(trader, PASSWORD)

    assert (fourth.status_code, fifth.status_code, right.status_code) == (200, 429, 429)
    assert f"{until} UTC" in right.content.decode()
    assert "administrator" in right.content.decode()


def test_guessing_on_does_not_lengthen_it(trader):
    fail(trader)
    before = AccessAttempt.objects.get().attempt_time

    fail(trader, 3)

    assert AccessAttempt.objects.get().attempt_time == before


def test_after_15_minutes_it_is_over(trader):
    fail(trader)

    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    early = attempt(trader, PASSWORD)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))
    late = attempt(trader, PASSWORD)

    assert (early.status_code, late.status_code) == (429, 302)


def test_others_and_other_addresses_are_not_locked(trader):
    fail(trader)

    assert attempt(trader, PASSWORD, address="10.0.0.2").status_code == 302
    assert attempt(person("viewer"), PASSWORD).status_code == 302


def test_a_login_forgets_what_went_wrong_before(trader):
    fail(trader, 4)
    attempt(trader, PASSWORD)

    assert fail(trader, 4).status_code == 200


def test_another_browser_is_no_way_around(trader):
    for number in range(5):
        answer = attempt(trader, "wrong", HTTP_USER_AGENT=f"browser {number}")

    assert answer.status_code == 429


def test_an_administrator_unlocks(trader, admin, act):
    fail(trader)
    row = AccessAttempt.objects.get()
    page = admin.get(LOCKS).content.decode()

    act(admin, LOCKS, "unlock", row)

    assert text.moment(row.attempt_time + timedelta(minutes=15)) in page
    assert attempt(trader, PASSWORD).status_code == 302


def test_neither_password_nor_code_is_written_down(trader, caplog):
    Client().post(LOGIN, {"username": trader.username, "password": "gues5ed", "token": "987654"})

    stored = str(AccessAttempt.objects.values().get())
    assert "gues5ed" not in stored + caplog.text
    assert "987654" not in stored + caplog.text


def test_what_is_typed_as_a_name_and_is_none_is_neither_kept_nor_shown(trader, admin, caplog):
    caplog.set_level("DEBUG")
    for _ in range(2):
        Client().post(f"{LOGIN}?username=Secret-1!", {"username": "Secret-1!", "password": "x"})
    fail(trader, 1)

    stored = str(list(AccessAttempt.objects.values()))
    html = admin.get(LOCKS).content.decode()
    axes = "".join(record.getMessage() for record in caplog.records if record.name.startswith("axes"))
    assert "login failure" in axes
    assert "Secret-1!" not in stored + html + axes
    assert "unknown name " in html
    assert trader.username in html


def test_unknown_names_are_locked_each_for_itself_as_known_ones_are(trader):
    def guess(name):
        return Client(REMOTE_ADDR="10.0.0.1").post(LOGIN, {"username": name, "password": "wrong"})

    answers = [guess("nobody").status_code for _ in range(6)]
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=5))
    page = guess("nobody")
    until = text.moment(AccessAttempt.objects.get().attempt_time + timedelta(minutes=15))

    assert answers == [200, 200, 200, 200, 429, 429]
    assert f"{until} UTC" in page.content.decode()
    assert guess("nobody else").status_code == 200
    assert attempt(trader, PASSWORD).status_code == 302


def test_while_redis_is_away_people_log_in_and_guessers_are_counted(trader, settings, tmp_path):
    default = settings.CACHES["default"] | {"LOCATION": f"unix://{tmp_path}/nobody.sock?db=1"}
    settings.CACHES = {"default": default}

    assert attempt(trader, PASSWORD).status_code == 302
    assert fail(trader).status_code == 429
    assert attempt(trader, PASSWORD, address="10.0.0.2").status_code == 302


@pytest.mark.parametrize(
    ("proxies", "forwarded", "ip"),
    [
        (0, "6.6.6.6", "10.0.0.1"),  # nobody of ours has said it
        (1, "6.6.6.6, 7.7.7.7", "7.7.7.7"),
        (2, "6.6.6.6, 7.7.7.7", "6.6.6.6"),
        (1, "", "10.0.0.1"),
        (3, "6.6.6.6, 7.7.7.7", "10.0.0.1"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (1, "6.6.6.6, unknown", None),
    ],
)
def test_the_proxies_of_ours_decide_which_address_counts(settings, proxies, forwarded, ip):
    settings.PROXY_COUNT = proxies

    assert client_ip(RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)) == ip


def test_what_a_guesser_claims_does_not_help(trader, settings):
    settings.PROXY_COUNT = 1

    for number in range(5):
        answer = attempt(trader, "wrong", HTTP_X_FORWARDED_FOR=f"6.6.6.{number}, 7.7.7.7")

    assert answer.status_code == 429
