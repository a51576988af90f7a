"""How the storm of notifications is judged; the measuring itself is tried in tests/test_bench.py."""

import pytest

from tests.bench.notifications.judging import figures
from tests.bench.notifications.spread import compared, quantile


def arrived(number, *, taken=True):
    return {"way": "well", "id": f"<delivery-{number}-17@localhost>", "taken": taken}


@pytest.mark.parametrize(
    ("statuses", "letters", "arrivals", "expected"),
    [
        ({1: "sent"}, set(), [arrived(1)], {"delivered": 1}),
        ({1: "sent"}, set(), [arrived(1), arrived(1)], {"delivered": 1, "twice": 1}),
        ({1: "sent"}, set(), [arrived(1, taken=False)], {"lost": 1}),
        ({1: "sent"}, set(), [], {"lost": 1}),
        ({}, set(), [], {"lost": 1}),
        ({1: "failed"}, {1}, [arrived(1, taken=False)], {"failed": 1}),
        ({1: "failed"}, set(), [arrived(1, taken=False)], {"lost": 1}),
        ({1: "failed"}, {1}, [arrived(1)], {"delivered": 1}),
        ({1: "pending"}, set(), [arrived(1, taken=False)], {"waiting": 1}),
        ({1: "sending"}, set(), [arrived(1)], {"delivered": 1}),
    ],
)
def test_each_piece_of_news_is_one_of_these(statuses, letters, arrivals, expected):
    nothing = dict.fromkeys(("delivered", "failed", "waiting", "lost", "twice"), 0)

    assert figures(statuses, letters, arrivals, told=1) == nothing | {"notifications": 1} | expected


def test_a_change_is_told_with_what_may_be_chance():
    steady = [[float(number) for number in range(1, 101)] for _ in range(6)]
    slower = [[value * 1.1 for value in block] for block in steady]
    noisy = [[value * (2 if number % 2 else 0.5) for value in block] for number, block in enumerate(steady)]

    assert quantile(steady[0], 99) == 100
    assert compared(steady, slower, 99)["change_percent"] == 10.0
    assert compared(steady, slower, 99)["interval"] == [10.0, 10.0]
    low, high = compared(steady, noisy, 50)["interval"]
    assert low < 0 < high
