"""`manage.py doctor`: everything at once, within five seconds, each finding with its mend, the worst first.

`ops.health` looks at what the system does. What only a command can tell comes from here:

stack.py     does `make up` run, and do all of its processes?
settings.py  is this configuration safe, and are the packages those that it was tested with?
servers.py   versions of the servers, and how far their clocks are from ours
examining.py all of it
"""

from ops.doctor.examining import Examined, examine_everything

__all__ = ["Examined", "examine_everything"]
