"""The levels of a quote's ladder, and what changes in them from one step to the next. Pure."""

from __future__ import annotations

from market.paper.engine.types import Quote

# Price and quantity, best first.
Side = list[tuple[int, int]]


def sides(quote: Quote, levels: int) -> tuple[Side, Side]:
    """Bids and asks, at most so many levels each."""
    count = range(min(levels, quote.levels))
    bids = [(quote.bid - level * quote.gap, quote.level_qty) for level in count]
    asks = [(quote.ask + level * quote.gap, quote.level_qty) for level in count]
    return [level for level in bids if level[0] > 0], asks


def changes(before: Side, after: Side) -> Side:
    """The levels that are new, have another quantity, or (quantity 0) are gone."""
    old, new = dict(before), dict(after)
    changed = [(price, quantity) for price, quantity in after if old.get(price) != quantity]
    return changed + [(price, 0) for price in old if price not in new]
