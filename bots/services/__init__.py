"""Everything that changes bots: making and steering them, the tick, and one bot's run."""

from bots.services.evaluation import Evaluated, evaluate
from bots.services.locking import BotBusy
from bots.services.protection import bots_to_protect, naked_positions, tell_of_naked_positions
from bots.services.resume import Missing, resume_minute
from bots.services.retention import keep_decisions
from bots.services.run import Outcome, protect_bot, run_bot
from bots.services.steering import (
    BotHoldsPosition,
    create_bot,
    delete_bot,
    start_bots,
    stop_bots,
    update_bot,
)
from bots.services.tick import run_all_active_bots

__all__ = [
    "BotBusy",
    "BotHoldsPosition",
    "Evaluated",
    "Missing",
    "Outcome",
    "bots_to_protect",
    "create_bot",
    "delete_bot",
    "evaluate",
    "keep_decisions",
    "naked_positions",
    "protect_bot",
    "resume_minute",
    "run_all_active_bots",
    "run_bot",
    "start_bots",
    "stop_bots",
    "tell_of_naked_positions",
    "update_bot",
]
