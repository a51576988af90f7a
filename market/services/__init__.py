"""What users do with accounts: add them, give, test and wipe their keys, bound what is at stake on them."""

from market.services.accounts import (
    AccountInUse,
    NameTaken,
    add_account,
    delete_account,
    rename_account,
    require_room_for_account,
)
from market.services.balances import Holdings, holdings, known_holdings
from market.services.keys import (
    WHY_REFUSED,
    KeyRefused,
    check_connection,
    examine,
    note_balances,
    open_paper_keys,
    replace_keys,
    set_keys,
    wipe_keys,
)
from market.services.limits import AlreadyLimited, delete_limits, save_limits
from market.services.owning import AccountGone, NotYourAccount, one_at_a_time, require_room
from market.services.portfolio import claim_turn, next_portfolios, note_trouble, sync_portfolio
from market.services.remembering import last_balances
from market.services.seals import rotate_secrets

__all__ = [
    "WHY_REFUSED",
    "AccountGone",
    "AccountInUse",
    "AlreadyLimited",
    "Holdings",
    "KeyRefused",
    "NameTaken",
    "NotYourAccount",
    "add_account",
    "check_connection",
    "claim_turn",
    "delete_account",
    "delete_limits",
    "examine",
    "holdings",
    "known_holdings",
    "last_balances",
    "next_portfolios",
    "note_balances",
    "note_trouble",
    "one_at_a_time",
    "open_paper_keys",
    "rename_account",
    "replace_keys",
    "require_room",
    "require_room_for_account",
    "rotate_secrets",
    "save_limits",
    "set_keys",
    "sync_portfolio",
    "wipe_keys",
]
