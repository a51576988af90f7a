"""A tick of a big fleet: ``manage.py bench tick --bots 100000 --series 300 --params 1000 --json``.

Through everything that production has: `run_all_active_bots` in the broker, the worker `trading` of the one-command
stack with its two processes, PostgreSQL that waits for the disk, Redis, the paper exchange. Thrown away afterwards.

measure.py  the run: what is started, which ticks there are, what is printed
fleet.py    the bots (a process of its own, for it needs Django)
worker.py   production's worker, which counts its statements
limits.py   what would be possible at most, and what the plain way costs
"""

from tests.bench.tick.measure import run

__all__ = ["run"]
