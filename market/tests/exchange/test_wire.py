"""What leaves for the exchange: whose moment, which parameters, how often."""

import traceback
from datetime import timedelta

import pytest
from django.utils import timezone

from market.exchange.adapter import GATEWAYS, BinanceGateway, FuturesGateway, client
from market.exchange.errors import ExchangeError, OrderRejected, OutcomeUnknown
from market.tests.exchange.acts import FUTURES_ORDER, LIMIT, SECRET, STOP, TIMES, WINDOW, Act, placed
from market.tests.orders import BAD_ANSWERS
from market.tests.servers import WaywardExchange, answer, hosts_at, server_time
from market.types import milliseconds

SIGNED = {"timestamp", "recvWindow", "signature"}


@pytest.fixture
def gateway(act: Act, wayward: WaywardExchange, no_waiting: None, monkeypatch: pytest.MonkeyPatch) -> BinanceGateway:
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", (2, 0.4))
    return GATEWAYS[act.market](hosts_at(wayward.url), api_key="key", api_secret=SECRET)


def moment_sent(wayward: WaywardExchange, act: Act) -> int:
    return int(wayward.asked(act.path, act.method)[-1].params["timestamp"])


def test_it_leaves_with_these_parameters_and_no_others(act, gateway, wayward):
    act.call(gateway)

    (call,) = wayward.asked(act.path)
    assert call.method == act.method
    assert {name: value for name, value in call.params.items() if name not in SIGNED} == act.sent
    assert call.headers["X-MBX-APIKEY"] == "key"


def test_it_leaves_with_our_moment_and_our_window(act, gateway, wayward):
    act.call(gateway)

    window = WINDOW if act.signed_by_us else timedelta(seconds=5)
    signed_at = STOP.signed_at if act.signed_by_us else timezone.now()
    assert wayward.asked(act.path)[0].params["recvWindow"] == str(window // timedelta(milliseconds=1))
    assert abs(moment_sent(wayward, act) - milliseconds(signed_at)) < 300


def test_its_moment_is_told_in_the_time_of_the_exchange(act, gateway, wayward):
    wayward.will(TIMES[act.market], server_time(timedelta(minutes=3)))

    act.call(gateway)

    signed_at = STOP.signed_at if act.signed_by_us else timezone.now()
    assert abs(moment_sent(wayward, act) - milliseconds(signed_at) - 180_000) < 300


def test_what_waits_for_the_clock_is_as_old_as_the_wish(act, gateway, wayward):
    """The first try at the clock takes 0.4 s: that is lost from the window, so that nothing old is done late."""
    wayward.will(TIMES[act.market], wayward.hang, server_time())
    wished_at = timezone.now()

    act.call(gateway)

    signed_at = STOP.signed_at if act.signed_by_us else wished_at
    assert abs(moment_sent(wayward, act) - milliseconds(signed_at)) < 200


def test_with_a_bad_answer_it_is_in_doubt_and_was_sent_once(act, gateway, wayward):
    for number, (name, behaviour) in enumerate(BAD_ANSWERS.items(), start=1):
        wayward.will(act.path, behaviour, answer(act.said))

        with pytest.raises(ExchangeError) as caught:
            act.call(gateway)

        assert type(caught.value) is OutcomeUnknown, name
        assert len(wayward.asked(act.path)) == number, name
        written = "".join(traceback.format_exception(caught.value))
        assert SECRET not in written
        assert wayward.asked(act.path)[-1].params["signature"] not in written


def test_without_an_answer_in_time_it_is_in_doubt_and_was_sent_once(act, gateway, wayward):
    wayward.will(act.path, wayward.hang)

    with pytest.raises(OutcomeUnknown):
        act.call(gateway)

    assert len(wayward.asked(act.path)) == 1


def test_it_stays_here_while_the_clock_can_not_be_measured(act, gateway, wayward):
    wayward.will(TIMES[act.market], answer("", 500))

    with pytest.raises(OrderRejected, match="not sent"):
        act.call(gateway)

    assert wayward.asked(act.path) == []


def test_it_stays_here_when_nobody_listens(act, gateway, wayward, free_port):
    gateway.prepare()
    for name, root in (("API_URL", "api"), ("FUTURES_URL", "fapi"), ("MARGIN_API_URL", "sapi")):
        setattr(gateway._client, name, f"http://127.0.0.1:{free_port}/{root}")

    with pytest.raises(OrderRejected, match="not sent"):
        act.call(gateway)


def test_a_clock_that_ran_away_is_measured_again_by_the_next_one(act, gateway, wayward):
    refusal = answer({"code": -1021, "msg": "Timestamp for this request…"}, 400)
    wayward.will(act.path, refusal, answer(act.said))
    wayward.will(TIMES[act.market], server_time(), server_time(timedelta(minutes=3)))
    with pytest.raises(OrderRejected) as caught:
        act.call(gateway)

    act.call(gateway)

    assert caught.value.code == -1021
    first, second = (int(call.params["timestamp"]) for call in wayward.asked(act.path))
    assert abs(second - first - 180_000) < 500


def test_many_calls_share_one_connection(wayward, no_waiting):
    wayward.will("/fapi/v1/time", server_time())
    wayward.will(FUTURES_ORDER, answer(placed("tb-l")))
    gateway = FuturesGateway(hosts_at(wayward.url), api_key="key", api_secret=SECRET)

    for _ in range(5):
        gateway.submit(LIMIT)

    assert wayward.connections == 1
