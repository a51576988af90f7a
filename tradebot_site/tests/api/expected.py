"""What each caller may do at each address of the API: the table that `test_tenants.py` goes through.

All addresses lead to what is the owner's. A line says what the owner gets and what kind of line it is; the kind says
what the nine others get. A number of three digits is that very status, one digit stands for its hundred.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.utils import timezone

from market.access import TokenScope
from ops.notifications.channels import code_of
from tradebot_site.tests.api.world import CALLERS, Tenant
from tradebot_site.tests.people import PASSWORD

READ, TRADE, ADMIN = TokenScope


class Line(NamedTuple):
    """What is expected; ``body`` makes the body of a tenant's request, ``shows`` what the owner has to find."""

    statuses: dict[str, int]
    body: Callable[[Tenant], Any] | None = None
    shows: str = ""
    query: str = ""


def _line(
    done: int, scope: TokenScope, *, foreign: int, body: Any = None, shows: str = "", query: str = "", **others: int
) -> Line:
    statuses = dict.fromkeys(CALLERS, done)
    statuses |= {"anonymous": 401, "stranger": 403, "other": foreign, "viewer": foreign, "other's admin": foreign}
    statuses |= {f"owner's {held}": done if held.includes(scope) else 403 for held in TokenScope}
    assert others.keys() <= statuses.keys()
    return Line(statuses | others, body, shows, query)


def one(done: int = 200, *, shows: str = "", **others: int) -> Line:
    """Reading one row: of others it does not exist."""
    return _line(done, READ, foreign=404, shows=shows, **others)


def many(done: int = 200, *, shows: str = "", query: str = "", **others: int) -> Line:
    """Reading a list, or what belongs to nobody: everybody of a role has it, with what is theirs."""
    return _line(done, READ, foreign=done, shows=shows, query=query, **others)


def act(done: int, scope: TokenScope = TRADE, *, body: Any = None, shows: str = "", **others: int) -> Line:
    """Changing one row: who only looks may not, whosever it is."""
    return _line(done, scope, foreign=404, body=body, shows=shows, **{"viewer": 403} | others)


def make(done: int, scope: TokenScope = TRADE, *, body: Any = None, foreign: int = 400, **others: int) -> Line:
    """Making one: with the body of the owner, whose rows it names, the others are refused."""
    return _line(done, scope, foreign=foreign, body=body, **{"viewer": 403} | others)


def watch(done: int = 200) -> Line:
    """Watching over the machinery: operators alone."""
    return Line(dict.fromkeys(CALLERS, 403) | {"anonymous": 401, "operator": done})


def everybody(done: int, *, body: Any = None, shows: str = "") -> Line:
    """The same for all, whoever asks."""
    return Line(dict.fromkeys(CALLERS, done), body, shows)


def watched(done: int) -> Line:
    """What is for those alone who look after the machinery."""
    return Line(dict.fromkeys(CALLERS, 403) | {"anonymous": 401, "operator": done})


def _login(tenant: Tenant) -> Any:
    return {"username": tenant.user.username, "password": PASSWORD, "name": "made"}


def _press(tenant: Tenant) -> Any:
    return {"state": "halted", "scope": "user", "user": tenant.user.username, "reason": "a test"}


def _settings(tenant: Tenant) -> Any:
    return {
        "name": "another",
        "strategy": "ema_rsi",
        "parameters": {"ema_fast": 9, "ema_slow": 21},
        "interval": "5m",
        "initial_capital": "1000",
        "sizing_mode": "percent",
        "sizing_value": "50",
        "stop_loss_percent": "2",
    }


def _bot(tenant: Tenant) -> Any:
    return {"account": tenant.account.pk, "symbol": "BTCUSDT", **_settings(tenant)}


def _backtest(tenant: Tenant) -> Any:
    return {"bot": tenant.bot.pk, "begin_at": "2026-01-01T00:00:00Z", "end_at": "2026-02-01T00:00:00Z"}


def _keys(tenant: Tenant) -> Any:
    api_key, api_secret = tenant.spare_keys
    return {"api_key": api_key, "api_secret": api_secret}


def _new_account(tenant: Tenant) -> Any:
    return {"name": "another", "environment": "paper", "market": "spot", **_keys(tenant)}


def _order(tenant: Tenant) -> Any:
    return {
        "user_id": tenant.user.pk,
        "account": tenant.account.pk,
        "symbol": "BTCUSDT",
        "side": "buy",
        "quantity": "0.001",
        "order_type": "market",
    }


def _telling(tenant: Tenant) -> Any:
    return {"user_id": tenant.user.pk, "type": "system_alert", "message": "hello", "channels": ["webhook"]}


def _new_channel(tenant: Tenant) -> Any:
    return {"kind": "webhook", "name": "another", "target": "https://hooks.example.com/canary-target"}


def _code(tenant: Tenant) -> Any:
    return {"code": code_of(tenant.unconfirmed, now=timezone.now())}


def _preferences(tenant: Tenant) -> Any:
    return {"preferences": [{"channel": tenant.channel.pk, "topic": "bot_error", "is_wanted": False}]}


def own_act(done: int, scope: TokenScope, *, body: Any = None, shows: str = "") -> Line:
    """Changing what concerns its owner alone: of others it does not exist, for operators neither."""
    return act(done, scope, body=body, shows=shows, viewer=404, operator=404)


def _signal(tenant: Tenant) -> Any:
    """Whoever has the bot's secret may tell it; without it nobody is anybody (`bots/tests/test_signal_hook.py`)."""
    told = {"id": "1", "time": timezone.now().isoformat(), "action": "enter_long"}
    return {"secret": tenant.webhook_secret} | told


def _saying(**body: Any) -> Callable[[Tenant], Any]:
    return lambda tenant: body


TABLE: dict[str, Line] = {
    "GET /api/v1/schema": everybody(200),
    "GET /api/v1/docs": everybody(200),
    "GET /api/v1/tokens": many(shows="token", stranger=200),
    "POST /api/v1/tokens": everybody(201, body=_login),
    "GET /api/v1/tokens/<pk>": one(shows="token", stranger=404, operator=404),
    "DELETE /api/v1/tokens/<pk>": act(204, ADMIN, stranger=404, viewer=404, operator=404),
    "GET /api/v1/accounts": many(shows="account"),
    "POST /api/v1/accounts": make(201, ADMIN, body=_new_account, foreign=201),
    "GET /api/v1/accounts/<pk>": one(shows="account"),
    "PATCH /api/v1/accounts/<pk>": act(200, ADMIN, body=_saying(name="renamed")),
    "DELETE /api/v1/accounts/<pk>": act(204, ADMIN),
    "GET /api/v1/accounts/<pk>/balances": one(),
    "POST /api/v1/accounts/<pk>/rotate": act(200, ADMIN, body=_keys, operator=403),
    "POST /api/v1/accounts/<pk>/test": act(200),
    "POST /api/v1/accounts/<pk>/wipe": act(200, ADMIN, shows="account", operator=403),
    "GET /api/v1/limits": many(),
    "POST /api/v1/limits": make(201, ADMIN, body=lambda tenant: {"account": tenant.unused.pk, "max_exposure": "10"}),
    "GET /api/v1/limits/<pk>": one(),
    "PATCH /api/v1/limits/<pk>": act(200, ADMIN, body=_saying(max_exposure="10")),
    "DELETE /api/v1/limits/<pk>": act(204, ADMIN),
    "GET /api/v1/limits/platform": many(),
    "GET /api/v1/symbols": many(),
    "GET /api/v1/symbols/<pk>": many(),
    "GET /api/v1/candles": many(query="environment=paper&market=spot&symbol=BTCUSDT&interval=1m"),
    "GET /api/v1/order-book": many(query="environment=paper&market=spot&symbol=BTCUSDT"),
    "GET /api/v1/prices": many(query="environment=paper&market=spot&symbols=BTCUSDT"),
    "GET /api/v1/bots": many(shows="bot"),
    "POST /api/v1/bots": make(201, body=_bot),
    "GET /api/v1/bots/<pk>": one(shows="bot"),
    "PUT /api/v1/bots/<pk>": act(200, body=_settings),
    "PATCH /api/v1/bots/<pk>": act(200, body=_saying(stop_loss_percent="3"), shows="bot"),
    "DELETE /api/v1/bots/<pk>": act(204),
    "POST /api/v1/bots/<pk>/clone": act(201, body=_saying(name="a copy")),
    "POST /api/v1/bots/<pk>/pause": act(200, shows="bot"),
    "POST /api/v1/bots/<pk>/resume": act(200),
    "POST /api/v1/bots/<pk>/reset-day": act(200, shows="bot"),
    "POST /api/v1/bots/<pk>/run-now": act(202, shows="bot"),
    "POST /api/v1/bots/<pk>/start": act(200),
    "POST /api/v1/bots/<pk>/stop": act(200, shows="bot"),
    "GET /api/v1/bots/<pk>/chart": one(),
    "GET /api/v1/bots/<pk>/decisions": one(shows="decision"),
    "GET /api/v1/bots/<pk>/explain": one(),
    "GET /api/v1/bots/<pk>/performance": one(),
    "GET /api/v1/bots/<pk>/state": one(),
    "GET /api/v1/bots/<pk>/webhook": one(operator=403),
    "POST /api/v1/bots/<pk>/webhook": act(201, ADMIN, operator=403),
    "GET /api/v1/backtests": many(shows="backtest"),
    "POST /api/v1/backtests": make(202, body=_backtest),
    "GET /api/v1/backtests/<pk>": one(shows="backtest"),
    "DELETE /api/v1/backtests/<pk>": act(204),
    "POST /api/v1/backtests/<pk>/cancel": act(200),
    "GET /api/v1/backtests/<pk>/trades.csv": one(shows="round"),
    "GET /api/v1/backtests/<pk>/fills.csv": one(),
    "GET /api/v1/backtests/<pk>/daily.csv": one(),
    "GET /api/v1/backtests/<pk>/monthly.csv": one(),
    "GET /api/v1/decisions": many(shows="decision"),
    "GET /api/v1/decisions/<pk>": one(shows="decision"),
    "GET /api/v1/signals": many(shows="signal"),
    "GET /api/v1/signals/<pk>": one(shows="signal"),
    "GET /api/v1/strategies": many(),
    "GET /api/v1/strategies/<name>": many(),
    "GET /api/v1/indicators": many(query="environment=paper&market=spot&symbol=BTCUSDT&interval=1m&strategy=ema_rsi"),
    "GET /api/v1/performance": many(),
    "GET /api/v1/summary": many(),
    "GET /api/v1/reports": many(shows="report"),
    "POST /api/v1/reports": make(202, body=lambda tenant: {"kind": "daily", "bot": tenant.bot.pk}, viewer=400),
    "GET /api/v1/reports/<pk>": one(shows="report"),
    "DELETE /api/v1/reports/<pk>": act(204, viewer=404),
    "POST /api/v1/reports/<pk>/send": act(409, viewer=404),  # there is no mail server
    "GET /api/v1/reports/<pk>/days.csv": one(shows="pnl"),
    "GET /api/v1/reports/<pk>/trades.csv": one(shows="pnl"),
    "GET /api/v1/alerts": watch(),
    "GET /api/v1/alerts/<pk>": watch(),
    "POST /api/v1/alerts/<pk>/acknowledge": watch()._replace(body=_saying(note="mine")),
    "GET /api/tasks/active": watch(),
    "GET /api/tasks/workers": watch(),
    "GET /api/tasks/queues": watch(),
    "GET /api/tasks/health": watch(503),
    "POST /api/v1/bots/operate": make(
        200, body=lambda tenant: {"operation": "stop", "ids": [tenant.bot.pk]}, foreign=200
    ),
    "GET /api/v1/orders": many(shows="order"),
    "GET /api/v1/orders/<pk>": one(shows="order"),
    "GET /api/v1/fills": many(shows="fill"),
    "GET /api/v1/fills/<pk>": one(shows="fill"),
    "GET /api/v1/trades": many(shows="pnl"),
    "GET /api/v1/trades/<pk>": one(shows="pnl"),
    "GET /api/v1/positions": many(shows="held"),
    "GET /api/v1/positions/<pk>": one(shows="held"),
    "GET /api/v1/news": many(shows="event"),
    "GET /api/v1/news/<pk>": one(shows="event"),
    "GET /api/v1/transfers": many(shows="moved"),
    "GET /api/v1/transfers/<pk>": one(shows="moved"),
    "GET /api/v1/kill-switch": many(shows="switch"),
    "GET /api/v1/events": many(307),
    "POST /api/v1/events/ticket": many(201),
    "POST /api/v1/orders/<pk>/cancel": act(200),
    "POST /api/v1/kill-switch": act(200, body=_press),
    "GET /api/v1/notifications": many(shows="note"),
    "GET /api/v1/notifications/<pk>": one(shows="note", operator=404),
    "POST /api/v1/notifications/<pk>/read": own_act(200, TRADE, shows="note"),
    "POST /api/v1/notifications/read-all": make(200, foreign=200, viewer=200),
    "GET /api/v1/notification-channels": many(shows="channel"),
    "POST /api/v1/notification-channels": make(201, ADMIN, body=_new_channel, foreign=201, viewer=201),
    "GET /api/v1/notification-channels/<pk>": one(shows="channel", operator=404),
    "PATCH /api/v1/notification-channels/<pk>": own_act(200, ADMIN, body=_saying(is_enabled=False), shows="channel"),
    "DELETE /api/v1/notification-channels/<pk>": own_act(204, ADMIN),
    "POST /api/v1/notification-channels/<pk>/test": own_act(409, ADMIN),
    "POST /api/v1/notification-channels/<pk>/send-code": own_act(202, ADMIN),
    "POST /api/v1/notification-channels/<pk>/confirm": own_act(200, ADMIN, body=_code),
    "POST /api/v1/notification-channels/<pk>/rotate-secret": own_act(200, ADMIN, shows="channel"),
    "GET /api/v1/notification-preferences": many(shows="channel"),
    "PUT /api/v1/notification-preferences": make(200, body=_preferences, viewer=400, operator=400),
    "PATCH /api/v1/notification-preferences": make(200, body=_preferences, viewer=400, operator=400),
    "POST /api/tasks/send-notification": act(202, body=_telling, viewer=404),
    "POST /api/tasks/execute-trade": act(202, body=_order),
    "GET /api/tasks/status/<task_id>": one(),
    "POST /hooks/v1/bots/<public_id>/signal": everybody(202, body=_signal),
}
