"""The budget against the paper exchange's meter, over HTTP."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from market.budget import Budget, Priority, budget_of, learn_limit, spending_as, usage, weight_per_minute
from market.exchange import public_gateway
from market.exchange.errors import BudgetSpent, RateLimited
from market.paper.tests.server import PaperServer
from market.tasks import warmup_spot_symbols_cache
from market.tests.budgets import SPOT, refusal, room
from market.tests.factories import NOON

LIMIT = 200


@pytest.fixture(scope="module")
def strict(tmp_path_factory) -> Iterator[PaperServer]:
    """A paper exchange that counts request weight."""
    with PaperServer(tmp_path_factory.mktemp("strict") / "ledger.sqlite", "--weight-limit", str(LIMIT)) as exchange:
        yield exchange


@pytest.fixture
def counting(strict, redis, settings, early_in) -> PaperServer:
    """The strict exchange, where the settings look for it, early in the minute in which it counts."""
    early_in(60)
    settings.PAPER_URL = strict.url
    budget_of.cache_clear()
    return strict


def call(budget: Budget, url: str, weight: int = 1) -> int:
    """One HTTP call as the adapter makes it; its status."""
    budget.take(weight)
    reply = requests.get(url, timeout=5)
    budget.learn(reply.status_code, reply.headers)
    return reply.status_code


def calls_until_refused(budget: Budget, url: str) -> Iterator[int]:
    with spending_as(Priority.EXITS), suppress(BudgetSpent):
        while True:
            yield call(budget, url)


def test_the_limit_is_the_one_that_exchange_info_names(counting):
    learn_limit(*SPOT)

    assert public_gateway(*SPOT).weight_limit() == LIMIT
    assert usage(*SPOT, now=NOON).limit == LIMIT
    spent = usage(*SPOT, now=NOON).used  # by asking for the limit
    assert room(Budget(*SPOT), Priority.EXITS) == LIMIT - spent


@pytest.mark.django_db
def test_the_warm_up_learns_the_limit(counting):
    warmup_spot_symbols_cache()

    assert usage(*SPOT, now=NOON).limit == LIMIT


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_the_limits_of_both_markets_can_be_read(counting, market):
    path = {"spot": "/api/v3/exchangeInfo", "futures": "/fapi/v1/exchangeInfo"}[market]

    assert weight_per_minute(counting.get(path)["rateLimits"]) == LIMIT


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 5}],
        [{"rateLimitType": "REQUEST_WEIGHT", "interval": "HOUR", "intervalNum": 1, "limit": 5}],
        [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 0}],
    ],
)
def test_a_limit_that_is_not_named_is_no_limit(rows):
    with pytest.raises(ValueError, match="names no limit"):
        weight_per_minute(rows)


def test_an_exchange_that_does_not_tell_its_limit_leaves_the_last_one(exchange):
    budget_of(*SPOT).set_limit(777)

    learn_limit(*SPOT)  # this exchange lists symbols only

    assert usage(*SPOT, now=NOON).limit == 777


def test_the_exchange_never_has_to_say_no(counting):
    learn_limit(*SPOT)
    budget = Budget(*SPOT)

    statuses = list(calls_until_refused(budget, f"{counting.url}/api/v3/ping"))

    assert set(statuses) == {200}
    assert len(statuses) <= LIMIT
    assert counting.request("GET", "/api/v3/ping")[0] == 429  # it was all used indeed


def test_what_another_program_of_this_address_spent_is_known_after_one_answer(counting):
    used = int(counting.request("GET", "/fapi/v1/ping")[2]["X-MBX-USED-WEIGHT-1M"])
    for _ in range(150 - used):
        counting.request("GET", "/fapi/v1/ping")
    budget = Budget("paper", "futures")
    budget.set_limit(LIMIT)

    assert call(budget, f"{counting.url}/fapi/v1/ping") == 200

    assert type(refusal(Budget("paper", "futures"), Priority.ENTRIES)) is BudgetSpent  # 151 of 200
    with spending_as(Priority.EXITS):
        assert call(budget, f"{counting.url}/fapi/v1/ping") == 200


@pytest.mark.parametrize(("fault", "status"), [("too_many_requests", 429), ("ip_banned", 418)])
def test_after_a_no_of_the_exchange_not_one_call_reaches_it(counting, fault, status):
    budget = Budget("paper", "futures")
    counting.admin("POST", "/paper/faults", {"fault": fault, "times": 1, "retry_after_seconds": 30})
    with spending_as(Priority.EXITS):
        assert call(budget, f"{counting.url}/fapi/v1/time") == status
    before = counting.admin("GET", "/paper/stats")["requests"]

    for _ in range(50):
        with pytest.raises(RateLimited):
            call(Budget("paper", "futures"), f"{counting.url}/fapi/v1/time")

    after = counting.admin("GET", "/paper/stats")["requests"]
    assert after["GET /fapi/v1/time"] == before["GET /fapi/v1/time"]
