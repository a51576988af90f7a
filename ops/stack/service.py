"""What the supervisor has to know about one child."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ops.stack.identity import ME, Identity


@dataclass(frozen=True)
class Service:
    """One child: how to start it, how to see that it is ready, how to end it."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    # Asked with the child's pid until it says yes; must not be fooled by another process that answers.
    ready: Callable[[int], bool] = lambda _pid: True
    # A regular expression that has to be seen in the child's output, too.
    ready_line: str | None = None
    # Ends by itself, with status 0, and only then is ready; it is not started again.
    once: bool = False
    identity: Identity = field(default=ME)
    # How much it yields to others who want the processor: 0 not at all, 19 to everybody.
    niceness: int = 0
    stop_signal: signal.Signals = signal.SIGTERM
    # Sent when half of its time to stop is over: "leave your task", before SIGKILL.
    hurry_signal: signal.Signals | None = None
    # When the whole stack has this many seconds to stop at most, this child gets SIGKILL after so many of them.
    stop_within: float = 9.0
