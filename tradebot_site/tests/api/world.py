"""The world that the proofs of the API ask about: two traders with a row of everything, and everybody else.

It is built once for a module; each question is undone before the next one.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client, override_settings
from django.utils import timezone

from bots.models import Backtest, BotConfig, Decision, ExternalSignal, SavedView, SeriesReading, Tick, Webhook
from bots.services import renew_webhook
from bots.signing import new_secret
from bots.tests.factories import BacktestFactory, BotFactory, DoneBacktestFactory
from market.access import TokenScope
from market.models import ExchangeAccount, RiskLimits, Switch, SymbolRules
from market.tests.factories import ExchangeAccountFactory, UserFactory
from market.types import OrderType, Side
from ops.models import Alert, ApiToken, Channel, Notification, Report
from ops.reports import Wanted, ask_for_report, make_report
from ops.tokens import make_token
from tradebot_site.tests.people import PASSWORD, client_of, group_of, person
from trades.models import Event, Fill, Order, OrderByHand, Position, Trade, Transfer
from trades.services import HandOrder, ask_for_order, execute_asked
from trades.tests.factories import FillFactory, OrderFactory, TradeFactory, TransferFactory

CALLERS = (
    *("anonymous", "stranger", "other", "viewer", "owner", "operator"),
    *("owner's read", "owner's trade", "owner's admin", "other's admin"),
)
WITHOUT_LIMITS = {
    "SECURE_SSL_REDIRECT": False,
    **dict.fromkeys(("THROTTLE_ADDRESS", "THROTTLE_USER", "THROTTLE_TOKEN", "THROTTLE_ACTS", "THROTTLE_LOGIN"), 10**9),
}
# Amounts that nobody else has: of the trade's P&L, the fill's price, what the position has earned, what was moved.
AMOUNTS = {
    "owner": {"pnl": "13.37133713", "fill": "51337.13371337", "held": "73.31733173", "moved": "7.13371337"},
    "other": {"pnl": "-42.42424242", "fill": "54242.42424242", "held": "-24.24242424", "moved": "4.24242424"},
}


@dataclass(repr=False)
class Tenant:
    """One trader, and one row of everything that can be his."""

    name: str
    user: User
    bot: BotConfig
    order: Order
    fill: Fill
    trade: Trade
    transfer: Transfer
    event: Event
    decision: Decision
    signal: ExternalSignal
    switch: Switch
    limits: RiskLimits
    view: SavedView
    rules: SymbolRules
    by_hand: OrderByHand
    backtest: Backtest
    queued: Backtest
    note: Notification
    channel: Channel
    unconfirmed: Channel
    webhook: Webhook
    webhook_secret: str
    spare: BotConfig
    paused: BotConfig
    unused: ExchangeAccount
    spare_keys: tuple[str, str]
    token: ApiToken
    report: Report
    alert: Alert  # nobody's; operators see it
    tokens: dict[str, str]
    canaries: dict[str, str]  # by what they are of

    @property
    def account(self) -> Any:
        return self.bot.account


@dataclass(repr=False)
class World:
    owner: Tenant
    other: Tenant
    clients: dict[str, Client]
    tokens: dict[str, str]

    def ask(self, caller: str, method: str, address: str, body: Any = None) -> Any:
        """The answer, with everything undone that was done for it."""
        with undone():
            sent = "" if body is None else json.dumps(body)
            return self.clients[caller].generic(method, address, sent, content_type="application/json")


@contextmanager
def undone() -> Iterator[None]:
    """Undo what is done inside, after whatever has to hold at the end of a transaction has been checked."""
    block = transaction.atomic()
    block._from_testcase = True  # services may ask for a transaction of their own inside
    with block:
        yield
        if not connection.needs_rollback:
            connection.check_constraints()
        transaction.set_rollback(True)


@contextmanager
def built(paper: Any) -> Iterator[World]:
    """The world, for as long as the block lasts; the limits of requests are out of the way."""
    with override_settings(**WITHOUT_LIMITS), undone():
        cache.clear()
        paper.set_price("BTCUSDT", "50000.00")
        owner, other = (_tenant(name, paper) for name in ("owner", "other"))
        Tick.objects.create(slot=timezone.now(), started_at=timezone.now())
        SeriesReading.objects.create(
            environment="paper", market="spot", symbol="BTCUSDT", interval="1m", evaluated_at=timezone.now(), price=5
        )
        operator = person("operator")
        people = {"anonymous": None, "stranger": person("stranger"), "viewer": person("viewer"), "operator": operator}
        people |= {"owner": owner.user, "other": other.user}
        clients = {name: client_of(user) for name, user in people.items()}
        tokens = {f"owner's {scope}": owner.tokens[scope] for scope in TokenScope}
        tokens |= {"other's admin": other.tokens["admin"], "operator's admin": _tokens(operator)["admin"]}
        clients |= {name: Client(headers={"Authorization": f"Token {text}"}) for name, text in tokens.items()}
        for client in clients.values():
            client.raise_request_exception = False
        yield World(owner, other, clients, tokens)
        paper.set_price("BTCUSDT", None)


def _tenant(name: str, paper: Any) -> Tenant:
    user = UserFactory(username=f"the-{name}", is_staff=True)
    user.set_password(PASSWORD)
    user.save()
    user.groups.add(group_of("trader"))
    now = timezone.now()
    api_key, api_secret = paper.create_account()
    account = ExchangeAccountFactory(
        owner=user, name=f"canary-account-{name}", api_key=api_key, api_secret=api_secret, reconciled_at=now
    )
    key, secret = paper.create_account()
    spare = ExchangeAccountFactory(owner=user, name=f"spare account of {name}", api_key=key, api_secret=secret)
    bot = BotFactory(name=f"canary-bot-{name}", account=account)
    order = OrderFactory(
        position=bot.position, client_order_id=f"canary-order-{name}", reason=f"canary-reason-{name}", created_at=now
    )
    amounts = {kind: Decimal(amount) for kind, amount in AMOUNTS[name].items()}
    Position.objects.filter(pk=bot.position_id).update(realized_pnl=amounts["held"])
    told = {"position": bot.position, "order": order, "created_at": now}
    listening = BotFactory(name=f"listening bot of {name}", account=spare, symbol="SOLUSDT", strategy="webhook_signal")
    webhook, webhook_secret = renew_webhook(listening, by=user, now=now)
    renew_webhook(bot, by=user, now=now)
    texts = _tokens(user)
    return Tenant(
        name=name,
        user=user,
        bot=bot,
        order=order,
        fill=FillFactory(order=order, price=amounts["fill"], executed_at=now),
        trade=TradeFactory(order=order, realized_pnl=amounts["pnl"], created_at=now),
        transfer=TransferFactory(account=account, amount=amounts["moved"], created_at=now),
        event=Event.objects.create(kind="order_filled", message=f"canary-event-{name}", **told),
        decision=Decision.objects.create(bot=bot, status="running", text=f"canary-decision-{name}", created_at=now),
        signal=ExternalSignal.objects.create(
            bot=bot, sender_id=f"canary-signal-{name}", action="exit_long", sent_at=now, received_at=now
        ),
        switch=Switch.objects.create(user=user, state="active", reason=f"canary-switch-{name}"),
        limits=RiskLimits.objects.create(account=account, max_exposure=1_000),
        view=SavedView.objects.create(user=user, name=f"canary-view-{name}", query="status=error"),
        rules=SymbolRules.objects.get(symbol=bot.symbol, market="spot"),
        by_hand=_order_by_hand(user, account),
        note=_note(name, user),
        channel=_channel(user, "webhook", f"canary-channel-{name}", confirmed_at=now),
        unconfirmed=_channel(user, "email", f"unconfirmed of {name}"),
        unused=ExchangeAccountFactory(owner=user, name=f"unused account of {name}"),
        spare=BotFactory(name=f"spare bot of {name}", account=spare, symbol="ETHUSDT", desired_state="stopped"),
        paused=BotFactory(name=f"paused bot of {name}", account=spare, symbol="BNBUSDT", entries_paused=True),
        spare_keys=paper.create_account(),
        backtest=DoneBacktestFactory(
            owner=user, name=f"canary-backtest-{name}", parts__exit_kind=f"canary-round-{name}"
        ),
        queued=BacktestFactory(owner=user),
        webhook=webhook,
        webhook_secret=webhook_secret,
        report=_report(user, now),
        alert=Alert.objects.create(
            fingerprint=f"mail:{name}", check_name="mail", severity="critical", last_seen_at=now, opened_at=now
        ),
        token=ApiToken.objects.get(user=user, scope="read"),
        tokens=texts,
        canaries={kind: f"canary-{kind}-{name}" for kind in KINDS} | AMOUNTS[name] | {"key": api_key},
    )


def _report(user: User, now: datetime) -> Report:
    """Of today, made."""
    today = {"first_day": now.date(), "last_day": now.date()}
    asked = ask_for_report(user, Wanted(Report.Kind.DAILY, **today), now=now)
    Report.objects.filter(pk=asked.pk).update(error=f"canary-report-{user.username.removeprefix('the-')}")
    make_report(asked.pk, now=now)
    return asked


def _order_by_hand(user: User, account: ExchangeAccount) -> OrderByHand:
    """A limit order that rests at the exchange."""
    low = HandOrder(
        symbol="BTCUSDT", side=Side.BUY, quantity=Decimal("0.001"), type=OrderType.LIMIT, price=Decimal(48_000)
    )
    asked = ask_for_order(user, account, low, asked_by=user, key="", now=timezone.now())
    return execute_asked(asked.pk, now=timezone.now())


def _note(name: str, user: User) -> Notification:
    told = {"topic": "bot_error", "severity": "high", "title": "Bot error", "text": f"canary-note-{name}"}
    return Notification.objects.create(user=user, key=f"of {user.pk}", created_at=timezone.now(), **told)


def _channel(user: User, kind: str, name: str, **fields: Any) -> Channel:
    target = "https://hooks.example.com/canary-target" if kind == "webhook" else "canary-target@example.com"
    secret = new_secret() if kind == "webhook" else ""
    about = {"owner": user, "kind": kind, "name": name, "hint": "h…", "created_at": timezone.now()}
    return Channel.objects.create(target=target, secret=secret, **about, **fields)


KINDS = (
    *("account", "bot", "order", "reason", "event", "decision", "signal", "switch", "view", "token"),
    *("backtest", "round", "report", "note", "channel"),
)


def _tokens(user: User) -> dict[str, str]:
    lives = timedelta(days=1)
    name = f"canary-token-{user.username.removeprefix('the-')}"
    return {
        scope: make_token(user, name=f"{name} {scope}", scope=scope, lives=lives, now=timezone.now())[1]
        for scope in TokenScope
    }
