"""Pre-trade checks: pure functions, each with a code. The first denial ends the order before it costs a call."""

from trades.checks import account, acts, market, risk
from trades.checks.types import Caps, Code, Denial, Proposal, RiskCaps, Stake

__all__ = ["CHECKS", "Caps", "Code", "Denial", "Proposal", "RiskCaps", "Stake", "first_denial"]

CHECKS = (
    account.account_is_the_owners,
    account.environment_is_switched_on,
    account.account_takes_orders,
    acts.act_is_new,
    acts.outcome_is_clear,
    acts.position_is_flat,
    acts.symbol_is_free,
    account.key_is_usable,
    account.books_are_reconciled,
    market.clock_is_right,
    market.price_is_fresh,
    market.signal_is_fresh,
    market.symbol_is_trading,
    acts.exit_only_reduces,
    market.filters_are_met,
    market.protections_have_room,
    market.limit_is_within_collar,
    risk.notional_is_within_caps,
    risk.leverage_is_within_cap,
    risk.terms_are_in_force,
    risk.liquidation_is_far,
    risk.orders_are_not_too_many,
    risk.execution_is_not_repeated,
    risk.positions_are_not_too_many,
    risk.open_orders_are_not_too_many,
    risk.exposure_is_within_caps,
    risk.symbol_exposure_is_within_caps,
    risk.losses_of_the_day_are_within_caps,
    risk.balance_is_enough,
    market.slippage_is_small,
)


def first_denial(proposal: Proposal) -> Denial | None:
    """Run the checks in order; None means that the order may go."""
    for check in CHECKS:
        denial = check(proposal)
        if denial:
            return denial
    return None
