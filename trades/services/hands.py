"""Orders that a person places, with the same checks, protocol and books as those of bots.

They go into a position of their own, one per account and symbol. On spot a purchase is an entry, which opens it or adds
to it, and a sale is an exit of what was bought by hand. On futures an order against what is held is an exit, which only
reduces; everything else is an entry. So nobody sells a bot's coins by hand, and nobody turns a position by mistake.
"""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction

from market.budget import Priority, spending_as
from market.clock import clock_trouble
from market.exchange import gateway_for
from market.exchange.errors import ExchangeUnavailable, NotConfigured, RateLimited
from market.exchange.gateway import Gateway
from market.fields import SecretUnreadable
from market.models import ExchangeAccount
from market.prices import last_prices
from market.rules import Rules
from market.symbols import UnknownSymbol, rules_for
from market.types import Market, OrderType, Price, Side, moving
from trades.checks import Code, Denial
from trades.lifecycle import OrderPurpose
from trades.liquidation import Terms
from trades.models import Event, Order, OrderByHand, Position
from trades.services.asked_rows import end_without_order, require_wanted
from trades.services.asking import ANSWERED_BY_THE_EXCHANGE, Answers, ask_exchange
from trades.services.events import write_event
from trades.services.intents import Intent
from trades.services.orders import intend_order, submit_order
from trades.services.terms import agree_on_terms


@dataclass(frozen=True)
class HandOrder:
    """An order as a person asks for it: ``quantity`` in base asset, ``price`` the limit in quote asset."""

    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    leverage: int = 1  # on futures

    def __str__(self) -> str:
        at = "" if self.price is None else f" at {self.price:f}"
        return f"{self.side} {self.quantity:f} {self.symbol}{at}"


class HeldUp(Exception):
    """What only leaves a position can't be written down just now; it is tried again while it is young enough."""


class OrderDenied(Exception):
    """We refuse an order by hand: nothing was sent, nothing is reserved."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(f"{denial.code}: {denial.detail}")
        self.denial = denial


@dataclass(frozen=True)
class Act:
    """What is done in whose name. ``asked``: the row in which it was asked for, which ends as this becomes an order."""

    user: User
    account: ExchangeAccount
    wanted: HandOrder
    key: str
    asked: OrderByHand | None = None

    @property
    def signal_key(self) -> str:
        return f"hand:{self.key}"

    @property
    def reason(self) -> str:
        asked_by = self.asked.asked_by if self.asked else self.user
        return f"{self.user} by hand" + ("" if asked_by == self.user else f", asked for by {asked_by}")


def place_order(user: User, account: ExchangeAccount, wanted: HandOrder, *, key: str, now: datetime) -> Order:
    """Check, write down and send one order in the name of ``user``; return it, whatever has become of it.

    ``key`` names the act: a second call with it sends nothing and returns the first one's order. Raises OrderDenied,
    and ExchangeError when there is no market to look at.
    """
    return carry_out(Act(user, account, wanted, key), now=now)


def carry_out(act: Act, *, now: datetime) -> Order:
    """The same of an act that may have been asked for before.

    Raises AlreadyEnded, too: somebody else has done it; and of what was asked for HeldUp.
    """
    clock = moving(now)
    done = _done(act)
    if done:
        return done
    leaves = _leaves(act)
    try:
        with spending_as(Priority.EXITS) if leaves else nullcontext():
            gateway, order = _accepted(act, now=now)
    except OrderDenied as error:
        if leaves and act.asked and error.denial.code is Code.ACCOUNT_COOLING:
            raise HeldUp(error.denial.detail) from error
        _refuse(act, error.denial, now=clock())
        raise
    except (ExchangeUnavailable, RateLimited) as error:
        if leaves and act.asked:
            raise HeldUp(str(error)) from error
        raise
    submit_order(order, gateway=gateway, now=clock())
    return order


def _leaves(act: Act) -> bool:
    """Whether it only makes smaller what is held by hand, as the books say before anybody is asked."""
    held = Position.objects.filter(account=act.account, symbol=act.wanted.symbol, by_hand=True).first()
    return held is not None and held.is_open and held.quantity * act.wanted.side.sign < 0


def _done(act: Act) -> Order | None:
    """What an earlier call with the same key has made: a task may be delivered twice."""
    same = Order.objects.owned_by(act.user).filter(account=act.account, position__by_hand=True)
    return same.filter(signal_key=act.signal_key).select_related("position").first()


def _accepted(act: Act, *, now: datetime) -> tuple[Gateway, Order]:
    """The order, written down, and the way to send it. Raises OrderDenied."""
    clock, account, wanted = moving(now), act.account, act.wanted
    _require_sense(wanted)
    if account.owner_id != act.user.pk:
        raise OrderDenied(Denial(Code.NOT_OWNER, "the account belongs to another user"))
    try:
        rules = rules_for(account.environment, account.market, wanted.symbol, now=now)
        gateway = gateway_for(account)
    except UnknownSymbol as error:
        raise OrderDenied(Denial(Code.SYMBOL_UNKNOWN, str(error))) from error
    except (NotConfigured, SecretUnreadable) as error:
        raise OrderDenied(Denial(Code.KEY_UNUSABLE, str(error))) from error
    price = _price_of(account, wanted.symbol, now=now)
    trouble = clock_trouble(account.environment, account.market, now=now)
    asked, answers = set[Code](), Answers()
    while True:
        try:
            return gateway, _written_down(act, rules, price, trouble, answers, now=clock())
        except OrderDenied as error:
            code = error.denial.code
            if code in asked or code not in (Code.TERMS, *ANSWERED_BY_THE_EXCHANGE):
                raise
            asked.add(code)
        if code in ANSWERED_BY_THE_EXCHANGE:
            answers = ask_exchange(code, answers, account=account, symbol=wanted.symbol, now=clock())
        else:  # let the exchange confirm on which terms futures are traded
            position, terms = _position_of(account, rules), _terms(wanted, price)
            agree_on_terms(position, terms, gateway=gateway, key_mark=account.key_mark, now=clock())


def _written_down(act: Act, rules: Rules, price: Price, trouble: str, answers: Answers, *, now: datetime) -> Order:
    with transaction.atomic(durable=True):  # with a denial not even an empty position stays
        if act.asked:
            require_wanted(act.asked)
        position = _position_of(act.account, rules)
        intent = replace(_intent(act, position, price), clock_trouble=trouble, **vars(answers))
        made = intend_order(position.pk, intent, rules=rules, now=now)
        if isinstance(made, Denial):
            raise OrderDenied(made)
        if act.asked:
            ended = act.asked.end(OrderByHand.Status.DONE, order=made, message="", now=now)
            assert ended, f"order by hand {act.asked.pk}: its row is locked, and yet somebody else has ended it"
    return made


def _terms(wanted: HandOrder, price: Price) -> Terms:
    """By hand futures are traded with isolated margin, at the leverage that is asked for, and without a stop."""
    worth = wanted.quantity * (wanted.price or price.value)
    return Terms(wanted.leverage, is_isolated=True, backing=worth, stop_percent=None)


def _require_sense(wanted: HandOrder) -> None:
    """What no rule of an exchange need be asked about. Raises OrderDenied."""
    for name in ("quantity", "price"):
        value = getattr(wanted, name)
        if value is not None and not (value.is_finite() and value > 0):
            raise OrderDenied(Denial(Code.MALFORMED, f"{name}: {value} must be above 0", limit="0", value=str(value)))
    if wanted.type not in (OrderType.MARKET, OrderType.LIMIT):
        detail = f"type: {wanted.type} is none for an order by hand; market and limit are"
        raise OrderDenied(Denial(Code.MALFORMED, detail, limit="market, limit", value=wanted.type))
    if (wanted.type is OrderType.LIMIT) != (wanted.price is not None):
        raise OrderDenied(Denial(Code.MALFORMED, "price: a limit order needs one, a market order has none"))


def _price_of(account: ExchangeAccount, symbol: str, *, now: datetime) -> Price:
    prices = last_prices(account.environment, account.market, now=now)
    if symbol not in prices:
        raise ExchangeUnavailable(f"the exchange has no price of {symbol}")
    return prices[symbol]


def _position_of(account: ExchangeAccount, rules: Rules) -> Position:
    """The hand's own position of this account and symbol; whoever comes second finds the first one's."""
    named = {"base_asset": rules.base_asset, "quote_asset": rules.quote_asset}
    position, _ = Position.objects.get_or_create(
        account=account,
        symbol=rules.symbol,
        by_hand=True,
        defaults={**named, "smallest_quantity": rules.smallest_quantity},
    )
    position.account = account
    return position


def _intent(act: Act, position: Position, price: Price) -> Intent:
    wanted = act.wanted
    return Intent(
        purpose=_purpose(position, wanted.side),
        side=wanted.side,
        quantity=wanted.quantity,
        price=price.value,
        price_at=price.at,
        signal_key=act.signal_key,
        reason=act.reason,
        type=wanted.type,
        order_price=wanted.price,
        may_increase=True,
        wanted_by=act.user.pk,
        leverage=wanted.leverage,
        terms=_terms(wanted, price) if position.account.market == Market.FUTURES else None,
    )


def _purpose(position: Position, side: Side) -> OrderPurpose:
    if position.account.market == Market.SPOT:
        return OrderPurpose.ENTRY if side is Side.BUY else OrderPurpose.EXIT
    reduces = position.is_open and position.quantity * side.sign < 0
    return OrderPurpose.EXIT if reduces else OrderPurpose.ENTRY


def _refuse(act: Act, denial: Denial, *, now: datetime) -> None:
    """News of a refusal with code, limit and value: for the user, and at the account, if it is the user's."""
    own = act.account if act.account.owner_id == act.user.pk else None
    said = {"code": denial.code, "limit": denial.limit, "value": denial.value}
    if act.asked:
        end_without_order(act.asked, OrderByHand.Status.DENIED, denial.detail, now=now, **said)
        return
    message = f"{act.wanted} by hand: {denial.detail}"
    write_event(Event.Kind.ORDER_DENIED, None, message, now=now, account=own, user=act.user, **said)
