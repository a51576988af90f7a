"""All chance of a simulated world, from one seed; and how often what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random


@dataclass
class Odds:
    """How likely each trouble is, each time that it could happen."""

    # Of an order, or a pair, that is sent.
    lost: float = 0.012  # it never arrives
    unanswered: float = 0.02  # it is executed, the answer is lost
    delayed: float = 0.02  # no answer, and it arrives later, perhaps too late to be taken
    refused: float = 0.01  # the exchange says no for reasons of its own
    limited: float = 0.003  # 429, or a ban
    clock_off: float = 0.003  # -1021
    forbidden: float = 0.001  # -2015
    unfilled_reply: float = 0.03  # the answer leaves fills out that it counts
    # Of a question.
    unavailable: float = 0.02
    question_limited: float = 0.001
    unfilled_answer: float = 0.03
    stale_answer: float = 0.01
    # Of an accepted order: queries do not find it for a while. More often where its sender waits for an answer.
    hidden: float = 0.03
    hidden_in_doubt: float = 0.7
    # Of a cancel.
    cancel_lost: float = 0.02
    cancel_unanswered: float = 0.02
    cancel_limited: float = 0.003
    cancel_outrun: float = 0.04  # the price is faster
    # Of us.
    killed: float = 0.002  # before a call, and again after it
    frozen: float = 0.0008  # a worker stands still for up to a minute
    slow: float = 0.02  # it waits for a lock
    unprepared: float = 0.002  # the clock can't be measured
    delivered_again: float = 0.04  # a task, or an order that is to be sent
    redelivered: float = 0.5  # a task whose worker was killed
    looked_after: float = 0.3  # an order in doubt, by another worker beside the sweep
    streamed: float = 0.12  # an order's fills are told by the stream, too
    switched: float = 0.5  # the kill switch, each time that it could be
    thin: float = 0.04  # a market that has less than is asked of it
    jumpy: float = 0.02  # a price that jumps

    @classmethod
    def none(cls) -> Odds:
        """Nothing goes wrong."""
        return cls(**{each.name: 0.0 for each in fields(cls)})


class Dice(Random):
    """Random numbers with the odds of the world."""

    def __init__(self, seed: int, odds: Odds | None = None) -> None:
        super().__init__(seed)
        self.odds = odds or Odds()

    def between(self, low: int, high: int) -> int:
        """A whole number from ``low`` on, below ``high``; cheaper than ``randrange``."""
        return low + int(self.random() * (high - low))

    def happens(self, odds: float) -> bool:
        """True that often."""
        return self.random() < odds
