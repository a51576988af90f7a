"""The board: which faults are active, and what they do to calls, events and the market. Times are of the exchange's
clock, delays of the real one. Everything is in memory only."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from market.paper.engine.types import Order
from market.paper.faults.holds import Holds
from market.paper.faults.kinds import CallFault, Delivery, EventFault, Fault, MarketFault
from market.paper.faults.rule import Rule
from market.paper.faults.steps import Match, Step
from market.paper.prices.types import NoPrice
from market.paper.web.call import Call, Reply
from market.paper.web.errors import ApiError
from market.paper.web.params import parse_params

if TYPE_CHECKING:
    from market.paper.exchange import Exchange
    from market.paper.venue import Venue

logger = logging.getLogger("paper")

MOST_REMEMBERED = 2000


class Faults:
    """The faults of one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.holds = Holds(exchange)
        self._numbers = itertools.count(1)
        self._rules: dict[int, Rule] = {}
        self._active: list[Rule] = []
        self._parked: list[tuple[int, Venue[Any], Order]] = []

    def add(self, steps: Sequence[Step], *, in_order: bool, seed: int, now_ms: int) -> list[Rule]:
        """Put steps on the board, all at once or each when the one before it has ended."""
        self._forget_old()
        rules = [self._rule(step, f"{seed}/{number}") for number, step in enumerate(steps)]
        if in_order:
            for rule, then in itertools.pairwise(rules):
                rule.then = then
        for rule in rules[:1] if in_order else rules:
            self._begin(rule, now_ms)
        return rules

    def clear(self, number: int | None, now_ms: int) -> int:
        """Take one rule, or all, off the board; return how many went. What was to follow a rule goes with it."""
        gone = list(self._rules.values()) if number is None else self._chain(number)
        for rule in self._rules.values():
            if rule in gone or rule.then in gone:
                rule.then = None
        for rule in gone:
            if rule.state == "active":
                self._end(rule, now_ms)
            del self._rules[rule.number]
        if number is None:
            for _, venue, order in self._parked:
                _let_rest(venue, order)
            self._parked.clear()
        return len(gone)

    def show(self) -> list[dict[str, Any]]:
        """Every rule, oldest first, for people."""
        return [rule.as_json() for rule in self._rules.values()]

    def tick(self, now_ms: int) -> None:
        """End what is over, begin what follows. To be called whenever time has passed."""
        while over := [rule for rule in self._active if rule.until_ms is not None and rule.until_ms <= now_ms]:
            first = min(over, key=lambda rule: rule.until_ms or 0)
            self._end(first, first.until_ms or now_ms)
        if self._parked:
            due = [entry for entry in self._parked if entry[0] <= now_ms]
            self._parked = [entry for entry in self._parked if entry[0] > now_ms]
            for _, venue, order in due:
                _let_rest(venue, order)

    def park(self, venue: Venue[Any], order: Order, until_ms: int) -> None:
        """Let no price reach a resting order until then."""
        venue.engine.books[order.symbol].park(order)
        self._parked.append((until_ms, venue, order))

    async def answer(self, call: Call, inner: Callable[[Call], Awaitable[Reply]]) -> Reply:
        """The middleware: let faults happen to a call, the one that was added first outermost."""
        if not self._active or call.endpoint.security == "admin":
            return await inner(call)
        self.tick(call.now_ms)
        chosen = self._happening(call)
        proceed = inner
        for rule in reversed(chosen):
            assert isinstance(rule.fault, CallFault)
            proceed = partial(rule.fault.answer, proceed=proceed)
        try:
            return await proceed(call)
        finally:
            # Not before: what follows a step follows what the step did.
            self._end_spent(chosen)

    def filter_event(self, account_id: int | None, kind: str, payload: Any) -> list[Delivery]:
        """What becomes of an event that is about to leave: what is sent, and after how many seconds.

        ``account_id`` None: it is of a market stream.
        """
        self.tick(self._exchange.now_ms())
        chosen = [rule for rule in self._active if _is_event(rule, account_id, kind, payload) and rule.happens()]
        deliveries: list[Delivery] = [(0, payload)]
        for rule in chosen:
            try:
                deliveries = _changed(deliveries, rule.fault)
            except Exception:
                # Nobody catches anything where events leave: it would be the end of the process.
                logger.exception("fault %s (%s) has a bug: an event leaves without it", rule.number, rule.step.name)
        self._end_spent(chosen)
        return deliveries

    def _rule(self, step: Step, seed: str) -> Rule:
        wanted, accounts = step.match.account, None
        if wanted:
            accounts = frozenset(account.account_id for account in self._exchange.accounts_called(wanted))
        chance = Random(seed if step.seed is None else step.seed)  # noqa: S311 - it shall be predictable
        rule = Rule(next(self._numbers), step, step.fault, chance, accounts)
        self._rules[rule.number] = rule
        return rule

    def _begin(self, rule: Rule, now_ms: int) -> None:
        rule.begin(now_ms)
        self._active.append(rule)
        logger.info("fault %s (%s) begins", rule.number, rule.step.name)
        if isinstance(rule.fault, MarketFault):
            self._hold(rule, rule.fault, now_ms)
        self._listen()

    def _end(self, rule: Rule, now_ms: int) -> None:
        rule.state = "done"
        self._active.remove(rule)
        self.holds.release(rule.number, now_ms)
        logger.info("fault %s (%s) is over, hits %s", rule.number, rule.step.name, rule.hits)
        if rule.then:
            self._begin(rule.then, now_ms)
        self._listen()

    def _end_spent(self, rules: Sequence[Rule]) -> None:
        for rule in rules:
            if rule.is_spent and rule.state == "active":
                self._end(rule, self._exchange.now_ms())

    def _hold(self, rule: Rule, fault: MarketFault, now_ms: int) -> None:
        match = rule.step.match
        for market, venue in self._exchange.venues.items():
            for symbol in venue.feed.symbols:
                if match.market in ("", market) and match.symbol in ("", symbol):
                    try:
                        value = fault.value(venue, symbol, now_ms)
                    except NoPrice:
                        logger.info("fault %s leaves %s (%s) alone: it has no price", rule.number, symbol, market)
                        continue
                    self.holds.hold(rule.number, (market, symbol, fault.thing), value, now_ms)

    def _happening(self, call: Call) -> list[Rule]:
        account = call.signed_by or self._exchange.accounts_by_key.get(call.api_key or "")
        account_id, symbol = account.account_id if account else None, _symbol_of(call)
        chosen: list[Rule] = []
        ended = False
        for rule in self._active:
            fault = rule.fault
            if not isinstance(fault, CallFault) or not fault.concerns(call):
                continue
            if not (_is_about(rule, account_id, symbol) and _matches(rule.step.match, call)):
                continue
            if rule.happens(too_late=ended):
                logger.info("fault %s (%s): %s", rule.number, rule.step.name, _described(call, account_id))
                chosen.append(rule)
                ended = fault.ends_call
        return chosen

    def _listen(self) -> None:
        """Hear of events only while a fault wants to."""
        wanted = any(isinstance(rule.fault, EventFault) for rule in self._active)
        self._exchange.hub.filter = self.filter_event if wanted else None

    def _chain(self, number: int) -> list[Rule]:
        chain, rule = [], self._rules.get(number)
        while rule:
            chain.append(rule)
            rule = rule.then
        return chain

    def _forget_old(self) -> None:
        done = [rule.number for rule in self._rules.values() if rule.state == "done"]
        for number in done[: max(0, len(self._rules) - MOST_REMEMBERED)]:
            del self._rules[number]


def _is_about(rule: Rule, account_id: int | None, symbol: str | None) -> bool:
    if rule.accounts is not None and account_id not in rule.accounts:
        return False
    return not rule.step.match.symbol or rule.step.match.symbol == symbol


def _is_event(rule: Rule, account_id: int | None, kind: str, payload: Any) -> bool:
    if not isinstance(rule.fault, EventFault) or not rule.step.match.likes_event(kind):
        return False
    return _is_about(rule, account_id, _symbol_told(payload))


def _changed(deliveries: Sequence[Delivery], fault: Fault) -> list[Delivery]:
    assert isinstance(fault, EventFault)
    return [(delay + more, again) for delay, body in deliveries for more, again in fault.deliveries(body)]


def _symbol_told(payload: Any) -> str | None:
    """The symbol of an event: on futures it may be one level down. Events of several symbols have none."""
    if not isinstance(payload, dict):
        return None
    order = payload.get("o")
    return payload.get("s") or (order.get("s") if isinstance(order, dict) else None)


def _matches(match: Match, call: Call) -> bool:
    endpoint = call.endpoint
    if match.method and match.method != endpoint.method:
        return False
    return match.market in ("", endpoint.market) and match.likes_path(endpoint.path)


def _symbol_of(call: Call) -> str | None:
    try:
        return parse_params(call.query, call.body).get("symbol")
    except ApiError:
        return None


def _described(call: Call, account_id: int | None) -> str:
    who = f"account {account_id}" if account_id else "nobody's key"
    return f"{call.endpoint.method} {call.endpoint.path}, {who}"


def _let_rest(venue: Venue[Any], order: Order) -> None:
    book = venue.engine.books[order.symbol]
    if book.by_id(order.account_id, order.order_id) is order:
        book.rest(order)
