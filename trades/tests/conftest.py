"""Whom orders by hand are tested with."""

import pytest
from django.contrib.auth.models import Permission
from django_redis import get_redis_connection

from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory


@pytest.fixture
def account(paper, db):
    """A user's account at the paper exchange, with 10,000 USDT, while BTC stands at 50,000."""
    get_redis_connection("default").flushdb()
    SymbolRulesFactory()
    paper.set_price("BTCUSDT", "50000.00")
    api_key, api_secret = paper.create_account()
    account = ExchangeAccountFactory(api_key=api_key, api_secret=api_secret)
    account.owner.user_permissions.add(Permission.objects.get(codename="change_exchangeaccount"))
    yield account
    paper.set_price("BTCUSDT", None)
