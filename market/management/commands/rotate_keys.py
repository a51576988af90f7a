from typing import Any

from django.core.management.base import BaseCommand, CommandError

from market.fields import SecretUnreadable
from market.services import rotate_secrets


class Command(BaseCommand):
    help = "Seal all secrets with the first of FIELD_KEYS; after it the older keys can be taken from the list."

    def handle(self, **_: Any) -> None:
        try:
            rotated = rotate_secrets()
        except SecretUnreadable as error:
            raise CommandError(f"nothing was changed: {error}") from error
        told = ", ".join(f"{count} of {name}" for name, count in rotated.items())
        self.stdout.write(f"all secrets are sealed with the first key: {told}")
