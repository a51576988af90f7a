"""What changes in a ladder from one step to the next. Pure."""

from __future__ import annotations

from market.paper.engine.ladder import Side


def changes(before: Side, after: Side) -> Side:
    """The levels that are new, have another quantity, or (quantity 0) are gone."""
    old, new = dict(before), dict(after)
    changed = [(price, quantity) for price, quantity in after if old.get(price) != quantity]
    return changed + [(price, 0) for price in old if price not in new]
