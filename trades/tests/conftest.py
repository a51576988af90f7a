"""Whom orders by hand are tested with."""

import pytest
from django_redis import get_redis_connection

from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory


@pytest.fixture
def account(paper, db):
    """A user's account at the paper exchange, with 10,000 USDT, while BTC stands at 50,000."""
    get_redis_connection("default").flushdb()
    SymbolRulesFactory()
    paper.set_price("BTCUSDT", "50000.00")
    api_key, api_secret = paper.create_account()
    yield ExchangeAccountFactory(api_key=api_key, api_secret=api_secret)
    paper.set_price("BTCUSDT", None)
