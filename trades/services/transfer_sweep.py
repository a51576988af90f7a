"""Transfers that hang: looking for those in doubt in the exchange's history, sending or dropping those never sent."""

import logging
from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import F, Q

from market.exchange import gateway_for
from market.exchange.errors import ExchangeError, RateLimited
from market.exchange.types import TransferReport
from market.fields import SecretUnreadable
from market.locks import advisory_lock
from market.types import Clock, Market, moving
from trades.models import Transfer, TransferQuerySet
from trades.services.books import note_account_trouble
from trades.services.transfers import drop, finish, send_transfer, tell_and_move
from trades.transfers import (
    ANSWER_DUE_AFTER,
    IN_DOUBT,
    LATE_BIRTHS_WITHIN,
    LEFT_BEHIND_AFTER,
    SECOND_LOOK_AFTER,
    TOO_OLD_TO_SEND,
    TransferStatus,
)

logger = logging.getLogger(__name__)

SWEEP_LOCK = 7_251_009  # any number that nothing else locks
SWEEP_BUDGET = timedelta(seconds=60)


def reconcile_transfers(*, now: datetime) -> int:
    """Move every hanging transfer on as far as evidence allows; return how many were looked at. One sweep at a time.

    What goes wrong with one does not keep the others waiting; who was looked at longest ago is looked at first.
    """
    with advisory_lock(SWEEP_LOCK) as free:
        return _sweep(moving(now)) if free else 0


def _sweep(clock: Clock) -> int:
    started, looked_at = clock(), 0
    longest_ago = (F("asked_at").asc(nulls_first=True), "created_at")
    for transfer in _hanging(started).select_related("account").order_by(*longest_ago):
        if clock() - started > SWEEP_BUDGET:
            break
        if transfer.account.is_cooling(clock()):
            continue
        Transfer.objects.filter(pk=transfer.pk).update(asked_at=clock())
        looked_at += 1
        _try_to_move_on(transfer, now=clock())
    return looked_at


def _hanging(now: datetime) -> TransferQuerySet:
    """Transfers that nobody works on any more, and those found missing a short while ago: they may be born late."""
    missing_since = now - LATE_BIRTHS_WITHIN
    return Transfer.objects.filter(
        Q(status=TransferStatus.INTENDED, created_at__lt=now - LEFT_BEHIND_AFTER)
        | Q(status=TransferStatus.SUBMITTED, signed_at__lt=now - ANSWER_DUE_AFTER)
        | Q(status=TransferStatus.UNKNOWN)
        | Q(status=TransferStatus.ABSENT, not_found_at__isnull=False, finished_at__gt=missing_since)
    )


def _try_to_move_on(transfer: Transfer, *, now: datetime) -> None:
    try:
        if transfer.status != TransferStatus.INTENDED:
            look_for(transfer, now=now)
        elif transfer.created_at < now - TOO_OLD_TO_SEND:
            drop(transfer, "too old when it was found", now=now)
        else:
            send_transfer(transfer.pk, now=now)
    except SoftTimeLimitExceeded:
        raise
    except (ExchangeError, SecretUnreadable) as error:
        logger.warning("transfer %s: still hanging: %s", transfer.pk, error)
        if isinstance(error, RateLimited):
            note_account_trouble(transfer.account_id, error, now=now)
    except Exception:  # a bug, or a row that can't be: it must not keep the others hanging
        logger.exception("transfer %s: can't be reconciled", transfer.pk)


def look_for(transfer: Transfer, *, now: datetime) -> None:
    """Look for a transfer in the exchange's history and write down what that proves. Raises ExchangeError.

    One that is there and can be no other's is ours. Missing counts only past the proof deadline, and twice, some
    seconds apart: before, it may still be under way. A question that fails proves nothing.
    """
    found = _in_history(transfer)
    if not found:
        _weigh_missing(transfer, now=now)
    elif len(found) > 1:
        _tell_ambiguity(transfer, found)
    elif found[0].is_booked:  # else it is under way at the exchange: look again later
        finish(transfer, found[0].transaction_id, now=now)


def _in_history(transfer: Transfer) -> list[TransferReport]:
    sent = transfer.as_sent
    history = gateway_for(transfer.account, Market.SPOT).transfers(to_futures=sent.to_futures, since=sent.since)
    others = Transfer.objects.filter(owner=transfer.owner_id, environment=transfer.environment).exclude(pk=transfer.pk)
    ids = [report.transaction_id for report in history]
    claimed = set(others.filter(transaction_id__in=ids).values_list("transaction_id", flat=True))
    return sent.matches(history, claimed=claimed)


def _weigh_missing(transfer: Transfer, *, now: datetime) -> None:
    if transfer.status not in IN_DOUBT or now < transfer.as_sent.valid_until:
        return
    if transfer.not_found_at is None:
        Transfer.objects.filter(pk=transfer.pk).update(not_found_at=now)
    elif now - transfer.not_found_at >= SECOND_LOOK_AFTER:
        tell_and_move(transfer, TransferStatus.ABSENT, "it never reached the exchange", now=now, finished_at=now)


def _tell_ambiguity(transfer: Transfer, found: list[TransferReport]) -> None:
    """Somebody else moved the same amount at the same time: only a person can tell which one is ours."""
    ids = ", ".join(str(report.transaction_id) for report in found)
    error = f"may be any of the exchange's transactions {ids}: settle it by hand (manage.py settle_transfer)"
    Transfer.objects.filter(pk=transfer.pk).update(error=error[:300])
    logger.error("transfer %s: %s", transfer.pk, error)
