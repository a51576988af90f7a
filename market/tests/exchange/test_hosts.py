"""Which hosts a gateway reaches, and whose gateway is whose."""

from threading import Thread

import pytest

from market.exchange import gateway_for, public_gateway
from market.exchange.adapter import FuturesGateway, SpotGateway
from market.exchange.errors import NotConfigured
from market.exchange.hosts import hosts_of
from market.models import ExchangeAccount
from market.tests.exchange.acts import SECRET
from market.tests.servers import hosts_at
from market.types import Environment, Market


@pytest.mark.parametrize(
    "url",
    [
        "https://api.binance.com",
        "https://testnet.binance.vision",
        "https://fapi.binance.com",
        "https://testnet.binancefuture.com",
        "http://user@demo-fapi.binance.com:8090/paper",
        "https://API.BINANCE.COM",
    ],
)
def test_paper_never_reaches_a_host_of_binance(settings, url):
    settings.PAPER_URL = url

    for market in Market:
        with pytest.raises(NotConfigured, match="PAPER_URL"):
            public_gateway(Environment.PAPER, market)


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("market", Market)
def test_a_gateway_reaches_the_hosts_of_its_environment_only(settings, environment, market):
    settings.ENVIRONMENTS = list(Environment)
    settings.PAPER_URL = "http://paper:8090"

    gateway = public_gateway(environment, market)

    spot, futures, wallet = {
        Environment.PAPER: ("http://paper:8090", "http://paper:8090", "http://paper:8090"),
        Environment.TESTNET: ("https://testnet.binance.vision", "https://testnet.binancefuture.com", None),
        Environment.LIVE: ("https://api.binance.com", "https://fapi.binance.com", "https://api.binance.com"),
    }[environment]
    reached = gateway._client
    assert gateway.market == market
    assert [f"{spot}/api", f"{futures}/fapi", f"{wallet}/sapi"] == [
        *(reached.API_URL, reached.FUTURES_URL, reached.MARGIN_API_URL)
    ]
    with pytest.raises(AssertionError):
        reached.futures_coin_ping()  # the library knows more hosts than we do


def test_an_account_has_one_gateway_for_each_thread_and_market(settings):
    account = ExchangeAccount(api_key="key", api_secret=SECRET)
    spot = gateway_for(account)
    account.market = "futures"
    futures = gateway_for(account)
    elsewhere: list[object] = []
    thread = Thread(target=lambda: elsewhere.append(gateway_for(account)))
    thread.start()
    thread.join()

    assert (type(spot), type(futures)) == (SpotGateway, FuturesGateway)
    assert gateway_for(account) is futures
    assert type(elsewhere[0]) is FuturesGateway
    assert elsewhere[0] is not futures
    assert hosts_of("paper") == hosts_at(settings.PAPER_URL)
