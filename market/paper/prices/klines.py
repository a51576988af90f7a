"""Candles written as Binance's kline rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.paper.engine.amounts import DECIMALS
from market.paper.prices.recording import Candles, Ints

MS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Decimals:
    """How many decimals a market writes. Spot writes eight everywhere."""

    price: int = DECIMALS
    volume: int = DECIMALS
    quote: int = DECIMALS


def kline_text(open_ms: Ints, close_ms: Ints, candles: Candles, taken: tuple[Ints, Ints], decimals: Decimals) -> bytes:
    """Kline rows as JSON, comma separated. ``taken``: what takers bought, in base and in quote asset.

    All rows are formatted at once: a thousand of them take two milliseconds, one by one they take six.
    """
    price, volume, quote = ('"' + _shape(count) + '"' for count in (decimals.price, decimals.volume, decimals.quote))
    row = f'[%d,{price},{price},{price},{price},{volume},%d,{quote},%d,{volume},{quote},"0"]'
    columns = [open_ms]
    for amounts in (candles.open, candles.high, candles.low, candles.close):
        columns += _parts(amounts, decimals.price)
    columns += [*_parts(candles.volume, decimals.volume), close_ms]
    columns += [*_parts(candles.quote_volume, decimals.quote), candles.trades]
    columns += [*_parts(taken[0], decimals.volume), *_parts(taken[1], decimals.quote)]
    return _filled(row, columns)


def price_kline_text(open_ms: Ints, close_ms: Ints, candles: Candles) -> bytes:
    """Kline rows of a mark or index price: eight decimals, no volumes, and one price counted per second."""
    price = '"' + _shape(DECIMALS) + '"'
    row = f'[%d,{price},{price},{price},{price},"0",%d,"0",%d,"0","0","0"]'
    columns = [open_ms]
    for amounts in (candles.open, candles.high, candles.low, candles.close):
        columns += _parts(amounts, DECIMALS)
    return _filled(row, [*columns, close_ms, (close_ms + 1 - open_ms) // MS_PER_SECOND])


def _shape(decimals: int) -> str:
    return f"%d.%0{decimals}d" if decimals else "%d"


def _parts(amounts: Ints, decimals: int) -> list[Ints]:
    """Whole part and decimals, as ``_shape`` wants them; what is smaller is cut off."""
    if not decimals:
        return [amounts // 10**DECIMALS]
    cut, one = amounts // 10 ** (DECIMALS - decimals), 10**decimals
    return [cut // one, cut % one]


def _filled(row: str, columns: list[Ints]) -> bytes:
    return (",".join([row] * len(columns[0])) % tuple(np.stack(columns, axis=1).ravel().tolist())).encode()
