"""What can go wrong in a way that the person at the terminal can mend."""


class StackError(Exception):
    """The text is one line that says what is wrong and what to do."""


class StopRequestedError(Exception):
    """Ctrl-C, SIGTERM or `make down` came while something was being waited for."""
