"""The order core against the exchange's engine in process: ``manage.py simulate`` does as much as you like."""

import json
import secrets

import pytest
from django.core.management import CommandError, call_command

from tests.simulation.plants import PLANTS
from tests.simulation.world import World

OFTEN = (500, 1_500)  # placements between two looks
MOST_PLACEMENTS = 40_000
# What a mistake shows itself as, among other things.
SHOWN_AS = {
    "any_error_means_failed": {"lost"},
    "resend_after_unknown": {"duplicated"},
    "query_once_then_resend": {"duplicated"},
    "query_once_then_absent": {"lost"},
    "not_found_counts_before_the_deadline": {"lost"},
    "no_compare_and_set": {"lost", "duplicated"},
    "write_after_send": {"lost", "duplicated"},
    "cached_kill_switch": {"disobeyed"},
    "fills_by_cumulative_difference": {"unequal"},
    "fills_without_ids": {"unequal"},
    "fills_in_the_order_of_arrival": {"unequal"},
    "status_before_fills": {"lost"},
}


def test_a_world_that_nobody_has_seen_before_ends_with_equal_books():
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")  # noqa: T201

    findings = World(seed).run(5_000)

    assert not findings.violations, f"manage.py simulate --placements 5000 --seed {seed}: {findings.violations[:5]}"
    assert findings.counts["placements"] >= 5_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_known_worlds_end_with_equal_books(seed):
    findings = World(seed).run(2_000, rest_every=OFTEN)

    assert findings.violations == []


def test_everything_goes_wrong_somewhere():
    counts = World(4).run(6_000).counts

    assert min(counts["faults"].values()) > 0
    assert len(counts["faults"]) >= 24
    assert set(counts["ends"]) == {"filled", "canceled", "expired", "rejected", "absent", "open"}
    assert min(counts["kills"], counts["late_fills"], counts["sweeps"]) >= 10


def test_the_same_seed_is_the_same_world():
    first, second = World(5), World(5)

    counts = [world.run(1_500).counts for world in (first, second)]

    assert counts[0] == counts[1]
    assert [vars(row) | {"position": 0} for row in first.books.rows.values()] == [
        vars(row) | {"position": 0} for row in second.books.rows.values()
    ]


@pytest.mark.parametrize("name", PLANTS)
def test_a_mistake_in_the_order_core_is_found(name):
    with PLANTS[name]():
        findings = World(6).run(MOST_PLACEMENTS, rest_every=OFTEN)

    assert {kind for kind, _ in findings.violations} & SHOWN_AS[name]


def test_the_command_prints_one_json_object_last(capsys):
    call_command("simulate", "--placements", "500", "--seed", "7", "--json")

    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (printed["violations"], printed["seed"]) == (0, 7)
    assert printed["placements"] >= 500
    assert printed["placements_per_second"] > 0


def test_the_command_draws_a_seed_and_tells_it(capsys):
    call_command("simulate", "--placements", "100", "--json")

    said = capsys.readouterr()
    assert said.err.startswith(f"seed {json.loads(said.out)['seed']}")


def test_the_command_fails_when_the_books_differ(capsys):
    with pytest.raises(SystemExit) as stopped:
        call_command("simulate", "--placements", "1000", "--seed", "8", "--plant", "any_error_means_failed", "--json")

    assert stopped.value.code == 1
    assert json.loads(capsys.readouterr().out)["violations"] > 0


def test_the_command_knows_its_plants():
    with pytest.raises(CommandError, match="choose from any_error_means_failed"):
        call_command("simulate", "--plant", "none")
