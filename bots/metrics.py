"""What is counted of ticks and runs; docs/metrics.md says what each one means."""

from collections.abc import Iterable

from bots.decision import Decision
from bots.types import Status
from market.telemetry import Counter, Histogram

TICK_OUTCOMES = ("begun", "double", "finished")
ACTIONS = ("enter", "add", "exit", "reduce", "protect", "agree", "nothing")
BUSY, DELETED = "busy", "deleted"  # beside the statuses: of runs that were none

TICKS = Counter(
    "tradebot_ticks_total",
    "Minutes that were begun, found to be begun already (double), and finished",
    "outcome",
    most=len(TICK_OUTCOMES),
)
TICK_SECONDS = Histogram(
    "tradebot_tick_seconds",
    "A tick from its begin to when its last series has been evaluated",
    buckets=(0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 45, 60),
)
SERIES_EVALUATED = Counter("tradebot_series_evaluated_total", "Parts of series that ticks have looked at")
DECISIONS = Counter(
    "tradebot_decisions_total",
    "What ticks decided for bots, by what is to be done",
    "action",
    most=len(ACTIONS),
)
RUNS = Counter(
    "tradebot_bot_runs_total",
    "Runs of single bots by the status that they left the bot in; busy, deleted: there was none",
    "outcome",
    most=len(Status) + 2,
)


def count_decisions(decisions: Iterable[Decision], *, bots: int) -> None:
    """Count those that have something to do, among so many bots that were looked at."""
    acting = 0
    for decision in decisions:
        acting += 1
        DECISIONS.inc(action=_action_of(decision))
    DECISIONS.inc(max(bots - acting, 0), action="nothing")


def _action_of(decision: Decision) -> str:
    if decision.act is None:
        return "agree" if decision.agrees else "protect"
    if decision.act.is_entry:
        return "add" if decision.act.adds else "enter"
    return "reduce" if decision.act.reduces else "exit"
