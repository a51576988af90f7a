"""Kill switches and risk limits in the admin: one click, by whoever may press, told to whoever may know."""

import pytest

from market.models import ExchangeAccount, RiskLimits, Switch
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from trades.models import Event, Order
from trades.tests.factories import OrderFactory

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNTS, SWITCHES, LIMITS = "/admin/market/exchangeaccount/", "/admin/market/switch/", "/admin/market/risklimits/"
DAY = {"time_zone": "UTC"}


@pytest.mark.parametrize(("action", "state"), [("halt", "halted"), ("reduce", "reducing"), ("resume", "active")])
def test_an_account_is_switched_with_one_click(admin, admin_user, act, action, state):
    order = OrderFactory()
    account = order.account
    ExchangeAccount.objects.update(state="reducing" if state == "active" else "active")

    html = act(admin, ACCOUNTS, action, account).content.decode()

    account.refresh_from_db()
    assert (account.state, account.state_set_by) == (state, admin_user)
    assert f"account {account.name} of {account.owner} is {state}." in html
    assert ("Entries taken back: 1" in html) == (state == "halted")
    assert Order.objects.get().status == ("canceled" if state == "halted" else "intended")


def test_the_platform_is_switched_with_one_click(admin, act):
    switch = Switch.objects.create()

    html = act(admin, SWITCHES, "halt", switch).content.decode()

    switch.refresh_from_db()
    assert "the platform is halted." in html
    assert switch.state == "halted"
    assert Event.objects.get().kind == "kill_switch"


def test_a_switch_that_was_never_pressed_is_pressed_by_adding_it(admin, admin_user):
    bob = UserFactory(username="bob")

    page = admin.post(f"{SWITCHES}add/", {"user": bob.pk, "state": "reducing", "reason": "too wild"}, follow=True)

    switch = Switch.objects.get(user=bob)
    assert "user bob is reducing." in page.content.decode()
    assert (switch.state, switch.reason, switch.pressed_by) == ("reducing", "too wild", admin_user)
    assert Event.objects.get().message == "user bob is reducing, by root: too wild"


def test_a_second_switch_for_the_same_is_refused(admin):
    Switch.objects.create()

    page = admin.post(f"{SWITCHES}add/", {"user": "", "state": "halted", "reason": ""})

    assert "exists already" in page.content.decode()
    assert Switch.objects.get().state == "active"


def test_the_page_of_a_switch_presses_it_with_a_reason(admin):
    switch = Switch.objects.create()

    admin.post(f"{SWITCHES}{switch.pk}/change/", {"state": "halted", "reason": "flood"})

    switch.refresh_from_db()
    assert (switch.state, switch.reason) == ("halted", "flood")
    assert Event.objects.get().data["before"] == "active"


def test_a_switch_stays_in_the_list(admin):
    switch = Switch.objects.create()

    admin.post(f"{SWITCHES}{switch.pk}/delete/", {"post": "yes"})

    assert Switch.objects.exists()


@pytest.mark.parametrize("action", ["halt", "reduce", "resume"])
def test_a_strangers_account_and_switch_are_out_of_reach(staff_client, act, action):
    account = ExchangeAccountFactory(state="reducing")
    switch = Switch.objects.create(user=account.owner, state="reducing")

    act(staff_client, ACCOUNTS, action, account)
    act(staff_client, SWITCHES, action, switch)

    assert (ExchangeAccount.objects.get().state, Switch.objects.get().state) == ("reducing", "reducing")
    assert not Event.objects.exists()


def test_staff_halt_themselves_and_only_themselves(staff, staff_client):
    stranger = UserFactory()

    staff_client.post(f"{SWITCHES}add/", {"user": stranger.pk, "state": "halted", "reason": "enough"})
    again = staff_client.get(f"{SWITCHES}add/")

    assert list(Switch.objects.values_list("user", "state")) == [(staff.pk, "halted")]
    assert again.status_code == 403


def test_what_an_operator_has_stopped_is_not_let_go_by_its_owner(staff, staff_client, admin, act):
    account = ExchangeAccountFactory(owner=staff)
    act(admin, ACCOUNTS, "halt", account)

    html = act(staff_client, ACCOUNTS, "resume", account).content.decode()

    assert "only an operator lets it go" in html
    assert ExchangeAccount.objects.get().state == "halted"


def test_news_of_an_account_or_a_user_are_read_by_its_owner_and_operators(staff, staff_client, admin):
    mine, theirs = ExchangeAccountFactory(owner=staff, name="mine"), ExchangeAccountFactory(name="theirs")
    for about in ({"account": mine}, {"account": theirs}, {"user": staff}, {"user": theirs.owner}, {}):
        Event.objects.create(kind="kill_switch", message="news", created_at=NOON, **about)

    def seen(client):
        return len(client.get("/admin/trades/event/").context["cl"].result_list)

    assert (seen(staff_client), seen(admin)) == (2, 5)
    assert "theirs" not in staff_client.get("/admin/trades/event/").content.decode()


def test_owners_bound_their_own_accounts(staff, staff_client):
    mine, theirs = ExchangeAccountFactory(owner=staff), ExchangeAccountFactory()

    accepted = staff_client.post(f"{LIMITS}add/", {"account": mine.pk, "max_exposure": "1000", **DAY})
    refused = staff_client.post(f"{LIMITS}add/", {"account": theirs.pk, "max_exposure": "1000", **DAY})
    pretended = staff_client.post(f"{LIMITS}add/", {"user": staff.pk, "max_exposure": "1000", **DAY})

    assert (accepted.status_code, refused.status_code, pretended.status_code) == (302, 200, 200)
    assert list(RiskLimits.objects.values_list("account", "user", "max_exposure")) == [(mine.pk, None, 1000)]


def test_operators_bound_users(admin):
    bob = UserFactory()

    admin.post(f"{LIMITS}add/", {"user": bob.pk, "max_open_positions": "5", **DAY})

    assert RiskLimits.objects.get().user == bob


def test_limits_of_nobody_are_refused(admin):
    page = admin.post(f"{LIMITS}add/", {"max_exposure": "1000", **DAY})

    assert "choose one of them" in page.content.decode()
    assert not RiskLimits.objects.exists()


def test_day_of_a_loss_needs_a_time_zone_that_exists(admin):
    page = admin.post(
        f"{LIMITS}add/", {"user": UserFactory().pk, "max_daily_loss": "5", "time_zone": "Europe/Atlantis"}
    )

    assert "&#x27;Europe/Atlantis&#x27; is no time zone; Europe/Berlin is one." in page.content.decode()
    assert not RiskLimits.objects.exists()
