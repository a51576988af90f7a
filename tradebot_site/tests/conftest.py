"""People of the admin, and one row of everything."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from bots.models import BotConfig, Decision, ExternalSignal, SavedView, SeriesReading, Tick
from bots.tests.factories import BotFactory, DoneBacktestFactory
from market.access import TokenScope
from market.models import RiskLimits, Switch
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory
from ops import tokens
from ops.models import Channel, Delivery, Notification, Report
from ops.reports import Wanted, ask_for_report, make_report
from trades.models import Event, OrderByHand
from trades.tests.factories import FillFactory, OrderFactory, TradeFactory, TransferFactory

KEY, SECRET = "CANARYKEY-0123456789-abcdefgh", "CANARYSECRET-9876543210-zyxwvuts"


@pytest.fixture
def admin_user(db) -> User:
    return UserFactory(username="root", is_staff=True, is_superuser=True)


@pytest.fixture
def admin(admin_user) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


@pytest.fixture
def sent_reports(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the reports whose tasks were sent, to nobody."""
    settings.SECURE_SSL_REDIRECT = False
    found: list[int] = []
    monkeypatch.setattr("ops.tasks.generate_trading_report.apply_async", lambda args, **_: found.append(args[0]))
    return found


def staff_user(name: str) -> User:
    """Staff with every permission, but of the own rows and keys only."""
    user = UserFactory(username=name, is_staff=True)
    user.user_permissions.set(Permission.objects.exclude(codename__in=["see_all_rows", "set_all_keys"]))
    return user


@pytest.fixture
def staff(db) -> User:
    return staff_user("staff")


@pytest.fixture
def staff_client(staff) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def full_bot(owner: User | None = None, **kwargs: Any) -> BotConfig:
    """A bot with an account whose secrets are canaries, and a row of everything that can refer to it."""
    account = ExchangeAccountFactory(
        api_key=KEY, api_secret=SECRET, **({"owner": owner} if owner else {}), name=f"account of {owner}"
    )
    bot = BotFactory(account=account, **kwargs)
    order = OrderFactory(position=bot.position)
    FillFactory(order=order)
    TradeFactory(order=order)
    TransferFactory(account=account)
    OrderByHand.objects.create(
        user=bot.owner, asked_by=bot.owner, account=account, symbol=bot.symbol, side="BUY", type="market",
        quantity=1, created_at=NOON,
    )  # fmt: skip
    Event.objects.create(kind="order_filled", position=bot.position, order=order, message="filled", created_at=NOON)
    Decision.objects.create(bot=bot, status="running", text="a thought", created_at=NOON)
    ExternalSignal.objects.create(bot=bot, sender_id="1", action="exit_long", sent_at=NOON, received_at=NOON)
    DoneBacktestFactory(owner=bot.owner, bot=bot, name=f"of {bot.name}")
    asked = ask_for_report(bot.owner, Wanted(Report.Kind.DAILY, bot=bot), now=timezone.now())
    make_report(asked.pk, now=timezone.now())
    Switch.objects.create(user=bot.owner, state="reducing")
    RiskLimits.objects.create(account=bot.account, max_exposure=1_000)
    tokens.make_token(
        bot.owner, name=f"of {bot.pk}", scope=TokenScope.READ, lives=timedelta(days=1), now=timezone.now()
    )
    _notified(bot.owner)
    SavedView.objects.create(user=bot.owner, name="mine", query="status=error", is_shared=True)
    return bot


def _notified(user: User) -> None:
    """A channel whose address and secret are canaries, and a notification that failed on its way through it."""
    told = {"target": f"https://hooks.example.com/{KEY}", "secret": SECRET, "hint": "https://hooks.example.com/…"}
    channel = Channel.objects.create(
        owner=user, kind="webhook", name="my program", confirmed_at=NOON, created_at=NOON, **told
    )
    note = Notification.objects.create(
        user=user, topic="bot_error", severity="high", title="Bot error", text="x", key=f"of {user.pk}", created_at=NOON
    )
    Delivery.objects.create(notification=note, channel=channel, status="failed", attempts=5, last_error="404")


@pytest.fixture
def everything(db) -> BotConfig:
    """One row of every model."""
    Tick.objects.create(slot=NOON, started_at=NOON)
    SeriesReading.objects.create(
        environment="paper", market="spot", symbol="BTCUSDT", interval="1m", evaluated_at=NOON, price=50_000
    )
    return full_bot(name="the bot")


@pytest.fixture
def act() -> Callable[..., Any]:
    """Choose rows of a list and run one of its actions."""

    def act(client: Client, url: str, action: str, *rows: Any) -> Any:
        data = {"action": action, "_selected_action": [row.pk for row in rows]}
        return client.post(url, data, follow=True)

    return act


def answer(client: Client, page: Any, **typed: Any) -> Any:
    """Press the button of a page that stands between a choice and what is done."""
    shown = {name: page.context[name] for name in ("frozen", "filters")}
    return client.post(page.context["address"], shown | typed, follow=True)


@pytest.fixture
def confirmed(act) -> Callable[..., Any]:
    """Choose rows of a list, run one of its actions, and confirm it."""

    def confirmed(client: Client, url: str, action: str, *rows: Any) -> Any:
        return answer(client, act(client, url, action, *rows))

    return confirmed


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, paper):
    """The world of the proofs of the API, built once for a module; its tests are marked `django_db`."""
    from tradebot_site.tests.api import world as worlds

    with django_db_blocker.unblock(), worlds.built(paper) as world:
        yield world
