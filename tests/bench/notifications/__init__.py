"""What orders pay for a storm of news: ``manage.py bench notifications --json``.

A fleet trades at a steady pace through everything that production has. In every second block of time thousands of
people are told something as well, by a mail server that hangs, by webhooks that fail half the time, and by some that
are well. The blocks alternate, so that whatever else happens on this machine happens to both kinds.

measure.py    the run: blocks, who is told what when, what is printed
people.py     the people, their channels and their news (a process of its own, for it needs Django)
receivers.py  the mail server and the webhooks, with a ledger of their own
judging.py    their ledger beside our database: delivered, failed, lost, twice
spread.py     how much of a difference is chance
"""

from tests.bench.notifications.measure import run

__all__ = ["run"]
