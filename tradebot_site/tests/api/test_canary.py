"""What must stay secret goes in through the API, rightly and wrongly, and is then looked for everywhere else.

A key with its secret, another one to rotate to, one that the exchange refuses, a password, a wrong one, and what the
API itself makes and shows once: a token, a webhook's secret, a ticket. A real worker does what comes of it.
"""

import json
import logging
import os
import secrets

import pytest
from django.conf import settings as site_settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from django_celery_results.models import TaskResult
from redis import Redis

from market.models import ExchangeAccount
from market.symbols import warm_symbols
from market.tests.factories import UserFactory
from market.types import Environment, Market
from ops.stack.services import CELERY
from tests.leaks import find, in_database, in_redis
from tests.test_browser_admin import database_url
from tradebot_site.tests.api.expected import TABLE
from tradebot_site.tests.api.routes import routes
from tradebot_site.tests.api.world import WITHOUT_LIMITS
from tradebot_site.tests.people import client_of, person
from trades.models import Event
from trades.tasks import reconcile_accounts

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = [*CELERY, "worker", "-Q", ",".join(site_settings.CELERY_TASK_QUEUES), "-P", "solo", "-l", "DEBUG"]
WORKER += ["-n", "canary@here", "--without-mingle", "--without-gossip"]
JSON = "application/json"
ODD = ("apiKey", "API_SECRET", "secret", "key", "password", "token", "x")


class Program:
    """A client of the API that remembers each answer, and what of it is meant to be seen."""

    def __init__(self):
        self.answers, self.client = [], Client()

    def log_in(self, token):
        self.client = Client(headers={"Authorization": f"Token {token}"})

    def post(self, path, body, *, status, shows="", method="post", **headers):
        sent = body if isinstance(body, str) else json.dumps(body)
        answer = getattr(self.client, method)(path, sent, content_type=JSON, headers=headers)
        assert answer.status_code == status, (path, answer.content)
        self.keep(f"{method} {path}", answer, shows)
        return answer.json() if answer.content else None

    def get(self, path):
        answer = self.client.get(path)
        self.keep(f"get {path}", answer)
        return answer

    def keep(self, name, answer, shows=""):
        text = f"{dict(answer.headers)}\n".encode() + answer.getvalue()
        self.answers.append((f"answer to {name}", text.replace(shows.encode(), b"") if shows else text))


def log_everything():
    """But why a template has no value for a name: that is a hundred megabytes."""
    for name in ("", *site_settings.LOGGING["loggers"], "django", "celery", "urllib3"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger("django.template").setLevel(logging.INFO)


@pytest.fixture
def everything_is_logged(caplog):
    caplog.handler.setLevel(logging.DEBUG)
    names = ("", *site_settings.LOGGING["loggers"], "django", "celery", "urllib3", "django.template")
    before = {name: logging.getLogger(name).level for name in names}
    log_everything()
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def canaries(paper):
    (key, secret), (new_key, new_secret) = paper.create_account(), paper.create_account()
    made = {name: f"Canary+/{secrets.token_urlsafe(24)}'&%" for name in ("password", "wrong password")}
    unknown = {name: secrets.token_hex(32) for name in ("refused key", "refused secret", "channel")}
    keys = {"key": key, "secret": secret, "new key": new_key, "new secret": new_secret}
    return keys | made | unknown


def use(program, canaries):
    """Everything that takes a secret, and what makes one."""
    name = "the-trader"
    login = {"username": name, "name": "canary", "scope": "admin"}
    program.post("/api/v1/tokens", login | {"password": canaries["wrong password"]}, status=401)
    program.post("/api/v1/tokens", login | {"password": canaries["password"], "code": "1" * 30}, status=400)
    program.post("/api/v1/tokens", login | {"password": canaries["password"], "passwd": 1}, status=400)
    made = program.client.post(
        "/api/v1/tokens",
        login | {"password": canaries["password"]},
        "application/json",
        headers={"Idempotency-Key": "a"},
    ).json()
    program.log_in(made["token"])
    _refused(program, canaries)
    keys = {"api_key": canaries["key"], "api_secret": canaries["secret"]}
    account = {"name": "mine", "environment": "paper", "market": "spot"}
    told = program.post("/api/v1/accounts", account | keys, status=201, **{"Idempotency-Key": "b"})
    program.post("/api/v1/accounts", account | keys, status=201, **{"Idempotency-Key": "b"})
    address = f"/api/v1/accounts/{told['id']}"
    program.post(f"{address}/rotate", {"api_key": canaries["refused key"], "api_secret": "x"}, status=422)
    program.post(f"{address}/rotate", keys | {"new_secret": canaries["new secret"]}, status=400)
    renewed = {"api_key": canaries["new key"], "api_secret": canaries["new secret"]}
    program.post(f"{address}/rotate", renewed, status=200, **{"Idempotency-Key": "c"})
    program.post(f"{address}/test", {}, status=200)
    reconcile_accounts(everything=True)
    return {"token": made["token"], **_channel(program, canaries["channel"]), **_trade(program, told["id"])}


def _channel(program, canary):
    """A webhook that nobody answers, by which something is told all the same."""
    channels, target = "/api/v1/notification-channels", f"https://hooks.example.com/{canary}"
    hook = {"kind": "webhook", "name": "mine", "target": target}
    for odd in (
        {"target": f"ftp://{canary}"},
        {"kind": "email"},
        {"kind": "apprise"},
        {"secret": canary},
        {"name": ""},
    ):
        program.post(channels, hook | odd, status=400)
    made = program.client.post(channels, json.dumps(hook), JSON).json()
    address = f"{channels}/{made['id']}"
    program.post(address, {"target": f"{target}?key={canary}"}, status=200, method="patch")
    program.post(f"{address}/test", {}, status=409)
    telling = {"type": "system_alert", "message": "hello", "channels": ["webhook"]}
    program.post("/api/tasks/send-notification", telling, status=202)
    return {"channel secret": made["secret"]}


def _refused(program, canaries):
    key, secret = canaries["refused key"], canaries["refused secret"]
    account = {"name": "refused", "environment": "paper", "market": "spot", "api_key": key, "api_secret": secret}
    accounts = "/api/v1/accounts"
    program.post(accounts, account, status=422)
    for name in ODD:
        program.post(accounts, account | {name: secret}, status=400)
        program.post("/api/v1/bots", {"name": "b", name: {name: secret}}, status=400)
    for odd in (key * 5, [key], {"a": key}, f"{key} {secret}", f"{key}\n{key}"):
        program.post(accounts, account | {"api_secret": odd}, status=400)
    program.post(accounts, json.dumps(account)[:-2], status=400)
    program.post(accounts, json.dumps(account)[:-1] + f',"api_key":"{key}"}}', status=400)
    program.post(accounts, "[" * 2_000 + json.dumps(account), status=400)
    program.post(f"{accounts}?api_secret={secret}", account | {"name": 1.5e400}, status=400)
    assert program.get(f"{accounts}?api_secret={secret}").status_code == 400
    form = program.client.post(accounts, account)
    assert form.status_code == 415
    program.keep("a form", form)


def _trade(program, account):
    """A bot with a webhook that hears of a signal, an order by hand, a ticket."""
    settings = {"name": "listens", "strategy": "webhook_signal", "interval": "1m", "initial_capital": "1000"}
    sized = {"account": account, "symbol": "BTCUSDT", "sizing_mode": "percent", "sizing_value": "50"}
    bot = program.post("/api/v1/bots", settings | sized, status=201)
    hook = program.client.post(f"/api/v1/bots/{bot['id']}/webhook", "{}", JSON).json()
    program.post(f"/api/v1/bots/{bot['id']}/start", {}, status=200)
    signal = {"secret": hook["secret"], "id": "1", "time": timezone.now().isoformat(), "action": "enter_long"}
    path = hook["url"].removeprefix("http://testserver")
    program.post(path, signal | {"actions": 1}, status=400)
    program.post(path, signal, status=202)
    order = {"account": account, "symbol": "BTCUSDT", "side": "buy", "quantity": "0.001", "order_type": "market"}
    task = program.post("/api/tasks/execute-trade", order, status=202, **{"Idempotency-Key": "d"})
    ticket = program.client.post("/api/v1/events/ticket", "{}", JSON).json()["ticket"]
    return {"webhook secret": hook["secret"], "ticket": ticket, "task": task["task_id"]}


def read_all(program, watcher):
    """Every GET of the API, and every page of the admin."""
    numbers = {"/api/v1/accounts": ExchangeAccount.objects.get().pk}
    for route in routes():
        if route.method != "GET":
            continue
        query = TABLE[str(route)].query
        for client in (program.client, watcher):
            prefix = route.path.partition("/<")[0]
            if route.names() and prefix not in numbers:
                numbers[prefix] = _first(client.get(prefix))
            path = route.at(dict.fromkeys(route.names(), numbers.get(prefix)))
            answer = client.get(f"{path}?{query}")
            assert answer.status_code < 500 or route.path == "/api/tasks/health"
            program.keep(f"get {path}", answer)
    for model, page in admin.site._registry.items():
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        some = model._default_manager.order_by("-pk").values_list("pk", flat=True)[:2]
        for path in (base, *(f"{base}{pk}/{what}/" for pk in some for what in ("change", "history"))):
            program.keep(path, watcher.get(path, follow=True))
        assert page is not None


def _first(answer):
    """By what the first row of a list is known."""
    listed = answer.json() if answer.status_code == 200 else []
    rows = listed["results"] if isinstance(listed, dict) else listed
    return next((row.get("id", row.get("name")) for row in rows), 1)


def everywhere(program, caplog, child):
    """All that was answered, logged, kept."""
    yield from program.answers
    # All of each record but the request itself, which holds what it was asked: no handler writes it.
    records = [{name: value for name, value in vars(record).items() if name != "request"} for record in caplog.records]
    yield "our logs", "\n".join([caplog.text, *map(repr, records)]).encode()
    yield "the worker's output", child.text.encode()
    for url in (site_settings.REDIS_URL, site_settings.CELERY_BROKER_URL):
        yield from in_redis(_redis(url))
    yield from in_database(connection)


def _redis(url):
    """Celery has words of its own for the same address."""
    return Redis.from_url(url.replace("redis+socket://", "unix://").replace("virtual_host=", "db="))


def found_in(places, canaries):
    return [(where, hit) for where, text in places for hit in find(text, canaries, depth=2)]


def test_secrets_are_found_nowhere(canaries, spawn, broker, paper, settings, caplog, everything_is_logged, wait_until):
    for name, value in WITHOUT_LIMITS.items():
        setattr(settings, name, value)
    cache.clear()
    warm_symbols(Environment.PAPER, Market.SPOT, now=timezone.now())
    trader = person("trader")
    trader.set_password(canaries["password"])
    trader.save()
    watcher = client_of(UserFactory(username="root", is_staff=True, is_superuser=True))
    program = Program()

    log_everything()
    made = use(program, canaries)
    task = made.pop("task")
    sent = [(f"{where}, sent", text) for where, text in in_redis(_redis(site_settings.CELERY_BROKER_URL))]
    assert broker("high_priority") >= 2
    child = spawn(WORKER, env=dict(os.environ) | {"DATABASE_URL": database_url(), "LOG_LEVEL": "DEBUG"}, name="worker")
    placed = f"/api/tasks/status/{task}"
    wait_until(lambda: program.get(placed).json()["status"] in ("success", "failed"), 90, "a worker has placed it")
    assert program.get(placed).json()["status"] == "success"
    read_all(program, watcher)

    secret = canaries | made
    assert len(secret) == 13
    assert len(program.answers) > 150
    assert found_in([*sent, *everywhere(program, caplog, child)], secret) == []

    # The same search finds what is planted in each of the places.
    log_everything()
    Event.objects.create(kind="kill_switch", message=canaries["secret"][::-1], created_at=timezone.now())
    TaskResult.objects.create(task_id="planted", task_args=json.dumps([made["token"]]))
    cache.set("planted", canaries["new key"], 60)
    logging.root.addHandler(caplog.handler)  # by then something has set up logging anew
    logging.getLogger("market").debug("planted %s", canaries["password"])
    program.answers.append(("planted", made["webhook secret"].encode().hex().encode()))
    planted = {where.partition(" ")[0] for where, _ in found_in(everywhere(program, caplog, child), secret)}
    assert planted == {"table", "redis", "our", "planted"}
    child.kill()
    connections.close_all()
    assert User.objects.get(pk=trader.pk).check_password(canaries["password"])
