"""One owner has so many bots and accounts and no more, whatever face they come through."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from bots import services
from bots.models import BotConfig
from bots.services import steering
from bots.tests.factories import BotFactory
from market.models import ExchangeAccount
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory
from tradebot_site.tests.api.bots.caller import Caller
from tradebot_site.tests.people import client_of, person
from tradebot_site.tests.test_bot_files import file_of, text_of, upload
from tradebot_site.tests.test_bot_form import ADD as ADD_BOT
from tradebot_site.tests.test_bot_form import errors_of, sent

ADD_ACCOUNT = "/admin/market/exchangeaccount/add/"
FULL = "owner: the-trader has 2 bots; 1 more would be above 2."
FULL_ACCOUNTS = "owner: the-trader has 1 exchange accounts; 1 more would be above 1."


@pytest.fixture(autouse=True)
def bounds(settings):
    settings.SECURE_SSL_REDIRECT = False
    settings.MAX_BOTS_PER_OWNER, settings.MAX_ACCOUNTS_PER_OWNER = 2, 1


@pytest.fixture
def account(db) -> ExchangeAccount:
    """Of a trader with one bot, who may have one more."""
    SymbolRulesFactory(symbol="ETHUSDT")
    return BotFactory(account=ExchangeAccountFactory(owner=person("trader"), name="mine"), name="first").account


def new_bot(account, **changes):
    told = {"name": "second", "account": account, "owner": account.owner, "symbol": "BTCUSDT", "strategy": "ema_rsi"}
    return BotConfig(**told | {"initial_capital": 1000, "sizing_mode": "percent", "sizing_value": 20} | changes)


def test_the_api_makes_and_clones_so_many(account):
    trader, bot = Caller(account.owner), BotConfig.objects.get()

    answers = [trader.post(f"bots/{bot.pk}/clone", name=f"clone {number}") for number in range(2)]
    made = trader.post("bots", name="x", account=account.pk, symbol="BTCUSDT", initial_capital="99", sizing_value="99")

    assert [status for status, _ in answers] == [201, 400]
    assert answers[1][1]["fields"] == made[1]["fields"] == {"owner": [FULL]}
    assert BotConfig.objects.count() == 2


def test_the_form_says_it_above(account):
    client = client_of(account.owner)

    client.post(ADD_BOT, sent(account, name="second"))
    page = client.post(ADD_BOT, sent(account, name="third"))

    assert errors_of(page) == {"__all__": [FULL]}
    assert BotConfig.objects.count() == 2


def test_a_file_is_taken_as_a_whole_or_not_at_all(account):
    line = {"owner": "the-trader", "account": "mine", "symbol": "ETHUSDT", "initial_capital": 1000, "sizing_value": 20}
    content = file_of({**line, "name": "second"}, {**line, "name": "third"})

    page = upload(client_of(account.owner), content)

    assert "owner: the-trader has 1 bots; 2 more would be above 2." in text_of(page)
    assert BotConfig.objects.count() == 1


def test_an_account_more_is_added_neither_by_the_api_nor_in_the_admin(account, settings):
    settings.PAPER_URL = "http://127.0.0.1:9"  # nobody is asked for it
    trader = Caller(account.owner, "admin")

    status, told = trader.post("accounts", name="another", environment="paper", market="spot")
    page = client_of(account.owner).post(ADD_ACCOUNT, {"name": "another", "environment": "paper", "market": "spot"})

    assert (status, told["fields"]) == (400, {"owner": [FULL_ACCOUNTS]})
    assert errors_of(page) == {"__all__": [FULL_ACCOUNTS]}
    assert ExchangeAccount.objects.count() == 1


def test_who_sees_everybodys_rows_and_commands_are_not_bounded(account):
    operator = person("operator")
    for number in range(3):
        services.create_bot(new_bot(account, name=f"by operator {number}"), now=timezone.now(), by=operator)
        services.create_bot(new_bot(account, name=f"by command {number}"), now=timezone.now())

    assert BotConfig.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_the_second_counts_the_first(account, monkeypatch):
    both, note_made = Barrier(2), steering.note_made

    def wait_and_note(bots):
        with suppress(BrokenBarrierError):  # the other one can't come so far
            both.wait(0.5)
        note_made(bots)

    def make(name):
        try:
            services.create_bot(new_bot(account, name=name), now=timezone.now(), by=account.owner)
        except ValidationError as error:
            return error.messages
        finally:
            connection.close()
        return []

    monkeypatch.setattr(steering, "note_made", wait_and_note)
    with ThreadPoolExecutor() as pool:
        told = sorted(pool.map(make, ["second", "third"]))

    assert told == [[], [FULL]]
    assert BotConfig.objects.count() == 2
