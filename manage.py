#!/usr/bin/env python
"""Django's command line. Finds, or starts for its own lifetime, the servers that a command needs."""

import os
import sys
from pathlib import Path

from ops.release.unfinished import finish

finish(Path(__file__).resolve().parent)  # before anything else of ours is imported

from ops.stack.errors import StackError  # noqa: E402
from ops.stack.for_commands import servers_for_command  # noqa: E402


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")
    try:
        with servers_for_command(sys.argv):
            from django.core.management import execute_from_command_line

            execute_from_command_line(sys.argv)
    except StackError as error:
        sys.exit(f"manage.py: {error}")


if __name__ == "__main__":
    main()
