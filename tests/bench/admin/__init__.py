"""Pages of the admin with a big fleet behind them: ``manage.py bench admin --json``.

10,000 bots, 1,000,000 trades and 5,000,000 decisions on servers that are thrown away afterwards; one gunicorn worker,
as under `make up`; an operator who logs in and turns pages, and a trader who owns five of the bots.

measure.py  the run: what is started, which pages there are, what is printed
seeding.py  what the pages are about
site.py     production's site, which counts its statements
"""

from tests.bench.admin.measure import run

__all__ = ["run"]
