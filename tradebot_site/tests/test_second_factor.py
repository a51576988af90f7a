"""The second factor: set up before anything else is shown, asked for at each login, sealed, and removable."""

import re
import time
from base64 import b32decode
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
from tradebot_site.renewal import WAITING
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


def removal_of(user):
    return reverse("admin:auth_user_remove_second_factor", args=[user.pk])


def test_a_superuser_removes_the_device_of_a_lost_phone_once_that_is_confirmed(trader, settings, admin):
    device, _ = enrolled(trader)
    client, _ = log_in(trader, code_of(device))
    settings.SECOND_FACTOR_REQUIRED = False  # the superuser of this test has none

    asked = admin.get(removal_of(trader)).content.decode()
    had = second_factor.has_second_factor(trader)
    html = admin.post(removal_of(trader), follow=True).content.decode()
    settings.SECOND_FACTOR_REQUIRED = True

    assert "Remove the second factor of the-trader" in asked
    assert had
    assert "The second factor of the-trader is removed" in html
    assert client.get(INDEX)["Location"] == SET_UP  # the open session counts no more
    assert not RecoveryCodes.objects.exists()
    _, page = log_in(trader)
    assert page.status_code == 302
    told = [change for record in trader.history.all() for change in record.changes]
    assert ["second factor", "set up", "removed"] in told


def test_nobody_removes_their_own_nor_who_is_no_superuser_that_of_others(trader, settings, admin, admin_user):
    settings.SECOND_FACTOR_REQUIRED = False
    for user in (trader, admin_user):
        enrolled(user)

    answers = [admin.post(removal_of(admin_user)), client_of(person("administrator")).post(removal_of(trader))]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert second_factor.has_second_factor(admin_user)
    assert second_factor.has_second_factor(trader)


def test_the_command_removes_it_where_no_administrator_is_left(trader, capsys):
    enrolled(trader)

    call_command("remove_second_factor", trader.username)

    assert not second_factor.has_second_factor(trader)


# --- renewing it oneself ----------------------------------------------------------------------------------------------

APP, CODES = f"{SET_UP}app/", f"{SET_UP}codes/"


@pytest.fixture
def inside(trader):
    """The trader's browser, logged in; device and recovery codes."""
    device, codes = enrolled(trader)
    client, _ = log_in(trader, code_of(device))
    return client, device, codes


def later(device):
    """A code of the app that was not used yet."""
    return code_of(device, steps=1)


def waiting_key(client):
    """The key that a page shows: of the app that is to take over."""
    return Authenticator(key=b32decode(client.get(APP).context["facts"][1][1]).hex())


def told_of(user):
    return [tuple(change) for record in user.history.all() for change in record.changes]


def test_the_menu_leads_to_it(inside):
    client, _, _ = inside

    home, page = client.get(INDEX).content.decode(), client.get(SET_UP).content.decode()

    assert f'href="{SET_UP}"' in home
    assert 'href="/admin/password_change/"' in home
    assert "10 of 10 are left" in page
    assert f'href="{APP}"' in page
    assert f'href="{CODES}"' in page


@pytest.mark.parametrize("page", [APP, CODES])
def test_nothing_is_shown_without_password_and_code(inside, page):
    client, device, _ = inside

    asked = client.get(page)
    password = client.post(page, {"password": "wrong", "token": later(device)})
    code = client.post(page, {"password": PASSWORD, "token": wrong(device)})

    assert not asked.context["facts"]
    assert password.context["form"].errors == {"password": ["Wrong password."]}
    assert "Wrong code" in code.context["form"].errors["token"][0]
    assert not client.get(page).context["facts"]
    assert PASSWORD not in code.content.decode()


def test_a_code_that_was_used_proves_nothing(inside):
    client, device, _ = inside

    page = client.post(APP, {"password": PASSWORD, "token": code_of(device)})  # the one of the login

    assert "Wrong code" in page.context["form"].errors["token"][0]


def test_wrong_passwords_lock_as_at_the_login(inside):
    client, device, _ = inside

    answers = [client.post(APP, {"password": "wrong", "token": "123456"}).status_code for _ in range(5)]
    right = client.post(APP, {"password": PASSWORD, "token": later(device)})

    assert answers == [200, 200, 200, 200, 429]
    assert right.status_code == 429


def test_another_phone_takes_over_when_it_has_shown_its_code(inside, trader):
    client, old, codes = inside
    elsewhere, _ = log_in(trader, codes[0])  # by a recovery code, which goes on counting
    other_session, _ = log_in(trader, codes[1])
    client.post(APP, {"password": PASSWORD, "token": later(old)})
    shown = client.get(APP)
    new = waiting_key(client)

    refused = client.post(APP, {"token": wrong(new)})
    kept = Authenticator.objects.get(user=trader)
    done = client.post(APP, {"token": code_of(new)}, follow=True)

    assert "no-store" in shown["Cache-Control"]
    assert "<svg" in shown.content.decode()
    assert "nothing has changed" in refused.content.decode()
    assert kept.key.reveal() == old.key.reveal()
    assert "Your second factor has moved" in done.content.decode()
    assert client.get(INDEX).status_code == 200
    assert Authenticator.objects.get(user=trader).key.reveal() == new.key.reveal() != old.key.reveal()
    assert "Wrong code" in errors_of(log_in(trader, later(old))[1])
    assert ("second factor", "set up", "moved to another app") in told_of(trader)
    assert trader.history.first().history_user == trader
    assert (elsewhere.get(INDEX).status_code, other_session.get(INDEX).status_code) == (200, 200)
    assert not client.get(APP).context["facts"]


def test_what_was_opened_with_the_old_phone_ends(inside, trader):
    client, old, codes = inside
    elsewhere, _ = log_in(trader, later(old))
    client.post(APP, {"password": PASSWORD, "token": codes[0]})

    client.post(APP, {"token": code_of(waiting_key(client))})

    assert elsewhere.get(INDEX, follow=True).redirect_chain[-1][0] == LOGIN


def test_until_it_is_confirmed_the_old_phone_counts(inside, trader):
    client, old, codes = inside
    client.post(APP, {"password": PASSWORD, "token": codes[0]})

    _, page = log_in(trader, later(old))

    assert page.status_code == 302


def test_new_recovery_codes_count_when_one_was_typed(inside, trader):
    client, device, old = inside
    client.post(CODES, {"password": PASSWORD, "token": later(device)})
    page = client.get(CODES)
    new = [code for _, code in page.context["facts"]]

    refused = client.post(CODES, {"token": old[0]})
    before = RecoveryCodes.objects.get(user=trader).left
    done = client.post(CODES, {"token": f" {new[3].upper()} "}, follow=True)

    assert len(set(new)) == 10
    assert "nothing has changed" in refused.content.decode()
    assert before == old
    assert RecoveryCodes.objects.get(user=trader).left == new
    assert "new recovery codes count" in done.content.decode()
    assert not any(code in done.content.decode() for code in new)
    assert "Wrong code" in errors_of(log_in(trader, old[1])[1])
    assert ("second factor", "set up", "new recovery codes") in told_of(trader)
    assert client.get(INDEX).status_code == 200


def test_a_proof_is_good_for_one_thing_and_ten_minutes(inside, trader):
    client, device, _ = inside
    client.post(APP, {"password": PASSWORD, "token": later(device)})
    new = waiting_key(client)

    other = client.get(CODES)
    session = client.session
    session[WAITING] |= {"until": timezone.now().isoformat()}
    session.save()
    page = client.post(APP, {"token": code_of(new)})

    assert not other.context["facts"]
    assert "password" in page.context["form"].errors
    assert WAITING not in client.session
    assert Authenticator.objects.get(user=trader).key.reveal() == device.key.reveal()


def test_what_waits_in_a_session_is_sealed(inside):
    client, device, _ = inside
    client.post(APP, {"password": PASSWORD, "token": later(device)})
    new = waiting_key(client)

    assert new.key.reveal() not in str(dict(client.session))


@pytest.mark.parametrize("is_required", [True, False])
def test_who_has_not_shown_it_renews_nothing(trader, settings, is_required):
    settings.SECOND_FACTOR_REQUIRED = is_required
    before = client_of(trader)  # with the password alone
    _, codes = enrolled(trader)

    answers = [before.get(APP), before.post(APP, {"password": PASSWORD, "token": codes[0]}), Client().get(APP)]

    assert [answer.status_code for answer in answers] == [302, 302, 302]
    assert LOGIN in answers[2]["Location"]
    assert len(RecoveryCodes.objects.get(user=trader).left) == 10


def test_where_none_is_required_it_can_be_set_up_and_only_then_renewed(trader, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    client = client_of(trader)

    assert client.get(APP)["Location"] == SET_UP
    assert "<svg" in client.get(SET_UP).content.decode()
    assert client.get(f"{SET_UP}nonsense/").status_code == 404


def test_a_second_factor_that_was_removed_meanwhile_does_not_come_back(trader):
    enrolled(trader)
    new = Authenticator(user=trader)
    second_factor.remove(trader)

    with pytest.raises(second_factor.WrongToken):
        second_factor.move(trader, new.key.reveal(), code_of(new))
    with pytest.raises(second_factor.WrongToken):
        second_factor.renew_codes(trader, ["abc"], "abc")

    assert not second_factor.has_second_factor(trader)
    assert not RecoveryCodes.objects.exists()


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
