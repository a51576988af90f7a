"""Orders that a person places: asked for, watched, canceled, over HTTP."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
import requests.adapters
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import ResponseError

from bots.tests.factories import BotFactory
from market.access import TokenScope
from market.exchange.errors import ExchangeUnavailable, OutcomeUnknown
from market.exchange.types import ReportStatus
from market.models import IdempotentAnswer
from market.tests.factories import NOON, ExchangeAccountFactory, SymbolRulesFactory
from market.types import Side
from ops.models import ApiToken
from ops.tokens import make_token, revoke
from tradebot_site.tests.people import client_of, person
from trades import services
from trades.api.asking import state_of
from trades.models import Order, OrderByHand
from trades.tasks import execute_trade_async
from trades.tests.factories import OrderFactory, TradeFactory
from trades.tests.gateways import FakeGateway, order_report

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/tasks/execute-trade"
BUY = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.01", "order_type": "market"}
LIMIT = BUY | {"order_type": "limit", "price": "49000"}


@pytest.fixture(autouse=True)
def quiet(settings, broker):
    """Plain HTTP, and nobody who works on what is queued."""
    settings.SECURE_SSL_REDIRECT = False
    SymbolRulesFactory()


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def account(trader):
    return ExchangeAccountFactory(owner=trader, name="main")


def post(caller, body=BUY, *, key=None, **changes):
    client = caller if isinstance(caller, Client) else client_of(caller)
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post(URL, body | changes, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()


def status_of(caller, task_id):
    answer = client_of(caller).get(f"/api/tasks/status/{task_id}")
    return answer.status_code, answer.json()


def refused_field(answer, field):
    status, body = answer
    assert (status, body["code"]) == (400, "invalid")
    return body["fields"][field][0]


# --- asking --------------------------------------------------------------------------------------------------------


def test_an_order_is_queued_under_the_number_of_its_task(trader, account, broker):
    status, answer = post(trader, LIMIT, side="SELL", leverage=1, account=account.pk, symbol="btcusdt")

    asked = OrderByHand.objects.get()
    assert (status, answer) == (
        202,
        {"task_id": str(asked.task_id), "status": "pending", "message": "Trade execution queued"},
    )
    assert (asked.user, asked.asked_by, asked.account, asked.status) == (trader, trader, account, "pending")
    assert (asked.symbol, asked.side, asked.type) == ("BTCUSDT", "SELL", "limit")
    assert (asked.quantity, asked.price) == (Decimal("0.01"), 49_000)
    assert broker("high_priority") == 1


@pytest.mark.parametrize("error", [OperationalError("away"), ResponseError("OOM command not allowed")])
def test_while_the_broker_is_away_it_is_taken_all_the_same(trader, account, monkeypatch, error):
    def away(*args, **kwargs):
        raise error

    monkeypatch.setattr(execute_trade_async, "apply_async", away)

    assert post(trader)[0] == 202
    assert OrderByHand.objects.get().status == "pending"


def test_the_request_itself_never_asks_the_exchange(trader, account, monkeypatch):
    def hangs(*args, **kwargs):
        raise AssertionError("the exchange was asked")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", hangs)

    _, answer = post(trader)

    assert status_of(trader, answer["task_id"])[1]["status"] == "pending"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"side": "hold"}, "side", '"hold" is not a valid choice'),
        ({"side": 1}, "side", '"1" is not a valid choice'),
        ({"order_type": "stop"}, "order_type", '"stop" is not a valid choice'),
        ({"quantity": "0"}, "quantity", "must be above 0. Given: '0'."),
        ({"quantity": "-1"}, "quantity", "must be above 0. Given: '-1'."),
        ({"quantity": "NaN"}, "quantity", "A valid number is required. Given: 'NaN'."),
        ({"quantity": "0.0000000000000000001"}, "quantity", "no more than 18 decimal places"),
        ({"symbol": "BTC/USDT"}, "symbol", "does not match the required pattern. Given: 'BTC/USDT'."),
        ({"price": "1"}, "price", "is none of a market order's"),
        ({"order_type": "limit"}, "price", "is needed of a limit order"),
        ({"order_type": "limit", "price": "0"}, "price", "must be above 0"),
        ({"leverage": 126}, "leverage", "less than or equal to 125. Given: 126."),
        ({"user_id": "me"}, "user_id", "A valid integer is required. Given: 'me'."),
        ({"user_id": 2**40}, "user_id", "less than or equal to 2147483647"),
        ({"account": 2**63}, "account", "less than or equal to 9223372036854775807"),
        ({"stop_loss": "1"}, "stop_loss", "is not known here"),
    ],
)
def test_what_is_wrong_is_told_with_the_value(trader, account, changes, field, words):
    assert words in refused_field(post(trader, **changes), field)
    assert not OrderByHand.objects.exists()


def test_of_several_accounts_one_has_to_be_named(trader, account):
    assert post(trader)[0] == 202  # while there is but one
    other = ExchangeAccountFactory(owner=trader, name="second")
    ExchangeAccountFactory()

    told = refused_field(post(trader), "account")

    assert told == (
        f"is needed: BTCUSDT can be traded on {account.pk} (main (paper spot)), {other.pk} (second (paper spot))."
    )
    assert post(trader, account=other.pk)[0] == 202


def test_an_account_that_can_not_trade_it_is_none_to_choose_from(trader, account, settings):
    ExchangeAccountFactory(owner=trader, market="futures")  # of whose symbols none is known here

    assert post(trader)[0] == 202
    assert "on none of your accounts" in refused_field(post(trader, symbol="NOPEUSDT"), "account")
    assert "on none of your accounts" in refused_field(post(trader, leverage=2), "account")
    settings.ENVIRONMENTS = ["testnet"]
    assert "on none of your accounts" in refused_field(post(trader), "account")


def test_what_is_anothers_does_not_exist(trader, account):
    theirs = ExchangeAccountFactory()

    assert post(trader, account=theirs.pk)[0] == 404
    assert post(trader, account=987_654)[0] == 404
    assert post(trader, user_id=theirs.owner_id)[0] == 404
    assert post(trader, user_id=theirs.owner_id, account=theirs.pk)[0] == 404
    assert post(trader, user_id=trader.pk)[0] == 202
    assert OrderByHand.objects.count() == 1


def test_operators_name_another_user_and_are_named_themselves(trader, account):
    operator = person("operator")

    assert post(operator, account=account.pk)[0] == 404  # in whose name?
    assert post(operator, user_id=987_654)[0] == 404
    assert post(operator, user_id=trader.pk)[0] == 202

    asked = OrderByHand.objects.get()
    assert (asked.user, asked.asked_by) == (trader, operator)
    assert status_of(trader, asked.task_id)[0] == 200


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("viewer", 403), ("stranger", 403)])
def test_who_may_not_trade_places_no_order(who, status):
    caller = person(who) if who else None
    if caller:
        ExchangeAccountFactory(owner=caller)

    assert post(caller)[0] == status
    assert not OrderByHand.objects.exists()


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("trade", 202), ("admin", 202)])
def test_a_token_has_to_be_for_trading(trader, account, scope, status):
    lives = timedelta(days=1)
    _, text = make_token(trader, name="a", scope=TokenScope(scope), lives=lives, now=timezone.now())

    assert post(Client(headers={"Authorization": f"Token {text}"}))[0] == status


ENDS = {
    "revoked": revoke,
    "expired": lambda token: ApiToken.objects.filter(pk=token.pk).update(expiry=timezone.now()),
    "of one who is locked out": lambda token: User.objects.filter(pk=token.user_id).update(is_active=False),
}


@pytest.mark.parametrize("end", [*ENDS, "not at all"])
def test_nothing_is_sent_for_a_token_that_counts_no_more(trader, paper, end):
    api_key, api_secret = paper.create_account()
    account = ExchangeAccountFactory(owner=trader, api_key=api_key, api_secret=api_secret, reconciled_at=timezone.now())
    paper.set_price("BTCUSDT", "50000.00")
    lives = timedelta(days=1)
    token, text = make_token(trader, name="a", scope=TokenScope.TRADE, lives=lives, now=timezone.now())
    _, answer = post(Client(headers={"Authorization": f"Token {text}"}))
    if end in ENDS:
        ENDS[end](token)

    execute_trade_async(OrderByHand.objects.get().pk)

    told = state_of(OrderByHand.objects.get(task_id=answer["task_id"]))
    if end not in ENDS:
        assert told["status"] == "success"
        return
    assert (told["status"], told["error"]["code"]) == ("failed", "not_allowed")
    assert ("locked" in end) or "revoked, or has expired" in told["error"]["detail"]
    assert not Order.objects.filter(account=account).exists()


def test_the_same_key_twice_is_one_order(trader, account, broker):
    first, again = post(trader, key="a"), post(trader, key="a")

    assert first == again
    assert OrderByHand.objects.get().key == "a"
    assert post(trader, key="a", quantity="0.02")[0] == 422
    assert post(trader, key="b") != first
    assert broker("high_priority") == 2


@pytest.mark.parametrize("died", ["between the row and the answer", "a day ago"])
def test_a_key_whose_answer_is_gone_still_names_its_order(trader, account, died):
    first = post(trader, key="a")
    if died == "a day ago":
        IdempotentAnswer.objects.all().delete()
    else:
        IdempotentAnswer.objects.update(status=None, body="", claimed_at=timezone.now() - timedelta(seconds=61))

    again = post(trader, key="a")

    assert first == again
    assert OrderByHand.objects.count() == 1
    IdempotentAnswer.objects.all().delete()
    assert post(trader, key="a", quantity="0.02")[1]["code"] == "key_reused"


@pytest.mark.parametrize("change", ["second account", "symbol gone", "user gone"])
def test_a_retry_hears_of_its_order_whatever_has_changed_since(trader, account, settings, change):
    operator = person("operator")
    first = post(operator, key="a", user_id=trader.pk)
    IdempotentAnswer.objects.all().delete()  # the process died before it answered
    if change == "second account":
        ExchangeAccountFactory(owner=trader, name="second")
    if change == "symbol gone":
        settings.ENVIRONMENTS = ["testnet"]
    if change == "user gone":
        trader.is_active = False
        trader.save()

    assert post(operator, key="a", user_id=trader.pk) == first
    IdempotentAnswer.objects.all().delete()
    assert post(operator, key="a", user_id=trader.pk, account=account.pk + 1)[1]["code"] == "key_reused"
    IdempotentAnswer.objects.all().delete()
    assert post(operator, key="a")[1]["code"] == "key_reused"
    assert OrderByHand.objects.count() == 1


ENDS = {"denied": "failed", "running": "running", "pending": "pending"}


@pytest.mark.parametrize(("row", "status"), ENDS.items())
def test_a_known_order_is_told_as_it_stands_and_not_as_queued(trader, account, broker, row, status):
    _, first = post(trader, key="a")
    OrderByHand.objects.update(status=row, completed_at=None if row in ("pending", "running") else timezone.now())
    IdempotentAnswer.objects.all().delete()

    code, again = post(trader, key="a")

    assert (code, again["task_id"], again["status"]) == (202, first["task_id"], status)
    assert (again["message"] == "Trade execution queued") == (row == "pending")
    assert broker("high_priority") == 1 + (row == "pending")


def test_a_key_of_last_week_places_a_new_order(trader, account, broker):
    _, first = post(trader, key="a")
    long_ago = timezone.now() - timedelta(days=7)
    OrderByHand.objects.update(created_at=long_ago, completed_at=long_ago, status="failed")
    IdempotentAnswer.objects.update(claimed_at=long_ago)

    code, second = post(trader, key="a")

    assert (code, second["status"]) == (202, "pending")
    assert second["task_id"] != first["task_id"]
    assert broker("high_priority") == 2


def test_who_has_too_many_waiting_waits_too_and_may_use_the_key_again(trader, account, monkeypatch):
    monkeypatch.setattr("trades.services.asked.MOST_UNFINISHED", 1)
    post(trader)

    refusal = client_of(trader).post(URL, BUY, content_type="application/json", headers={"Idempotency-Key": "a"})

    assert (refusal.status_code, refusal.json()["code"]) == (429, "too_many_waiting")
    assert refusal.headers["Retry-After"] == "5"
    OrderByHand.objects.all().delete()
    assert post(trader, key="a")[0] == 202


# --- watching ------------------------------------------------------------------------------------------------------


def asked_by(trader, account, **changes):
    wanted = services.HandOrder("BTCUSDT", Side.BUY, Decimal("0.01"))
    asked = services.ask_for_order(trader, account, wanted, asked_by=trader, key="", now=NOON)
    for name, value in changes.items():
        setattr(asked, name, value)
    asked.save()
    return asked


TOO_SMALL = {"code": "filter", "detail": "too small"}
AWAY, LATE = {"code": "exchange", "detail": "away"}, {"code": "expired", "detail": "late"}
ENDED = {"completed_at": NOON + timedelta(seconds=2)}


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({}, "pending", None),
        ({"status": "running", "started_at": NOON}, "running", None),
        ({"status": "denied", "code": "filter", "message": "too small", **ENDED}, "failed", TOO_SMALL),
        ({"status": "failed", "code": "exchange", "message": "away", **ENDED}, "failed", AWAY),
        ({"status": "expired", "code": "expired", "message": "late", **ENDED}, "failed", LATE),
    ],
)
def test_what_is_no_order_yet_or_will_be_none(trader, account, changes, status, error):
    asked = asked_by(trader, account, **changes)

    told = status_of(trader, asked.task_id)

    assert told == (
        200,
        {
            "task_id": str(asked.task_id),
            "status": status,
            "result": None,
            "error": error,
            "started_at": "2026-11-21T12:00:30Z" if "started_at" in changes else None,
            "completed_at": told[1]["completed_at"],
            "notification": None,
        },
    )
    assert (told[1]["completed_at"] is None) == (error is None)


SENT = {"signed_at": NOON, "proof_deadline": NOON}
OVER = {"finished_at": NOON + timedelta(seconds=5), **SENT}


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"status": "intended"}, "running", None),
        ({"status": "submitted", **SENT}, "running", None),
        ({"status": "unknown", **SENT}, "running", None),
        ({"status": "open", "exchange_order_id": 7, **SENT}, "success", None),
        ({"status": "open", "exchange_order_id": 7, "filled_quantity": Decimal("0.004"), **SENT}, "success", None),
        ({"status": "filled", "exchange_order_id": 7, "filled_quantity": Decimal("0.01"), **OVER}, "success", None),
        ({"status": "canceled", "exchange_order_id": 7, "filled_quantity": Decimal("0.004"), **OVER}, "success", None),
        ({"status": "canceled", "exchange_order_id": 7, "cancel_requested_at": NOON, **OVER}, "success", None),
        ({"status": "canceled", "exchange_order_id": 7, **OVER}, "failed", "canceled"),
        ({"status": "canceled", "finished_at": NOON, "error": "too old"}, "failed", "not_sent"),
        ({"status": "expired", "exchange_order_id": 7, **OVER}, "failed", "expired"),
        ({"status": "rejected", "error": "no money", **OVER}, "failed", "rejected"),
        ({"status": "absent", **OVER}, "failed", "absent"),
    ],
)
def test_what_is_an_order_is_told_as_it_stands_at_this_moment(trader, account, order, status, code):
    row = OrderFactory(position__account=account, **order)
    trade = TradeFactory(order=row) if row.filled_quantity else None
    asked = asked_by(trader, account, status="done", order=row, started_at=NOON, **ENDED)

    _, told = status_of(trader, asked.task_id)

    assert (told["status"], (told["error"] or {}).get("code")) == (status, code)
    assert told["result"] == {
        "order_id": row.pk,
        "order_status": row.status,
        "trade_id": trade.pk if trade else None,
        "executed_price": "50000" if trade else None,
        "executed_quantity": f"{row.filled_quantity.normalize():f}",
    }
    assert (told["completed_at"] is None) == (status == "running")
    if code and row.error:
        assert told["error"]["detail"] == row.error


def test_only_its_owner_and_operators_see_a_task(trader, account):
    asked = asked_by(trader, account)

    assert status_of(person("viewer"), asked.task_id)[0] == 404
    assert status_of(trader, uuid.uuid4())[0] == 404
    assert status_of(trader, "nonsense")[0] == 404
    assert status_of(None, asked.task_id)[0] == 401
    assert status_of(person("operator"), asked.task_id)[0] == 200


def test_a_question_is_one_statement_beside_who_asks(trader, account):
    row = OrderFactory(position__account=account, status="filled", **SENT)
    TradeFactory(order=row)
    asked, client = asked_by(trader, account, status="done", order=row, **ENDED), client_of(trader)
    client.get(f"/api/tasks/status/{asked.task_id}")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(f"/api/tasks/status/{asked.task_id}")

    assert sum("trades_" in query["sql"] for query in queries) == 1


# --- canceling -----------------------------------------------------------------------------------------------------


@pytest.fixture
def resting(account, monkeypatch):
    """A limit order by hand that rests at an exchange which cancels it when told to."""
    gateway = FakeGateway(found=order_report(status=ReportStatus.CANCELED))
    monkeypatch.setattr("trades.services.canceling.gateway_for", lambda account: gateway)
    return rests(account), gateway


def rests(account, **changes):
    told = {"status": "open", "type": "limit", "price": Decimal(49_000), "exchange_order_id": 7} | SENT | changes
    return OrderFactory(position__account=account, position__by_hand=True, **told)


def cancel(caller, order):
    answer = client_of(caller).post(f"/api/v1/orders/{order.pk}/cancel", content_type="application/json")
    return answer.status_code, answer.json()


def test_a_limit_order_by_hand_is_canceled(trader, resting):
    order, gateway = resting

    assert cancel(trader, order) == (
        200,
        {"order_id": order.pk, "order_status": "canceled", "executed_quantity": "0", "detail": ""},
    )
    assert gateway.canceled == [order.client_order_id]
    status, refusal = cancel(trader, order)
    assert (status, refusal["detail"]) == (409, f"order {order.pk} is canceled already")


@pytest.mark.parametrize("error", [OutcomeUnknown("read timeout"), ExchangeUnavailable("read timeout")])
def test_a_cancel_without_an_answer_is_written_down(trader, resting, error):
    order, gateway = resting
    gateway.cancel_answer = error

    status, told = cancel(trader, order)

    assert (status, told["order_status"], told["detail"]) == (202, "open", "read timeout")
    assert Order.objects.get().cancel_requested_at is not None


def test_what_was_not_sent_is_taken_back(trader, resting, account):
    order, gateway = resting
    Order.objects.update(status="intended", exchange_order_id=None, signed_at=None, proof_deadline=None)

    assert cancel(trader, order)[1]["order_status"] == "canceled"
    assert gateway.canceled == []
    assert Order.objects.get().error == f"taken back by {trader} before it was sent"


@pytest.mark.parametrize("status", ["submitted", "unknown"])
def test_what_has_no_answer_yet_is_canceled_later_and_said_to_be(trader, resting, status):
    order, gateway = resting
    Order.objects.update(status=status)

    code, told = cancel(trader, order)

    assert (code, told["order_status"]) == (202, status)
    assert "as soon as it is found open" in told["detail"]
    assert gateway.canceled == []
    assert Order.objects.get().cancel_requested_at is not None


def test_a_bots_order_is_its_bots(trader, account):
    bot = BotFactory(account=account)
    order = OrderFactory(position=bot.position, status="open", **SENT)

    status, refusal = cancel(trader, order)

    assert (status, refusal["code"]) == (409, "not_by_hand")
    assert refusal["detail"] == f"order {order.pk} is a bot's: steer its bot"


def test_an_account_without_a_key_cancels_nothing(trader, account):
    order = rests(account)
    account.api_key = ""
    account.save()

    status, refusal = cancel(trader, order)

    assert (status, refusal["code"]) == (409, "conflict")


def test_nobody_cancels_what_is_anothers(resting):
    order, gateway = resting
    reader = person("viewer")
    reader.user_permissions.add(Permission.objects.get(codename="change_exchangeaccount"))

    assert cancel(None, order)[0] == 401
    assert cancel(person("stranger"), order)[0] == 403
    assert cancel(reader, order)[0] == 404
    assert gateway.canceled == []
    assert cancel(person("operator"), order)[0] == 200
