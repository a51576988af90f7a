"""Staff who are no superusers see and change what is their own, and nothing else exists for them."""

import pytest
from django.urls import reverse

from bots.models import BotConfig, Decision, ExternalSignal, SavedView, SeriesReading, Webhook
from bots.services import OPERATIONS
from bots.tests.factories import BotFactory
from market.models import ExchangeAccount, RiskLimits
from market.tests.factories import NOON, ExchangeAccountFactory, SymbolRulesFactory
from tradebot_site.tests.conftest import full_bot
from tradebot_site.tests.people import client_of, person
from tradebot_site.tests.test_bot_form import ADD, errors_of, sent, valid
from trades.models import Event, Fill, Order, Position, Trade, Transfer

OWNED = {
    BotConfig: "owner",
    Decision: "bot__owner",
    ExternalSignal: "bot__owner",
    ExchangeAccount: "owner",
    Position: "account__owner",
    Order: "position__account__owner",
    Fill: "account__owner",
    Trade: "position__account__owner",
    Transfer: "owner",
    Event: "position__account__owner",
    RiskLimits: "account__owner",
    SavedView: "user",
}
models = pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)


@pytest.fixture
def two_bots(staff):
    """One bot of the member of staff, one of a stranger, each with a row of everything."""
    return full_bot(owner=staff, name="my own bot"), full_bot(name="strangers-bot", symbol="ETHUSDT")


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@models
def test_lists_hold_only_the_own_rows(staff, staff_client, two_bots, model):
    page = staff_client.get(url(model, "changelist"))

    own = model.objects.filter(**{OWNED[model]: staff})
    assert set(page.context["cl"].result_list) == set(own)
    assert own.count() < model.objects.count()
    assert "ETHUSDT" not in page.content.decode()
    assert "strangers-bot" not in page.content.decode()


@models
def test_a_strangers_row_does_not_exist(staff, staff_client, two_bots, model):
    row = model.objects.exclude(**{OWNED[model]: staff}).get()

    for page in ("change", "delete", "history"):
        answer = staff_client.get(url(model, page, row.pk))
        assert answer.status_code in (302, 403, 404), page
        assert "strangers-bot" not in answer.content.decode()

    own = model.objects.filter(**{OWNED[model]: staff}).first()
    assert staff_client.get(url(model, "change", own.pk)).status_code == 200


@pytest.mark.parametrize("action", [*OPERATIONS, "clone", "change", "export"])
def test_actions_do_not_reach_a_strangers_bot(act, staff_client, two_bots, action, broker):
    _, stranger = two_bots
    before = BotConfig.objects.filter(pk=stranger.pk).values("desired_state", "state__status").get()

    page = act(staff_client, "/admin/bots/botconfig/", action, stranger)

    assert stranger.name not in page.content.decode()
    assert BotConfig.objects.filter(pk=stranger.pk).values("desired_state", "state__status").get() == before
    assert broker("high_priority") == 0
    assert not Webhook.objects.exists()


def test_keys_of_a_stranger_can_not_be_wiped(act, staff_client, two_bots):
    _, stranger = two_bots
    BotConfig.objects.update(desired_state="stopped")

    act(staff_client, "/admin/market/exchangeaccount/", "wipe_keys", stranger.account)

    assert ExchangeAccount.objects.get(pk=stranger.account_id).api_key


def test_a_strangers_bot_can_not_be_edited(staff_client, two_bots):
    _, stranger = two_bots

    staff_client.post(url(BotConfig, "change", stranger.pk), sent(stranger.account, name="taken over"))

    assert not BotConfig.objects.filter(name="taken over").exists()


def test_a_new_bot_belongs_to_whoever_makes_it(staff, staff_client):
    SymbolRulesFactory()
    account, stranger = ExchangeAccountFactory(owner=staff), ExchangeAccountFactory()

    refused = staff_client.post(ADD, valid(account=stranger.pk))
    pretended = staff_client.post(ADD, valid(account=account.pk, owner=stranger.owner_id))

    assert "account" in errors_of(refused)
    assert stranger.name not in refused.content.decode()
    assert pretended.status_code == 302
    assert BotConfig.objects.get().owner == staff


def test_a_second_bot_of_the_own_name_is_refused(staff, staff_client):
    account = BotFactory(account=ExchangeAccountFactory(owner=staff), name="taken").account

    page = staff_client.post(ADD, valid(account=account.pk, name="taken"))

    assert "'taken' already" in errors_of(page)["name"][0]


def test_filters_offer_no_strangers(staff_client, two_bots):
    _, stranger = two_bots

    html = staff_client.get("/admin/bots/botconfig/").content.decode()

    assert stranger.account.name not in html
    assert f'value="{stranger.owner_id}"' not in html


def test_the_dashboard_counts_the_own_bots(staff_client, two_bots):
    page = staff_client.get("/admin/")

    assert {card["title"]: card["value"] for card in page.context["cards"]}["Bots"] == "1"
    assert "your own bots" in page.content.decode()


def test_what_others_trade_and_what_a_minute_did_to_them_is_not_for_a_trader(staff, staff_client, admin, db):
    BotFactory(account=ExchangeAccountFactory(owner=staff), symbol="BTCUSDT", interval="1m")
    BotFactory(symbol="ETHUSDT", interval="1m")
    for symbol in ("BTCUSDT", "ETHUSDT"):
        SeriesReading.objects.create(
            environment="paper", market="spot", symbol=symbol, interval="1m", evaluated_at=NOON, price=1
        )
    trader = client_of(person("trader"))
    list_of = "/admin/bots/seriesreading/"

    shown = [client.get(list_of).content.decode() for client in (staff_client, admin)]

    assert ["ETHUSDT" in html for html in shown] == [False, True]
    assert ["BTCUSDT" in html for html in shown] == [True, True]
    assert trader.get("/admin/bots/tick/").status_code == 403
    assert "/admin/bots/tick/" not in trader.get("/admin/").content.decode()
