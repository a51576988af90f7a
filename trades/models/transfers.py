"""Money moved between the wallets of one account."""

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q

from market.fields import AmountField, choices_of
from market.models import ExchangeAccount
from market.rounding import plain
from trades.transfers import FOLLOWS, LIVE, Sent, TransferStatus, TransferWish, content_of


class TransferQuerySet(models.QuerySet["Transfer"]):
    def owned_by(self, user: AbstractBaseUser) -> "TransferQuerySet":
        return self.filter(owner=user)

    def live(self) -> "TransferQuerySet":
        """Transfers that are, or may be, at work: the money may still move."""
        return self.filter(status__in=LIVE)


class Transfer(models.Model):
    """One transfer between spot and futures, from the moment it was asked for. The row is older than the HTTP call."""

    Status = TransferStatus

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="transfers")
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="transfers")
    environment = models.CharField(max_length=10)
    asset = models.CharField(max_length=20)
    amount = AmountField()
    to_futures = models.BooleanField(help_text="From spot to futures; else the other way.")
    idempotency_key = models.CharField(max_length=100, help_text="Whoever asks again with it gets this transfer.")
    asked_by = models.CharField(max_length=150, help_text="Who, or what, asked for it.")
    status = models.CharField(max_length=10, choices=choices_of(TransferStatus), default=TransferStatus.INTENDED.value)
    transaction_id = models.BigIntegerField(null=True, help_text="The exchange's.")
    error = models.CharField(max_length=300, blank=True, help_text="What was in the way.")
    created_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True, help_text="The timestamp that was signed: validity counts from it.")
    proof_deadline = models.DateTimeField(
        null=True, help_text="From then on a transfer that is not in the history can't arrive any more."
    )
    asked_at = models.DateTimeField(null=True, help_text="When it last had its turn in the sweep.")
    not_found_at = models.DateTimeField(null=True, help_text="First time that it was missing after the proof deadline.")
    finished_at = models.DateTimeField(null=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="transfer_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="transfer_has_key", condition=~Q(idempotency_key="")),
            models.UniqueConstraint(name="transfer_once_per_key", fields=["owner", "idempotency_key"]),
            models.UniqueConstraint(
                name="transfer_one_live_per_account", fields=["account"], condition=Q(status__in=LIVE)
            ),
            # Two accounts of ours may be one at the exchange (a row for spot, one for futures).
            models.UniqueConstraint(
                name="transfer_no_two_equal_live",
                fields=["owner", "environment", "asset", "amount", "to_futures"],
                condition=Q(status__in=LIVE),
            ),
            models.UniqueConstraint(name="transfer_claimed_once", fields=["owner", "environment", "transaction_id"]),
            models.CheckConstraint(
                name="transfer_done_has_transaction", condition=~Q(status="done") | Q(transaction_id__isnull=False)
            ),
            models.CheckConstraint(
                name="transfer_sent_has_deadline",
                condition=Q(status__in=("intended", "rejected"))
                | Q(signed_at__isnull=False, proof_deadline__isnull=False),
            ),
        ]
        indexes = [models.Index(name="transfer_history", fields=["account", "-created_at"])]

    def __str__(self) -> str:
        return f"transfer {self.pk} of {self.content}"

    @property
    def content(self) -> str:
        return content_of(self.account_id, self.asset, self.amount, to_futures=self.to_futures)

    @property
    def as_sent(self) -> Sent:
        """How the exchange's history would tell it, once it was sent."""
        assert self.signed_at is not None, f"transfer {self.pk} was asked for but never sent"
        assert self.proof_deadline is not None, "a constraint says so"
        return Sent(self.asset, self.amount, self.to_futures, self.signed_at, self.proof_deadline)

    @property
    def as_json(self) -> dict[str, object]:
        return {
            "transfer": self.pk,
            "key": self.idempotency_key,
            "account": self.account_id,
            "asset": self.asset,
            "amount": plain(self.amount),
            "to": "futures" if self.to_futures else "spot",
            "status": str(self.status),
            "transaction_id": self.transaction_id,
            "error": self.error,
        }

    def is_wished_by(self, wish: TransferWish) -> bool:
        """Whether the wish is for this very transfer."""
        return (self.account_id, self.asset, self.amount, self.to_futures) == (
            wish.account_id,
            wish.asset,
            wish.amount,
            wish.to_futures,
        )

    def move(self, status: TransferStatus, **changes: object) -> bool:
        """Go on to ``status``, if it may follow the status that the row has now. False: others were faster."""
        rows = Transfer.objects.filter(pk=self.pk, status__in=FOLLOWS[status])
        moved = rows.update(status=status, **changes)
        if moved:
            self.status = status
            for name, value in changes.items():
                setattr(self, name, value)
        return bool(moved)
