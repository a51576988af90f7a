"""The rounds: injure the system while it trades, let it recover, compare.

Rounds come in waves. In a wave the injuries follow each other within a second or two, so that the system recovers from
one while the next happens. Then everything comes to rest, and everything must be true.
"""

from __future__ import annotations

import json
import random
import sys
import time
from contextlib import suppress
from typing import Any

from tests.chaos import Findings
from tests.chaos.system import stack as stacks
from tests.chaos.system.hands import Hands
from tests.chaos.system.injuries import Injury, deck
from tests.chaos.system.load import AWAY, Load
from tests.chaos.system.stack import NotRunning, Stack
from tests.chaos.system.ward import Check, Ward
from tests.chaos.system.worker import FACTOR

ACCOUNTS, BOTS = 12, 60
WAVE = 10
PATIENCE_SECONDS = 1.5  # with one injury to take place before the next one
LAST_PATIENCE_SECONDS = 20  # with all that have not at the end of a wave: some need two sweeps
# Everything must be resolved and equal by then. The real times are measured by `chaos recovery`.
RECOVERY_SECONDS = 40
# A request that left before the switch was pressed is valid for VALID_FOR; a little for two clocks to be read.
GRACE_SECONDS = 5 / FACTOR + 0.3
KINDS = ("lost", "duplicated", "phantom", "unequal", "unresolved", "forbidden", "naked", "untrue")


# Those of the fleet: that people can place orders does not tell that bots trade.
ORDERS_SQL = """
    SELECT count(*) + 1 FROM trades_order o JOIN trades_position p ON p.id = o.position_id WHERE NOT p.by_hand
"""


def run(rounds: int, *, seed: int | None = None, plant: str = "") -> Findings:
    """Injure the system so many times, or until something is wrong; say what is."""
    seed = random.randrange(10**6) if seed is None else seed
    say(f"seed {seed}" + (f", plant {plant}" if plant else ""))
    with stacks.temporary(plant=plant) as stack:
        stack.run(
            *("-m", "tests.chaos.system.fleet", "--accounts", str(ACCOUNTS), "--bots", str(BOTS)),
            *("--faster", str(FACTOR)),
        )
        stack.start(*stacks.WORKERS, "beat", stacks.WEB)
        findings = Rounds(stack, seed, planted=bool(plant)).run(rounds)
        if findings.sentences and not plant:
            stack.keep = True
            say(f"logs and databases are in {stack.places.local}")
        return findings


def say(text: str) -> None:
    """Tell the one who waits."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


class Rounds:
    """All rounds on one system."""

    def __init__(self, stack: Stack, seed: int, *, planted: bool = False) -> None:
        self._stack, self._seed, self._planted = stack, seed, planted
        self._order, self._pauses = random.Random(f"deck {seed}"), random.Random(f"pauses {seed}")
        self._ward = Ward(stack, random.Random(f"ward {seed}"))
        self._load = Load(stack.environment, stack.database, self._ward.bots, seed)
        self._hands = Hands(stack.environment, self._ward.accounts, seed)
        self._cards: list[Injury] = []
        self._missed, self._taken = set[str](), set[str]()
        self._done = 0
        self._slowest = 0.0

    def run(self, rounds: int) -> Findings:
        """Waves until there were so many rounds, or something is wrong."""
        began = time.monotonic()
        verdict: dict[str, Any] = {kind: [] for kind in KINDS} | {"orders": 0, "naked_seconds_max": 0, "by_hand": {}}
        try:
            while self._done < rounds and not _is_wrong(verdict):
                injuries = self._wave(min(WAVE, rounds - self._done))
                verdict = self._rest()
                say(f"round {self._done}: {', '.join(injuries)}")
                last = f", the last thing: {verdict['last']}" if verdict["last"] else ""
                say(f"  {verdict['orders']} orders, at rest after {verdict['seconds']} s{last}{self._deaths()}")
        except NotRunning as error:
            with suppress(NotRunning):
                verdict = self._audit()
            verdict["unresolved"].append(f"the system does not come back: {error}")
        finally:
            self._load.end()
            self._hands.end()
        ward, never = self._ward, sorted(self._missed - self._taken)
        return Findings(
            done={"rounds": self._done, "kills": ward.kills, "faults": ward.faults, "orders": verdict["orders"]},
            wrong={kind: verdict[kind] for kind in KINDS},
            more={
                "by_hand": verdict["by_hand"],
                "naked_seconds_max": verdict["naked_seconds_max"],
                "recovery_seconds_max": self._slowest,
                "never_took_place": never,
                "seconds": round(time.monotonic() - began, 1),
                "seed": self._seed,
            },
        )

    # --- a wave

    def _wave(self, rounds: int) -> list[str]:
        """Injure until so many injuries have taken place or are about to; return the names of those that have."""
        self._load.start()
        self._hands.start()
        outstanding: list[tuple[Injury, Check]] = []
        taken: list[str] = []
        while len(taken) + len(outstanding) < rounds:
            injury = self._draw()
            try:
                check = injury.inflict(self._ward)
            except AWAY:  # whom it needs is dead just now
                self._missed.add(injury.name)
                self._stack.pause(PATIENCE_SECONDS)
                continue
            newest = (injury, check or (lambda: True))
            outstanding.append(newest)
            self._stack.wait_until(lambda: newest not in _settle(outstanding, taken), PATIENCE_SECONDS)  # noqa: B023
            self._stack.pause(self._pauses.uniform(0, 0.4))
        self._stack.wait_until(lambda: not _settle(outstanding, taken), LAST_PATIENCE_SECONDS)
        before = self._stack.wait_until(self._orders, RECOVERY_SECONDS, "PostgreSQL answers again")
        self._stack.wait_until(
            lambda: (self._orders() or 0) > (before or 0), RECOVERY_SECONDS, "the fleet trades again"
        )
        self._missed.update(injury.name for injury, _ in outstanding)
        self._done += len(taken)
        self._taken.update(taken)
        return taken

    def _orders(self) -> int | None:
        """How many orders were written down so far; None while PostgreSQL is away."""
        with suppress(*AWAY):
            return int(self._ward.sql(ORDERS_SQL)[0][0])
        return None

    def _draw(self) -> Injury:
        """The next card; every injury comes once before one comes twice."""
        if not self._cards:
            self._cards = deck()
            self._order.shuffle(self._cards)
        return self._cards.pop()

    # --- rest

    def _rest(self) -> dict[str, Any]:
        """Let the system recover; what the auditor says then, at the latest when the time for it is over."""
        self._load.pause()
        self._hands.pause()
        trouble = self._load.trouble or self._hands.trouble
        if trouble:
            raise trouble
        began = time.monotonic()
        self._stack.wait_until(lambda: self._stack.is_up, 60, "everything is up again")
        self._stack.wait_until(self._mended, 20, "faults cleared")
        self._stack.wait_until(lambda: self._hands.is_settled, RECOVERY_SECONDS, "orders by hand are answered")
        self._stack.pause(self._ward.awake_at + 1 - time.monotonic())  # what they do then counts
        verdict, last = self._audit(), ""
        while _is_wrong(verdict) and time.monotonic() - began < RECOVERY_SECONDS:
            if self._planted and _is_final(verdict):
                break
            last = next(sentence for kind in KINDS for sentence in verdict[kind])
            self._stack.pause(0.5)
            verdict = self._audit()
        verdict["seconds"] = round(time.monotonic() - began, 1)
        verdict["last"] = last
        self._slowest = max(self._slowest, verdict["seconds"])
        return verdict

    def _mended(self) -> bool:
        with suppress(*AWAY):
            self._ward.mend()
            return True
        return False

    def _audit(self) -> dict[str, Any]:
        printed = self._stack.run(
            *("-m", "tests.chaos.system.auditor", "--database", json.dumps(self._stack.database)),
            *("--ledger", str(self._stack.ledger), "--grace-seconds", str(GRACE_SECONDS)),
            *("--hands", json.dumps(self._hands.for_auditor)),
        )
        verdict: dict[str, Any] = json.loads(printed)
        verdict["duplicated"] += self._hands.contradictions
        return verdict

    def _deaths(self) -> str:
        died, self._stack.died = self._stack.died, []
        return f"; died by themselves: {died}" if died else ""


def _settle(outstanding: list[tuple[Injury, Check]], taken: list[str]) -> list[tuple[Injury, Check]]:
    """Move the names of those that have taken place; what is left."""
    for entry in list(outstanding):
        if entry[1]():
            outstanding.remove(entry)
            taken.append(entry[0].name)
    return outstanding


def _is_wrong(verdict: dict[str, Any]) -> bool:
    return any(verdict[kind] for kind in KINDS)


def _is_final(verdict: dict[str, Any]) -> bool:
    """Whether something is wrong that no time mends: what was done twice, or against a switch, stays done."""
    return bool(verdict["duplicated"] or verdict["forbidden"])
