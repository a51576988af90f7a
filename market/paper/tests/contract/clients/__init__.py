"""The clients of the contract, each behind an adapter of the same shape. The lists are in the same order."""

from market.paper.tests.contract.clients.ccxt_client import CcxtFutures, CcxtSpot
from market.paper.tests.contract.clients.ccxt_streams import CcxtFuturesStreams, CcxtSpotStreams
from market.paper.tests.contract.clients.python_binance import PythonBinanceSpot
from market.paper.tests.contract.clients.python_binance_futures import PythonBinanceFutures
from market.paper.tests.contract.clients.python_binance_streams import (
    PythonBinanceFuturesStreams,
    PythonBinanceSpotStreams,
)
from market.paper.tests.contract.clients.sdk import SdkSpot
from market.paper.tests.contract.clients.sdk_futures import SdkFutures
from market.paper.tests.contract.clients.sdk_streams import SdkFuturesStreams, SdkSpotStreams

SpotClient = PythonBinanceSpot | CcxtSpot | SdkSpot
FuturesClient = PythonBinanceFutures | CcxtFutures | SdkFutures

SPOT: list[type[SpotClient]] = [PythonBinanceSpot, CcxtSpot, SdkSpot]
FUTURES: list[type[FuturesClient]] = [PythonBinanceFutures, CcxtFutures, SdkFutures]
SPOT_STREAMS = [PythonBinanceSpotStreams, CcxtSpotStreams, SdkSpotStreams]
FUTURES_STREAMS = [PythonBinanceFuturesStreams, CcxtFuturesStreams, SdkFuturesStreams]
