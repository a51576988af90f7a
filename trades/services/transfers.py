"""Money between the wallets of an account: asked for, written down, sent once. ``transfer_sweep`` asks afterwards."""

import logging
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from market.exchange import gateway_for
from market.exchange.errors import ExchangeError, NotConfigured, OutcomeUnknown, RateLimited
from market.exchange.hosts import hosts_of
from market.fields import SecretUnreadable
from market.models import ExchangeAccount, Switch
from market.rounding import plain
from market.switches import SwitchState
from market.types import Market, moving
from trades.models import Event, Transfer
from trades.protocol import CLEAR_NOES
from trades.services.books import note_account_trouble
from trades.services.events import write_event
from trades.services.switch_lock import claims_together
from trades.transfers import (
    IN_DOUBT,
    PROOF_MARGIN,
    VALID_FOR,
    KeyTaken,
    TransferDenied,
    TransferStatus,
    TransferWish,
    check_wish,
    clock_trouble,
)

logger = logging.getLogger(__name__)

NOTHING = Decimal(0)
ONE_AT_A_TIME = ("transfer_one_live_per_account", "transfer_no_two_equal_live")


# --- asking for one --------------------------------------------------------------------------------------------


def request_transfer(wish: TransferWish, *, now: datetime) -> Transfer:
    """Check a wish and write it down, once for each key; somebody has to send it then (``send_transfer``).

    Asked again with the same key it is the same transfer, however that ended. Raises TransferDenied.
    """
    known = _known(wish)
    if known:
        return known
    if not settings.TRANSFERS_ENABLED:
        raise TransferDenied("TRANSFERS_ENABLED", "false", "transfers between wallets are switched off here")
    check_wish(wish, settings.MAX_TRANSFER)
    account = _account(wish, now=now)
    _check_free(account, wish)
    return _write_down(wish, account, now=now)


def _known(wish: TransferWish) -> Transfer | None:
    known = Transfer.objects.filter(owner_id=wish.owner_id, idempotency_key=wish.key).first()
    if known and not known.is_wished_by(wish):
        raise KeyTaken("key", wish.key, f"names {known}; what was asked for now is {wish.content}")
    return known


def _account(wish: TransferWish, *, now: datetime) -> ExchangeAccount:
    account = ExchangeAccount.objects.filter(pk=wish.account_id, owner_id=wish.owner_id).first()
    if account is None:
        raise TransferDenied("account", wish.account_id, "is no account of yours")
    obstacle = _obstacle(account, now=now)
    if obstacle:
        raise TransferDenied("account", account, obstacle)
    return account


def _obstacle(account: ExchangeAccount, *, now: datetime) -> str:
    """Why no money moves on the account now; empty when it may."""
    try:
        has_wallets = hosts_of(account.environment).wallet is not None
    except NotConfigured as error:
        return str(error)
    if not has_wallets:
        return f"{account.environment} has no transfers between wallets"
    hold = Switch.objects.holds([account])[account.pk]
    if hold.state == SwitchState.HALTED:
        return str(hold)
    return "the exchange asked for silence" if account.is_cooling(now) else ""


def _check_free(account: ExchangeAccount, wish: TransferWish) -> None:
    """Ask the exchange whether so much can leave its wallet. It has the last word when the transfer is sent."""
    source = Market.SPOT if wish.to_futures else Market.FUTURES
    try:
        balances = gateway_for(account, source).balances()
    except (ExchangeError, SecretUnreadable) as error:
        raise TransferDenied("account", account, f"its {source} wallet can't be read: {error}") from error
    # Profits that are not realised yet are free for orders, but can't leave: they make `locked` negative.
    free = sum((each.free + min(each.locked, NOTHING) for each in balances if each.asset == wish.asset), NOTHING)
    of_bots = _held_by_bots(account, wish.asset) if source == account.market == Market.SPOT else NOTHING
    if wish.amount > free - of_bots:
        kept = f", of which bots hold {plain(of_bots)}" if of_bots else ""
        bound = f"above what may leave the {source} wallet: {plain(free)} {wish.asset} is free{kept}"
        raise TransferDenied("amount", plain(wish.amount), bound)


def _held_by_bots(account: ExchangeAccount, asset: str) -> Decimal:
    """Coins in spot positions: who moves them away, leaves bots with nothing to sell."""
    total = account.positions.filter(base_asset=asset).aggregate(total=Sum("quantity"))["total"]
    return max(total or NOTHING, NOTHING)


def _write_down(wish: TransferWish, account: ExchangeAccount, *, now: datetime) -> Transfer:
    try:
        with transaction.atomic(durable=True):
            return Transfer.objects.create(
                owner_id=wish.owner_id,
                account=account,
                environment=account.environment,
                asset=wish.asset,
                amount=wish.amount,
                to_futures=wish.to_futures,
                idempotency_key=wish.key,
                asked_by=wish.asked_by[:150],
                created_at=now,
            )
    except IntegrityError as error:
        same = _known(wish)  # somebody asked for it at the same time
        if same:
            return same
        if not any(name in str(error) for name in ONE_AT_A_TIME):
            raise
        blocking = _in_the_way_of(wish, account) or "another transfer"
        raise TransferDenied("account", account, f"{blocking} has no outcome yet: one at a time") from error


def _in_the_way_of(wish: TransferWish, account: ExchangeAccount) -> Transfer | None:
    live = Transfer.objects.live().filter(owner_id=wish.owner_id, environment=account.environment)
    equal = Q(asset=wish.asset, amount=wish.amount, to_futures=wish.to_futures)
    return live.filter(Q(account=account) | equal).first()


# --- sending it ------------------------------------------------------------------------------------------------


def send_transfer(transfer_id: int, *, now: datetime) -> Transfer:
    """Send an intended transfer, once, and write down how it ended; whoever comes second finds it claimed.

    No transaction is open while the exchange is spoken to. What prevents the claim leaves the transfer intended: the
    sweep tries again, until it is too old.
    """
    clock = moving(now)
    transfer = Transfer.objects.select_related("account").get(pk=transfer_id)
    if transfer.status != TransferStatus.INTENDED:
        return transfer
    try:
        gateway = gateway_for(transfer.account, Market.SPOT)
        gateway.prepare()
        offset = gateway.clock_offset()
    except (ExchangeError, SecretUnreadable) as error:
        logger.warning("transfer %s: not sent yet: %s", transfer.pk, error)
        return transfer
    signed_at = clock()
    if not _claim(transfer, offset, now=signed_at):
        return transfer
    try:
        transaction_id = gateway.transfer(
            transfer.asset, transfer.amount, to_futures=transfer.to_futures, signed_at=signed_at, valid_for=VALID_FOR
        )
    except CLEAR_NOES as error:
        _reject(transfer, error, now=clock())
    except OutcomeUnknown as error:
        # Never resend: the money may have moved. The sweep asks for the exchange's history.
        tell_and_move(
            transfer, TransferStatus.UNKNOWN, f"outcome unknown: {error}", now=clock(), error=str(error)[:300]
        )
    else:
        finish(transfer, transaction_id, now=clock())
    return transfer


def _claim(transfer: Transfer, offset: timedelta, *, now: datetime) -> bool:
    """Move it from intended to submitted, unless something has come up since: then it will not be sent at all."""
    with transaction.atomic(durable=True):
        claims_together()
        account = ExchangeAccount.objects.select_for_update(no_key=True).get(pk=transfer.account_id)
        switched_off = "" if settings.TRANSFERS_ENABLED else "transfers are switched off"
        obstacle = switched_off or _obstacle(account, now=now) or clock_trouble(offset)
        if obstacle:
            drop(transfer, obstacle, now=now)
            return False
        deadline = now + VALID_FOR + PROOF_MARGIN
        return transfer.move(TransferStatus.SUBMITTED, signed_at=now, proof_deadline=deadline)


def _reject(transfer: Transfer, error: ExchangeError, *, now: datetime) -> None:
    tell_and_move(
        transfer, TransferStatus.REJECTED, f"rejected: {error}", now=now, error=str(error)[:300], finished_at=now
    )
    if isinstance(error, RateLimited):
        # A refused key is not noted there: it may lack this one permission, and trade all the same.
        note_account_trouble(transfer.account_id, error, now=now)


def drop(transfer: Transfer, reason: str, *, now: datetime) -> None:
    """End a transfer that will not be sent."""
    dropped = Transfer.objects.filter(pk=transfer.pk, status=TransferStatus.INTENDED)
    if dropped.update(status=TransferStatus.REJECTED, error=f"not sent: {reason}"[:300], finished_at=now):
        transfer.refresh_from_db()
        _tell(transfer, transfer.error, now=now)


def finish(transfer: Transfer, transaction_id: int, *, now: datetime) -> None:
    """The money has moved: claim the exchange's transaction, which is then no other transfer's."""
    text = f"done, transaction {transaction_id}"
    done = {"transaction_id": transaction_id, "error": "", "finished_at": now}
    tell_and_move(transfer, TransferStatus.DONE, text, now=now, **done)


def tell_and_move(transfer: Transfer, status: TransferStatus, text: str, *, now: datetime, **changes: object) -> bool:
    """Leave the current status for another and write the news of it, together. False: someone else moved first."""
    with transaction.atomic():
        moved = transfer.move(status, **changes)
        if moved:
            _tell(transfer, text, now=now)
    return moved


def _tell(transfer: Transfer, text: str, *, now: datetime) -> None:
    message = f"transfer of {transfer.content}: {text}"
    about = {"transfer": transfer.pk, "status": transfer.status}
    write_event(Event.Kind.TRANSFER, None, message, now=now, account=transfer.account, **about)


# --- by hand ---------------------------------------------------------------------------------------------------


def settle_transfer(transfer_id: int, transaction_id: int | None, *, now: datetime) -> Transfer:
    """End a transfer whose outcome only a person can tell, who has looked at the exchange.

    ``transaction_id`` None: it is not there. For when the history can't be read any more (the key is gone), or shows
    several that it may be. Raises TransferDenied while it may still arrive, or when it has its outcome already.
    """
    transfer = Transfer.objects.get(pk=transfer_id)
    if transfer.status not in IN_DOUBT:
        raise TransferDenied("transfer", transfer.pk, f"is {transfer.status}, there is nothing to settle")
    if now < transfer.as_sent.valid_until:
        raise TransferDenied("transfer", transfer.pk, f"may still arrive until {transfer.proof_deadline:%H:%M:%S} UTC")
    if transaction_id is None:
        # Without a 'not found' of the sweep's own it does not wait for a late birth: a person has decided.
        gone = {"finished_at": now, "not_found_at": None}
        tell_and_move(transfer, TransferStatus.ABSENT, "settled by hand: it never arrived", now=now, **gone)
        return transfer
    try:
        finish(transfer, transaction_id, now=now)
    except IntegrityError as error:
        raise TransferDenied("transaction", transaction_id, "is another transfer's") from error
    return transfer
