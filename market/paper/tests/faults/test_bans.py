"""Who keeps sending after 429 is banned, each time for longer."""

import pytest

from market.paper.tests.server import PaperServer
from market.paper.web.errors import ApiError
from market.paper.web.limits import LONGEST_BAN_MS, PATIENCE, SHORTEST_BAN_MS, WeightMeter

IP, MINUTE = "10.0.0.1", 60_000
START = 1000 * MINUTE


def refusal(meter: WeightMeter, now_ms: int, ip: str = IP) -> tuple[int, int] | None:
    """Status and Retry-After of the refusal, None when there is room."""
    try:
        meter.require_room(ip, now_ms)
    except ApiError as error:
        return error.status, int(error.headers["Retry-After"])
    return None


def earn_a_ban(meter: WeightMeter, now_ms: int) -> tuple[int, int] | None:
    """Use the minute up and go on sending; the last refusal."""
    meter.add(IP, meter.limit, now_ms)
    assert {refusal(meter, now_ms) for _ in range(PATIENCE)} == {(429, 60)}
    return refusal(meter, now_ms)


def test_ip_that_keeps_sending_after_429_is_banned_for_two_minutes():
    meter = WeightMeter(100)

    ban = earn_a_ban(meter, START)

    assert ban == (418, 120)
    assert refusal(meter, START + SHORTEST_BAN_MS - 1) == (418, 1)
    assert refusal(meter, START + SHORTEST_BAN_MS) is None


def test_ban_is_of_one_ip():
    meter = WeightMeter(100)

    earn_a_ban(meter, START)

    assert refusal(meter, START, ip="10.0.0.2") is None


def test_every_ban_is_twice_as_long_as_the_last_up_to_three_days():
    meter, now_ms, seconds = WeightMeter(100), START, []

    for _ in range(14):
        ban = earn_a_ban(meter, now_ms)
        assert ban is not None
        seconds.append(ban[1])
        now_ms += ban[1] * 1000

    assert seconds[:3] == [120, 240, 480]
    assert seconds[-2:] == [LONGEST_BAN_MS // 1000] * 2


def test_refusals_of_an_earlier_minute_are_forgiven():
    meter = WeightMeter(100)
    meter.add(IP, 100, START)
    for _ in range(PATIENCE):
        refusal(meter, START)

    meter.add(IP, 100, START + MINUTE)

    assert refusal(meter, START + MINUTE) == (429, 60)


def test_refused_requests_do_not_make_a_ban_longer():
    meter = WeightMeter(100)
    earn_a_ban(meter, START)

    for _ in range(100):
        refusal(meter, START + 1000)

    assert refusal(meter, START + 1000) == (418, 119)


@pytest.mark.parametrize("used", [0, 10**9])
def test_without_a_limit_nobody_is_refused(used):
    meter = WeightMeter(0)
    meter.add(IP, used, START)

    assert all(refusal(meter, START) is None for _ in range(PATIENCE + 2))


def test_ban_is_served_over_http_and_nothing_is_executed(tmp_path):
    with PaperServer(tmp_path / "ledger.sqlite3", "--weight-limit", "10") as paper:
        statuses = []
        while 418 not in statuses and len(statuses) < 100:  # a minute may end meanwhile
            status, answer, headers = paper.request("GET", "/api/v3/ping")
            statuses.append(status)

    assert (statuses[0], statuses[-2], statuses[-1]) == (200, 429, 418)
    assert (answer["code"], "IP banned until" in answer["msg"]) == (-1003, True)
    assert 100 < int(headers["Retry-After"]) <= 120
