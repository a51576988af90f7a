"""`python -m ops.stack up | down | reset [--yes] | status | run -- COMMAND…`"""

import argparse
import sys

from ops.stack import throwaway
from ops.stack.errors import StackError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a command with throwaway PostgreSQL and Redis")
    run.add_argument("argv", nargs="+")
    arguments = parser.parse_args()
    return throwaway.run(arguments.argv)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(f"tradebot: {error}")
