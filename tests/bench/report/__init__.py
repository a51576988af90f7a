"""The report of a year: ``manage.py bench report --json``.

1,000 bots with 1,200,000 trades of a year, and fundings, on servers that are thrown away afterwards. A process of its
own makes the yearly report of all of it, once, as a worker does; its seconds and its memory are the figures, and what
PostgreSQL did for the slowest statements.

measure.py  the run
seeding.py  the year, by COPY
worker.py   the process that makes the report
"""

from tests.bench.report.measure import run

__all__ = ["run"]
