"""One alert for each thing that is wrong, told once, with the news when it is over (docs/alerts.md).

life.py      the life of one: suspected, open, resolved; what is told of it
words.py     how it is told
updating.py  what a look at the system changes
handling.py  acknowledged by people, dropped when old
watcher.py   the process that looks every few seconds (`manage.py watch`)
sending.py   it sends what is told itself: no worker, no broker has to live for that
blackout.py  while PostgreSQL is away it tells people directly (direct.py)
aside.py     what may hang is done by a thread of its own
"""

from ops.alerts.handling import NotOpen, acknowledge, drop_old_alerts, take_back
from ops.alerts.updating import open_alerts, update

__all__ = ["NotOpen", "acknowledge", "drop_old_alerts", "open_alerts", "take_back", "update"]
