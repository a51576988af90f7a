import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ops.release import command_line


class Command(BaseCommand):
    help = "Make releases, and install them: what is it, is it all there, what follows it. docs/release.md"
    requires_system_checks = []  # it mends what they may find wrong

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        command_line.add_arguments(parser)

    def handle(self, **options: Any) -> None:
        try:
            code = command_line.run(options)
        except command_line.PROBLEMS as error:
            raise CommandError(str(error)) from error
        if code:
            sys.exit(code)
