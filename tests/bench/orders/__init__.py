"""Orders end to end: ``manage.py bench orders --json``.

A fleet enters and leaves, again and again, through everything that production has: the task `run_bot` in the broker,
the worker `trading` of the one-command stack with its two processes, PostgreSQL that waits for the disk, Redis, and the
paper exchange, a process too, over HTTP. Everything has its own directory and is thrown away.

measure.py    the run: what is started, who trades when, what is printed
fleet.py      the bots (a process of its own, for it needs Django)
worker.py     production's worker, with a stopwatch
stopwatch.py  when each step of an order began and was done
limits.py     what this machine could do at most: commits, bare orders at the paper exchange
"""

from tests.bench.orders.measure import run

__all__ = ["run"]
