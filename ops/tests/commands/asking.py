"""Running a command in this process, as people and machines do."""

import json
from io import StringIO

from django.core.management import call_command


class Terminal(StringIO):
    """Looks like a terminal to whoever asks."""

    def isatty(self):
        return True


def run(*argv, terminal=False):
    """Exit status, what it printed, what it complained of."""
    out, err, code = Terminal() if terminal else StringIO(), StringIO(), 0
    try:
        call_command(*argv, stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue(), err.getvalue()


def run_json(*argv):
    """Exit status, and the JSON object that is the last line."""
    code, out, _ = run(*argv, "--json")
    return code, json.loads(out.splitlines()[-1])
