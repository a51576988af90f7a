"""The second factor: set up before anything else is shown, asked for at each login, sealed, and removable."""

import re
import time
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP

from market.services import rotate_secrets
from ops import second_factor
from ops.models import Authenticator, RecoveryCodes
from tradebot_site.tests.people import PASSWORD, client_of, person

pytestmark = pytest.mark.django_db
LOGIN, SET_UP, INDEX = "/admin/login/", "/admin/second-factor/", "/admin/"


@pytest.fixture(autouse=True)
def required(settings):
    settings.SECOND_FACTOR_REQUIRED = True
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def trader():
    return person("trader")


def code_of(device, *, steps=0):
    """What the app of a user shows, so many steps from now."""
    clock = TOTP(bytes.fromhex(device.key.reveal()))
    clock.time = time.time() + 30 * steps
    return f"{clock.token():06d}"


def wrong(device):
    """Six digits that are none of those that count now."""
    shown = {code_of(device, steps=steps) for steps in range(-2, 3)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in shown)


def log_in(user, token="", client=None):
    client = client or Client()
    page = client.post(LOGIN, {"username": user.username, "password": PASSWORD, "token": token})
    return client, page


def enrolled(user):
    """A user with a second factor, and the recovery codes. Its app's token of now is used up."""
    device = second_factor.begin(user)
    return second_factor.confirm(user, code_of(device, steps=-1))


def errors_of(page):
    form = page.context["form"]
    return " ".join([*form.non_field_errors(), *form.errors.get("token", [])])


# --- setting it up ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", [INDEX, "/admin/bots/botconfig/", "/admin/auth/user/", "/admin/password_change/", "/admin/jsi18n/"]
)
def test_without_a_device_everything_leads_to_setting_one_up(trader, address):
    client, _ = log_in(trader)

    answer = client.get(address)

    assert (answer.status_code, answer["Location"]) == (302, SET_UP)


def test_without_it_the_api_refuses(trader):
    client, _ = log_in(trader)

    answer = client.post(reverse("kill-switch"), {"state": "halted"}, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")


def test_it_is_set_up_with_the_app_and_then_everything_is_open(trader):
    client, _ = log_in(trader)
    page = client.get(SET_UP)
    device = Authenticator.objects.get(user=trader)
    html = page.content.decode()

    done = client.post(SET_UP, {"token": code_of(device)})

    assert "<svg" in html
    assert device.secret in html
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)  # nothing is asked of another host
    assert "no-store" in page["Cache-Control"]
    codes = re.findall(r"<li><code>(\w{10})</code>", done.content.decode())
    assert len(codes) == len(set(codes)) == 10
    assert "no-store" in done["Cache-Control"]
    assert client.get(INDEX).status_code == 200
    assert not any(code in client.get(SET_UP, follow=True).content.decode() for code in codes)


def test_a_wrong_code_sets_nothing_up_and_the_key_stays_the_same(trader):
    client, _ = log_in(trader)
    client.get(SET_UP)
    device = Authenticator.objects.get(user=trader)

    page = client.post(SET_UP, {"token": wrong(device)})

    assert "Wrong code" in page.content.decode()
    assert device.secret in page.content.decode()
    assert client.get(INDEX).status_code == 302
    assert Authenticator.objects.get(user=trader).throttling_failure_count == 1


def test_the_right_code_has_to_wait_after_a_wrong_one(trader):
    client, _ = log_in(trader)
    client.get(SET_UP)
    device = Authenticator.objects.get(user=trader)
    client.post(SET_UP, {"token": wrong(device)})
    Authenticator.objects.update(throttling_failure_timestamp=timezone.now())

    page = client.post(SET_UP, {"token": code_of(device)})

    assert "too soon" in page.content.decode()
    assert not Authenticator.objects.get(user=trader).confirmed


def test_a_device_that_is_not_confirmed_is_not_asked_for(trader):
    second_factor.begin(trader)

    _, page = log_in(trader)

    assert page.status_code == 302


def test_nobody_who_is_not_logged_in_sets_one_up():
    assert LOGIN in Client().get(SET_UP)["Location"]


# --- logging in -------------------------------------------------------------------------------------------------------


def test_the_code_lets_in(trader):
    device, _ = enrolled(trader)

    client, page = log_in(trader, code_of(device))

    assert page.status_code == 302
    assert client.get(INDEX).status_code == 200


@pytest.mark.parametrize(
    ("token", "words"), [("", "Enter the code"), ("wrong", "Wrong code"), ("¹²³⁴⁵⁶", "Wrong code")]
)
def test_without_the_right_code_the_password_is_not_enough(trader, token, words):
    device, _ = enrolled(trader)

    client, page = log_in(trader, wrong(device) if token == "wrong" else token)

    assert words in errors_of(page)
    assert PASSWORD not in page.content.decode()
    assert client.get(INDEX)["Location"].startswith(LOGIN)


def test_a_code_counts_once(trader):
    device, _ = enrolled(trader)
    code = code_of(device)
    log_in(trader, code)

    _, again = log_in(trader, code)

    assert "used before" in errors_of(again)


def test_wrong_codes_slow_down_the_next_one(trader):
    device, _ = enrolled(trader)
    for _ in range(2):
        log_in(trader, wrong(device))
        Authenticator.objects.update(throttling_failure_timestamp=None)
    log_in(trader, wrong(device))

    _, right = log_in(trader, code_of(device))
    Authenticator.objects.update(
        throttling_failure_timestamp=Authenticator.objects.get().throttling_failure_timestamp - timedelta(seconds=5)
    )
    _, later = log_in(trader, code_of(device))

    assert "temporarily disabled because of 3 failed attempts" in errors_of(right)
    assert later.status_code == 302


def test_a_recovery_code_lets_in_once(trader):
    _, codes = enrolled(trader)

    client, page = log_in(trader, f" {codes[3].upper()} ")
    _, again = log_in(trader, codes[3])

    assert page.status_code == 302
    assert client.get(INDEX).status_code == 200
    assert "Wrong code" in errors_of(again)
    assert len(RecoveryCodes.objects.get().codes.reveal().split()) == 9


def test_a_code_of_somebody_else_lets_nobody_in(trader):
    theirs, _ = enrolled(person("operator"))
    enrolled(trader)

    _, page = log_in(trader, code_of(theirs))

    assert page.status_code == 200


def test_a_session_from_before_has_to_log_in_again(trader):
    client = client_of(trader)  # with the password alone
    enrolled(trader)

    page = client.get(INDEX, follow=True)

    assert page.redirect_chain[-1][0] == LOGIN
    assert "_auth_user_id" not in client.session


def test_where_it_is_not_required_it_is_asked_of_those_who_have_one(trader, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    without, _ = log_in(person("viewer"))
    device, _ = enrolled(trader)

    _, refused = log_in(trader)
    client, _ = log_in(trader, code_of(device))

    assert without.get(INDEX).status_code == 200
    assert "Enter the code" in errors_of(refused)
    assert client.get(INDEX).status_code == 200


# --- losing it --------------------------------------------------------------------------------------------------------


def test_an_administrator_removes_the_device_of_a_lost_phone(trader, settings, act):
    device, _ = enrolled(trader)
    client, _ = log_in(trader, code_of(device))
    settings.SECOND_FACTOR_REQUIRED = False  # the administrator of this test has none

    html = act(client_of(person("administrator")), "/admin/auth/user/", "remove_second_factor", trader).content.decode()
    settings.SECOND_FACTOR_REQUIRED = True

    assert "Second factors removed: 1." in html
    assert client.get(INDEX)["Location"] == SET_UP  # the open session counts no more
    assert not RecoveryCodes.objects.exists()
    _, page = log_in(trader)
    assert page.status_code == 302
    told = [change for record in trader.history.all() for change in record.changes]
    assert ["second factor", "set up", "removed"] in told


def test_the_command_removes_it_where_no_administrator_is_left(trader, capsys):
    enrolled(trader)

    call_command("remove_second_factor", trader.username)

    assert not second_factor.has_second_factor(trader)


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_keys_and_codes_are_sealed_in_the_database(trader):
    device, codes = enrolled(trader)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(t::text, '') FROM ops_authenticator t)"
            " || (SELECT string_agg(t::text, '') FROM ops_recoverycodes t)"
            " || (SELECT string_agg(t::text, '') FROM ops_historicaluser t)"
        )
        (stored,) = cursor.fetchone()

    for secret in (device.key.reveal(), device.secret, *codes):
        assert secret not in stored
        assert secret not in repr(device.key)


def test_a_new_key_of_the_house_opens_them_still(trader, settings):
    _, codes = enrolled(trader)
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_KEYS]
    rotate_secrets()
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]

    _, page = log_in(trader, codes[0])

    assert page.status_code == 302


def test_a_key_that_can_not_be_opened_is_told(trader, settings):
    enrolled(trader)
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]

    _, page = log_in(trader, "123456")

    assert "ask an administrator to remove it" in errors_of(page)


def test_no_page_of_the_admin_shows_a_key(trader, settings, admin):
    device, codes = enrolled(trader)
    settings.SECOND_FACTOR_REQUIRED = False

    for address in (
        "/admin/auth/user/",
        f"/admin/auth/user/{trader.pk}/change/",
        f"/admin/auth/user/{trader.pk}/history/",
    ):
        html = admin.get(address).content.decode()
        assert not any(secret in html for secret in (device.secret, device.key.reveal(), *codes))


def test_members_of_a_group_have_to_be_staff(trader, settings, admin):
    settings.SECOND_FACTOR_REQUIRED = False
    form = {"username": trader.username, "is_active": "on", "groups": [trader.groups.get().pk]}

    page = admin.post(
        f"/admin/auth/user/{trader.pk}/change/", form | {"date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
    )

    assert "a member of trader has to be staff" in page.context["adminform"].form.errors["is_staff"][0]
    assert "Members have to be staff" in page.content.decode()
