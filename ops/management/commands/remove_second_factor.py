import argparse
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from ops import second_factor


class Command(BaseCommand):
    help = "Forget a user's second factor (lost phone, no recovery code); the next login sets up a new one."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *, username: str, **_: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is no user {username}")
        self.stdout.write("removed" if second_factor.remove(user) else f"{username} has none")
