"""Keys through the API, against a real paper exchange: given, tried, tested, rotated, and never told."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BoundedSemaphore
from time import monotonic

import pytest
from django.db import connection
from django.utils import timezone
from django_redis import get_redis_connection

from market import services
from market.budget import SHARES, Priority
from market.budget.priorities import current_priority
from market.exchange import _gateways
from market.exchange.types import KeyPermissions
from market.models import AccountBalances, ExchangeAccount, IdempotentAnswer
from market.tests.factories import ExchangeAccountFactory
from tradebot_site.tests.api.asking import KEY, SECRET, Caller
from tradebot_site.tests.people import person
from trades.services import sync_portfolios

ACCOUNT = "/api/v3/account"
LIVE = {"environment": "live", "live_consent": True, "api_key": KEY, "api_secret": SECRET}
GOOD = KeyPermissions(
    may_trade_spot=True, may_trade_futures=False, may_withdraw=False, may_transfer=False, is_ip_restricted=True
)


@pytest.fixture
def trader(db):
    return Caller(person("trader"))


@pytest.fixture
def fault(paper):
    """Put a fault on the board of the paper exchange; all are taken off after the test."""
    yield lambda name, path=ACCOUNT, **step: paper.admin(
        "POST", "/paper/faults", {"fault": name, "match": {"path": path}, **step}
    )
    paper.admin("DELETE", "/paper/faults", {})


def wanted(**changes):
    return {"name": "mine", "environment": "paper", "market": "spot"} | changes


def pair(paper, **balances):
    api_key, api_secret = paper.create_account(**balances)
    return {"api_key": api_key, "api_secret": api_secret}


def test_a_key_goes_in_once_the_exchange_has_answered_to_it_and_never_comes_out(trader, paper):
    keys = pair(paper, USDT="12.5")

    status, told = trader.post("accounts", **wanted(**keys))

    account = ExchangeAccount.objects.get()
    assert (status, told["owner"], told["key"]) == (201, "the-trader", f"…{keys['api_key'][-4:]}")
    assert (told["free_quote"], told["may_withdraw"], told["key_trouble"]) == ("12.5", False, "")
    assert {name: getattr(account, name).reveal() for name in keys} == keys
    assert (account.owner, account.balance_read_at is None) == (trader.user, False)
    for page in ("accounts", f"accounts/{account.pk}", f"accounts/{account.pk}/balances"):
        text = str(trader.get(page))
        assert keys["api_key"] not in text
        assert keys["api_secret"] not in text


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_a_paper_account_without_a_key_is_opened_with_play_money(trader, paper, market):
    status, told = trader.post("accounts", **wanted(market=market))

    assert (status, told["free_quote"], told["key_trouble"]) == (201, "10000", "")
    assert services.check_connection(ExchangeAccount.objects.get(), now=timezone.now())[0].free == 10_000


def test_a_refused_key_leaves_nothing_behind_and_the_likely_causes_are_told(trader, paper):
    status, told = trader.post("accounts", **wanted(api_key=KEY, api_secret=SECRET))

    assert (status, told["code"]) == (422, "key_refused")
    assert "key or secret has a typing error" in told["detail"]
    assert told["detail"].endswith("Nothing is saved.")
    assert not ExchangeAccount.objects.exists()


def test_a_key_that_is_only_tried_leaves_no_connection_behind(trader, paper):
    def kept():
        return set(_gateways.__dict__.get("by_key", {}))

    trader.post("accounts", **wanted(**pair(paper)))
    before = kept()

    trader.post("accounts", **wanted(name="another", api_key=KEY, api_secret=SECRET))
    trader.post("accounts", **wanted(name="another", **pair(paper)))

    assert ExchangeAccount.objects.count() == 2
    assert kept() == before


@pytest.mark.parametrize("keys", [{}, {"api_key": KEY, "api_secret": SECRET}])
def test_while_the_exchange_is_away_nothing_is_saved(trader, settings, keys):
    settings.PAPER_URL = "http://127.0.0.1:9"

    status, told = trader.post("accounts", **wanted(**keys))

    assert (status, told["code"]) == (503, "unavailable")
    assert not ExchangeAccount.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"api_key": KEY}, "api_secret", "come in pairs"),
        ({"api_secret": SECRET}, "api_key", "come in pairs"),
        ({"api_key": f"{KEY} {SECRET}", "api_secret": SECRET}, "api_key", "Printable ASCII"),
        ({"api_key": KEY, "api_secret": f"{SECRET}\nX: y"}, "api_secret", "Printable ASCII"),
        ({"api_key": f"{KEY}ключ", "api_secret": SECRET}, "api_key", "Printable ASCII"),
        ({"api_key": KEY * 20, "api_secret": SECRET}, "api_key", "no more than 200"),
        ({"api_key": [KEY], "api_secret": {"a": SECRET}}, "api_key", "Printable ASCII"),
        ({"api_key": None, "api_secret": SECRET}, "api_key", "may not be null"),
        ({"name": ""}, "name", "may not be blank"),
        ({"name": "x" * 61}, "name", "no more than 60"),
        ({"environment": "moon"}, "environment", '"moon" is not a valid choice'),
        ({"environment": []}, "environment", "not a valid choice"),
        ({"market": 5}, "market", "not a valid choice"),
        ({"owner": "root"}, "owner", "is not known here"),
        ({"state": "active"}, "state", "is not known here"),
        ({"live_consent_at": "2026-01-01T00:00:00Z"}, "live_consent_at", "is not known here"),
        ({"live_consent": True}, "live_consent", "environment live alone"),
        ({"live_consent": "yes"}, "live_consent", "true or false is needed"),
        (LIVE, "environment", "allows: paper"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_at_its_field_and_no_secret_is_told(trader, settings, changes, field, words):
    settings.PAPER_URL = "http://127.0.0.1:9"

    status, told = trader.post("accounts", **wanted(**changes))

    assert (status, told["code"]) == (400, "invalid"), told
    assert words in told["fields"][field][0]
    assert not ExchangeAccount.objects.exists()


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"live_consent": False, "api_key": "k", "api_secret": "s"}, 400, "live_consent"),
        ({"api_key": "k", "api_secret": "s"}, 400, "live_consent"),
        ({"live_consent": 1, "api_key": "k", "api_secret": "s"}, 400, "live_consent"),
        ({"live_consent": True}, 400, "api_key"),
        ({"live_consent": True, "api_key": "k", "api_secret": "s"}, 201, None),
    ],
)
def test_real_money_needs_a_key_and_the_word_true(trader, settings, monkeypatch, changes, status, field):
    settings.ENVIRONMENTS = ["paper", "live"]
    monkeypatch.setattr("market.services.keys._ask", lambda account, **_: ([], GOOD))

    answered, told = trader.post("accounts", **wanted(environment="live", **changes))

    assert answered == status
    assert field is None or list(told["fields"]) == [field]
    assert ExchangeAccount.objects.filter(live_consent_at__isnull=False).exists() == (status == 201)


@pytest.mark.django_db(transaction=True)
def test_of_two_accounts_of_one_name_added_at_once_one_is_there(paper):
    user, begun = person("trader"), Barrier(2)

    def add(_number):
        try:
            caller = Caller(user)
            begun.wait(10)
            return caller.post("accounts", **wanted(**pair(paper)))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(add, range(2)), key=lambda answer: answer[0])

    assert [status for status, _ in answers] == [201, 400]
    assert answers[1][1]["fields"] == {"name": ["you have an account 'mine' already."]}
    assert ExchangeAccount.objects.count() == 1


def test_a_name_that_is_taken_is_told_before_the_exchange_is_asked(trader, settings):
    settings.PAPER_URL = "http://127.0.0.1:9"
    ExchangeAccountFactory(name="mine")
    ExchangeAccountFactory(name="mine", owner=trader.user)

    status, told = trader.post("accounts", **wanted())

    assert (status, told["fields"]) == (400, {"name": ["you have an account 'mine' already."]})


def test_a_name_that_was_taken_meanwhile_is_told_too(trader, monkeypatch):
    def ask(account, **_):
        ExchangeAccountFactory(name="mine", owner=trader.user)
        return [], None

    monkeypatch.setattr("market.services.keys._ask", ask)

    assert trader.post("accounts", **wanted(api_key="k", api_secret="s"))[0] == 400
    assert ExchangeAccount.objects.count() == 1


def test_a_new_pair_takes_the_place_of_the_old_one_once_the_exchange_has_answered_to_it(trader, paper):
    account, keys = ExchangeAccountFactory(owner=trader.user, api_key=KEY, key_error="revoked"), pair(paper, USDT="77")

    status, told = trader.post(f"accounts/{account.pk}/rotate", **keys)

    account.refresh_from_db()
    assert (status, told["account"]["key"], told["account"]["key_trouble"]) == (200, f"…{keys['api_key'][-4:]}", "")
    assert told["balances"] == [{"asset": "USDT", "free": "77", "locked": "0"}]
    assert (account.api_key.reveal(), account.free_quote) == (keys["api_key"], 77)


def test_a_pair_that_is_refused_or_that_nobody_can_try_leaves_the_old_one_in_force(trader, paper, settings):
    account = ExchangeAccountFactory(owner=trader.user, api_key="the old key", key_error="")
    page = f"accounts/{account.pk}/rotate"

    refused = trader.post(page, api_key=KEY, api_secret=SECRET)
    half = trader.post(page, api_key=KEY)
    settings.PAPER_URL = "http://127.0.0.1:9"
    away = trader.post(page, api_key=KEY, api_secret=SECRET)

    assert (refused[0], refused[1]["code"]) == (422, "key_refused")
    assert refused[1]["detail"].endswith("The old pair stays.")
    assert (half[0], list(half[1]["fields"])) == (400, ["api_secret"])
    assert away[0] == 503
    account.refresh_from_db()
    assert (account.api_key.reveal(), account.key_error) == ("the old key", "")


def test_keys_of_an_account_that_is_deleted_meanwhile_are_not_found(trader, monkeypatch):
    account = ExchangeAccountFactory(owner=trader.user)

    def ask(account, **_):
        ExchangeAccount.objects.all().delete()
        return [], None

    monkeypatch.setattr("market.services.keys._ask", ask)

    assert trader.post(f"accounts/{account.pk}/rotate", api_key="k", api_secret="s")[0] == 404


def test_a_test_tells_what_the_account_holds_and_what_its_key_may_do(trader, paper):
    account = ExchangeAccountFactory(owner=trader.user, key_error="revoked", **pair(paper, USDT="12"))

    status, told = trader.post(f"accounts/{account.pk}/test")

    account.refresh_from_db()
    assert (status, told["balances"]) == (200, [{"asset": "USDT", "free": "12", "locked": "0"}])
    assert told["permissions"]["may_trade_spot"] is True
    assert told["permissions"]["may_withdraw"] is False
    assert (told["account"]["key_trouble"], told["account"]["free_quote"]) == ("", "12")
    assert (account.key_error, account.permissions_checked_at is None) == ("", False)


def test_a_revoked_key_is_told_and_remembered(trader, paper):
    account = ExchangeAccountFactory(owner=trader.user, api_key=KEY, api_secret=SECRET)

    for status, told in (trader.post(f"accounts/{account.pk}/test"), trader.get(f"accounts/{account.pk}/balances")):
        assert (status, told["code"]) == (409, "key_refused")
        assert "likely causes" in told["detail"]

    assert trader.get(f"accounts/{account.pk}")[1]["key_trouble"]


def test_balances_are_asked_for_once_in_some_seconds_and_not_for_another_key(trader, paper, monkeypatch):
    account = ExchangeAccountFactory(owner=trader.user, **pair(paper, USDT="12", BTC="0.5"))
    page = f"accounts/{account.pk}/balances"

    first = trader.get(page)
    monkeypatch.setattr("market.services.balances.gateway_for", None)  # nobody may be asked
    again = trader.get(page)
    monkeypatch.undo()
    services.set_keys(account, **pair(paper, USDT="7"), by=trader.user)

    assert first[0] == 200
    assert {item["asset"]: item["free"] for item in first[1]["balances"]} == {"USDT": "12", "BTC": "0.5"}
    assert again == first
    assert trader.get(page)[1]["balances"][0]["free"] == "7"


def test_an_exchange_that_hangs_holds_a_request_for_five_seconds(trader, paper, fault):
    account = ExchangeAccountFactory(owner=trader.user, **pair(paper))
    fault("delay_before", delay_seconds=60)

    begun = monotonic()
    status, told = trader.get(f"accounts/{account.pk}/balances")

    assert (status, told["code"]) == (503, "unavailable")
    assert 4 < monotonic() - begun < 7


@pytest.mark.parametrize("act", ["create", "test", "rotate", "balances"])
def test_an_exchange_that_hangs_is_not_waited_for_whoever_asks(trader, paper, fault, monkeypatch, act):
    monkeypatch.setattr("market.patience.SECONDS", 0.5)
    keys = pair(paper)
    account = ExchangeAccountFactory(owner=trader.user, **keys)
    fault("delay_after", delay_seconds=60)
    ask = {
        "create": lambda: trader.post("accounts", **wanted(**keys)),
        "test": lambda: trader.post(f"accounts/{account.pk}/test"),
        "rotate": lambda: trader.post(f"accounts/{account.pk}/rotate", **keys),
        "balances": lambda: trader.get(f"accounts/{account.pk}/balances"),
    }[act]

    begun = monotonic()
    status, told = ask()

    assert (status, told["code"]) == (503, "unavailable")
    assert monotonic() - begun < 3
    assert ExchangeAccount.objects.count() == 1


def test_who_finds_the_places_taken_is_told_at_once_and_the_others_go_on(trader, paper, monkeypatch):
    places = BoundedSemaphore(1)
    places.acquire()
    monkeypatch.setattr("market.patience._places", places)
    account = ExchangeAccountFactory(owner=trader.user, **pair(paper))

    status, told = trader.get(f"accounts/{account.pk}/balances")

    assert (status, told["code"]) == (503, "unavailable")
    assert "wait for an exchange already" in told["detail"]
    assert trader.get(f"accounts/{account.pk}")[0] == 200


@pytest.mark.parametrize(
    ("name", "step", "wait"), [("too_many_requests", {"retry_after_seconds": 7}, 8), ("error_before", {}, None)]
)
def test_what_the_exchange_has_against_us_is_passed_on(trader, paper, fault, name, step, wait, unspent):
    account = ExchangeAccountFactory(owner=trader.user, **pair(paper))
    fault(name, **step)

    status, told = trader.post(f"accounts/{account.pk}/test")

    unspent()
    assert (status, told["code"]) == (503, "unavailable")
    assert (wait is None) == ("Retry-After" not in trader.headers)
    assert wait is None or int(trader.headers["Retry-After"]) in range(5, wait + 1)


def test_one_user_asks_the_exchange_so_often_a_minute_alone(trader, paper, settings, early_in):
    early_in(60)
    settings.THROTTLE_ASKS = 2
    account = ExchangeAccountFactory(owner=trader.user, **pair(paper))

    statuses = [trader.post(f"accounts/{account.pk}/test")[0] for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert int(trader.headers["Retry-After"]) <= 60
    assert trader.get(f"accounts/{account.pk}")[0] == 200


def test_what_people_look_at_finds_no_request_weight_before_anything_that_trades_does(trader, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "market.services.keys._ask", lambda account, **_: (seen.append(current_priority()), ([], None))[1]
    )
    account = ExchangeAccountFactory(owner=trader.user)

    trader.post(f"accounts/{account.pk}/test")

    assert seen == [Priority.LOOKS]
    assert all(SHARES[work] > SHARES[Priority.LOOKS] for work in Priority if work > Priority.LOOKS)


def test_an_idempotency_key_adds_one_account_and_keeps_no_key(trader, paper):
    keys = pair(paper)
    trader.client.defaults["HTTP_IDEMPOTENCY_KEY"] = "once"

    first, again = (trader.post("accounts", **wanted(**keys)) for _ in range(2))

    kept = IdempotentAnswer.objects.get()
    assert first == again
    assert first[0] == 201
    assert keys["api_key"] not in kept.body
    assert keys["api_secret"] not in kept.body


@pytest.mark.parametrize("role", ["viewer", "stranger"])
def test_who_may_only_look_adds_nothing(db, role):
    caller = Caller(person(role))

    assert caller.post("accounts", **wanted())[0] == 403
    assert not ExchangeAccount.objects.exists()


def test_of_an_exchange_that_is_away_the_last_known_balances_are_told_as_stale(trader, paper, settings):
    account = ExchangeAccountFactory(owner=trader.user, **pair(paper, USDT="12"))
    page = f"accounts/{account.pk}/balances"
    fresh = trader.get(page)[1]
    get_redis_connection("default").delete(f"balances:{account.pk}:{account.key_mark}")
    settings.PAPER_URL = "http://127.0.0.1:9"

    status, told = trader.get(page)

    assert (status, told["is_stale"], bool(told["trouble"])) == (200, True, True)
    assert told["balances"] == fresh["balances"] == [{"asset": "USDT", "free": "12", "locked": "0"}]
    assert (fresh["is_stale"], fresh["trouble"]) == (False, "")


def test_the_list_tells_the_equity_and_asks_nobody(trader, paper, settings):
    account = ExchangeAccountFactory(owner=trader.user, **pair(paper, USDT="12"))
    sync_portfolios([account.pk], clock=timezone.now)
    AccountBalances.objects.filter(equity=12).update(equity=13)
    settings.PAPER_URL = "http://127.0.0.1:9"

    (told,) = trader.get("accounts")[1]["results"]

    assert (told["equity"], told["free_quote"], told["equity_at"] is None) == ("13", "12", False)
