"""The kill switch of the platform, of a user, of an account: reducing (exits only), halted (nothing), active again.

The state is read from PostgreSQL in the transaction that sends an order (``trades.services.books``), so a press counts
for what is queued already, and while Redis is away. Stops and targets that rest at the exchange stay there.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from market.exchange import gateway_for
from market.exchange.errors import ExchangeError
from market.fields import SecretUnreadable
from market.history import change
from market.models import SEE_ALL_ROWS, ExchangeAccount, Switch
from market.switches import Scope, SwitchState
from market.types import Clock, moving
from trades.lifecycle import IN_DOUBT, OrderPurpose, OrderStatus
from trades.models import Event, Order
from trades.services.events import write_event
from trades.services.orders import cancel_order
from trades.services.switch_lock import press_alone

logger = logging.getLogger(__name__)

CANCELING_BUDGET = timedelta(seconds=20)  # what is left then is canceled by the sweep


class NotYourSwitch(Exception):
    """Somebody presses, or lets go, what is another's to press."""


@dataclass(frozen=True)
class Target:
    """What a switch stops: one account, or all accounts of one user, or, when it names neither, the platform."""

    user: User | None = None
    account: ExchangeAccount | None = None

    @property
    def scope(self) -> Scope:
        if self.account:
            return Scope.ACCOUNT
        return Scope.USER if self.user else Scope.PLATFORM

    def __str__(self) -> str:
        if self.account:
            return f"account {self.account.name} of {self.account.owner}"
        return f"user {self.user}" if self.user else "the platform"

    @property
    def orders(self) -> Q:
        """The condition for the orders that it stops."""
        if self.account:
            return Q(account=self.account)
        return Q(account__owner=self.user) if self.user else Q()


PLATFORM = Target()


@dataclass(frozen=True)
class Pressed:
    """What a press has done to entries: those never sent, those canceled, those whose end the sweep will see to."""

    state: SwitchState
    taken_back: int = 0
    canceled: int = 0
    pending: int = 0


def press(target: Target, state: SwitchState, *, by: User | None, reason: str, now: datetime) -> Pressed:
    """Set a switch and tell it; on *halted* take back entries that are not sent and cancel those that are open.

    ``by`` is None for the system itself and for the command line. Raises NotYourSwitch. Once it returns no entry is
    sent any more on *reducing*, and no order at all on *halted*.
    """
    clock = moving(now)
    with transaction.atomic(durable=True):
        press_alone()
        before, pressed_by = _current(target)
        _require_right(target, by, eases=state.strictness < before.strictness, pressed_by=pressed_by)
        taken_back = withdraw_entries(target.orders, now=now) if state is SwitchState.HALTED else 0
        _set(target, state, by=by, reason=reason[:200], now=now, keeps_presser=_is_anothers(by, before, pressed_by))
        who = f"by {by}" if by else "by the system"
        write_event(
            Event.Kind.KILL_SWITCH,
            None,
            f"{target} is {state}, {who}: {reason}",
            now=now,
            account=target.account,
            user=target.user,
            scope=target.scope,
            state=state,
            before=before,
            by=by.pk if by else None,
            reason=reason[:200],
            taken_back=taken_back,
        )
    if state is not SwitchState.HALTED:
        return Pressed(state)
    return Pressed(state, taken_back, *_cancel_withdrawn(target.orders, clock=clock))


def is_operator(user: User) -> bool:
    """Who looks after everybody's trading, here as in the admin: operators, administrators, superusers."""
    return user.has_perm(SEE_ALL_ROWS)


def _require_right(target: Target, by: User | None, *, eases: bool, pressed_by: int | None) -> None:
    """Owners press their own switches. What somebody else has stopped, only an operator lets go."""
    if by is None or is_operator(by):
        return
    owner = target.account.owner_id if target.account else target.user and target.user.pk
    if owner != by.pk:
        raise NotYourSwitch(f"{target}: only an operator may press this switch")
    if eases and pressed_by != by.pk:
        raise NotYourSwitch(f"{target}: it was not you who stopped it; only an operator lets it go")


def _is_anothers(by: User | None, before: SwitchState, pressed_by: int | None) -> bool:
    """Whether somebody else holds the switch: an owner may make it stricter, but it stays the other's to let go."""
    if by is None or is_operator(by):
        return False
    return before is not SwitchState.ACTIVE and pressed_by != by.pk


def _current(target: Target) -> tuple[SwitchState, int | None]:
    """The state of the target's own switch, and who pressed it last."""
    if target.account:
        account = ExchangeAccount.objects.get(pk=target.account.pk)
        return SwitchState(account.state), account.state_set_by_id
    switch = Switch.objects.filter(user=target.user).first()
    return (SwitchState(switch.state), switch.pressed_by_id) if switch else (SwitchState.ACTIVE, None)


def _set(
    target: Target, state: SwitchState, *, by: User | None, reason: str, now: datetime, keeps_presser: bool
) -> None:
    """Set it. Who presses a switch that is another's adds no more than strictness: his reason is in the event."""
    if target.account:
        account = ExchangeAccount.objects.get(pk=target.account.pk)
        told = {} if keeps_presser else {"state_reason": reason, "state_set_by": by, "state_set_at": now}
        change(account, state=state, **told)
    else:
        told = {} if keeps_presser else {"reason": reason, "pressed_by": by, "pressed_at": now}
        Switch.objects.update_or_create(user=target.user, defaults={"state": state, **told})


# --- entries that may not go on ----------------------------------------------------------------------------------


def withdraw_entries(condition: Q, *, now: datetime) -> int:
    """Take back entries that are not sent, and note on all others that they are to be canceled; return the former.

    In the caller's transaction. An order whose row somebody else holds is skipped: a kill switch waits for nobody, and
    the next sweep finds it.
    """
    entries = Order.objects.live().filter(condition, purpose=OrderPurpose.ENTRY)
    unlocked = entries.order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=True)
    # Two steps: an UPDATE with a join would not look at the status again after waiting for a row.
    ids = list(unlocked.values_list("pk", flat=True))
    mine = Order.objects.filter(pk__in=ids)
    taken_back = mine.filter(status=OrderStatus.INTENDED).update(
        status=OrderStatus.CANCELED, finished_at=now, error="taken back by the kill switch"
    )
    at_work = mine.filter(status__in=(*IN_DOUBT, OrderStatus.OPEN), cancel_requested_at=None)
    at_work.update(cancel_requested_at=now)
    return taken_back


def withdraw_halted(*, now: datetime) -> None:
    """Before each sweep: entries that a press could not reach, or that a dead process left on something halted."""
    halted = SwitchState.HALTED
    stopped = Q(account__state=halted) | Q(account__owner__switch__state=halted)
    if Switch.objects.filter(user=None, state=halted).exists():
        stopped = Q()
    with transaction.atomic(durable=True):
        withdraw_entries(stopped & Q(cancel_requested_at=None), now=now)


def _cancel_withdrawn(condition: Q, *, clock: Clock) -> tuple[int, int]:
    """Cancel open entries that are to be canceled; return how many are, and how many are left to the sweep."""
    left = Order.objects.live().filter(condition, purpose=OrderPurpose.ENTRY, cancel_requested_at__isnull=False)
    begun, canceled = clock(), 0
    for order in left.filter(status=OrderStatus.OPEN).select_related("position__account").order_by("pk"):
        if clock() - begun > CANCELING_BUDGET:
            break
        canceled += _cancel(order, now=clock())
    return canceled, left.count()


def _cancel(order: Order, *, now: datetime) -> bool:
    """Cancel one order; one that can't be keeps its wish, and no other order waiting."""
    error: Exception | None
    try:
        error = cancel_order(order, gateway=gateway_for(order.position.account), now=now)
    except (ExchangeError, SecretUnreadable) as trouble:
        error = trouble
    if error:
        logger.warning("order %s: not canceled yet: %s", order.client_order_id, error)
    return error is None and order.status != OrderStatus.OPEN
