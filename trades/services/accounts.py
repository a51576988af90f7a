"""A whole account against the exchange: at the start before it may trade, nightly, and while something is unknown.

Orders with our mark but without a row are adopted; what others did on the account is kept apart; what we believe to
hold is compared with what is there. A difference that stays puts the account into *reducing* and is told. What is free
is noted on the way: the checks of the account's entries begin with it (`trades.checks.risk.balance_is_enough`).
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from market.exchange import gateway_for
from market.exchange.errors import ExchangeError
from market.exchange.gateway import Gateway
from market.fields import SecretUnreadable
from market.logs.context import bound
from market.models import ExchangeAccount
from market.rounding import plain
from market.services import note_balances
from market.types import Market, Side, moving
from trades import protocol
from trades.lifecycle import IN_DOUBT, OrderStatus
from trades.models import Event, ExternalFill, Order, is_open
from trades.services.books import BOOKS
from trades.services.events import write_event
from trades.services.fundings import book_fundings
from trades.services.strays import Unsettled, book_missed_fills, note_open_orders

logger = logging.getLogger(__name__)
Holdings = dict[str, Decimal]
# A funding may be told a while after it was paid, and the position be closed by then.
WATCHED_AFTER_CLOSE = timedelta(hours=1)


def reconcile_accounts(accounts: Iterable[ExchangeAccount], *, now: datetime) -> dict[int, list[str]]:
    """Reconcile each account; what differs, by account id. One whose exchange does not answer is left for later."""
    clock, found = moving(now), dict[int, list[str]]()
    for account in accounts:
        try:
            with bound(account=account.pk):
                found[account.pk] = reconcile_account(account, now=clock())
        except (ExchangeError, SecretUnreadable, Unsettled) as error:
            logger.warning("account %s: not reconciled: %s", account.pk, error)
        except Exception:  # isolation: the account of one user must not keep the others from trading
            logger.exception("account %s: not reconciled", account.pk)
    return found


def to_reconcile(*, everything: bool) -> list[ExchangeAccount]:
    """Accounts with a key: all of them, or those that were not reconciled since the start or have unknown orders."""
    accounts = ExchangeAccount.objects.exclude(api_key="").order_by("pk")
    if everything:
        return list(accounts)
    unknown = Order.objects.filter(status=OrderStatus.UNKNOWN).values("position__account")
    return list(accounts.filter(Q(reconciled_at=None) | Q(pk__in=unknown)))


def watch_futures(*, now: datetime) -> int:
    """Book fundings, and look whether the exchange still holds what we believe, on every account with open futures.

    Cheaper than reconciling, which follows where something differs: a liquidation, or a stop that nobody told of.
    Returns how many accounts were looked at.
    """
    clock = moving(now)
    lately = is_open("positions__") | Q(positions__closed_at__gte=now - WATCHED_AFTER_CLOSE)
    holders = ExchangeAccount.objects.exclude(api_key="").filter(lately, market=Market.FUTURES)
    accounts = [account for account in holders.distinct().order_by("pk") if not account.is_cooling(now)]
    reconcile_accounts([account for account in accounts if _differs(account, now=clock())], now=now)
    return len(accounts)


def _differs(account: ExchangeAccount, *, now: datetime) -> bool:
    """Book an account's fundings; tell whether its positions differ. What is in the way is left for the next time."""
    try:
        gateway = gateway_for(account)
        book_fundings(account, gateway)
        return bool(_differences(account, gateway, now=now))
    except SoftTimeLimitExceeded:
        raise
    except (ExchangeError, SecretUnreadable, Unsettled) as error:
        logger.warning("account %s: not watched: %s", account.pk, error)
    except Exception:  # isolation, as above
        logger.exception("account %s: not watched", account.pk)
    return False


def reconcile_account(account: ExchangeAccount, *, now: datetime) -> list[str]:
    """Bring one account in line with its exchange, as far as evidence goes; return what differs all the same.

    Raises ExchangeError, SecretUnreadable, and Unsettled while an order has no clear outcome.
    """
    clock = moving(now)
    gateway = gateway_for(account)
    note_open_orders(account, gateway.open_orders(), gateway, now=now)
    for symbol in sorted(set(account.positions.values_list("symbol", flat=True))):
        book_missed_fills(account, symbol, gateway, now=clock())
    if account.market == Market.FUTURES:
        book_fundings(account, gateway)
        note_balances(account, gateway.balances(), now=clock())
    differences = _differences(account, gateway, now=clock())
    if differences:  # a resting order may have been executed just now: ask for all of them, and look again
        for order in Order.objects.live().filter(position__account=account).select_related("position__account"):
            protocol.move_on(order, books=BOOKS, gateway=gateway, clock=clock)
        differences = _differences(account, gateway, now=clock())
    _finish(account, differences, now=clock())
    return differences


def _differences(account: ExchangeAccount, gateway: Gateway, *, now: datetime) -> list[str]:
    """Sentences about what the exchange holds less (spot), or otherwise (futures), than our books say."""
    before = _settled_holdings(account)
    there = _held_there(account, gateway, now=now)
    if _settled_holdings(account) != before:
        raise Unsettled("orders were booked while the account was compared")
    is_spot = account.market == Market.SPOT
    return [
        f"{name}: the exchange holds {plain(there.get(name, Decimal(0)))}, our books say {plain(ours)}"
        for name, ours in sorted(before.items())
        if (there.get(name, Decimal(0)) < ours if is_spot else there.get(name, Decimal(0)) != ours)
    ]


def _settled_holdings(account: ExchangeAccount) -> Holdings:
    """What our books say that the account holds: on spot by asset, on futures by symbol. Raises Unsettled."""
    positions = account.positions.all()
    if Order.objects.filter(position__account=account, status__in=IN_DOUBT).exists():
        raise Unsettled("an order has no clear outcome yet")
    if account.market == Market.SPOT:
        totals = positions.values("base_asset").annotate(total=Sum("quantity"))
        return {row["base_asset"]: row["total"] for row in totals if row["total"] > 0}
    held = {row["symbol"]: row["total"] for row in positions.values("symbol").annotate(total=Sum("quantity"))}
    for cursor in account.fill_cursors.all():
        external = account.external_fills.filter(symbol=cursor.symbol)
        held[cursor.symbol] = held.get(cursor.symbol, Decimal(0)) + cursor.baseline + _signed_sum(external)
    return held


def _held_there(account: ExchangeAccount, gateway: Gateway, *, now: datetime) -> Holdings:
    if account.market == Market.SPOT:
        balances = gateway.balances()
        note_balances(account, balances, now=now)
        return {balance.asset: balance.free + balance.locked for balance in balances}
    return {position.symbol: position.quantity for position in gateway.positions()}


def _signed_sum(fills: QuerySet[ExternalFill]) -> Decimal:
    bought = Sum("quantity", filter=Q(side=Side.BUY.value), default=Decimal(0))
    sold = Sum("quantity", filter=Q(side=Side.SELL.value), default=Decimal(0))
    sums = fills.aggregate(bought=bought, sold=sold)
    return Decimal(sums["bought"] - sums["sold"])


def _finish(account: ExchangeAccount, differences: list[str], *, now: datetime) -> None:
    """Write down that the account was reconciled; with a difference it only reduces until an operator has looked."""
    accounts = ExchangeAccount.objects.filter(pk=account.pk)
    with transaction.atomic():
        accounts.update(reconciled_at=now)
        if not differences or not accounts.filter(state=ExchangeAccount.State.ACTIVE).update(
            state=ExchangeAccount.State.REDUCING, state_reason="; ".join(differences)[:300]
        ):
            return
        position = account.positions.order_by("pk").first()
        assert position is not None, "without a position nothing can differ"
        message = f"account {account.name} only reduces from now on: {'; '.join(differences)}"
        write_event(Event.Kind.BOOKS_DIFFER, position, message, now=now)
