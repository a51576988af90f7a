"""The one adapter: python-binance for spot and USDT-M futures, on paper, testnet and live.

client.py    the library's client: signs our moments, metered, with a time-out on every call
metering.py  what every call weighs
base.py      what both gateways share: reads retried, everything else sent once, the clock
wallet.py    what is the same on both markets: permissions of the key, transfers
spot.py      the gateway for spot
futures.py   the gateway for futures; futures_reading.py: what only they answer
"""

from market.exchange.adapter.base import BinanceGateway
from market.exchange.adapter.futures import FuturesGateway
from market.exchange.adapter.spot import SpotGateway
from market.types import Market

GATEWAYS = {Market.SPOT: SpotGateway, Market.FUTURES: FuturesGateway}

__all__ = ["GATEWAYS", "BinanceGateway", "FuturesGateway", "SpotGateway"]
