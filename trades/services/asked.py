"""Orders that a person asks for: written down before their task is sent, made once however often that comes.

What a task does is decided under a lock of the row, in the transaction that writes down the order: a task that is
delivered twice, or comes late, finds that it has ended. A task that never came is sent again by the sweep.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Least
from knox.models import get_token_model

from market.access import sees_all
from market.exchange.errors import ExchangeError
from market.models import ExchangeAccount, SymbolRules
from market.services import NotYourAccount, one_at_a_time
from market.types import Market, OrderType, Side, moving
from trades.models import OrderByHand
from trades.services import asked_rows
from trades.services.asked_rows import (
    AlreadyEnded,
    DatabaseClock,
    end_without_order,
    expire,
    is_too_late,
    is_too_old,
)
from trades.services.hands import Act, HandOrder, HeldUp, OrderDenied, carry_out

TASK_DUE_AFTER = timedelta(seconds=5)  # by then a task has begun, unless it is lost or waits in a long queue
MOST_UNFINISHED = 20  # of one user
KEY_COUNTS_FOR = timedelta(hours=24)  # as long as an answer is kept for it (`market.api.idempotency`)
# Of traders, not of those who only look.
PLACES_ORDERS = "market.change_exchangeaccount"
ONCE_PER_KEY = "asked_once_per_key"
PER_SWEEP = 500


class TooManyUnfinished(Exception):
    """So many orders of this user wait already that a further one would only wait longer."""


class KeyNamesAnother(Exception):
    """The key was used for another order before."""


def ask_for_order(
    user: User,
    account: ExchangeAccount,
    wanted: HandOrder,
    *,
    asked_by: User,
    key: str,
    token_id: int | None = None,
    now: datetime,
) -> OrderByHand:
    """Write down what is asked for, in the name of ``user``; somebody has to place it then (``execute_asked``).

    ``token_id``: of the token that the asking program came with, which must still count when it is placed.

    Asked again with the same key, which is the asking person's own, within a day, it is the same row, however that
    ended. Raises NotYourAccount, TooManyUnfinished, KeyNamesAnother.
    """
    if account.owner_id != user.pk or (asked_by != user and not sees_all(asked_by)):
        raise NotYourAccount(f"account {account.pk} belongs to somebody else")
    told = {"user_id": user.pk, "account_id": account.pk, **_told(wanted)}
    try:
        with transaction.atomic(durable=True):
            one_at_a_time(user)
            known = _known(asked_by, key, now)
            if known is None:
                _require_room(user)
                _take_from_older(asked_by, key, now)
                at = Least(Value(now), DatabaseClock())
                asked = OrderByHand(asked_by=asked_by, key=key, token_id=token_id, created_at=at, **told)
                asked.save()
                asked.refresh_from_db(fields=["created_at"])
                return asked
    except IntegrityError as error:
        if ONCE_PER_KEY not in str(error):
            raise
        known = _known(asked_by, key, now)  # asked for at the same time, for another user
    if known is None or not known.is_same(told):
        raise KeyNamesAnother(key)
    return known


def asked_before(
    asked_by: User, wanted: HandOrder, *, key: str, user_id: int, account_id: int | None, now: datetime
) -> OrderByHand | None:
    """What was asked for with this key, looked up before anything that may have changed since; None: nothing.

    Without an account it is the one that was found then. Raises KeyNamesAnother.
    """
    known = _known(asked_by, key, now)
    if known is None:
        return None
    if not known.is_same({"user_id": user_id, "account_id": account_id or known.account_id, **_told(wanted)}):
        raise KeyNamesAnother(key)
    return known


def _told(wanted: HandOrder) -> dict[str, object]:
    """An order as its row names it."""
    return {
        "symbol": wanted.symbol,
        "side": wanted.side.value,
        "type": wanted.type.value,
        "quantity": wanted.quantity,
        "price": wanted.price,
        "leverage": wanted.leverage,
    }


def accounts_for(user: User, wanted: HandOrder) -> QuerySet[ExchangeAccount]:
    """The user's accounts on which it can be traded, as far as our own copy of the symbols knows."""
    here = {"environment": OuterRef("environment"), "market": OuterRef("market")}
    accounts = ExchangeAccount.objects.filter(owner=user, environment__in=settings.ENVIRONMENTS).order_by("pk")
    if wanted.leverage > 1:
        accounts = accounts.filter(market=Market.FUTURES)
    return accounts.filter(Exists(SymbolRules.objects.filter(symbol=wanted.symbol, **here)))


def _known(asked_by: User, key: str, now: datetime) -> OrderByHand | None:
    """What the key stands for, unless that is so long ago that it stands for a new order again."""
    young = OrderByHand.objects.filter(asked_by=asked_by, key=key, created_at__gt=now - KEY_COUNTS_FOR)
    return young.first() if key else None


def _take_from_older(asked_by: User, key: str, now: datetime) -> None:
    """Let the key be free for a new row, in the transaction that writes that."""
    if key:
        older = OrderByHand.objects.filter(asked_by=asked_by, key=key, created_at__lte=now - KEY_COUNTS_FOR)
        older.update(key="")


def _require_room(user: User) -> None:
    if OrderByHand.objects.owned_by(user).unfinished().count() >= MOST_UNFINISHED:
        raise TooManyUnfinished(f"{MOST_UNFINISHED} orders of {user} wait to be placed, the most that may")


def execute_asked(asked_id: int, *, now: datetime) -> OrderByHand:
    """Make an order of what was asked for, unless it has ended; return the row as it is then.

    Whatever is in the way ends it with a code and a sentence for the user. What dies on the way is taken up again.
    """
    clock = moving(now)
    asked = OrderByHand.objects.select_related("user", "asked_by", "account__owner").get(pk=asked_id)
    if asked.is_unfinished:
        _execute(asked, now=clock())
        asked.refresh_from_db()
    return asked


def _execute(asked: OrderByHand, *, now: datetime) -> None:
    clock = moving(now)
    if is_too_old(asked, now=now):
        expire(asked, now=now)
    elif trouble := _no_longer_may(asked, now=now):
        end_without_order(asked, OrderByHand.Status.DENIED, trouble, code="not_allowed", now=now)
    elif asked.begin(now=now):
        wanted = HandOrder(
            asked.symbol, Side(asked.side), asked.quantity, OrderType(asked.type), asked.price, asked.leverage
        )
        try:
            carry_out(Act(asked.user, asked.account, wanted, str(asked.task_id), asked), now=clock())
        except OrderDenied:
            pass  # written down, with the reason
        except HeldUp as error:
            asked.note(str(error))  # the sweep brings it again, until it is too old
        except AlreadyEnded:
            if is_too_late(pk=asked.pk):
                expire(asked, now=clock())
        except ExchangeError as error:
            end_without_order(
                asked, OrderByHand.Status.FAILED, f"nothing was sent: {error}", code="exchange", now=clock()
            )


def _no_longer_may(asked: OrderByHand, *, now: datetime) -> str:
    """Why it is not placed though it was taken: rights that were there when it was asked for; empty: nothing.

    The rows have just been read, so that no right is remembered from another time.
    """
    user, asked_by = asked.user, asked.asked_by
    for one in (user, asked_by):
        if not one.is_active:
            return f"{one} may not log in any more"
    if not asked_by.has_perm(PLACES_ORDERS):
        return f"{asked_by} may place no orders any more"
    if asked_by != user and not sees_all(asked_by):
        return f"{asked_by} may not act for {user} any more"
    if asked.token_id is not None and not _counts(asked.token_id, now=now):
        return "the token that it was asked for with was revoked, or has expired"
    return ""


def _counts(token_id: int, *, now: datetime) -> bool:
    """Whether a token does: a revoked one is no row any more. Which model it is belongs to the layers above."""
    return bool(get_token_model().objects.filter(pk=token_id, expiry__gt=now).exists())


def asked_in_vain(*, now: datetime) -> list[OrderByHand]:
    """Those whose task was lost, or died, the oldest first. Those that are too old are ended instead."""
    unfinished, too_old = OrderByHand.objects.unfinished().order_by("created_at"), now - asked_rows.TOO_OLD
    for asked in unfinished.filter(created_at__lte=too_old).select_related("user", "account")[:PER_SWEEP]:
        expire(asked, now=now)
    return list(unfinished.filter(created_at__gt=too_old, created_at__lte=now - TASK_DUE_AFTER)[:PER_SWEEP])
