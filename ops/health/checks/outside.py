"""What others run: the exchange, the market data that comes from it, and the mail server."""

import json
import smtplib
import ssl
import time
from contextlib import ExitStack
from datetime import datetime, timedelta

from django.conf import settings

from bots.models import BotConfig
from market.budget import Priority, spending_as, usage
from market.exchange import public_gateway
from market.exchange.errors import ExchangeError, NotConfigured, RateLimited
from market.exchange.hosts import hosts_of
from market.models import ExchangeAccount
from market.patience import patiently
from market.prices import KEEP, known_prices
from market.store import shared
from ops.health.checks.mends import mend
from ops.health.findings import Finding, Level

ASK_EVERY = timedelta(seconds=10)  # one process for all
ASK_SECONDS = 2.0
MAIL_EVERY, MAIL_SECONDS = 20.0, 2.0

_mail: list[tuple[float, str]] = []  # when this process asked last, and what went wrong


def exchange(now: datetime) -> list[Finding]:
    """Whether each exchange that accounts trade at answers, and whether it wants silence of us."""
    found = []
    for name, environment, market in _exchanges():
        trouble = _trouble(environment, market)
        text = f"the exchange {name} {trouble or 'answers'}"
        advice = mend("Is the way there open? Accounts have Test connection.", "Exchange away") if trouble else ""
        found.append(Finding("exchange", Level.CRITICAL if trouble else Level.OK, text, advice, subject=name))
    return found + _silences(now) or [Finding("exchange", Level.OK, "no account, so no exchange is asked")]


def _exchanges() -> list[tuple[str, str, str]]:
    """Name, environment and market; of two markets at one address one is asked."""
    accounts = ExchangeAccount.objects.filter(environment__in=settings.ENVIRONMENTS).order_by("environment", "-market")
    found: dict[tuple[str, str], tuple[str, str, str]] = {}
    for environment, market in accounts.values_list("environment", "market").distinct():
        hosts = hosts_of(environment)
        name = environment if hosts.spot == hosts.futures else f"{environment} {market}"
        found.setdefault((environment, getattr(hosts, market)), (name, environment, market))
    return list(found.values())


def _trouble(environment: str, market: str) -> str:
    """What is wrong with it; empty when it answers. Asked every ASK_EVERY at most, within the budget of its weight."""

    def ask() -> tuple[bytes, list[str]]:
        try:
            gateway = public_gateway(environment, market)  # takes a process's first look a second, without asking
            with spending_as(Priority.LOOKS), patiently(ASK_SECONDS):
                gateway.clock_offset()
            told = ""
        except RateLimited:
            told = ""  # it wants silence, or we save weight: that says nothing of whether it is there
        except (ExchangeError, NotConfigured) as error:
            told = f"does not answer: {str(error)[:200]}"
        return json.dumps([told]).encode(), [told]

    return shared(f"health:{environment}:{market}", read=json.loads, fetch=ask, keep=ASK_EVERY)[0]


def _silences(now: datetime) -> list[Finding]:
    found = []
    accounts = ExchangeAccount.objects.filter(environment__in=settings.ENVIRONMENTS).order_by()
    for environment, market in accounts.values_list("environment", "market").distinct():
        spent = usage(environment, market, now=now)
        if spent and spent.silent_until:
            text = (
                f"{environment} {market} wants silence until {spent.silent_until:%H:%M:%S} UTC: nothing is sent there"
            )
            advice = mend("It ends by itself; manage.py stats shows the weight.", "Request weight")
            seconds = (spent.silent_until - now).total_seconds()
            found.append(Finding("exchange", Level.CRITICAL, text, advice, f"{environment} {market} silence", seconds))
    return found


def feed(now: datetime) -> list[Finding]:
    """Prices come for each market in which a bot runs."""
    running = BotConfig.objects.filter(desired_state=BotConfig.DesiredState.RUNNING).order_by()
    markets = running.values_list("account__environment", "account__market").distinct()
    return [_price_age(*names, now=now) for names in markets] or [
        Finding("feed", Level.OK, "no bot runs, so no market data is needed")
    ]


def _price_age(environment: str, market: str, *, now: datetime) -> Finding:
    name, bound = f"{environment} {market}", KEEP.total_seconds()
    prices = known_prices(environment, market, now=now, max_age=KEEP)
    if not prices:
        text = f"no price of {name} has come within {bound:.0f} s: bots there decide nothing"
        advice = mend(
            "Does the exchange answer, and the worker of data_sync live? manage.py doctor.", "Market data old"
        )
        return Finding("feed", Level.CRITICAL, text, advice, subject=name)
    age = (now - max(price.at for price in prices.values())).total_seconds()
    return Finding(
        "feed", Level.OK, f"the newest price of {name} is {age:.0f} s old", subject=name, value=round(age, 1)
    )


def mail(now: datetime) -> list[Finding]:
    """Whether the mail server speaks to us. Nobody logs in, nothing is sent."""
    if not settings.EMAIL_URL.startswith("smtp"):
        return [Finding("mail", Level.OK, "no mail server is set (EMAIL_URL)")]
    if not _mail or time.monotonic() - _mail[-1][0] > MAIL_EVERY:
        _mail[:] = [(time.monotonic(), _ask_mail())]
    trouble = _mail[-1][1]
    server = f"the mail server {settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    if not trouble:
        return [Finding("mail", Level.OK, f"{server} answers")]
    advice = mend("Is EMAIL_URL right, and the way there open? Notifications wait meanwhile.", "Mail away")
    return [Finding("mail", Level.CRITICAL, f"{server} does not answer: {trouble}", advice)]


def _ask_mail() -> str:
    """What is wrong; empty when it answers."""
    try:
        with ExitStack() as stack:
            where = (settings.EMAIL_HOST, settings.EMAIL_PORT)
            if getattr(settings, "EMAIL_USE_SSL", False):
                context = ssl.create_default_context()
                server: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=MAIL_SECONDS, context=context)
            else:
                server = smtplib.SMTP(*where, timeout=MAIL_SECONDS)
            stack.enter_context(server)
            server.ehlo_or_helo_if_needed()
            code, _ = server.noop()
            return "" if code == 250 else f"it answers {code}"
    except (OSError, smtplib.SMTPException) as error:
        return type(error).__name__
