"""How often, for how long, in which order: scripts, counted and seeded."""

import pytest

from market.paper.tests.faults.conftest import wait_until

PING = {"path": "/api/v3/ping"}


def statuses(paper, count: int, path: str = "/api/v3/ping") -> list[int]:
    """The HTTP statuses of so many requests."""
    return [paper.request("GET", path)[0] for _ in range(count)]


def error(status: int, **step) -> dict:
    """A step that answers with a status."""
    return {"fault": "error_before", "match": PING, "status": status} | step


def test_fault_leaves_the_first_requests_alone_and_ends_after_its_times(paper, board):
    board.add(**error(503, after_requests=2, times=1))

    assert statuses(paper, 4) == [200, 200, 503, 200]


def test_fault_ends_after_its_seconds(paper, board):
    number = board.add(**error(503, for_seconds=0.1))["id"]

    wait_until(lambda: statuses(paper, 1) == [200])

    (rule,) = [rule for rule in board.show() if rule["id"] == number]
    assert rule["state"] == "done"


def test_steps_in_order_begin_when_the_one_before_has_ended(paper, board):
    board.run(error(500, times=2), {"fault": "pause", "match": PING, "times": 1}, error(502, times=1))

    assert statuses(paper, 5) == [500, 500, 200, 502, 200]


def test_step_in_order_may_follow_a_step_that_lasts_some_seconds(paper, board):
    board.run({"fault": "pause", "for_seconds": 0.1}, error(503))

    wait_until(lambda: statuses(paper, 1) == [503])


def test_steps_at_once_all_count_from_the_beginning(paper, board):
    board.run(error(500, times=1), error(502, times=2, after_requests=1), in_order=False)

    assert statuses(paper, 4) == [500, 502, 502, 200]


def test_the_same_seed_strikes_the_same_requests(paper, board):
    def struck(seed: int) -> list[int]:
        board.run(error(503, probability=0.5, times=30), seed=seed)
        seen = statuses(paper, 40)
        board.clear()
        return seen

    assert struck(7) == struck(7)
    assert struck(7) != struck(8)
    assert set(struck(7)) == {200, 503}


def test_steps_of_a_script_have_chances_of_their_own(paper, board):
    other = {"path": "/api/v3/time"}
    board.run(error(503, probability=0.5), error(503, probability=0.5, match=other), in_order=False)

    assert statuses(paper, 40) != statuses(paper, 40, "/api/v3/time")


def test_cleared_step_takes_what_was_to_follow_with_it(paper, board):
    first, second, _ = (rule["id"] for rule in board.run(error(500, times=1), error(502, times=1), error(503)))

    assert board.clear(second) == {"cleared": 2}

    assert statuses(paper, 3) == [500, 200, 200]
    assert [rule["id"] for rule in board.show()] == [first]


def test_board_shows_how_often_a_fault_was_asked_and_has_happened(paper, board):
    number = board.add(**error(503, after_requests=3))["id"]

    statuses(paper, 5)

    (rule,) = [rule for rule in board.show() if rule["id"] == number]
    assert (rule["seen"], rule["hits"], rule["state"]) == (5, 2, "active")
    assert rule["params"]["status"] == 503


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", "/paper/faults", {"fault": "x"}, "fault: 'x' is not one of"),
        (
            "POST",
            "/paper/faults",
            {"fault": "drop_after", "match": {"path": "/api/v3/odrer"}},
            "match.path: there is no",
        ),
        (
            "POST",
            "/paper/faults",
            {"fault": "drop_after", "match": {"account": "who"}},
            "match.account: no account has",
        ),
        ("POST", "/paper/faults", {"fault": "halted", "match": {"symbol": "BTC"}}, "match.symbol: there is no symbol"),
        ("POST", "/paper/faults/script", {}, "steps: not a list"),
        ("POST", "/paper/faults/script", {"steps": [{"fault": "pause"}], "seed": "a"}, "seed: 'a' is no whole number"),
        ("POST", "/paper/faults/script", {"steps": [{"fault": "pause"}], "in_order": 1}, "Data sent for parameter"),
        ("DELETE", "/paper/faults", {"id": 10**6}, "id: there is no fault 1000000"),
    ],
)
def test_mistakes_are_refused_with_the_name_of_the_field(paper, board, method, path, body, said):
    answer = paper.admin(method, path, body)

    assert (answer["code"], answer["msg"][: len(said)]) == (-1130, said)
    assert board.show() == []


def test_faults_need_the_admin_token(paper):
    status, answer, _ = paper.request("POST", "/paper/faults", b'{"fault": "drop_before"}', {"X-Paper-Token": "wrong"})

    assert (status, answer["code"]) == (401, -2015)


def test_restart_ends_all_faults(paper, tmp_path):
    from market.paper.tests.server import PaperServer

    ledger = tmp_path / "ledger.sqlite3"
    with PaperServer(ledger) as first:
        first.admin("POST", "/paper/faults", {"fault": "drop_before"})
        first.admin("POST", "/paper/faults", {"fault": "halted"})

    with PaperServer(ledger) as second:
        assert second.get("/api/v3/ping") == {}
        assert {entry["status"] for entry in second.get("/api/v3/exchangeInfo")["symbols"]} == {"TRADING"}
