"""What to do next is said for everything that holds a bot back."""

import pytest

from bots.advice import OF_DENIAL, OF_REASON, advice
from bots.types import Reason
from trades.checks import Code


def test_every_reason_and_every_denial_has_its_advice():
    assert set(OF_REASON) == set(Reason) - {Reason.NONE}
    assert set(OF_DENIAL) == set(Code)
    assert all(text.endswith(".") for text in (*OF_REASON.values(), *OF_DENIAL.values()))


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        (Reason.RISK_LIMIT, "", "Risk limits"),
        (Reason.RISK_LIMIT, Code.NOTIONAL_CAP, "MAX_ORDER_NOTIONAL"),
        (Reason.RISK_LIMIT, "a code of long ago", "Risk limits"),
        (Reason.ENTRIES_PAUSED, "", "Resume entries"),
    ],
)
def test_a_denial_says_it_better_than_its_reason(reason, code, words):
    assert words in advice(reason, code)


def test_a_bot_that_runs_needs_no_advice():
    assert advice(Reason.NONE) == advice("a reason of long ago") == ""
