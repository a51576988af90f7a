"""Everything that changes bots: making and steering them, the tick, and one bot's run."""

from bots.services.evaluation import Evaluated, evaluate
from bots.services.external import IdReused, NotListening, drop_old_signals, receive_signal, waiting_bots
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
from bots.services.webhooks import NotYourBot, find_webhook, renew_webhook

__all__ = [
    "BotBusy",
    "BotHoldsPosition",
    "Evaluated",
    "IdReused",
    "Missing",
    "NotListening",
    "NotYourBot",
    "Outcome",
    "bots_to_protect",
    "create_bot",
    "delete_bot",
    "drop_old_signals",
    "evaluate",
    "find_webhook",
    "keep_decisions",
    "naked_positions",
    "protect_bot",
    "receive_signal",
    "renew_webhook",
    "resume_minute",
    "run_all_active_bots",
    "run_bot",
    "start_bots",
    "stop_bots",
    "tell_of_naked_positions",
    "update_bot",
    "waiting_bots",
]
