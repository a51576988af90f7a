"""Accounts as the API shows and takes them. Keys go in and never come out."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from market.access import shown_key
from market.api.serializing import Amount, StrictModelSerializer, StrictSerializer
from market.models import ExchangeAccount, Switch
from market.switches import Hold, Scope, SwitchState, strictest
from market.types import Environment, Market

STATES = [state.value for state in SwitchState]


class TrueOrFalse(serializers.BooleanField):
    """A consent: the JSON words true and false, and nothing that may be taken for one of them."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, bool):
            raise serializers.ValidationError("true or false is needed.", code="invalid")
        return data


class KeyField(serializers.RegexField):
    """A key or a secret: written, never read, and in no message."""

    def __init__(self, **kwargs: Any) -> None:
        told: Any = {"invalid": "Printable ASCII without blanks is needed."}
        super().__init__(r"\A[\x21-\x7e]+\Z", max_length=200, write_only=True, error_messages=told, **kwargs)


class SwitchStandingSerializer(serializers.Serializer):
    state = serializers.ChoiceField(choices=STATES)
    reason = serializers.CharField()


class TradingSerializer(SwitchStandingSerializer):
    """What may be traded: the strictest of three switches, and what each of them says."""

    scope = serializers.ChoiceField(choices=[scope.value for scope in Scope], help_text="Whose switch says so.")
    account = SwitchStandingSerializer(help_text="The account's own switch.")
    user = SwitchStandingSerializer(help_text="The owner's.")
    platform = SwitchStandingSerializer()


class AccountSerializer(StrictModelSerializer):
    """An account. The view brings `holds`, what the switches say of each account that is shown."""

    owner = serializers.CharField(source="owner.username", read_only=True)
    key = serializers.SerializerMethodField(
        help_text="The last letters of the key; for whom it does not concern just whether there is one."
    )
    key_trouble = serializers.CharField(
        read_only=True, help_text="Why the key must not be used for entries; empty: it may."
    )
    trading = serializers.SerializerMethodField()
    equity = Amount(
        source="last_balances.equity",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="What it held at the exchange when that was last asked, in quote asset; nobody is asked for this.",
    )
    equity_at = serializers.DateTimeField(
        source="last_balances.equity_at", default=None, allow_null=True, read_only=True, help_text="When that was."
    )

    class Meta:
        model = ExchangeAccount
        fields = [
            "id",
            "owner",
            "name",
            "environment",
            "market",
            "key",
            "key_trouble",
            "may_withdraw",
            "is_ip_restricted",
            "permissions_checked_at",
            "trading",
            "cooldown_until",
            "reconciled_at",
            "free_quote",
            "balance_read_at",
            "equity",
            "equity_at",
            "live_consent_at",
            "created_at",
        ]
        read_only_fields = fields

    def get_key(self, account: ExchangeAccount) -> str:
        return shown_key(self.context["request"].user, account)

    @extend_schema_field(TradingSerializer)
    def get_trading(self, account: ExchangeAccount) -> dict[str, Any]:
        own, user, platform = self.context["holds"][account.pk]
        counts = strictest(own, user, platform)
        return {
            **_standing(counts),
            "scope": counts.scope.value,
            "account": _standing(own),
            "user": _standing(user),
            "platform": _standing(platform),
        }


def _standing(hold: Hold) -> dict[str, str]:
    return {"state": hold.state.value, "reason": hold.reason}


def shown(accounts: list[ExchangeAccount], context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The accounts as the API shows them: two statements, however many they are."""
    holds = Switch.objects.each_hold(accounts)
    return list(AccountSerializer(accounts, many=True, context={**context, "holds": holds}).data)


class KeysSerializer(StrictSerializer):
    api_key = KeyField()
    api_secret = KeyField()


class NewAccountSerializer(StrictSerializer):
    """A new account of the caller's."""

    name = serializers.CharField(max_length=60)
    environment = serializers.ChoiceField(choices=[item.value for item in Environment])
    market = serializers.ChoiceField(choices=[item.value for item in Market])
    api_key = KeyField(required=False, help_text="On paper not needed: an account with play money is opened then.")
    api_secret = KeyField(required=False)
    live_consent = TrueOrFalse(
        default=False, help_text="Only with environment live, and needed there: its bots trade real money."
    )

    def validate(self, account: dict[str, Any]) -> dict[str, Any]:
        given = {name for name in ("api_key", "api_secret") if account.get(name)}
        if len(given) == 1:
            (missing,) = {"api_key", "api_secret"} - given
            raise serializers.ValidationError({missing: "key and secret come in pairs: give both, or neither."})
        is_live = account["environment"] == Environment.LIVE
        if account["environment"] in settings.ENVIRONMENTS and account["live_consent"] != is_live:
            wrong = "say true to trade real money" if is_live else "goes with the environment live alone"
            raise serializers.ValidationError({"live_consent": f"{wrong}."})
        if not given and account["environment"] != Environment.PAPER:
            raise serializers.ValidationError({"api_key": f"needed with the environment {account['environment']}."})
        return account


class RenameSerializer(StrictSerializer):
    name = serializers.CharField(max_length=60)


class BalanceSerializer(serializers.Serializer):
    asset = serializers.CharField()
    free = Amount(help_text="On futures what new orders may use.")
    locked = Amount(help_text="On futures what a profit adds to what is free makes it negative.")


class BalancesSerializer(serializers.Serializer):
    at = serializers.DateTimeField(help_text="When the exchange said so: a few seconds ago, unless they are stale.")
    is_stale = serializers.BooleanField(help_text="The exchange can't be asked now: these are the last that it told.")
    trouble = serializers.CharField(help_text="Why it can't be asked; empty: it can.")
    balances = BalanceSerializer(many=True)


class PermissionsSerializer(serializers.Serializer):
    """What a key may do, as the exchange says."""

    may_trade_spot = serializers.BooleanField()
    may_trade_futures = serializers.BooleanField()
    may_withdraw = serializers.BooleanField(help_text="It must not: make a key that can only trade.")
    may_transfer = serializers.BooleanField()
    is_ip_restricted = serializers.BooleanField()


class TestedSerializer(serializers.Serializer):
    account = AccountSerializer()
    balances = BalanceSerializer(many=True)
    permissions = PermissionsSerializer(allow_null=True, help_text="null: this exchange does not tell them.")


class RotatedSerializer(serializers.Serializer):
    account = AccountSerializer()
    balances = BalanceSerializer(many=True)
