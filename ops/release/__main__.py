"""`python -m ops.release`: `manage.py release` without Django."""

import argparse
import sys
from pathlib import Path

from ops.release.unfinished import finish

finish(Path(__file__).resolve().parents[2])

from ops.release import command_line  # noqa: E402 - of one release only now

parser = argparse.ArgumentParser(prog="python -m ops.release")
command_line.add_arguments(parser)
try:
    sys.exit(command_line.run(vars(parser.parse_args())))
except command_line.PROBLEMS as error:
    sys.exit(f"release: {error}")
