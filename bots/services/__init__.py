"""Everything that changes bots: making and steering them, the tick, and one bot's run."""

from bots.services.resume import Missing, resume_minute
from bots.services.run import BotBusy, Outcome, run_bot
from bots.services.steering import (
    BotHoldsPosition,
    create_bot,
    delete_bot,
    start_bots,
    stop_bots,
    update_bot,
)
from bots.services.tick import evaluate_part, run_all_active_bots

__all__ = [
    "BotBusy",
    "BotHoldsPosition",
    "Missing",
    "Outcome",
    "create_bot",
    "delete_bot",
    "evaluate_part",
    "resume_minute",
    "run_all_active_bots",
    "run_bot",
    "start_bots",
    "stop_bots",
    "update_bot",
]
