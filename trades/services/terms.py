"""Leverage and margin type of a futures position: set at the exchange, read back, remembered.

This costs calls, so it happens when a bot is started and not with every entry. Whatever casts doubt on it, an edit or a
refusal that names it, makes us forget: the next entry waits until the exchange has confirmed them anew.
"""

import logging
import zlib
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import F

from market.exchange.errors import ExchangeError, ExchangeUnavailable, OrderRejected, OutcomeUnknown
from market.exchange.gateway import Gateway
from market.exchange.types import FuturesSetup, MarginBracket
from market.locks import advisory_lock
from market.models import ExchangeAccount
from market.rounding import plain
from market.types import Market, Side
from trades.liquidation import Outlook, Terms, margin_of
from trades.models import Position, TermsInForce
from trades.services.neighbours import is_busy, neighbours
from trades.services.risk import one_entry_at_a_time

logger = logging.getLogger(__name__)

AGREEING = 7_251_004  # with the symbol's number behind it: a lock that nothing else takes

HEDGE_MODE = (
    "the account is in hedge mode, and this platform trades in one-way mode only: close its futures positions and"
    " orders, then choose One-way in the exchange's futures preferences (Position Mode)"
)
MULTI_ASSETS = (
    "the account is in multi-assets mode, in which all positions stand for each other in all assets: choose"
    " Single-Asset in the exchange's futures preferences (Asset Mode)"
)
# Why the exchange changes nothing → what to do about it.
REMEDIES = {
    -2027: "the position is larger than this leverage allows: close a part of it at the exchange first",
    -2028: "the position needs more margin at this leverage: close a part of it at the exchange first",
    -4028: "choose a leverage that the exchange offers for this symbol",
    -4047: "cancel the symbol's open orders at the exchange first",
    -4048: "close the symbol's position at the exchange first",
    -4161: "close the symbol's position at the exchange first",
    -4168: MULTI_ASSETS,
}
# Refusals of an order that say that the account no longer trades as we left it.
TERMS_CODES = {-2027, -2028, -4028, -4061}
NOTHING_TO_REDUCE = -2022  # on futures


class NotInForce(Exception):
    """The exchange does not trade the symbol on the terms that are wanted; the text says why, and what to do."""


def agree_on_terms(position: Position, terms: Terms, *, gateway: Gateway, key_mark: str, now: datetime) -> None:
    """Let the exchange trade a flat position's symbol on these terms, read back that it does, and remember it.

    What stands in the way is remembered in words. ``key_mark`` is that of the gateway's key. Raises ExchangeError when
    the exchange can't be asked. No transaction may be open.
    """
    with advisory_lock(_number_of(position)) as alone:
        if not alone:
            raise ExchangeUnavailable(f"the terms of {position.symbol} are being agreed on for somebody else just now")
        _agree(position, terms, gateway=gateway, key_mark=key_mark, now=now)


def _number_of(position: Position) -> int:
    return AGREEING << 32 | zlib.crc32(f"{position.account_id} {position.symbol}".encode())


def _agree(position: Position, terms: Terms, *, gateway: Gateway, key_mark: str, now: datetime) -> None:
    try:
        _take_the_symbol(position)
        found = _brought_about(position, terms, gateway)
    except NotInForce as obstacle:
        logger.warning("position %s: %s", position.pk, obstacle)
        said: dict[str, object] = {"problem": str(obstacle)[:300]}
    else:
        brackets = gateway.margin_brackets(position.symbol)
        said = {
            "problem": "",
            "leverage": found.leverage,
            "is_isolated": found.is_isolated,
            "brackets": [[str(bracket.ratio), str(bracket.deduction)] for bracket in brackets],
        }
    said |= {"asked_at": now, "key_mark": key_mark}
    TermsInForce.objects.update_or_create(position=position, defaults=said)


def _take_the_symbol(position: Position) -> None:
    """Have whoever else trades it on the account ask anew: what we set is set for all. Raises NotInForce.

    Under the lock of entries: one that was written down before is seen here, one that comes later finds no terms.
    """
    with transaction.atomic(durable=True):
        one_entry_at_a_time(position.pk)
        others = neighbours(position)
        if others.filter(is_busy()).exists():
            raise NotInForce(
                f"{position.symbol} is held, or ordered, on this account by another bot or by hand, at terms that may"
                " not be changed under it: that has to be closed first"
            )
        TermsInForce.objects.filter(position__in=others).update(asked_at=None, problem="")


def _brought_about(position: Position, terms: Terms, gateway: Gateway) -> FuturesSetup:
    """The set-up of the symbol once it is as wanted. Raises NotInForce."""
    symbol, cap = position.symbol, settings.MAX_LEVERAGE
    if terms.leverage > cap:
        raise NotInForce(f"leverage {terms.leverage} is above the platform's cap {cap}: choose at most that")
    before = gateway.futures_setup(symbol)
    _require_fit(before, position, gateway)
    if before.is_isolated != terms.is_isolated:
        _change("the margin type", lambda: gateway.set_isolated(symbol, isolated=terms.is_isolated))
    if before.leverage != terms.leverage:
        _change(f"leverage {terms.leverage}", lambda: gateway.set_leverage(symbol, terms.leverage))
    wanted = (terms.leverage, terms.is_isolated)
    found = before if (before.leverage, before.is_isolated) == wanted else gateway.futures_setup(symbol)
    if (found.leverage, found.is_isolated) != wanted:
        raise NotInForce(f"the exchange still has {_described(found.leverage, is_isolated=found.is_isolated)}")
    return found


def _require_fit(found: FuturesSetup, position: Position, gateway: Gateway) -> None:
    """One-way mode, one asset, and nobody else in the symbol: the exchange would net us with them."""
    if found.is_hedge_mode:
        raise NotInForce(HEDGE_MODE)
    if found.is_multi_assets:
        raise NotInForce(MULTI_ASSETS)
    held = {row.symbol: row.quantity for row in gateway.positions()}.get(position.symbol, Decimal(0))
    if held != position.quantity:
        ours = plain(position.quantity)
        raise NotInForce(
            f"the account holds {plain(held)} of {position.symbol}, of which this bot opened {ours}, and the exchange"
            " nets them: close the rest at the exchange first"
        )


def _change(what: str, change: Callable[[], object]) -> None:
    """Change a setting, once. Without a clear answer nothing is lost: it is read back."""
    try:
        change()
    except OutcomeUnknown as error:
        logger.warning("%s: outcome unknown, it is read back: %s", what, error)
    except OrderRejected as error:
        remedy = REMEDIES.get(error.code, "see what the exchange says of the account")
        raise NotInForce(f"the exchange refuses {what}: {error}; {remedy}") from error


def _described(leverage: int | None, *, is_isolated: bool | None) -> str:
    return f"leverage {leverage} and {'isolated' if is_isolated else 'crossed'} margin"


def forget_terms(position_id: int) -> None:
    """Have the exchange asked anew before the next entry."""
    TermsInForce.objects.filter(position=position_id).update(asked_at=None, problem="")


def note_futures_refusal(position: Position, error: ExchangeError) -> None:
    """Draw the conclusions of a refused futures order: the terms are not in force, or the position is not there."""
    if position.account.market != Market.FUTURES:
        return
    if error.code in TERMS_CODES:
        forget_terms(position.pk)
    elif error.code == NOTHING_TO_REDUCE:
        # A stop, or a liquidation, that we have not booked: have the account reconciled within seconds.
        ExchangeAccount.objects.filter(pk=position.account_id).update(reconciled_at=None)


def note_liquidation_price(position: Position, *, gateway: Gateway) -> None:
    """Remember where the exchange would liquidate an open position, once for each round. Raises ExchangeError."""
    found = {row.symbol: row.liquidation_price for row in gateway.positions()}.get(position.symbol)
    seen = {"liquidation_price": found, "liquidation_round": position.round}
    TermsInForce.objects.update_or_create(position=position, defaults=seen)


def known_brackets(owner_id: int, environment: str, symbol: str) -> list[MarginBracket]:
    """The brackets of a futures symbol as the exchange last told them to one of the owner's keys; none if it never has.

    They are no secret of an account, but only a signed call tells them.
    """
    places = {"account__owner": owner_id, "account__environment": environment, "account__market": Market.FUTURES}
    told = TermsInForce.objects.filter(position__in=Position.objects.filter(symbol=symbol, **places))
    newest = told.exclude(brackets=[]).order_by(F("asked_at").desc(nulls_last=True), "-pk").first()
    return newest.margin_brackets if newest else []


def disagreement(position: Position, terms: Terms | None) -> str:
    """Why a futures entry on these terms can't be sent; empty when the exchange has confirmed them."""
    if terms is None:
        return "a futures entry has to say on which leverage and margin type it counts"
    known, account = position.known_terms, position.account
    if known is None or not known.is_known(account):
        return f"the exchange has not confirmed {_described(terms.leverage, is_isolated=terms.is_isolated)} yet"
    if known.problem:
        return known.problem
    if known.are(account, leverage=terms.leverage, is_isolated=terms.is_isolated):
        return ""
    has, wanted = (_described(item.leverage, is_isolated=item.is_isolated) for item in (known, terms))
    return f"the exchange has {has}, the entry wants {wanted}"


def outlook(
    position: Position, terms: Terms | None, *, side: Side, quantity: Decimal, price: Decimal
) -> Outlook | None:
    """The entry as its liquidation would see it; None while its terms are not in force."""
    known = position.known_terms
    if terms is None or known is None:
        return None
    return Outlook(
        side=side,
        quantity=quantity,
        price=price,
        margin=margin_of(terms, quantity * price),
        brackets=known.margin_brackets,
        stop_percent=terms.stop_percent,
        least_percent=Decimal(settings.MIN_LIQUIDATION_DISTANCE_PERCENT),
    )
