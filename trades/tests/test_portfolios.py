"""What accounts hold is read round by round from the real paper exchange, and kept for whoever looks."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from itertools import chain

import pytest
from django.utils import timezone
from django_redis import get_redis_connection

from market import services as market_services
from market.budget import budget_of
from market.exchange.adapter import GATEWAYS
from market.exchange.errors import ExchangeUnavailable
from market.models import AccountBalances, ExchangeAccount
from market.prices import last_prices
from market.tests.factories import ExchangeAccountFactory
from trades import services, tasks
from trades.models import Event
from trades.services import portfolios as rounds
from trades.services import reconcile_account
from trades.tests.test_accounts import bought

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asked(monkeypatch):
    """How often balances were asked for, by account."""
    seen = Counter()
    for gateway in GATEWAYS.values():

        def balances(self, original=gateway.balances):
            seen["balances"] += 1
            return original(self)

        monkeypatch.setattr(gateway, "balances", balances)
    return seen


def opened(paper, market="spot", **held):
    spot, futures = (held, {}) if market == "spot" else ({}, held)
    key = paper.open_account(futures=futures, **spot)
    return ExchangeAccountFactory(market=market, api_key=key["api_key"], api_secret=key["api_secret"])


def sync(*accounts):
    return services.sync_portfolios([account.pk for account in accounts], clock=timezone.now)


def forget_shared_copies():
    redis = get_redis_connection("default")
    for key in redis.scan_iter("balances:*"):
        redis.delete(key)


def copy_of(account):
    return AccountBalances.objects.get(account=account)


def test_balances_and_what_they_are_worth_are_kept(paper):
    account = opened(paper, USDT="1000", BTC="2", XYZ="7")
    price = last_prices("paper", "spot", now=timezone.now())["BTCUSDT"].value

    assert sync(account) == 1

    copy = copy_of(account)
    assert {item.asset: item.free for item in copy.balances} == {"USDT": 1000, "BTC": 2, "XYZ": 7}
    assert abs(copy.equity - 1000 - 2 * price) < price / 50  # the price moves on
    assert (copy.unpriced, copy.trouble) == (["XYZ"], "")
    assert abs(copy.equity_at - copy.synced_at) < timedelta(milliseconds=1)
    account.refresh_from_db()
    assert account.free_quote == 1000


def test_the_equity_of_futures_counts_what_is_open(paper):
    account = opened(paper, "futures", USDT="100000")
    bought(account)

    sync(account)

    wallet = sum(item.free + item.locked for item in copy_of(account).balances)
    assert 0 < abs(copy_of(account).equity - wallet) < 1000


def test_what_reconciliation_has_heard_is_not_asked_for_again(paper, asked):
    account = opened(paper, USDT="5")
    reconcile_account(account, now=timezone.now())
    asked.clear()

    assert sync(account) == 1

    assert not asked
    assert copy_of(account).equity == 5


def test_an_account_has_one_turn_in_two_minutes_however_often_its_packet_is_delivered(paper, asked):
    account = opened(paper, USDT="5")

    assert (sync(account), sync(account)) == (1, 0)
    assert account.pk not in market_services.next_portfolios(now=timezone.now())
    assert account.pk in market_services.next_portfolios(now=timezone.now() + timedelta(minutes=2))

    assert asked == {"balances": 1}


def test_one_refused_key_and_one_unreadable_secret_keep_nobody_else_from_being_read(paper):
    refused, good = ExchangeAccountFactory(api_key="wrong", api_secret="wrong"), opened(paper, USDT="5")
    broken = opened(paper, USDT="5")
    ExchangeAccount.objects.filter(pk=broken.pk).update(api_secret="not sealed by any key of ours")

    assert sync(refused, broken, good) == 1

    assert copy_of(good).equity == 5
    assert copy_of(refused).trouble
    assert copy_of(broken).trouble
    assert Event.objects.filter(kind=Event.Kind.KEY_REFUSED, account=refused).count() == 1
    assert refused.pk not in market_services.next_portfolios(now=timezone.now() + timedelta(minutes=5))


def test_an_exchange_that_is_away_is_asked_once_and_the_last_copy_stays(paper, monkeypatch):
    accounts = [opened(paper, USDT="5") for _ in range(3)]
    sync(*accounts)
    AccountBalances.objects.update(tried_at=None, synced_at=timezone.now() - timedelta(hours=1))
    asked = []

    def away(self):
        asked.append(self)
        raise ExchangeUnavailable("nobody answers")

    monkeypatch.setattr(GATEWAYS["spot"], "balances", away)
    forget_shared_copies()

    assert sync(*accounts) == 0

    assert len(asked) == 1
    assert [copy_of(account).equity for account in accounts] == [5, 5, 5]
    assert copy_of(accounts[0]).trouble
    assert copy_of(accounts[1]).tried_at is None  # first in the next round


def test_a_round_takes_no_more_accounts_than_its_share_of_the_weight_lets_through(paper, settings):
    for market in ("spot", "futures"):
        budget_of("paper", market).set_limit(400)
    owner = ExchangeAccountFactory().owner
    ExchangeAccountFactory.create_batch(12, owner=owner)
    ExchangeAccountFactory.create_batch(22, owner=owner, market="futures")

    packets = services.packets_of_portfolios(now=timezone.now())

    ids = list(chain(*packets))
    spot = ExchangeAccount.objects.filter(market="spot", pk__in=ids).count()
    assert (spot, len(ids) - spot) == (10, 20)  # 2 minutes of 100 of weight: 20 each, 10 each
    assert max(map(len, packets)) <= 3


def test_a_round_is_spread_over_its_two_minutes(db, monkeypatch):
    ExchangeAccountFactory.create_batch(13)
    sent = []
    monkeypatch.setattr(tasks.sync_packet, "apply_async", lambda **how: sent.append(how))

    assert tasks.sync_portfolios() == 13

    assert [how["countdown"] for how in sent] == [10.0 * number for number in range(rounds.PACKETS)]
    assert sorted(chain(*(how["args"][0] for how in sent))) == sorted(
        ExchangeAccount.objects.values_list("pk", flat=True)
    )


def test_a_packet_that_takes_too_long_leaves_the_rest_to_the_next_round(paper):
    first, second = opened(paper, USDT="5"), opened(paper, USDT="5")
    now = timezone.now()
    moments = iter([now, now, now, now, now, now + timedelta(seconds=5)] + [now + timedelta(seconds=5)] * 9)

    services.sync_portfolios([first.pk, second.pk], clock=lambda: next(moments))

    assert copy_of(first).equity == Decimal(5)
    assert not AccountBalances.objects.filter(account=second).exists()


def test_another_key_forgets_what_the_old_one_was_told(paper):
    account = opened(paper, USDT="5")
    sync(account)

    market_services.wipe_keys(account, by=account.owner)

    assert market_services.last_balances(account) is None
