"""Bots by the API with a big fleet behind it: ``manage.py bench api --json``.

10,000 bots and 100,000 trades on servers that are thrown away afterwards; one gunicorn worker, as under `make up`.
An operator's program reads the newest 50 bots with their states, and in turns a bare list of 50 plain rows: what the
same framework takes for the same token, rights, limits, pages and number of rows, when nothing has to be found out.

measure.py  the run: what is started, who asks for what, what is printed
seeding.py  what the lists are about
load.py     the caller
plain.py    the bare list
site.py     production's site, which has the bare list, too
"""

from tests.bench.api.measure import run

__all__ = ["run"]
