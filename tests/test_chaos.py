"""A few rounds of chaos; ``make chaos ROUNDS=n`` does as many as you like, and CI sixty of the whole system."""

import json

import pytest
from django.core.management import call_command

from tests.chaos import exchange
from tests.chaos.system import rounds

pytestmark = pytest.mark.long


def test_kill_9_under_load_loses_nothing_the_exchange_answered_or_told():
    findings = exchange.run(8)

    assert findings.sentences == []
    assert min(findings.counts[name] for name in ("answers about orders", "final ones", "transfers", "events")) >= 8


def test_the_command_prints_what_was_done_and_lost(capsys):
    call_command("chaos", "exchange", "--rounds", "1", "--json")

    printed = json.loads(capsys.readouterr().out)
    assert (printed["rounds"], printed["lost"]) == (1, 0)


@pytest.mark.parametrize("plant", ["resend_after_timeout", "hand_order_per_delivery"])
def test_chaos_of_the_whole_system_finds_an_order_that_was_sent_twice(plant):
    findings = rounds.run(60, plant=plant)

    assert findings.counts["duplicated"] > 0
