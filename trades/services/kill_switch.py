"""The kill switch of the platform, of a user, of an account: reducing (exits only), halted (nothing), active again.

The state is read from PostgreSQL in the transaction that sends an order (``trades.services.books``), so a press counts
for what is queued already, and while Redis is away. Stops and targets that rest at the exchange stay there.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from market.history import change
from market.models import SEE_ALL_ROWS, ExchangeAccount, Switch
from market.switches import Scope, SwitchState
from market.types import Clock, moving
from trades.models import Event
from trades.services.events import write_event
from trades.services.switch_lock import Patience, press_alone
from trades.services.withdrawing import cancel_withdrawn, time_to_cancel, withdraw_entries

logger = logging.getLogger(__name__)


class NotYourSwitch(Exception):
    """Somebody presses, or lets go, what is another's to press."""


class MayNotEase(Exception):
    """What presses here may stop, but lets nothing go."""


class SwitchMoved(Exception):
    """Somebody lets go of a switch that is not as it was shown any more."""


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
class Standing:
    """How a switch stands, and by whose press: nobody's is the system's."""

    state: SwitchState = SwitchState.ACTIVE
    reason: str = ""
    by: User | None = None
    at: datetime | None = None

    @property
    def mark(self) -> str:
        """Tells this press from any other of the same switch."""
        return f"{self.state} {self.at.isoformat() if self.at else ''}"


@dataclass(frozen=True)
class Pressed:
    """What a press has done to entries: those never sent, those canceled, those whose end the sweep will see to."""

    state: SwitchState
    taken_back: int = 0
    canceled: int = 0
    pending: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of one switch of several. ``pressed`` is None when it is not set; ``error``: what went wrong."""

    target: Target
    pressed: Pressed | None
    error: str = ""


def standings(targets: Iterable[Target]) -> dict[Target, Standing]:
    """How the switches stand, in two queries. One never pressed is active; an account that is gone is left out."""
    targets = list(targets)
    pks = [target.account.pk for target in targets if target.account]
    accounts = ExchangeAccount.objects.filter(pk__in=pks).select_related("state_set_by").in_bulk()
    switches = {switch.user_id: switch for switch in Switch.objects.filter(_rows(targets)).select_related("pressed_by")}
    found = dict[Target, Standing]()
    for target in targets:
        if not target.account:
            switch = switches.get(target.user.pk if target.user else None) or Switch()
            state = SwitchState(switch.state)
            found[target] = Standing(state, switch.reason, switch.pressed_by, switch.pressed_at)
        elif account := accounts.get(target.account.pk):
            state = SwitchState(account.state)
            found[target] = Standing(state, account.state_reason, account.state_set_by, account.state_set_at)
    return found


def _rows(targets: Sequence[Target]) -> Q:
    """The condition for the rows of the switches of users and of the platform."""
    of_platform = Q(user=None) if PLATFORM in targets else Q(pk__in=[])
    return of_platform | Q(user__in=[target.user.pk for target in targets if target.user])


def press(
    target: Target,
    state: SwitchState,
    *,
    by: User | None,
    reason: str,
    now: datetime,
    may_ease: bool = True,
    in_haste: bool = False,
) -> Pressed:
    """Set a switch and tell it; on *halted* take back entries that are not sent and cancel those that are open.

    ``by`` is None for the system itself and for the command line; web requests are ``in_haste``. Raises NotYourSwitch,
    and MayNotEase where not ``may_ease``. Once it returns no entry is sent any more on *reducing*, and no order at all
    on *halted*.
    """
    clock = moving(now)
    pressed = _press(target, state, by=by, reason=reason, now=now, patience=Patience(), may_ease=may_ease)
    if state is not SwitchState.HALTED:
        return pressed
    with time_to_cancel(clock, in_haste=in_haste) as until:
        canceled, pending = cancel_withdrawn(target.orders, clock=clock, until=until)
    return replace(pressed, canceled=canceled, pending=pending)


def press_all(
    seen: Mapping[Target, str], state: SwitchState, *, by: User | None, reason: str, now: datetime
) -> list[Outcome]:
    """Press several switches: all are set before the first order is canceled, and what fails at one stops no other.

    In haste, since a web request waits for it. ``seen``: the marks of their standings as they were shown. What stands
    otherwise by now is not let go; to make it stricter is never too late.
    """
    clock, patience = moving(now), Patience()
    outcomes = list[Outcome]()
    for target, mark in seen.items():
        try:
            pressed = _press(target, state, by=by, reason=reason, now=clock(), patience=patience, seen=mark)
        except (NotYourSwitch, SwitchMoved) as error:
            outcomes.append(Outcome(target, None, str(error)))
        except Exception as error:  # whatever it is: the next one has to be stopped, too
            logger.exception("%s is not %s", target, state)
            outcomes.append(Outcome(target, None, f"{target} is not {state}: {error}"))
        else:
            outcomes.append(Outcome(target, pressed))
    if state is not SwitchState.HALTED:
        return outcomes
    with time_to_cancel(clock, in_haste=True) as until:
        return [_with_cancels(outcome, clock=clock, until=until) for outcome in outcomes]


def _with_cancels(outcome: Outcome, *, clock: Clock, until: datetime) -> Outcome:
    if outcome.pressed is None:
        return outcome
    try:
        canceled, pending = cancel_withdrawn(outcome.target.orders, clock=clock, until=until)
    except Exception as error:  # it is halted, and so must the others' orders be canceled
        logger.exception("%s: its entries are left to the sweep", outcome.target)
        return replace(outcome, error=f"{outcome.target}: its entries are left to the sweep: {error}")
    return replace(outcome, pressed=replace(outcome.pressed, canceled=canceled, pending=pending))


def _press(
    target: Target,
    state: SwitchState,
    *,
    by: User | None,
    reason: str,
    now: datetime,
    patience: Patience,
    seen: str | None = None,
    may_ease: bool = True,
) -> Pressed:
    """Set a switch and tell it, in one transaction; cancel nothing yet."""
    with transaction.atomic(durable=True):
        press_alone(patience)
        before = standings([target])[target]
        eases = state.strictness < before.state.strictness
        if eases and not may_ease:
            raise MayNotEase(f"{target} is {before.state}")
        _require_right(target, by, before, eases=eases)
        if eases and seen not in (None, before.mark):
            _refuse_stale(target, before)
        taken_back = withdraw_entries(target.orders, now=now) if state is SwitchState.HALTED else 0
        _set(target, state, by=by, reason=reason[:200], now=now, keeps_presser=_is_anothers(by, before))
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
            before=before.state,
            by=by.pk if by else None,
            reason=reason[:200],
            taken_back=taken_back,
        )
    return Pressed(state, taken_back)


def is_operator(user: User) -> bool:
    """Who looks after everybody's trading, here as in the admin: operators, administrators, superusers."""
    return user.has_perm(SEE_ALL_ROWS)


def _require_right(target: Target, by: User | None, before: Standing, *, eases: bool) -> None:
    """Owners press their own switches. What somebody else has stopped, only an operator lets go."""
    if by is None or is_operator(by):
        return
    owner = target.account.owner_id if target.account else target.user and target.user.pk
    if owner != by.pk:
        raise NotYourSwitch(f"{target}: only an operator may press this switch")
    if eases and before.by != by:
        raise NotYourSwitch(f"{target}: it was not you who stopped it; only an operator lets it go")


def _is_anothers(by: User | None, before: Standing) -> bool:
    """Whether somebody else holds the switch: an owner may make it stricter, but it stays the other's to let go."""
    if by is None or is_operator(by):
        return False
    return before.state is not SwitchState.ACTIVE and before.by != by


def _refuse_stale(target: Target, before: Standing) -> NoReturn:
    who, when = before.by or "the system", f"{before.at:%H:%M:%S} UTC" if before.at else "an unknown time"
    why = f" ({before.reason})" if before.reason else ""
    raise SwitchMoved(f"{target}: it is {before.state} by {who} since {when}{why}, other than shown: look again")


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
