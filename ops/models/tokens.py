"""Tokens, with which programs prove for whom they ask."""

from django.conf import settings
from django.db import models
from knox.models import AbstractAuthToken

from market.access import TokenScope
from market.fields import choices_of


class ApiToken(AbstractAuthToken):
    """One token of one user: known to us as a hash only. It reaches as far as its scope, within what the user may."""

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=128, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="auth_token_set")
    name = models.CharField(max_length=60, help_text="What it is for.")
    scope = models.CharField(max_length=5, choices=choices_of(TokenScope))
    expiry = models.DateTimeField(help_text="From then on it counts no more.")
    last_used_at = models.DateTimeField(null=True, help_text="To the minute.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="token_name_unique_per_user")]

    def __str__(self) -> str:
        return f"token {self.name}"
