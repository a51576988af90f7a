"""`python -m ops.stack up | down | reset [--yes] | status | run -- COMMAND…`"""

import argparse
import os
import sys
from pathlib import Path

from ops.release.unfinished import finish

finish(Path(__file__).resolve().parents[2])  # before anything else of ours is imported

from ops.stack import places, throwaway  # noqa: E402
from ops.stack.down import down, reset, status  # noqa: E402
from ops.stack.errors import StackError  # noqa: E402
from ops.stack.up import up  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="run everything until Ctrl-C")
    commands.add_parser("down", help="stop what runs here")
    commands.add_parser("status", help="say what runs here")
    commands.add_parser("reset", help="stop, and delete .local").add_argument("--yes", action="store_true")
    commands.add_parser("run", help="run a command with throwaway PostgreSQL and Redis").add_argument("argv", nargs="+")
    arguments = parser.parse_args()
    match arguments.command:
        case "up":
            return up(os.environ, places.DEFAULT)
        case "down":
            return down(places.DEFAULT)
        case "reset":
            return reset(places.DEFAULT, confirmed=arguments.yes)
        case "run":
            return throwaway.run(arguments.argv)
        case _:
            return status(places.DEFAULT)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(f"tradebot: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
