"""A big fleet that trades for a while, and what must not happen: ``manage.py soak --minutes 30 --bots 10000``.

The processes of `make up` but the web, in a directory of their own: beat sends the ticks, two workers trade, the paper
exchange counts the calls. Thrown away afterwards.
"""

from tests.soak.measure import SoakFailed, run

__all__ = ["SoakFailed", "run"]
