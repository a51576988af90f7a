"""Bots as the API tells them. `services.glances` has them as JSON does; the serializers name and explain it."""

from typing import Any

from rest_framework import serializers

from bots.models import BotConfig
from bots.services.glances import Glance
from bots.types import Reason, Status
from market.api.serializing import Amount, StrictSerializer
from market.types import Environment, Market


class StateSerializer(serializers.Serializer):
    """Where a bot stands. Amounts are in quote asset, but for the size of the position, which is in base asset."""

    status = serializers.ChoiceField([item.value for item in Status])
    reason = serializers.ChoiceField([item.value for item in Reason], help_text="Why it waits, pauses or fails.")
    text = serializers.CharField(help_text="The reason in words, with its values.")
    changed_at = serializers.DateTimeField(allow_null=True, help_text="When status or reason last changed.")
    lockout = serializers.CharField(help_text="The lasting limit that it has reached; starting it clears it.")
    lockout_text = serializers.CharField()
    last_error_message = serializers.CharField()
    in_position = serializers.BooleanField()
    side = serializers.ChoiceField(["long", "short"], allow_null=True)
    current_position_size_coins = Amount(help_text="Negative for a short position; what can't be sold is dust.")
    entry_price = Amount(allow_null=True)
    opened_at = serializers.DateTimeField(allow_null=True)
    price = Amount(allow_null=True, help_text="The last one that a tick has seen.")
    unrealized_pnl = Amount(allow_null=True)
    realized_pnl = Amount(help_text="Net of fees, of all that it has ever closed.")
    daily_pnl = Amount(help_text="Booked since its day began, fees and funding included.")
    daily_trades_count = serializers.IntegerField(help_text="Positions opened since its day began.")
    last_run_at = serializers.DateTimeField(allow_null=True, help_text="When a tick last looked at its series.")


class FactsSerializer(serializers.Serializer):
    """What nobody edits of a bot."""

    id = serializers.IntegerField(read_only=True)
    owner = serializers.CharField(read_only=True, help_text="A username.")
    account = serializers.IntegerField(read_only=True)
    account_name = serializers.CharField(read_only=True)
    environment = serializers.ChoiceField([item.value for item in Environment], read_only=True)
    market = serializers.ChoiceField([item.value for item in Market], read_only=True)
    symbol = serializers.CharField(read_only=True)
    base_asset = serializers.CharField(read_only=True)
    quote_asset = serializers.CharField(read_only=True)
    desired_state = serializers.ChoiceField(BotConfig.DesiredState.choices, read_only=True)
    entries_paused = serializers.BooleanField(read_only=True)
    revision = serializers.IntegerField(read_only=True, help_text="Grows with each change of its settings.")
    created_at = serializers.DateTimeField(read_only=True)
    state = StateSerializer(read_only=True)


class BotRowSerializer(FactsSerializer, StrictSerializer):
    """A bot in a list: what it is, and where it stands."""

    name = serializers.CharField(read_only=True)
    interval = serializers.CharField(read_only=True)
    strategy = serializers.CharField(read_only=True)
    leverage = serializers.IntegerField(read_only=True)
    initial_capital = Amount(read_only=True)
    is_sparse = False

    def _show_only(self, asked: str) -> None:
        super()._show_only(asked)
        self.is_sparse = True

    def to_representation(self, bot: Glance) -> dict[str, Any]:
        return {name: bot[name] for name in map(str, self.fields)} if self.is_sparse else bot
