"""The kill switches above the accounts' own."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models

from market.history import History
from market.models.accounts import ExchangeAccount
from market.ready import Asked, ask
from market.switches import Hold, Scope, SwitchState, strictest

# Asked for every order that is written down and every one that is sent, so it is spelt out.
PRESSED_SQL = """
    SELECT user_id, state, reason FROM market_switch
     WHERE state <> 'active' AND (user_id IS NULL OR user_id = ANY(%s))
"""
# What a claim asks, in one statement: the account's own switch, its silence, and what is pressed above it.
HELD_SQL = """
    SELECT a.state, a.state_reason, a.cooldown_until, s.user_id, s.state, s.reason
      FROM market_exchangeaccount a
      LEFT JOIN market_switch s ON s.state <> 'active' AND (s.user_id IS NULL OR s.user_id = a.owner_id)
     WHERE a.id = %s
"""


class SwitchManager(models.Manager["Switch"]):
    def holds(self, accounts: Iterable[ExchangeAccount]) -> dict[int, Hold]:
        """What may be traded on each of the accounts, by account id: the strictest of three switches. One query."""
        return self.ask_holds(accounts)()

    def ask_holds(self, accounts: Iterable[ExchangeAccount]) -> Asked[dict[int, Hold]]:
        """The same, to be answered when the round trip ends."""
        accounts = list(accounts)

        def read(rows: list[Any]) -> dict[int, Hold]:
            return {pk: strictest(*holds) for pk, holds in _each(accounts, rows).items()}

        return ask(PRESSED_SQL, _owners(accounts), read)

    def each_hold(self, accounts: Iterable[ExchangeAccount]) -> dict[int, tuple[Hold, Hold, Hold]]:
        """What each of the three switches says: the account's own, its owner's, the platform's. One query."""
        accounts = list(accounts)
        return ask(PRESSED_SQL, _owners(accounts), lambda rows: _each(accounts, rows))()

    def ask_hold_on(self, account_id: int) -> Asked[tuple[Hold, datetime | None]]:
        """The strictest switch of one account, and until when the exchange wants it silent: asked in one statement."""

        def read(rows: list[Any]) -> tuple[Hold, datetime | None]:
            state, reason, cooldown_until = rows[0][:3]
            above = [_pressed(*row[3:]) for row in rows if row[4]]
            return strictest(Hold(SwitchState(state), Scope.ACCOUNT, reason), *above), cooldown_until

        return ask(HELD_SQL, [account_id], read)


def _owners(accounts: list[ExchangeAccount]) -> list[list[int]]:
    return [list({account.owner_id for account in accounts})]


def _each(accounts: list[ExchangeAccount], rows: list[Any]) -> dict[int, tuple[Hold, Hold, Hold]]:
    pressed = {row[0]: _pressed(*row) for row in rows}
    free = Hold()
    return {
        account.pk: (account.own_hold, pressed.get(account.owner_id, free), pressed.get(None, free))
        for account in accounts
    }


def _pressed(user_id: int | None, state: str, reason: str) -> Hold:
    return Hold(SwitchState(state), Scope.USER if user_id else Scope.PLATFORM, reason)


class Switch(models.Model):
    """The kill switch of the platform, or of one user. An account carries its own; the strictest counts."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="switch",
        help_text="Whose trading it stops; empty: everybody's, it is the platform's.",
    )
    state = models.CharField(max_length=10, choices=ExchangeAccount.State, default=ExchangeAccount.State.ACTIVE)
    reason = models.CharField(max_length=200, blank=True)
    pressed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        help_text="Nobody: the system itself, or the command line.",
    )
    pressed_at = models.DateTimeField(null=True, editable=False)

    objects = SwitchManager()
    history = History(owner=lambda switch: switch.user_id, unnoted=["pressed_by", "pressed_at"])

    class Meta:
        verbose_name = "kill switch"
        verbose_name_plural = "kill switches"
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                name="switch_one_per_scope",
                nulls_distinct=False,
                violation_error_message="This switch exists already: press it in the list.",
            ),
        ]

    def __str__(self) -> str:
        return f"kill switch of {self.user or 'the platform'}"
