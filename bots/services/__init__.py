"""Everything that changes bots: making and steering them, the tick, and one bot's run."""

from bots.services.changing import (
    Change,
    Changed,
    ChangeRefused,
    Edit,
    change_bots,
    edit_of,
    faults_by_field,
    faults_in_words,
    plan_changes,
    save_edits,
    settings_of,
)
from bots.services.equity import equity_lines
from bots.services.evaluation import Evaluated, evaluate
from bots.services.external import IdReused, NotListening, drop_old_signals, receive_signal, waiting_bots
from bots.services.locking import BotBusy
from bots.services.operating import LeftOut, Operated, Seen, operate_on, start_bots, stop_bots
from bots.services.operations import OPERATIONS, Operation
from bots.services.owners import NotYourBot
from bots.services.protection import bots_to_protect, naked_positions, tell_of_naked_positions
from bots.services.resume import Missing, resume_minute
from bots.services.retention import drop_old_ticks, keep_decisions
from bots.services.run import Outcome, protect_bot, run_bot
from bots.services.steering import (
    CHANGEABLE,
    BotChanged,
    BotHoldsPosition,
    clone_bot,
    create_bot,
    delete_bot,
    free_name,
    locked_revision,
    require_room,
    save_new,
    update_bot,
    validate_new,
)
from bots.services.surroundings import KnownSurroundings
from bots.services.tick import run_all_active_bots
from bots.services.webhooks import find_webhook, renew_webhook

__all__ = [
    "CHANGEABLE",
    "OPERATIONS",
    "BotBusy",
    "BotChanged",
    "BotHoldsPosition",
    "Change",
    "ChangeRefused",
    "Changed",
    "Edit",
    "Evaluated",
    "IdReused",
    "KnownSurroundings",
    "LeftOut",
    "Missing",
    "NotListening",
    "NotYourBot",
    "Operated",
    "Operation",
    "Outcome",
    "Seen",
    "bots_to_protect",
    "change_bots",
    "clone_bot",
    "create_bot",
    "delete_bot",
    "drop_old_signals",
    "drop_old_ticks",
    "edit_of",
    "equity_lines",
    "evaluate",
    "faults_by_field",
    "faults_in_words",
    "find_webhook",
    "free_name",
    "keep_decisions",
    "locked_revision",
    "naked_positions",
    "operate_on",
    "plan_changes",
    "protect_bot",
    "receive_signal",
    "renew_webhook",
    "require_room",
    "resume_minute",
    "run_all_active_bots",
    "run_bot",
    "save_edits",
    "save_new",
    "settings_of",
    "start_bots",
    "stop_bots",
    "tell_of_naked_positions",
    "update_bot",
    "validate_new",
    "waiting_bots",
]
