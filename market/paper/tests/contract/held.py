"""The market of most tests: a price that stands still."""

from __future__ import annotations

from market.paper.tests.server import PaperServer

PRICE = "50000"
# So deep that the tests of one step of the market (what is taken comes back with the next) do not notice one another.
LEVEL_QUOTE = "5000000"


def hold(paper: PaperServer, market: str) -> None:
    """Let the price of BTCUSDT stand still, in a deep book."""
    paper.set_price("BTCUSDT", PRICE, market=market)
    paper.set_book("BTCUSDT", market=market, level_quote=LEVEL_QUOTE)
