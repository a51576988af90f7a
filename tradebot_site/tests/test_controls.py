"""Kill switches and risk limits in the admin: with a reason, by whoever may press, told to whoever may know."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from market.models import ExchangeAccount, RiskLimits, Switch
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from trades.models import Event, Order
from trades.services import kill_switch
from trades.tests.factories import OrderFactory

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNTS, SWITCHES, LIMITS = "/admin/market/exchangeaccount/", "/admin/market/switch/", "/admin/market/risklimits/"
PRESS = "/admin/kill-switch/"
PLATFORM = f"{PRESS}?platform=1"
STATES = {"halt": "halted", "reduce": "reducing", "resume": "active"}
DAY = {"time_zone": "UTC"}


def answered(client, page, pressed, **data):
    """Press the button of the page that asks."""
    carried = {"frozen": page.context["frozen"], "next": page.context["back"]}
    typed = {"state": pressed, "reason": "flood", "sure": "on"}
    return client.post(page.context["address"], carried | typed | data, follow=True)


def pressed(client, address, state, **data):
    """Open a page that asks, and answer it; or what is said when it does not open."""
    page = client.get(address)
    return answered(client, page, state, **data) if page.status_code == 200 else page


@pytest.mark.parametrize(("action", "state"), [("halt", "halted"), ("reduce", "reducing"), ("resume", "active")])
def test_an_account_is_switched_on_the_page_to_which_the_list_leads(admin, admin_user, act, action, state):
    order = OrderFactory()
    account = order.account
    ExchangeAccount.objects.update(state="reducing" if state == "active" else "active")

    page = act(admin, ACCOUNTS, action, account)
    untouched = ExchangeAccount.objects.get().state
    html = answered(admin, page, state).content.decode()

    account.refresh_from_db()
    assert page.context["form"].initial["state"] == state
    assert ("entries at work", "1") in page.context["facts"]
    assert untouched == ("reducing" if state == "active" else "active")
    assert (account.state, account.state_set_by, account.state_reason) == (state, admin_user, "flood")
    assert f"account {account.name} of {account.owner} is {state}." in html
    assert ("Entries taken back: 1" in html) == (state == "halted")
    assert Order.objects.get().status == ("canceled" if state == "halted" else "intended")


def test_all_of_a_long_list_are_halted_and_the_way_back_is_the_list_as_it_was(admin, act):
    owner = UserFactory()
    accounts = [ExchangeAccountFactory(owner=owner, name=f"account {number}") for number in range(120)]
    found = f"{ACCOUNTS}?market=spot"

    data = {"action": "halt", "_selected_action": [accounts[0].pk], "select_across": "1"}
    page = admin.post(found, data)
    with CaptureQueriesContext(connection) as queries:
        admin.post(found, data)
    done = answered(admin, page, "halted")

    assert len(queries) <= 20
    assert set(ExchangeAccount.objects.values_list("state", flat=True)) == {"halted"}
    assert done.redirect_chain == [(found, 302)]


def test_more_switches_than_a_page_holds_are_refused_and_none_is_pressed(admin, act, monkeypatch):
    monkeypatch.setattr("trades.admin.press.MOST", 2)
    monkeypatch.setattr("trades.admin.controls.MOST", 2)
    accounts = [ExchangeAccountFactory() for _ in range(3)]

    chosen = act(admin, ACCOUNTS, "halt", *accounts)
    named = admin.get(f"{PRESS}?{'&'.join(f'account={account.pk}' for account in accounts)}", follow=True)

    for page in (chosen, named):
        assert "These are more than 2 switches" in page.content.decode()
        assert "frozen" not in page.context
    assert chosen.redirect_chain[-1][0] == ACCOUNTS


def test_what_is_gone_meanwhile_is_named_and_the_others_are_pressed(admin, act):
    stays, goes = ExchangeAccountFactory(name="stays"), ExchangeAccountFactory(name="goes")
    page = act(admin, ACCOUNTS, "halt", stays, goes)
    goes.delete()

    html = answered(admin, page, "halted").content.decode()

    assert f"Not pressed, for it is not there any more: account goes of {goes.owner}." in html
    assert ExchangeAccount.objects.get().state == "halted"


def test_only_what_was_shown_to_oneself_is_pressed(admin, staff, staff_client):
    ExchangeAccountFactory(owner=staff)
    page = admin.get(PLATFORM)

    for client, frozen in ((admin, ""), (admin, "x" + page.context["frozen"]), (staff_client, page.context["frozen"])):
        html = answered(client, page, "halted", frozen=frozen).content.decode()
        assert "Nothing is pressed: " in html
    assert not Switch.objects.exclude(state="active").exists()


def test_a_switch_that_fails_leaves_the_others_pressed_and_is_told(admin, monkeypatch):
    first, second = ExchangeAccountFactory(name="first"), ExchangeAccountFactory(name="second")
    real = kill_switch._set

    def fail_at_the_first(target, *args, **kwargs):
        if target.account == first:
            raise OperationalError("the disk is full")
        real(target, *args, **kwargs)

    monkeypatch.setattr(kill_switch, "_set", fail_at_the_first)
    html = pressed(admin, f"{PRESS}?account={first.pk}&account={second.pk}", "halted").content.decode()

    assert f"account first of {first.owner} is not halted: the disk is full" in html
    assert f"account second of {second.owner} is halted." in html
    assert set(ExchangeAccount.objects.values_list("name", "state")) == {("first", "active"), ("second", "halted")}


def test_the_platform_is_halted_and_every_page_says_so_until_it_is_released(admin, staff_client):
    before = admin.get(ACCOUNTS).content.decode()

    html = pressed(admin, PLATFORM, "halted", reason="absurd prices").content.decode()
    seen = [client.get("/admin/").content.decode() for client in (admin, staff_client)]
    listed = admin.get(ACCOUNTS).content.decode()
    pressed(admin, PLATFORM, "active", reason="all is well")

    assert "Nothing is stopped." in before
    assert "the platform is halted." in html
    assert Switch.objects.get(user=None).state == "active"
    assert [event.data["reason"] for event in Event.objects.order_by("pk")] == ["absurd prices", "all is well"]
    for page in (*seen, listed):
        assert "The platform is halted: absurd prices" in page
        assert re.search(r"by root, \d s ago", page)
    assert "absurd prices" not in admin.get(ACCOUNTS).content.decode()


@pytest.mark.parametrize(
    ("missing", "field"), [({"reason": ""}, "reason"), ({"sure": ""}, "sure"), ({"state": "mad"}, "state")]
)
def test_nothing_is_pressed_without_a_reason_and_being_sure(admin, missing, field):
    page = answered(admin, admin.get(PLATFORM), "halted", **missing)

    assert field in page.context["form"].errors
    assert page.context["form"]["reason"].value() == missing.get("reason", "flood")  # what was typed stays
    assert not Switch.objects.exclude(state="active").exists()


def test_staff_press_their_own_switch_and_not_the_platforms_nor_a_strangers(staff, staff_client):
    stranger = UserFactory()

    refused = [
        pressed(staff_client, address, "halted").status_code
        for address in (PLATFORM, f"{PLATFORM}&user={staff.pk}", f"{PRESS}?user={stranger.pk}", PRESS)
    ]
    html = staff_client.get("/admin/").content.decode()
    pressed(staff_client, f"{PRESS}?user={staff.pk}&user={stranger.pk}", "reducing")

    assert refused == [403, 403, 404, 404]
    assert f"/admin/kill-switch/?user={staff.pk}&amp;next=" in html
    assert list(Switch.objects.values_list("user", "state")) == [(staff.pk, "reducing")]


def test_who_may_change_nothing_is_shown_no_way_to_press(staff, staff_client):
    staff.user_permissions.clear()
    Switch.objects.create(state="halted", reason="flood")

    html = staff_client.get("/admin/").content.decode()

    assert "The platform is halted: flood" in html
    assert "/admin/kill-switch/?" not in html
    assert staff_client.get(f"{PRESS}?user={staff.pk}").status_code == 403


def test_a_switch_of_another_user_is_told_to_operators_only(admin, staff_client):
    Switch.objects.create(user=UserFactory(username="bob"), state="halted", reason="secret plans")

    assert "User bob is halted: secret plans" in admin.get("/admin/").content.decode()
    assert "secret plans" not in staff_client.get("/admin/").content.decode()


def test_the_banner_comes_anew_and_costs_one_statement(admin, client):
    for number in range(7):
        Switch.objects.create(user=UserFactory(username=f"bob {number}"), state="halted", reason="flood")

    with CaptureQueriesContext(connection) as queries:
        html = admin.get("/admin/kill-switch/banner/").content.decode()

    assert html.count("is halted: flood") == 3
    assert "and 4 more" in html
    assert len([query for query in queries if "market_switch" in query["sql"]]) == 1
    assert client.get("/admin/kill-switch/banner/").headers["HX-Refresh"] == "true"


def test_the_way_back_leads_nowhere_else(admin):
    away = pressed(admin, f"{PLATFORM}&next=https://evil.example/", "halted")
    home = pressed(admin, f"{PLATFORM}&next={ACCOUNTS}", "active")

    assert away.redirect_chain[0][0] == "/admin/"
    assert home.redirect_chain[0][0] == ACCOUNTS


def test_the_banner_that_came_anew_still_knows_the_page_it_stands_on(admin):
    def banner(page):
        return admin.get(f"{PRESS}banner/", headers={"HX-Current-URL": f"http://testserver{page}"}).content.decode()

    home = pressed(admin, f"{PLATFORM}&next=http%3A%2F%2Ftestserver%2Fadmin%2Ftrades%2Forder%2F%3Fp%3D2", "reducing")

    assert "next=http%3A%2F%2Ftestserver%2Fadmin%2Ftrades%2Forder%2F%3Fp%3D2" in banner("/admin/trades/order/?p=2")
    assert "next=" not in banner(PLATFORM)
    assert home.redirect_chain[0][0] == "http://testserver/admin/trades/order/?p=2"


def test_the_page_of_an_account_leads_to_its_switch_and_back(admin):
    account = ExchangeAccountFactory()

    address = admin.get(f"{ACCOUNTS}{account.pk}/kill-switch/")["Location"]
    page = pressed(admin, address, "reducing")

    assert page.redirect_chain[0][0] == f"{ACCOUNTS}{account.pk}/change/"
    assert ExchangeAccount.objects.get().state == "reducing"


def test_switches_are_chosen_in_their_list(admin, act):
    switches = [Switch.objects.create(), Switch.objects.create(user=UserFactory(username="bob"))]

    answered(admin, act(admin, SWITCHES, "halt", *switches), "halted")

    assert set(Switch.objects.values_list("state", flat=True)) == {"halted"}
    assert {event.message.split(" is")[0] for event in Event.objects.all()} == {"the platform", "user bob"}


@pytest.mark.parametrize("whose", ["bob", "the platform"])
@pytest.mark.parametrize("exists", [False, True])
def test_adding_a_switch_leads_to_the_page_that_presses_it(admin, admin_user, whose, exists):
    bob = UserFactory(username="bob") if whose == "bob" else None
    if exists:
        Switch.objects.create(user=bob, state="reducing")

    page = admin.post(f"{SWITCHES}add/", {"user": bob.pk if bob else ""}, follow=True)
    before = list(Switch.objects.values_list("state", flat=True))
    html = answered(admin, page, "halted", reason="too wild").content.decode()

    target = "user bob" if bob else "the platform"
    assert before == (["reducing"] if exists else [])
    assert f"{target} is halted." in html
    assert "successfully" not in html
    switch = Switch.objects.get(user=bob)
    assert (switch.state, switch.reason, switch.pressed_by) == ("halted", "too wild", admin_user)
    assert Event.objects.get().message == f"{target} is halted, by root: too wild"


def test_the_page_of_a_switch_is_read_and_leads_to_where_it_is_pressed(admin, staff, staff_client):
    switch = Switch.objects.create(user=staff, state="halted", reason="flood")
    page = f"{SWITCHES}{switch.pk}/change/"

    for client in (admin, staff_client):
        refused = client.post(page, {"state": "active", "reason": "all is well"})
        html = client.get(page).content.decode()
        assert refused.status_code == 403
        assert 'name="state"' not in html
        assert f"{SWITCHES}{switch.pk}/kill-switch" in html
        assert Switch.objects.get().state == "halted"
    assert not LogEntry.objects.exists()

    admin_page = admin.get(f"{SWITCHES}{switch.pk}/kill-switch", follow=True)
    assert "flood" in admin_page.content.decode()
    answered(admin, admin_page, "active")
    assert Switch.objects.get().state == "active"


def test_a_stale_page_lets_go_of_nothing_and_says_so(admin):
    stale = pressed(admin, PLATFORM, "halted", reason="flood") and admin.get(PLATFORM)
    pressed(admin, PLATFORM, "active", reason="dry")
    pressed(admin, PLATFORM, "halted", reason="fire")

    html = answered(admin, stale, "active").content.decode()

    assert "other than shown: look again" in html
    assert "(fire)" in html
    assert "the platform is active" not in html
    assert Switch.objects.get().state == "halted"


def test_a_switch_stays_in_the_list(admin):
    switch = Switch.objects.create()

    admin.post(f"{SWITCHES}{switch.pk}/delete/", {"post": "yes"})

    assert Switch.objects.exists()


@pytest.mark.parametrize("action", ["halt", "reduce", "resume"])
def test_a_strangers_account_and_switch_are_out_of_reach(staff_client, act, action):
    account = ExchangeAccountFactory(state="reducing")
    switch = Switch.objects.create(user=account.owner, state="reducing")

    for url, row, target in ((ACCOUNTS, account, "account"), (SWITCHES, switch, "user")):
        page = act(staff_client, url, action, row)
        assert (page.redirect_chain[-1][0], "None of these is yours" in page.content.decode()) == (url, True)
        number = row.pk if target == "account" else account.owner_id
        assert pressed(staff_client, f"{PRESS}?{target}={number}", STATES[action]).status_code == 404

    assert (ExchangeAccount.objects.get().state, Switch.objects.get().state) == ("reducing", "reducing")
    assert not Event.objects.exists()


def test_staff_halt_themselves_and_only_themselves(staff, staff_client):
    stranger = UserFactory()

    page = staff_client.post(f"{SWITCHES}add/", {"user": stranger.pk}, follow=True)
    answered(staff_client, page, "halted")
    again = staff_client.get(f"{SWITCHES}add/")

    assert list(Switch.objects.values_list("user", "state")) == [(staff.pk, "halted")]
    assert again.status_code == 403


def test_what_an_operator_has_stopped_is_not_let_go_by_its_owner(staff, staff_client, admin, act):
    account = ExchangeAccountFactory(owner=staff)
    pressed(admin, f"{PRESS}?account={account.pk}", "halted")

    html = pressed(staff_client, f"{PRESS}?account={account.pk}", "active").content.decode()

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


def test_limits_name_the_owner_where_they_are_listed_and_where_an_account_is_chosen(admin, staff, staff_client):
    owners = [UserFactory(username=name) for name in ("alice", "bob")]
    accounts = [ExchangeAccountFactory(owner=owner, name="main") for owner in owners]
    RiskLimits.objects.create(account=accounts[0], max_exposure=1_000)
    RiskLimits.objects.create(user=owners[1], max_exposure=2_000)
    ExchangeAccountFactory(owner=staff, name="mine")

    listed = admin.get(LIMITS).content.decode()
    chosen_from = admin.get(f"{LIMITS}add/").content.decode()
    own = staff_client.get(f"{LIMITS}add/").content.decode()

    for owner, account in zip(owners, accounts, strict=True):
        assert f'<option value="{account.pk}">{owner}: main (paper spot)</option>' in chosen_from
        assert re.search(rf'class="field-owner[^>]*>\s*{owner}\s*<', listed)
    assert "all accounts of the owner" in listed
    assert ": mine (paper spot)" not in own
    assert ">mine (paper spot)</option>" in own


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
